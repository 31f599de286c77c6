"""What the tests of file formats share: recorded cases, binaries, and small documents to break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
BINARIES = sorted((DATA / "formats").glob("*.masb"))

# Spec 02, section 8: join([SWAP PUSH(42)], [DROP]), no kernel, entry node 2.
EXAMPLE_PROGRAM = bytes.fromhex(
    "4d41535400000000070103020000001b05085b2a000000000000000329000000000000003026f7e72fe6bc7edf0d4b54"
    "5c5826b48a0f46428b844c0a6971143f42167d302e0b00000000000030ef45b375c5eb82e5f7275e62bd930dc2c0a5a3"
    "b6da559f2d61b15870ab9b901c01000000000000008b4ed0e4702953c2acd616e6d81ebd9982869ea48b9a9e05d7cf0a"
    "58f435263f0101010101050101030101010002000000"
)

WORD = "0x" + "01" + "00" * 31
OTHER_WORD = "0x" + "02" + "00" * 31


def recorded_cases() -> list[dict[str, Any]]:
    """The documents of all recorded cases of the real VM."""
    with (DATA / "vm" / "cases.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


def recorded_divergences() -> list[dict[str, Any]]:
    """The recorded divergences; each has a ``case``."""
    with (DATA / "vm" / "divergences.jsonl").open() as lines:
        return [json.loads(line) for line in lines]


def full_document() -> dict[str, Any]:
    """A case document that uses every key and every kind of node."""
    return {
        "format": "fragdiff-case/1",
        "name": "everything",
        "about": "Every key and every node kind. Ünïcode.",
        "program": {
            "nodes": [
                "block SWAP PUSH(42) ADD ASSERT(7) U32ASSERT2 MPVERIFY(18446744069414584320)",
                "block PAD DROP",
                "loop 1",
                "join 0 2",
                "split 3 1",
                "call 4",
                "syscall 1",
                "dyn",
                "dyncall",
                "external " + WORD,
                "external @1:0",
                "join 9 10",
            ],
            "roots": [11, 4],
            "entry": 11,
            "kernel": [WORD, OTHER_WORD],
            "advice_map": {WORD: [1, 2, 3], OTHER_WORD: []},
        },
        "libraries": [
            {"nodes": ["block SWAP", "external @1:1", "join 0 1"], "roots": [2]},
            {"nodes": ["block ADD", "block MUL"], "roots": [1, 0], "advice_map": {WORD: [5]}},
        ],
        "stack": [1, 0, 18446744069414584320],
        "advice": {"stack": [5, 6], "map": {WORD: [1, 2]}, "store": [[WORD, OTHER_WORD]]},
        "host": "stdlib",
        "replies": {
            "elements": [1],
            "words": [[1, 2, 3, 4]],
            "dwords": [[1, 2, 3, 4, 5, 6, 7, 8]],
            "paths": [[WORD, OTHER_WORD], []],
        },
        "cuts": [64, {"every": 7}, {"at": [0, 5, 99]}],
        "options": {
            "gpu": {
                "cache": "trace",
                "lanes": 3,
                "budget": 1048576,
                "shards": {"at": [3, 5]},
                "order": ["pad", "krm", "ace", "mem", "bit", "hsh", "rng", "stk", "dec", "sys"],
                "threads": "strided",
            }
        },
    }
