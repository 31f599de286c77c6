"""The main trace: core rows, range table and chiplet tables placed, padded and closed by the random row (spec 04).

Every segment has its own number of rows; the longest decides the length. Core rows stand at the top, chiplet tables one
after another from row 0, the range table at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference.definition.columns import (
    CHIPLETS,
    COLUMN,
    CORE_WIDTH,
    MIN_TRACE_ROWS,
    RANDOM_ROWS,
    RANGE,
    STACK,
    WIDTH,
)
from reference.definition.field import Word
from reference.definition.isa import decoder_bits, extra_bits, opcode
from reference.definition.lengths import Lengths
from reference.definition.rpo import Coin
from reference.machine import Machine

SELECTORS = ((0,), (1, 0), (1, 1, 0), (1, 1, 1, 0), (1, 1, 1, 1, 0))
"""Selector prefixes of hasher, bitwise, memory, ACE and kernel ROM rows (spec 05, section 1)."""

PADDING_SELECTOR = (1, 1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Trace:
    """A complete main trace: ``columns`` has shape (72, rows), dtype uint64, canonical values, C order."""

    columns: NDArray[np.uint64]
    lengths: Lengths


@dataclass(frozen=True, slots=True)
class ChipletTables:
    """Payload rows of each chiplet, shape (rows, payload width), dtype uint64, in the order of stacking."""

    hasher: NDArray[np.uint64]
    bitwise: NDArray[np.uint64]
    memory: NDArray[np.uint64]
    ace: NDArray[np.uint64]
    kernel_rom: NDArray[np.uint64]

    @staticmethod
    def of(machine: Machine) -> ChipletTables:
        """The tables of all requests that a machine has made."""
        return ChipletTables(
            machine.hasher.table(),
            machine.bitwise.table(),
            machine.memory.table(),
            machine.ace.table(),
            machine.kernel_rom.table(),
        )

    def stacked(self) -> tuple[NDArray[np.uint64], ...]:
        """The five tables, first the one that begins at row 0."""
        return self.hasher, self.bitwise, self.memory, self.ace, self.kernel_rom


def range_table(machine: Machine) -> NDArray[np.uint64]:
    """The range table of a finished run, shape (R, 2), dtype uint64: m, v; the memory's lookups included."""
    ranges = machine.ranges.copy()
    ranges.add_all(machine.memory.range_values())
    return ranges.table()


def trace_lengths(core_rows: int, range_rows: int, tables: ChipletTables) -> Lengths:
    """Section 5. No room is kept for HALT: when N dominates and N + 1 is a power of two, there is none (08, A5)."""
    chiplets = sum(len(table) for table in tables.stacked()) + 1
    longest = max(core_rows, range_rows, chiplets) + RANDOM_ROWS
    return Lengths(
        rows=max(MIN_TRACE_ROWS, 1 << (longest - 1).bit_length()),
        core=core_rows,
        range=range_rows,
        chiplets=chiplets,
        hasher=len(tables.hasher),
        bitwise=len(tables.bitwise),
        memory=len(tables.memory) + len(tables.ace),
        kernel_rom=len(tables.kernel_rom),
    )


def assemble(core: NDArray[np.uint64], final_stack: Sequence[int], machine: Machine, program_hash: Word) -> Trace:
    """The trace of a finished run.

    ``core`` has shape (N, 49), dtype uint64: system, decoder and stack columns of the executed rows, without HALT rows.
    ``final_stack`` holds the 19 stack columns after the last of them. The machine is not changed.
    """
    tables = ChipletTables.of(machine)
    ranges = range_table(machine)
    lengths = trace_lengths(len(core), len(ranges), tables)
    columns = np.zeros((WIDTH, lengths.rows), dtype=np.uint64)
    columns[:CORE_WIDTH, : len(core)] = core.T
    _fill_halt_rows(columns, len(core), final_stack)
    last = lengths.rows - RANDOM_ROWS
    columns[RANGE, last - len(ranges) : last] = ranges.T
    _place_chiplets(columns[CHIPLETS], tables)
    _fill_random_row(columns, program_hash)
    return Trace(columns, lengths)


def _fill_halt_rows(columns: NDArray[np.uint64], core_rows: int, final_stack: Sequence[int]) -> None:
    """Section 6: rows N..L-2 show HALT, the program hash in dec_h0..3, and the state after the last executed row."""
    halt = opcode("HALT")
    end = columns.shape[1] - RANDOM_ROWS
    columns[COLUMN["clk"], core_rows:end] = np.arange(core_rows, end, dtype=np.uint64)
    for first, cells in (("dec_op_bit_0", decoder_bits(halt)), ("dec_bit_extra_0", extra_bits(halt))):
        for index, cell in enumerate(cells, COLUMN[first]):
            columns[index, core_rows:end] = cell
    digest = slice(COLUMN["dec_h0"], COLUMN["dec_h4"])
    columns[digest, core_rows:end] = columns[digest, core_rows - 1 : core_rows]
    columns[STACK, core_rows:end] = np.array(final_stack, dtype=np.uint64)[:, np.newaxis]


def _place_chiplets(area: NDArray[np.uint64], tables: ChipletTables) -> None:
    """Stack the tables with their selectors, then padding rows (spec 05, section 1); ``area`` has shape (20, rows)."""
    row = 0
    for selector, table in zip(SELECTORS, tables.stacked(), strict=True):
        end = row + len(table)
        _select(area[:, row:end], selector)
        area[len(selector) : len(selector) + table.shape[1], row:end] = table.T
        row = end
    _select(area[:, row:-RANDOM_ROWS], PADDING_SELECTOR)


def _select(rows: NDArray[np.uint64], selector: Sequence[int]) -> None:
    for index, bit in enumerate(selector):
        rows[index] = bit


def _fill_random_row(columns: NDArray[np.uint64], program_hash: Word) -> None:
    """Section 7: one draw per column in column order, pad_0 included, as the parallel builder does."""
    coin = Coin(program_hash)
    columns[:, -1] = np.array([coin.draw() for _ in range(WIDTH)], dtype=np.uint64)
