"""What prover and verifier draw, in order: from public data and commitments to the query positions (spec 11, section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.audit.commitment.coin import new_coin
from harness.audit.commitment.extension import Extended
from harness.audit.commitment.hashing import hash_of_elements
from harness.audit.commitment.proof import Proof
from harness.audit.known import Known
from reference.definition.field import ZERO_WORD, P, Word

_AUXILIARY_SEGMENTS: Final = 1


@dataclass(frozen=True, slots=True)
class Challenges:
    """What a proof's coin gives."""

    point: Extended
    """z, where the columns are evaluated out of their domain."""
    grinding: int
    """Trailing zero bits that the nonce shows."""
    positions: tuple[int, ...]
    """Rows of the extension that are opened, ascending, each once."""


def public_elements(known: Known, transcript_state: Word = ZERO_WORD) -> tuple[int, ...]:
    """The public inputs of a run as elements (spec 04, section 8); ValueError when too little is known."""
    if None in {known.stack_inputs, known.stack_outputs, known.program_hash, known.kernel}:
        raise ValueError("inputs, outputs, program hash and kernel must be known")
    assert known.stack_inputs is not None
    assert known.stack_outputs is not None
    assert known.program_hash is not None
    assert known.kernel is not None
    kernel = [element for digest in known.kernel for element in (*ZERO_WORD, *digest[::-1])]
    return (
        *known.stack_inputs,
        *known.stack_outputs,
        *known.program_hash,
        *ZERO_WORD,
        *kernel,
        *transcript_state,
    )


def context_elements(proof: Proof) -> tuple[int, ...]:
    """What a proof's header puts into the coin (spec 11, section 6.3)."""
    options = proof.options
    widths = (proof.main_width, _AUXILIARY_SEGMENTS, proof.auxiliary_width, proof.random_elements)
    choices = (options.extension, options.folding, options.remainder, options.blowup)
    return (
        int.from_bytes(bytes(widths), "big"),
        proof.trace_length,
        P & 0xFFFFFFFF,
        P >> 32,
        proof.constraints,
        int.from_bytes(bytes(choices), "big"),
        options.grinding,
        options.queries,
    )


def challenges_of(proof: Proof, public: Sequence[int]) -> Challenges:
    """Follows the transcript of a proof for these public inputs."""
    degree = proof.options.extension
    coin = new_coin(proof.function, (*context_elements(proof), *public))
    main_root, auxiliary_root, constraint_root, *layers, remainder = proof.commitments
    # Draws in between are skipped: there are never so many that they would change a coin that is reseeded next.
    for root in (main_root, auxiliary_root, constraint_root):
        coin.reseed(root)
    point = coin.draw(degree)
    coin.reseed(_digest_of_values(proof))
    for root in (*layers, remainder):
        coin.reseed(root)
    zeros = coin.trailing_zeros(proof.nonce)
    size = proof.trace_length * proof.options.blowup
    drawn = coin.positions(proof.options.queries, size, proof.nonce)
    return Challenges(point, zeros, tuple(sorted(set(drawn))))


def _digest_of_values(proof: Proof) -> bytes:
    """Values at z of trace and quotient, then those at z g."""
    trace, quotient = proof.trace_values, proof.quotient_values
    ordered = (
        *trace[: len(trace) // 2],
        *quotient[: len(quotient) // 2],
        *trace[len(trace) // 2 :],
        *quotient[len(quotient) // 2 :],
    )
    return hash_of_elements(proof.function, np.array(ordered, dtype=np.uint64).reshape(-1))
