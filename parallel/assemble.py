"""From a recording to the trace: all fragments into one buffer, then chiplets, ranges, padding and the last row.

Fragments share nothing but the buffer, so they are rebuilt in any order by any number of threads; rows that make no work
worth sharing (small programs) are rebuilt on the calling thread, where a launch would cost more than the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from parallel.buffer import Arena, Buffer
from parallel.chiplets import (
    ace_rows,
    constant_columns,
    constant_columns_serial,
    kernel_rows,
    memory_chunk,
    memory_order,
    memory_rows_parallel,
)
from parallel.context_error import ContextError
from parallel.fragments import FragmentTask, Place, continuation_hashes
from parallel.jit import THREADS, records
from parallel.last_row import last_row
from parallel.ranges import BLOCKS, MAX_ROWS, VALUES, range_table
from parallel.recording import Recording
from parallel.validation import validate, validate_memory
from reference.definition.columns import MIN_TRACE_ROWS, RANGE
from reference.definition.isa import decoder_bits, extra_bits, opcode
from reference.definition.lengths import Lengths

SERIAL_ROWS: Final = 8192
"""Below this many rows one thread is faster than waking others (a launch costs 4-20 us, a row 20 ns)."""


@dataclass(frozen=True)
class Built:
    """A finished trace: columns (72, rows) uint64, a view of ``buffer``."""

    columns: NDArray[np.uint64]
    lengths: Lengths
    buffer: Buffer


@dataclass(frozen=True)
class Sections:
    """First chiplet row of each section after the hasher, and of the padding."""

    bitwise: int
    memory: int
    ace: int
    kernel: int
    padding: int

    @staticmethod
    def of(recording: Recording) -> Sections:
        """Known before anything is built."""
        bitwise = recording.hasher_rows
        memory = bitwise + 8 * recording.bitwise_requests
        ace = memory + len(recording.queues["accesses"])
        kernel = ace + len(recording.ace)
        procedures = len(recording.lowered.program.kernel.procedures)
        padding = kernel + procedures + int(recording.kernel_calls.sum())
        return Sections(bitwise, memory, ace, kernel, padding)

    def starts(self) -> NDArray[np.int64]:
        """(5,): as :func:`parallel.chiplets.constant_columns` takes them."""
        return np.array([self.bitwise, self.memory, self.ace, self.kernel, self.padding], np.int64)

    def lengths(self, core: int, range_rows: int) -> Lengths:
        """The row counts of the trace, given those of the program and of the range table."""
        chiplets = self.padding + 1
        return Lengths(
            rows=trace_rows(max(core, chiplets, range_rows)),
            core=core,
            range=range_rows,
            chiplets=chiplets,
            hasher=self.bitwise,
            bitwise=self.memory - self.bitwise,
            memory=self.kernel - self.memory,
            kernel_rom=self.padding - self.kernel,
        )


class Builder:
    """Builds traces one after another; keeps its buffer and its counters."""

    def __init__(self, *, threads: int | None = None) -> None:
        self.arena = Arena()
        self.threads = threads or THREADS
        self._counts = np.zeros((THREADS + 1, VALUES), np.uint32)
        self._touched = np.zeros((THREADS + 1, BLOCKS), np.uint8)
        self._range_values = np.empty(MAX_ROWS, np.uint64)
        self._range_counts = np.empty(MAX_ROWS, np.uint64)

    def build(self, recording: Recording) -> Built:
        """The trace of a completed run.

        Raises ContextError when a fragment's context contradicts itself or its neighbour.
        """
        validate(recording)
        sections = Sections.of(recording)
        core = recording.core_rows
        chiplets = sections.padding + 1
        lower_bound = trace_rows(max(core, chiplets))
        # The range table's length needs the counts of the build; it can only decide the trace's length when it is longer
        # than both others, and then the trace is short: build once more into a longer buffer.
        buffer = self.arena.take(lower_bound)
        range_rows = self._fill(recording, sections, buffer)
        rows = trace_rows(max(core, chiplets, range_rows))
        if rows != lower_bound:
            self._forget_counts()
            buffer = self.arena.take(rows)
            self._fill(recording, sections, buffer)
        self._finish(recording, sections, buffer, rows, range_rows)
        return Built(buffer.columns(rows), sections.lengths(core, range_rows), buffer)

    def _forget_counts(self) -> None:
        self._counts[:] = 0
        self._touched[:] = 0

    def _fill(self, recording: Recording, sections: Sections, buffer: Buffer) -> int:
        """Fragments and memory rows; returns the number of range rows."""
        task = FragmentTask(recording)
        place = Place(buffer.words, buffer.stride, bitwise_start=sections.bitwise)
        order = memory_order(recording.queues["accesses"])
        validate_memory(recording, order)
        accesses = records(recording.queues["accesses"])
        words, stride, row = buffer.words, buffer.stride, sections.memory
        counts, touched = self._counts, self._touched
        if recording.core_rows < SERIAL_ROWS or self.threads == 1:
            task.rebuild_serial(range(task.total), place, counts[-1], touched[-1])
            if len(order):
                memory_chunk(words, stride, row, 0, len(order), order, accesses, counts[-1], touched[-1])
        else:
            numba.set_num_threads(min(self.threads, THREADS))
            task.rebuild_parallel(range(task.total), place, counts, touched)
            memory_rows_parallel(words, stride, row, order, accesses, counts, touched)
        try:
            task.check(continuation_hashes(recording))
        except ContextError:
            # What this build has counted must not be found by the next one.
            self._forget_counts()
            raise
        return int(range_table(self._counts, self._touched, self._range_values, self._range_counts))

    def _finish(self, recording: Recording, sections: Sections, buffer: Buffer, rows: int, range_rows: int) -> None:
        """ACE, kernel ROM and range rows, constant cells, padding and the random last row."""
        columns = buffer.columns(rows)
        ace_rows(columns, sections.ace, recording.ace)
        kernel = np.array(recording.lowered.program.kernel.procedures, np.uint64).reshape(-1, 4)
        kernel_rows(columns, sections.kernel, kernel, recording.kernel_calls)
        range_start = rows - 1 - range_rows
        fill = constant_columns_serial if rows < SERIAL_ROWS or self.threads == 1 else constant_columns
        halt = halt_cells(recording.lowered.program_hash, recording.final_stack)
        fill(buffer.words, buffer.stride, rows, recording.core_rows, sections.starts(), halt, range_start)
        columns[RANGE.start, range_start : rows - 1] = self._range_counts[:range_rows]
        columns[RANGE.start + 1, range_start : rows - 1] = self._range_values[:range_rows]
        columns[:, rows - 1] = last_row(recording.lowered.program_hash)


def trace_rows(longest: int) -> int:
    """The power of two that holds the longest segment and the random row (spec 04, section 5)."""
    return max(MIN_TRACE_ROWS, 1 << longest.bit_length())


@lru_cache(maxsize=64)
def halt_cells(program_hash: tuple[int, ...], final_stack: tuple[int, ...]) -> NDArray[np.uint64]:
    """The 49 core cells of a padding row; clk is filled in per row."""
    halt = opcode("HALT")
    decoder = (0, *decoder_bits(halt), *program_hash, *(0,) * 4, *(0,) * 6, *extra_bits(halt))
    return np.array((0, *(0,) * 5, *decoder, *final_stack), np.uint64)
