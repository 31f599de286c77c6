"""Libraries (``.masl``) and packages (``.masp``): forests with names for their procedures (spec 02, section 9)."""

from __future__ import annotations

from dataclasses import dataclass

from reference.definition.errors import InputError
from reference.definition.field import Word
from reference.definition.formats.forest_binary import read_forest
from reference.definition.formats.program_binary import read_program
from reference.definition.formats.signatures import skip_attributes, skip_function_type
from reference.definition.formats.wire import WORD_BYTES, Reader
from reference.definition.mast import Forest
from reference.definition.program import Kernel, Program
from reference.definition.rpo import hash_elements

MAGIC = b"MASP\0"
VERSION = b"\2\0\0"
TAG_BYTES = 4
PROGRAM_TAG, LIBRARY_TAG = b"PRG\0", b"LIB\0"
KERNEL_MODULE = "$kernel"


@dataclass(frozen=True, slots=True)
class Export:
    """A procedure of a library: ``module`` with components joined by ``::``, its name and its node."""

    module: str
    name: str
    node: int


@dataclass(frozen=True, slots=True)
class Library:
    """A forest and the procedures that it offers."""

    forest: Forest
    exports: tuple[Export, ...]

    @property
    def digest(self) -> Word:
        """Hash of all export digests, one per export, sorted by elements 3, 2, 1, 0."""
        digests = sorted((self.forest.digests[export.node] for export in self.exports), key=lambda word: word[::-1])
        return hash_elements([element for digest in digests for element in digest])


@dataclass(frozen=True, slots=True)
class Package:
    """A program or a library with a name; manifest and custom sections are checked and left out."""

    name: str
    content: Program | Library


def read_library(reader: Reader) -> Library:
    """The library at the reader's position.

    Raises InputError with the place ``byte N``.
    """
    forest = read_forest(reader)
    start = reader.position
    exports: dict[tuple[str, str], Export] = {}
    for _ in range(reader.count(8, "exports")):
        at = reader.position
        module, name = _read_name(reader)
        export = Export(module, name, reader.below(len(forest.nodes), 4, "the node of an export"))
        if (module, name) in exports:
            raise reader.refuse(f"expected every export once, found {module}::{name} twice", at)
        exports[module, name] = export
        if reader.boolean("whether a function type follows"):
            skip_function_type(reader)
    if not exports:
        raise reader.refuse("expected at least one export, found none", start)
    return Library(forest, tuple(exports.values()))


def kernel_of(library: Library) -> Kernel:
    """The kernel that a kernel library describes: the digests of all its exports.

    Raises InputError when an export is not in the module ``$kernel``, for duplicates and for more than 255 procedures.
    """
    for export in library.exports:
        if export.module != KERNEL_MODULE:
            raise InputError(
                f"expected exports of the module {KERNEL_MODULE} only, found {export.module}::{export.name}"
            )
    return Kernel.of(library.forest.digests[export.node] for export in library.exports)


def read_package(reader: Reader) -> Package:
    """The package at the reader's position, to the end of its sections.

    Raises InputError with the place ``byte N``.
    """
    reader.expect(MAGIC, "the magic bytes of a package")
    reader.expect(VERSION, "version 2.0.0 of the package format")
    name = reader.string("the name of the package")
    for what in ("version", "description"):
        if reader.boolean(f"whether a {what} follows"):
            reader.string(f"the {what}")
    content = _read_content(reader)
    _skip_manifest(reader)
    for _ in range(reader.count(2, "sections")):
        reader.string("the id of a section")
        reader.data("a section")
    return Package(name, content)


def _read_content(reader: Reader) -> Program | Library:
    start = reader.position
    tag = reader.take(TAG_BYTES, "the kind of the package")
    if tag == PROGRAM_TAG:
        return read_program(reader)
    if tag == LIBRARY_TAG:
        return read_library(reader)
    raise reader.refuse(f"expected the tag PRG or LIB, found {tag!r}", start)


def _skip_manifest(reader: Reader) -> None:
    for _ in range(reader.count(WORD_BYTES + 5, "exports of the manifest")):
        _read_name(reader)
        reader.word("the digest of an export")
        if reader.boolean("whether a function type follows"):
            skip_function_type(reader)
        skip_attributes(reader)
    for _ in range(reader.count(WORD_BYTES + 1, "dependencies")):
        reader.string("the name of a dependency")
        reader.word("the digest of a dependency")


def _read_name(reader: Reader) -> tuple[str, str]:
    module = reader.text(reader.u16("the length of a module path"), "a module path")
    return module, reader.string("the name of a procedure")
