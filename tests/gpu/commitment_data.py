"""Reference proofs of recorded traces: what they commit to, and the rows they open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent.parent / "data"
VECTORS: list[dict[str, Any]] = json.loads((DATA / "commitment" / "vectors.json").read_text())["proofs"]
RPO = [vector for vector in VECTORS if vector["hash"] == "rpo"]

Word = tuple[int, ...]


def trace_of(case: int) -> np.ndarray:
    """A recorded trace (72, L), as the real VM's parallel builder made it."""
    with np.load(DATA / "fragment_boundaries" / f"case_{case:02d}.npz") as archive:
        return np.ascontiguousarray(archive["trace"].T)


@dataclass(frozen=True)
class Proof:
    """The parts of a serialized proof that speak of the main trace (spec 11, section 10)."""

    root: Word
    opened: np.ndarray
    """One row of 72 per query."""
    paths: list[list[Word]]
    """The batch proof: a list of digests per pair of leaves."""


def read_proof(vector: dict[str, Any]) -> Proof:
    """Items 1 to 11 of the serialized proof of an RPO vector."""
    data = (DATA / "commitment" / vector["file"]).read_bytes()
    at = 4
    at += 2 + int.from_bytes(data[at : at + 2], "little")
    at += 1 + data[at] + 10
    _, at = _vint(data, at)
    queries, at = data[at], at + 1
    commitments, at = data[at + 2 : at + 2 + int.from_bytes(data[at : at + 2], "little")], at + 2
    at += len(commitments)
    length, at = _vint(data, at)
    assert length == queries * 72 * 8
    opened = np.frombuffer(data, "<u8", queries * 72, at).reshape(queries, 72)
    at += length
    length, at = _vint(data, at)
    end, at = at + length, at + 1
    lists, at = _vint(data, at)
    paths = []
    for _ in range(lists):
        digests, at = _vint(data, at)
        paths.append([_digest(data, at + 32 * k) for k in range(digests)])
        at += 32 * digests
    assert at == end
    return Proof(_digest(commitments, 0), opened, paths)


def batch_proof(nodes: np.ndarray, positions: Sequence[int]) -> list[list[Word]]:
    """The batch proof of leaves, by the walk of spec 11, section 9; ``nodes`` is (2N, 4)."""
    leaves = len(nodes) // 2
    pairs = sorted({position // 2 for position in positions})
    lists = [
        [tuple(nodes[leaves + leaf].tolist()) for leaf in (2 * pair, 2 * pair + 1) if leaf not in positions]
        for pair in pairs
    ]
    current = [(leaves + 2 * pair) // 2 for pair in pairs]
    while current[0] > 1:
        following, index = [], 0
        while index < len(current):
            joined = index + 1 < len(current) and current[index + 1] == current[index] ^ 1
            if not joined:
                lists[index].append(tuple(nodes[current[index] ^ 1].tolist()))
            following.append(current[index] // 2)
            index += 2 if joined else 1
        current = following
    return lists


def _vint(data: bytes, at: int) -> tuple[int, int]:
    first = data[at]
    if first == 0:
        return int.from_bytes(data[at + 1 : at + 9], "little"), at + 9
    length = (first & -first).bit_length()
    return int.from_bytes(data[at : at + length], "little") >> length, at + length


def _digest(data: bytes, at: int) -> Word:
    return tuple(np.frombuffer(data, "<u8", 4, at).tolist())
