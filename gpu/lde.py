"""Low-degree extension of columns: interpolate over the trace domain, evaluate on a shifted domain that is larger.

The extended domain is the union of cosets of the trace domain, so an extension is one transform of the trace's length per
coset; with coefficients in bit-reversed order neither direction permutes anything. Source: spec 11, sections 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from gpu.device import Buffer, Device, Lane, Tag, View
from gpu.errors import ShapeMismatch
from reference.definition.field import P, inverse_or_zero

TWO_ADICITY: Final = 32
ROOT_OF_UNITY: Final = 7277203076849721926
"""Of order 2^32. Not 7^((p-1)/2^32): that one generates the same group in another order."""
COSET_SHIFT: Final = 7
"""Row i of an extension is the value at 7 * g_N^i."""

WORD_BYTES: Final = 8


def root_of_unity(log_order: int) -> int:
    """The root of order 2^log_order from which domains are made. Raises ShapeMismatch beyond the field's two-adicity."""
    if not 0 <= log_order <= TWO_ADICITY:
        raise ShapeMismatch(f"no domain of 2^{log_order} points: the field has domains of up to 2^{TWO_ADICITY}")
    return pow(ROOT_OF_UNITY, 1 << (TWO_ADICITY - log_order), P)


@dataclass(frozen=True, slots=True)
class Domain:
    """A trace domain of ``rows`` points and its extension to ``rows * blowup`` points, both powers of two.

    Raises ShapeMismatch for other sizes.
    """

    rows: int
    blowup: int

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("blow-up factor", self.blowup)):
            if value < 1 or value & (value - 1):
                raise ShapeMismatch(f"{name}: {value} is not a power of two")
        root_of_unity(self.log_extended)

    @property
    def log_rows(self) -> int:
        """Logarithm of the trace domain's size."""
        return self.rows.bit_length() - 1

    @property
    def log_extended(self) -> int:
        """Logarithm of the extended domain's size."""
        return (self.rows * self.blowup).bit_length() - 1

    @property
    def extended(self) -> int:
        """N, the size of the extended domain."""
        return self.rows * self.blowup

    def point(self, row: int) -> int:
        """x of row i of the extension: 7 * g_N^i."""
        return COSET_SHIFT * pow(root_of_unity(self.log_extended), row, P) % P


def extension_bytes(domain: Domain) -> int:
    """Bytes of SCRATCH that an :class:`Extender` holds."""
    return WORD_BYTES * (2 * _table(domain) + domain.extended)


def _table(domain: Domain) -> int:
    return max(1, domain.rows // 2)


class Extender:
    """Tables of powers for one domain (tag SCRATCH), and the two transforms. A context manager that frees the tables."""

    def __init__(self, device: Device, domain: Domain, lane: Lane | None = None) -> None:
        """Allocates and fills the tables. Raises BudgetExceeded."""
        self.device = device
        self.domain = domain
        self.lane = lane
        self._tables: list[Buffer] = []
        try:
            root = root_of_unity(domain.log_rows)
            self._roots = self._powers("roots", root)
            self._inverse_roots = self._powers("inverse roots", inverse_or_zero(root))
            self._weights = self._coset_weights()
        except BaseException:
            self.free()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.free()

    def free(self) -> None:
        """Frees the tables; twice is harmless."""
        for table in self._tables:
            table.free()

    def interpolate(self, values: Buffer | View, columns: int) -> None:
        """Turns values at g_n^i into coefficients times n, in bit-reversed order, in place.

        ``values`` is u64 (columns * n,), column after column. The factor n is taken out by :meth:`extend`.
        Raises ShapeMismatch when the buffer is smaller.
        """
        n, log_n = self.domain.rows, self.domain.log_rows
        _demand(values, columns * n)
        for log_half in reversed(range(log_n)):
            arguments = (values, self._inverse_roots, log_n, log_half, columns)
            self.device.launch("ntt_inverse_level", columns * n // 2, *arguments, lane=self.lane)

    def extend(self, coefficients: Buffer | View, extended: Buffer, columns: int) -> None:
        """Evaluates on the extended domain what :meth:`interpolate` left.

        ``extended`` is u64 (columns * N,): the value of column c at row r + blowup * j stands at (c * blowup + r) * n + j.
        Raises ShapeMismatch when a buffer is smaller.
        """
        n, log_n, cosets = self.domain.rows, self.domain.log_rows, self.domain.blowup
        _demand(coefficients, columns * n)
        _demand(extended, columns * self.domain.extended)
        arguments = (coefficients, self._weights, extended, log_n, cosets, columns)
        self.device.launch("ntt_extend", columns * self.domain.extended, *arguments, lane=self.lane)
        for log_half in range(log_n):
            level = (extended, self._roots, log_n, log_half, columns * cosets)
            self.device.launch("ntt_forward_level", columns * self.domain.extended // 2, *level, lane=self.lane)

    def _powers(self, name: str, base: int) -> Buffer:
        count = _table(self.domain)
        table = self._take(name, count)
        self.device.launch("ntt_powers", count, table, base, count, lane=self.lane)
        return table

    def _coset_weights(self) -> Buffer:
        domain = self.domain
        table = self._take("coset weights", domain.extended)
        root = root_of_unity(domain.log_extended)
        arguments = (table, domain.log_rows, domain.blowup, COSET_SHIFT, root, inverse_or_zero(domain.rows))
        self.device.launch("ntt_weights", domain.extended, *arguments, lane=self.lane)
        return table

    def _take(self, name: str, count: int) -> Buffer:
        table = self.device.empty(Tag.SCRATCH, f"ntt {name}", (count,), "u8")
        self._tables.append(table)
        return table


def _demand(place: Buffer | View, elements: int) -> None:
    buffer, first = (place.buffer, place.elements) if isinstance(place, View) else (place, 0)
    if buffer.size - first < elements:
        raise ShapeMismatch(f"{buffer.name} has {buffer.size - first} elements from {first}, {elements} are needed")
