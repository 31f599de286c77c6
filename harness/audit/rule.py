"""A rule of the audit, and a group of rules on row pairs with the compiled loop that checks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
"""(n + 1, 72) uint64, one trace row after another: n rows to judge and the row after them."""

FIRST_ROW = 0
"""In ``facts``: the number in the trace of the tile's row 0."""
TRACE_ROWS = 1
"""In ``facts``: rows of the whole trace."""
FACTS = 2

NO_OPERATION = 128
"""Stands for the opcode of a row whose opcode bits are not bits. Opcodes that no operation has stand for themselves."""

FIRST = 0
"""In ``found``: the first row that violates the rule."""
COUNT = 1
"""In ``found``: how many rows do."""
APPLIED = 2
"""In ``found``: to how many rows it applied."""
FOUND = 3
NO_ROW = 2**62
"""In ``found[:, FIRST]``: no row violates it."""


class Variant(StrEnum):
    """The two trace builders of the real VM, where they write different cells (spec 08, A7 and A9)."""

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the page: what must hold, where it is written, and which cells it reads."""

    name: str
    """Unique, and how people refer to it: ``stack.ADD.0``."""
    group: str
    """system, decoder, stack, range, selectors, hasher, bitwise, memory, ace, kernel_rom, buses, requests or trace."""
    zero: str
    """In the page's notation: the expression that must be 0, or a sentence that must be true."""
    source: str
    """Page and section: ``12 section 4.4``."""
    columns: tuple[str, ...] = ()
    """Cells that it reads, by name; a ' marks the next row."""
    on: tuple[str, ...] = ()
    """Kinds of rows that it applies to, for a rule on row pairs: names of operations or of chiplet sections; all if empty."""
    when: str = ""
    """Condition in the notation, where it applies to some of these rows only."""
    variant: Variant | None = None
    """None: holds for both builders of the real VM."""


RowKernel = Callable[[Rows, NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]], None]
"""``kernel(rows, opcodes, facts, found)``, compiled, without the interpreter lock, usable by threads at once.

rows: (n + 1, 72) uint64; the row after the trace's last judged row is its fictitious successor (12 section 7.10).
opcodes: (n + 1,) uint8, :data:`NO_OPERATION` where the bits are not bits. facts: (FACTS,) int64.
found: (number of rules, FOUND) int64: violations are added with :func:`harness.audit.found.note`, rows that a rule applies
to are added to ``found[rule, APPLIED]``.
"""


@dataclass(frozen=True, slots=True)
class RowRules:
    """Rules on row pairs that one compiled loop checks; a rule's number in ``found`` is its position in ``rules``."""

    rules: tuple[Rule, ...]
    kernel: RowKernel


def nothing_found(rules: int) -> NDArray[np.int64]:
    """The (rules, FOUND) int64 array that a kernel adds to."""
    found = np.zeros((rules, FOUND), dtype=np.int64)
    found[:, FIRST] = NO_ROW
    return found
