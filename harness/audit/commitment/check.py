"""Checks what a proof says of a known main trace: commitment, openings, out-of-domain values (spec 11, section 13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.audit.commitment.domain import extend, interpolate, root_of_unity
from harness.audit.commitment.extension import embedded, evaluate, multiply
from harness.audit.commitment.field_arrays import Elements
from harness.audit.commitment.proof import Proof
from harness.audit.commitment.transcript import Challenges, challenges_of
from harness.audit.commitment.tree import BadOpening, Tree, root_of_opening
from reference.definition.columns import PAD, WIDTH
from reference.definition.field import P

MOST_ROWS: Final = 2**12
"""Of a trace: plain NumPy takes a minute for its extension, and nobody waits for more."""


def committed_form(cells: Elements) -> Elements:
    """The trace as it is proved: by the sequential builder, which leaves pad_0 at 0 on the last row (spec 11, section 13)."""
    proved = cells.copy()
    proved[PAD, -1] = 0
    return proved


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what contradicts it; nothing when it holds."""

    name: str
    wrong: str | None


class _Witness:
    """What follows from the trace alone, for one proof's hash and blowup."""

    def __init__(self, proof: Proof, cells: Elements, public: Sequence[int]) -> None:
        self.proof = proof
        self.coefficients = interpolate(cells)
        self.rows = np.ascontiguousarray(extend(self.coefficients, proof.options.blowup).T)
        self.leaves = proof.function.of_rows(self.rows)
        self.tree = Tree.over(self.leaves, proof.function)
        self.challenges: Challenges = challenges_of(proof, public)


def check_proof(proof: Proof, cells: Elements, public: Sequence[int]) -> tuple[Finding, ...]:
    """Every check of a proof against the trace ((72, n) canonical uint64, as it was proved) and its public inputs.

    Raises ValueError for a trace that is none, or longer than :data:`MOST_ROWS`.
    """
    if cells.shape[0] != WIDTH or not cells.size or (cells >= P).any():
        raise ValueError(f"expected {WIDTH} columns of canonical elements, found {cells.shape}")
    if cells.shape[1] > MOST_ROWS:
        raise ValueError(f"the trace has {cells.shape[1]} rows, at most {MOST_ROWS} are checked")
    if (cells.shape[1], WIDTH) != (proof.trace_length, proof.main_width) or proof.options.partitions != 1:
        wrong = f"the proof is of {proof.main_width} columns of {proof.trace_length} rows in {proof.options.partitions} parts"
        return (Finding("shape", wrong),)
    witness = _Witness(proof, cells, public)
    return (Finding("shape", None), *(Finding(name, check(witness)) for name, check in _CHECKS.items()))


def _root(witness: _Witness) -> str | None:
    mine, theirs = witness.tree.root, witness.proof.commitments[0]
    return None if mine == theirs else f"the trace's root is {mine.hex()}, the proof's {theirs.hex()}"


def _grinding(witness: _Witness) -> str | None:
    needed, shown = witness.proof.options.grinding, witness.challenges.grinding
    return None if shown >= needed else f"the nonce shows {shown} zero bits instead of {needed}"


def _opened_rows(witness: _Witness) -> str | None:
    positions, opened = witness.challenges.positions, witness.proof.opened
    if len(positions) != len(opened):
        return f"{len(opened)} rows are opened, the coin draws {len(positions)}"
    for row, position in zip(opened, positions, strict=True):
        differing = np.flatnonzero(row != witness.rows[position])
        if differing.size:
            return f"row {position}: column {differing[0]} is {row[differing[0]]}, not {witness.rows[position, differing[0]]}"
    return None


def _opening_leads_to_root(witness: _Witness) -> str | None:
    proof = witness.proof
    digests = proof.function.of_rows(np.ascontiguousarray(proof.opened))
    leaves = {at: digest.tobytes() for at, digest in zip(witness.challenges.positions, digests, strict=False)}
    try:
        root = root_of_opening(leaves, proof.opening, proof.opening_depth, proof.function)
    except BadOpening as reason:
        return str(reason)
    return None if root == proof.commitments[0] else f"the opened rows lead to {root.hex()}"


def _opening_is_the_tree_s(witness: _Witness) -> str | None:
    mine = witness.tree.opening(witness.challenges.positions)
    if mine == witness.proof.opening and 2**witness.proof.opening_depth == len(witness.leaves):
        return None
    return "the batch proof is not the one of the trace's tree"


def _out_of_domain(witness: _Witness) -> str | None:
    proof, point = witness.proof, witness.challenges.point
    shifted = multiply(point, embedded(root_of_unity(proof.trace_length), len(point)))
    count = len(proof.trace_values) // 2
    for name, at, values in (("z", point, proof.trace_values[:count]), ("z g", shifted, proof.trace_values[count:])):
        for column in range(WIDTH):
            mine = evaluate(witness.coefficients[column].tolist(), at)
            if mine != values[column]:
                return f"column {column} at {name} is {values[column]}, not {mine}"
    return None


_CHECKS: Final[dict[str, Callable[[_Witness], str | None]]] = {
    "root of the extended trace": _root,
    "grinding": _grinding,
    "opened rows": _opened_rows,
    "opened rows lead to the root": _opening_leads_to_root,
    "batch proof": _opening_is_the_tree_s,
    "out-of-domain values": _out_of_domain,
}
