"""Small cases that tests of the commands write, and the lines that commands answer in."""

import json

ADDING = {
    "name": "adding",
    "program": {"nodes": ["block PUSH(3) PUSH(4) ADD", "block DROP", "join 0 1"], "roots": [2], "entry": 2},
    "stack": [9],
    "cuts": [4],
}
MULTIPLYING = {
    "name": "multiplying",
    "program": {"nodes": ["block PUSH(3) MUL DROP SWAP"], "roots": [0], "entry": 0},
    "stack": [5, 6, 7],
    "cuts": [3],
}
FAILING = {"name": "failing", "program": {"nodes": ["block PUSH(7) ASSERT DROP"], "roots": [0], "entry": 0}}


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]
