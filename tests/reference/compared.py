"""Traces compared for tests: the first difference by row and column name."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from reference.definition.columns import COLUMN_NAMES


def first_difference(found: NDArray[np.uint64], expected: NDArray[np.uint64]) -> str | None:
    """The first wrong row of a trace and its wrong columns, in words; None when all cells are equal."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    wrong_rows = np.flatnonzero((found != expected).any(axis=0))
    if not len(wrong_rows):
        return None
    row = int(wrong_rows[0])
    columns = [int(column) for column in np.flatnonzero(found[:, row] != expected[:, row])]
    cells = (f"{COLUMN_NAMES[column]} {found[column, row]}, expected {expected[column, row]}" for column in columns[:8])
    return f"row {row}, {len(columns)} columns ({len(wrong_rows)} rows differ): {'; '.join(cells)}"


def column_digests(columns: NDArray[np.uint64]) -> list[str]:
    """Per column the first 16 bytes, in hexadecimal, of SHA-256 over its values as 8 little-endian bytes each."""
    return [hashlib.sha256(column.astype("<u8").tobytes()).hexdigest()[:32] for column in columns]
