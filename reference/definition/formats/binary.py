"""Whole binary files: each function reads all bytes of one file, or writes one (spec 02, sections 8 and 9).

Every reader raises InputError with the place ``byte N``: truncation anywhere, counts beyond the file, ids out of range,
non-canonical field elements, cycles, repetitions, unassigned opcodes, and bytes left over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reference.definition.formats import forest_binary, package_binary, program_binary
from reference.definition.formats.package_binary import Export, Library, Package
from reference.definition.formats.wire import Reader
from reference.definition.mast import Forest
from reference.definition.program import Kernel, Program

__all__ = [
    "Export",
    "Library",
    "Package",
    "read_forest",
    "read_kernel_library",
    "read_library",
    "read_package",
    "read_program",
    "write_forest",
    "write_program",
]

_Content = TypeVar("_Content")

write_forest = forest_binary.write_forest
write_program = program_binary.write_program


def _whole(data: bytes, read: Callable[[Reader], _Content]) -> _Content:
    reader = Reader(data)
    content = read(reader)
    reader.finish()
    return content


def read_forest(data: bytes) -> Forest:
    """A forest alone."""
    return _whole(data, forest_binary.read_forest)


def read_program(data: bytes) -> Program:
    """A ``.masb`` file."""
    return _whole(data, program_binary.read_program)


def read_library(data: bytes) -> Library:
    """A ``.masl`` file."""
    return _whole(data, package_binary.read_library)


def read_kernel_library(data: bytes) -> tuple[Library, Kernel]:
    """A ``.masl`` file whose exports are the procedures of a kernel; also InputError when they are not."""
    library = read_library(data)
    return library, package_binary.kernel_of(library)


def read_package(data: bytes) -> Package:
    """A ``.masp`` file."""
    return _whole(data, package_binary.read_package)
