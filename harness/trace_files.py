"""Traces in files: ``.npz`` with an array ``trace``, and ``.trace``, the 72 columns one after another."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.backend import Cells
from reference.definition.columns import WIDTH
from reference.definition.errors import InputError

ARRAY: Final = "trace"
SUFFIXES: Final = (".npz", ".trace")
_CELL_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A trace and where it stands; its name is the file's without the suffix."""

    path: Path
    cells: Cells
    """(72, rows) uint64."""

    @property
    def name(self) -> str:
        """As the case is called whose trace it is."""
        return self.path.stem


def trace_paths(place: Path) -> list[Path]:
    """The trace files in a folder, sorted; the file itself when ``place`` is one.

    Raises InputError for a folder without trace files.
    """
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES)
    if not found:
        raise InputError(f"expected files of type {', '.join(SUFFIXES)} in the folder, found none", source=str(place))
    return found


def read_trace(path: Path) -> TraceFile:
    """The trace in a file; a ``.trace`` file is read as its rows are asked for.

    Raises InputError for a file that cannot be read or holds no trace.
    """
    try:
        cells = _read_columns(path) if path.suffix == ".trace" else _read_archive(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"expected a trace, found a file that cannot be read as one: {error}", source=str(path)
        ) from None
    return TraceFile(path, cells)


def _read_columns(path: Path) -> Cells:
    size = path.stat().st_size
    if size == 0 or size % (WIDTH * _CELL_BYTES):
        raise ValueError(f"{size} bytes are not {WIDTH} columns of {_CELL_BYTES}-byte cells")
    # A plain array over the mapped file: what compiled code takes.
    mapped = np.memmap(path, dtype="<u8", mode="r", shape=(WIDTH, size // (WIDTH * _CELL_BYTES)))
    return np.asarray(mapped)


def _read_archive(path: Path) -> Cells:
    # numpy leaves a file open that turns out to be no archive.
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile) or ARRAY not in archive:
            raise ValueError(f"no archive with an array called {ARRAY!r}")
        cells: NDArray[Any] = archive[ARRAY]
    if cells.ndim != 2 or WIDTH not in cells.shape or cells.dtype.kind not in "ui":
        raise ValueError(f"an array of {cells.dtype} {cells.shape}, not {WIDTH} columns of integers")
    columns = cells if cells.shape[0] == WIDTH else cells.T
    return columns.astype(np.uint64, copy=False)
