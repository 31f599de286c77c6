"""A trace as windows one after another, in memory proportional to a window: for traces larger than memory.

Windows are made in slabs of consecutive fragments, so that short fragments do not cost a call each. The core rows of a
slab come from its own fragments; the hasher and bitwise rows that stand beside them were requested by others (a chiplet's
row r belongs to whatever the program did at its r-th request), so those fragments run once more into a scratch buffer.
The range table needs the lookups of the whole trace: a first pass runs every fragment and keeps nothing but its counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from parallel.assemble import SERIAL_ROWS, Sections, halt_cells
from parallel.buffer import Arena, Buffer
from parallel.chiplet_rows import BITWISE_WIDTH
from parallel.chiplets import ace_rows, constant_columns, constant_columns_serial, memory_chunk, memory_order
from parallel.fragment_source import TILE_ROWS
from parallel.fragments import FragmentTask, Place, continuation_hashes
from parallel.hashing import HASHER_WIDTH
from parallel.jit import THREADS, records
from parallel.last_row import last_row
from parallel.ranges import BLOCKS, MAX_ROWS, VALUES, range_table
from parallel.recording import Array, Recording
from parallel.validation import validate, validate_memory
from reference.definition.columns import CHIPLETS, COLUMN, RANGE
from reference.definition.lengths import Lengths

SLAB_ROWS: Final = 2**16
"""Rows made at once, unless one fragment has more: 38 MB, and enough fragments of 4096 rows for eight threads."""

_CLK: Final = COLUMN["clk"]
_HASHER: Final = slice(CHIPLETS.start + 1, CHIPLETS.start + 1 + HASHER_WIDTH)
_BITWISE: Final = slice(CHIPLETS.start + 2, CHIPLETS.start + 2 + BITWISE_WIDTH)
_KERNEL_FIRST: Final = CHIPLETS.start + 5


@dataclass(frozen=True)
class Slab:
    """Consecutive rows: ``cells`` (72, n) uint64 for rows first_row .. first_row + n - 1.

    ``edges`` are the rows at which its windows begin, and the row after the last: they are rows of the trace.
    """

    first_row: int
    cells: NDArray[np.uint64]
    edges: tuple[int, ...]

    def windows(self) -> Iterator[tuple[int, NDArray[np.uint64]]]:
        """First row and cells (72, n) of each window, views."""
        for first, last in pairwise(self.edges):
            yield first, self.cells[:, first - self.first_row : last - self.first_row]


class Stream:
    """The trace of a completed recording, made as it is read; may be read any number of times.

    Making one runs every fragment once, without its cells, and so checks the recording as a build does: raises
    ContextError when a fragment's context contradicts itself or its neighbour.
    """

    def __init__(self, recording: Recording, *, threads: int | None = None, slab_rows: int = SLAB_ROWS) -> None:
        validate(recording)
        self._recording = recording
        self._threads = min(threads or THREADS, THREADS)
        self._slab_rows = slab_rows
        self._sections = Sections.of(recording)
        self._task = FragmentTask(recording)
        self._accesses = records(recording.queues["accesses"])
        self._order = memory_order(self._accesses)
        validate_memory(recording, self._order)
        self._counts = np.zeros((THREADS + 1, VALUES), np.uint32)
        self._touched = np.zeros((THREADS + 1, BLOCKS), np.uint8)
        # (2, R): how often, and which value
        self._range = self._range_table()
        self.lengths: Lengths = self._sections.lengths(recording.core_rows, self._range.shape[1])
        self._halt = halt_cells(recording.lowered.program_hash, recording.final_stack)

    def windows(self) -> Iterator[tuple[int, NDArray[np.uint64]]]:
        """First row and cells (72, n) uint64: one window per fragment, then the padding in pieces; every row once.

        The cells are the reader's to keep.
        """
        for slab in self.slabs():
            yield from slab.windows()

    def slabs(self, *, reuse: bool = False) -> Iterator[Slab]:
        """The windows, several at a time; with ``reuse`` a slab's cells are overwritten when the next is asked for."""
        arena = Arena()
        if reuse:
            # Slabs differ a little in size; the first must not be too small for the second.
            arena.give_back(arena.take(_round_up(min(self._slab_rows, self.lengths.rows) + TILE_ROWS)))
        requested = _RequestedRows(self)
        for edges in _slab_edges(self._recording, self.lengths.rows, self._slab_rows):
            first, last = edges[0], edges[-1]
            # Tiles stand on multiples of their size, and a buffer of a round number of lines divides among threads.
            base = first - first % TILE_ROWS
            buffer = arena.take(_round_up(last - base))
            self._fill(buffer, base, first, last, requested)
            yield Slab(first, buffer.columns(last - base)[:, first - base :], edges)
            if reuse:
                arena.give_back(buffer)

    # ---- the parts of a slab ----------------------------------------------------------------------------------------

    def _fill(self, buffer: Buffer, base: int, first: int, last: int, requested: _RequestedRows) -> None:
        """Rows first .. last - 1 of the trace; row ``base`` stands at the buffer's row 0."""
        recording, sections, rows = self._recording, self._sections, self.lengths.rows
        columns = buffer.columns(last - base)
        range_start = rows - 1 - self.lengths.range
        is_small = buffer.rows < SERIAL_ROWS or self._threads == 1
        fill = constant_columns_serial if is_small else constant_columns
        numba.set_num_threads(self._threads)
        core_end = recording.core_rows - base
        starts = sections.starts() - base
        fill(buffer.words, buffer.stride, buffer.rows, core_end, starts, self._halt, range_start - base)
        padding = max(first, recording.core_rows)
        columns[_CLK, max(0, padding - base) :] = np.arange(padding, last, dtype=np.uint64)
        if first < recording.core_rows:
            place = Place(buffer.words, buffer.stride, first_row=base, chiplets=False)
            self.rebuild(self._fragments(first, last), place)
        requested.copy_hasher(columns, base, first, min(last, sections.bitwise))
        requested.copy_bitwise(columns, base, max(first, sections.bitwise), min(last, sections.memory))
        self._memory(buffer, base, max(first, sections.memory), min(last, sections.ace))
        self._ace(columns, base, max(first, sections.ace), min(last, sections.kernel))
        self._kernel(columns, base, first, last)
        low, high = max(first, range_start), min(last, rows - 1)
        if low < high:
            columns[RANGE, low - base : high - base] = self._range[:, low - range_start : high - range_start]
        if last == rows:
            columns[:, -1] = last_row(recording.lowered.program_hash)

    def rebuild(self, fragments: range, place: Place) -> None:
        """Run these fragments; what they look up is counted, which only the first pass reads.

        Raises FragmentError when one stops early.
        """
        rows = self._recording.fragment_end(fragments[-1]) - int(self._recording.snapshots[fragments[0]]["clk"])
        if rows < SERIAL_ROWS or self._threads == 1:
            self._task.rebuild_serial(fragments, place, self._counts[-1], self._touched[-1])
        else:
            numba.set_num_threads(self._threads)
            self._task.rebuild_parallel(fragments, place, self._counts, self._touched)
        self._task.check_complete()

    def _fragments(self, first: int, last: int) -> range:
        """The fragments that begin in rows first .. last - 1."""
        clks = self._recording.snapshots["clk"]
        return range(int(np.searchsorted(clks, first)), int(np.searchsorted(clks, last)))

    def _memory(self, buffer: Buffer, base: int, first: int, last: int) -> None:
        if first < last:
            start = self._sections.memory
            memory_chunk(
                buffer.words, buffer.stride, start - base, first - start, last - start,
                self._order, self._accesses, self._counts[-1], self._touched[-1],
            )  # fmt: skip

    def _ace(self, columns: NDArray[np.uint64], base: int, first: int, last: int) -> None:
        if first < last:
            start = self._sections.ace
            ace_rows(columns, first - base, self._recording.ace[first - start : last - start])

    def _kernel(self, columns: NDArray[np.uint64], base: int, first: int, last: int) -> None:
        """Per kernel procedure one row that marks it, and one more per SYSCALL."""
        start = self._sections.kernel
        procedures = self._recording.lowered.program.kernel.procedures
        for procedure, calls in zip(procedures, self._recording.kernel_calls.tolist(), strict=False):
            end = start + 1 + calls
            low, high = max(first, start), min(last, end)
            if low < high:
                columns[_KERNEL_FIRST, low - base : high - base] = 0
                columns[_KERNEL_FIRST, low - base] = low == start
                words = np.array(procedure, np.uint64)
                columns[_KERNEL_FIRST + 1 : _KERNEL_FIRST + 5, low - base : high - base] = words[:, None]
            start = end

    # ---- the first pass ---------------------------------------------------------------------------------------------

    def _range_table(self) -> NDArray[np.uint64]:
        """(2, R): multiplicity and value of each row of the range table, from the lookups of the whole trace."""
        nowhere = np.empty(8, np.uint64)
        self.rebuild(range(self._task.total), Place(nowhere, 0, core=False, chiplets=False))
        self._task.check(continuation_hashes(self._recording))
        total = len(self._order)
        scratch = Arena().take(min(self._slab_rows, total))
        for first in range(0, total, self._slab_rows):
            last = min(total, first + self._slab_rows)
            memory_chunk(
                scratch.words, scratch.stride, -first, first, last,
                self._order, self._accesses, self._counts[-1], self._touched[-1],
            )  # fmt: skip
        values, counts = np.empty(MAX_ROWS, np.uint64), np.empty(MAX_ROWS, np.uint64)
        rows = int(range_table(self._counts, self._touched, values, counts))
        return np.stack((counts[:rows], values[:rows]))


