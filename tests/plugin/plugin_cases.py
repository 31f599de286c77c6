"""Small cases that pytest collects in the tests of the plugin, and engines that agree on them."""

HONEST = "--fragdiff-engines=reference,honest"
ADDING = {
    "format": "fragdiff-case/1",
    "name": "adding",
    "program": {"nodes": ["block PUSH(3) PUSH(4) ADD", "block DROP", "join 0 1"], "roots": [2], "entry": 2},
    "stack": [9],
    "cuts": [4, {"at": [3]}],
}
MULTIPLYING = {
    "format": "fragdiff-case/1",
    "name": "multiplying",
    "program": {"nodes": ["block PUSH(3) MUL DROP SWAP"], "roots": [0], "entry": 0},
    "stack": [5, 6, 7],
    "cuts": [3],
}
