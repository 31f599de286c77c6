"""Invariants of cells: digests against a whole trace, opened rows against its rows (spec 09, B6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gpu.digest import ColumnDigests, host_digest
from gpu.errors import InvariantBroken
from gpu.invariants import demand
from gpu.layout import Extent


def check_whole(trace: NDArray[np.uint64], total: ColumnDigests) -> None:
    """INV-17: ``total``, the sum of all chips' digests, is that of ``trace`` (72, L), which the host digests by itself."""
    found = host_digest(trace)
    differing = [column for column in range(len(trace)) if found.columns[column] != total.columns.get(column, (0, 0))]
    demand(not differing, "INV-17", f"columns {', '.join(map(str, differing))} have other digests than the trace")


def check_opened(rows: NDArray[np.int64], cells: NDArray[np.uint64], trace: NDArray[np.uint64]) -> None:
    """INV-18: ``cells`` (72, k) are the k ``rows`` of ``trace`` (72, L)."""
    wrong = np.argwhere(cells != trace[:, rows])
    if len(wrong):
        column, place = wrong[0].tolist()
        raise InvariantBroken(
            "INV-18",
            f"row {rows[place]}, column {column}: opened {cells[column, place]}, not {trace[column, rows[place]]}",
        )


def rows_to_open(extent: Extent, random_rows: Sequence[int] = ()) -> tuple[int, ...]:
    """Rows 0, N - 1, N, both sides of every section border, L - 2, L - 1, and the given ones; ascending."""
    borders = (
        extent.core_rows, extent.range_first, extent.hasher_total, extent.memory_first, extent.kernel_first,
        extent.padding_first, extent.rows - 1,
    )  # fmt: skip
    wanted = {0, *random_rows, *borders, *(border - 1 for border in borders)}
    return tuple(sorted(row for row in wanted if 0 <= row < extent.rows))