class _RequestedRows:
    """Hasher and bitwise rows, made by running the fragments that requested them; the last ones made are kept."""

    def __init__(self, stream: Stream) -> None:
        recording = stream._recording
        self._stream = stream
        self._limit = stream._slab_rows
        self._arena = Arena()
        self._buffer: Buffer | None = None
        self._held = range(0)
        snapshots = recording.snapshots
        # Per fragment, and once more at the end: rows of the section that fragments before it made.
        self._hasher = np.append(snapshots["hasher_addr"] - 1, recording.hasher_rows)
        self._bitwise = np.append(8 * snapshots["bitwise"], 8 * recording.bitwise_requests)

    def copy_hasher(self, columns: NDArray[np.uint64], base: int, first: int, last: int) -> None:
        """Hasher rows first .. last - 1 of the trace into the columns, whose row 0 is row ``base`` of the trace."""
        row = first
        while row < last:
            rows = self._hold(self._hasher, row)
            count = min(last, rows.stop) - row
            source = self._columns()[_HASHER, row - rows.start : row - rows.start + count]
            columns[_HASHER, row - base : row - base + count] = source
            row += count

    def copy_bitwise(self, columns: NDArray[np.uint64], base: int, first: int, last: int) -> None:
        """The same for bitwise rows."""
        section = int(self._hasher[-1])
        row = first
        while row < last:
            rows = self._hold(self._bitwise, row - section)
            count = min(last - section, rows.stop) - (row - section)
            at = row - section - rows.start + self._held_hasher_rows()
            columns[_BITWISE, row - base : row - base + count] = self._columns()[_BITWISE, at : at + count]
            row += count

    def _hold(self, made: Array, row: int) -> range:
        """Make sure that row ``row`` of a section is held; ``made`` is its table. Returns the rows that are held."""
        if not made[self._held.start] <= row < made[self._held.stop]:
            first = int(np.searchsorted(made, row, side="right")) - 1
            both = self._hasher + self._bitwise
            last = int(np.searchsorted(both, both[first] + self._limit, side="right")) - 1
            self._run(range(first, max(last, first + 1)))
        return range(int(made[self._held.start]), int(made[self._held.stop]))

    def _run(self, fragments: range) -> None:
        """Hasher rows of these fragments to the buffer's first rows, their bitwise rows after them."""
        if self._buffer is not None:
            self._arena.give_back(self._buffer)
        self._held = fragments
        hasher_rows = self._held_hasher_rows()
        bitwise_rows = int(self._bitwise[fragments.stop] - self._bitwise[fragments.start])
        self._buffer = self._arena.take(max(8, hasher_rows + bitwise_rows))
        place = Place(
            self._buffer.words,
            self._buffer.stride,
            hasher_start=-int(self._hasher[fragments.start]),
            bitwise_start=hasher_rows - int(self._bitwise[fragments.start]),
            core=False,
        )
        self._stream.rebuild(fragments, place)

    def _held_hasher_rows(self) -> int:
        return int(self._hasher[self._held.stop] - self._hasher[self._held.start])

    def _columns(self) -> NDArray[np.uint64]:
        assert self._buffer is not None
        return self._buffer.columns(self._buffer.rows)


def _slab_edges(recording: Recording, rows: int, slab_rows: int) -> Iterator[tuple[int, ...]]:
    """Per slab the rows at which its windows begin and the row after it.

    A slab of fragments ends before it exceeds ``slab_rows``, or has one fragment; padding is cut into pieces.
    """
    core = recording.core_rows
    edges: list[int] = []
    for start in (*recording.snapshots["clk"].tolist(), core):
        if len(edges) > 1 and start - edges[0] > slab_rows:
            yield tuple(edges)
            edges = edges[-1:]
        if not edges or start > edges[-1]:
            edges.append(start)
    if len(edges) > 1:
        yield tuple(edges)
    for first in range(core, rows, slab_rows):
        yield first, min(rows, first + slab_rows)


def _round_up(rows: int) -> int:
    return -(-rows // TILE_ROWS) * TILE_ROWS
