"""Reads a serialized proof: the parts that the main trace's commitment depends on (spec 11, section 10).

A proof's text is not trusted: whatever does not fit is a BadProof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.audit.commitment.extension import Extended
from harness.audit.commitment.field_arrays import Elements
from harness.audit.commitment.hashing import HASHES, Hash
from harness.audit.commitment.tree import BatchProof
from reference.definition.field import P

_LEAST_COMMITMENTS = 4


class BadProof(ValueError):  # noqa: N818 - what was read
    """The bytes are no proof, with what was expected and where."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a proof was made; in the order in which they are written."""

    queries: int
    blowup: int
    grinding: int
    extension: int
    folding: int
    remainder: int
    constraint_batching: int
    deep_batching: int
    partitions: int
    hash_rate: int


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of a trace, FRI layers left out."""

    main_width: int
    auxiliary_width: int
    random_elements: int
    trace_length: int
    options: Options
    constraints: int
    commitments: tuple[bytes, ...]
    """Roots of main trace, auxiliary trace, composition, FRI layers, and the digest of the remainder."""
    opened: Elements
    """(unique queries, main width)."""
    opening: BatchProof
    opening_depth: int
    trace_values: tuple[Extended, ...]
    """At z, then at z g: main and auxiliary columns."""
    quotient_values: tuple[Extended, ...]
    """At z, then at z g."""
    nonce: int
    function: Hash


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self._data):
            raise BadProof(f"byte {self.at}: {count} bytes are missing of {len(self._data)}")
        self.at += count
        return self._data[self.at - count : self.at]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def variable(self) -> int:
        """An integer whose length is in the trailing zero bits of its first byte."""
        first = self.integer(1)
        if first == 0:
            return self.integer(8)
        length = (first & -first).bit_length()
        return (first | self.integer(length - 1) << 8) >> length

    def expect(self, wanted: object, found: object, what: str) -> None:
        if wanted != found:
            raise BadProof(f"byte {self.at}: {what} is {found}, expected {wanted}")

    def require(self, holds: bool, wanted: str) -> None:
        if not holds:
            raise BadProof(f"byte {self.at}: expected {wanted}")

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self._data)


def read_proof(data: bytes) -> Proof:
    """The proof; BadProof when the bytes are none, to the last one."""
    reader = _Reader(data)
    main_width, auxiliary_width, random_elements = (reader.integer(1) for _ in range(3))
    trace_length = 2 ** reader.integer(1)
    reader.expect(b"", reader.take(reader.integer(2)), "trace meta")
    reader.expect(P.to_bytes(8, "little"), reader.take(reader.integer(1)), "the modulus")
    options = Options(*(reader.integer(1) for _ in range(10)))
    reader.require(options.extension in {1, 2, 3}, "a known extension degree")
    reader.expect(1, options.blowup.bit_count(), "the number of bits in the blowup factor")
    reader.require(options.queries > 0, "a query")
    constraints = reader.variable()
    unique = reader.integer(1)
    commitments = reader.take(reader.integer(2))
    opened = _elements(reader, reader.take(reader.variable()))
    reader.expect(unique * main_width, opened.size, "the number of opened cells")
    opening = reader.take(reader.variable())
    for _ in range(2):
        reader.take(reader.variable())
        reader.take(reader.variable())
    trace_values = _out_of_domain(reader, options.extension)
    reader.expect(2 * (main_width + auxiliary_width), len(trace_values), "the number of out-of-domain trace values")
    quotient_values = _out_of_domain(reader, options.extension)
    _skip_fri(reader)
    nonce = reader.integer(8)
    number = reader.integer(1)
    reader.require(number < len(HASHES), "a known hash function")
    for _ in range(reader.variable()):
        reader.take(8)
        reader.take(reader.variable())
    reader.require(reader.is_at_end, "the end")
    function = HASHES[number]
    roots = _digests(commitments, function.digest_bytes)
    reader.require(len(roots) >= _LEAST_COMMITMENTS, "commitments to three segments and a remainder")
    depth, lists = _batch_proof(opening, function.digest_bytes)
    return Proof(
        main_width,
        auxiliary_width,
        random_elements,
        trace_length,
        options,
        constraints,
        roots,
        opened.reshape(unique, main_width),
        lists,
        depth,
        trace_values,
        quotient_values,
        nonce,
        function,
    )


def _elements(reader: _Reader, data: bytes) -> Elements:
    reader.expect(0, len(data) % 8, "bytes beyond whole elements")
    values = np.frombuffer(data, dtype="<u8").astype(np.uint64)
    reader.require(bool((values < P).all()), "canonical elements")
    return values


def _digests(data: bytes, size: int) -> tuple[bytes, ...]:
    if len(data) % size:
        raise BadProof(f"{len(data)} bytes are no digests of {size} bytes")
    return tuple(data[start : start + size] for start in range(0, len(data), size))


def _batch_proof(data: bytes, digest_bytes: int) -> tuple[int, BatchProof]:
    reader = _Reader(data)
    depth = reader.integer(1)
    lists = [_digests(reader.take(reader.variable() * digest_bytes), digest_bytes) for _ in range(reader.variable())]
    reader.require(reader.is_at_end, "the end of the batch proof")
    return depth, tuple(lists)


def _out_of_domain(reader: _Reader, degree: int) -> tuple[Extended, ...]:
    data = reader.take(reader.integer(2))
    reader.expect(2, data[0] if data else None, "the number of out-of-domain rows")
    values = _elements(reader, data[1:]).tolist()
    return tuple(tuple(values[start : start + degree]) for start in range(0, len(values), degree))


def _skip_fri(reader: _Reader) -> None:
    for _ in range(reader.integer(1)):
        reader.take(reader.integer(4))
        reader.take(reader.integer(4))
    reader.take(reader.integer(2))
    reader.integer(1)
