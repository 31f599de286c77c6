"""Rows that show a piece of the program show one that the program has (spec 12, section 8.2: the program's blocks known).

The tables tie every digest in the trace to its hash input and to the row that asked for it; what they cannot exclude is
another input with the same digest. These rules compare the inputs themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ZERO
from harness.audit.found import note
from harness.audit.jit import jit, jit_part
from harness.audit.rule import APPLIED, FIRST_ROW, RowRules, Rows, Rule
from reference.definition.batching import GROUP_SLOTS
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_NAME
from reference.definition.mast import NODE_OPCODE, Block, Dyn, Dyncall, External, Forest, children_of

_SOURCE: Final = "12 section 8.2"
_REGISTERS: Final = tuple(f"dec_h{j}" for j in range(8))


def _rule(name: str, zero: str, columns: tuple[str, ...], on: tuple[str, ...]) -> Rule:
    return Rule(f"program.{name}", "trace", zero, _SOURCE, columns, on)


NODE: Final = _rule(
    "node",
    "h0..h7 are the digests of the children of a node of this kind",
    _REGISTERS,
    ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL"),
)
BATCH: Final = _rule(
    "batch", "h0..h7 and gc are those of a batch of a block", (*_REGISTERS, "dec_group_count"), ("SPAN", "RESPAN")
)
PROCEDURE: Final = _rule("procedure", "h0..h3 are the digest of a procedure", _REGISTERS[:4], ("DYN", "DYNCALL"))
END: Final = _rule("end", "h0..h3 are the digest of a node", _REGISTERS[:4], ("END",))
PROGRAM_RULES: Final = (NODE, BATCH, PROCEDURE, END)

Fingerprints = NDArray[np.uint64]
"""(n,) uint64, ascending."""

_H0 = COLUMN["dec_h0"]
_GROUP_COUNT = COLUMN["dec_group_count"]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_SPAN, _RESPAN = BY_NAME["SPAN"].opcode, BY_NAME["RESPAN"].opcode
_PIECE = 10
"""Class with opcode, eight registers, group count."""
_ZEROS = (0,) * 5
_NOTHING, _NODE, _BATCH, _PROCEDURE, _NODE_DIGEST = -1, 0, 1, 2, 3
_CLASS_OF_OPCODE = np.full(256, _NOTHING, dtype=np.int8)
for _rules_class, _rule_of_class in enumerate(PROGRAM_RULES):
    for _name in _rule_of_class.on:
        _CLASS_OF_OPCODE[BY_NAME[_name].opcode] = _rules_class


def program_rules(forests: tuple[Forest, ...]) -> RowRules:
    """The rules for a program whose forest and libraries are these."""
    fingerprints = _pieces_of(forests)

    def check(rows: Rows, opcodes: NDArray[np.uint8], facts: NDArray[np.int64], found: NDArray[np.int64]) -> None:
        check_pieces(rows, opcodes, facts, found, fingerprints)

    return RowRules(PROGRAM_RULES, check)


@lru_cache(maxsize=16)
def _pieces_of(forests: tuple[Forest, ...]) -> Fingerprints:
    flat = [value for forest in forests for piece in _pieces(forest) for value in piece]
    values = np.array(flat, dtype=np.uint64).reshape(-1, _PIECE)
    fingerprints = np.empty(len(values), dtype=np.uint64)
    fingerprint_all(values, fingerprints)
    return np.unique(fingerprints)


def _pieces(forest: Forest) -> Iterator[tuple[int, ...]]:
    """Class with opcode, then what stands in h0..h7 and the group count, as far as the class compares it; else zeros."""
    digests = forest.digests
    for digest, node in zip(digests, forest.nodes, strict=True):
        yield _NODE_DIGEST << 8, *digest, *_ZEROS
        if isinstance(node, Block):
            for position, batch in enumerate(node.batches):
                opcode = _RESPAN if position else _SPAN
                yield _BATCH << 8 | opcode, *batch.groups, node.group_count - GROUP_SLOTS * position
        elif not isinstance(node, External | Dyn | Dyncall):
            children = [value for child in children_of(node) for value in digests[child]]
            yield _NODE << 8 | NODE_OPCODE[type(node)], *children, *_ZEROS[: _PIECE - 1 - len(children)]
    for root in forest.roots:
        yield _PROCEDURE << 8, *digests[root], *_ZEROS


@jit_part
def mixed(state: Any, value: Any) -> Any:
    """Compiled: the fingerprint with one more value in it."""
    state = (state ^ value) * _MULTIPLIER
    return state ^ (state >> _SHIFT)


@jit
def fingerprint_all(values: Any, fingerprints: Any) -> None:
    """Compiled: one fingerprint per row of (n, _PIECE) values."""
    for number in range(len(values)):
        state = ZERO
        for position in range(_PIECE):
            state = mixed(state, values[number, position])
        fingerprints[number] = state


@jit_part
def fingerprint_of(rows: Any, i: Any, shown: Any, opcode: Any) -> Any:
    """Compiled: of what row i shows, by its class: all registers, with the group count, or the first four only."""
    whole = shown in (_NODE, _BATCH)
    state = mixed(ZERO, np.uint64(shown << 8 | (opcode if whole else 0)))
    for register in range(8):
        state = mixed(state, rows[i, _H0 + register] if whole or register < 4 else ZERO)
    return mixed(state, rows[i, _GROUP_COUNT] if shown == _BATCH else ZERO)


@jit
def check_pieces(rows: Any, opcodes: Any, facts: Any, found: Any, fingerprints: Any) -> None:
    """Compiled: every row that shows a piece of a program shows one of these."""
    for i in range(rows.shape[0] - 1):
        opcode = np.int64(opcodes[i])
        shown = np.int64(_CLASS_OF_OPCODE[opcode])
        if shown == _NOTHING:
            continue
        found[shown, APPLIED] += 1
        wanted = fingerprint_of(rows, i, shown, opcode)
        position = np.searchsorted(fingerprints, wanted)
        if position == len(fingerprints) or fingerprints[position] != wanted:
            note(found, shown, facts[FIRST_ROW] + i)
