"""The binary form of programs and kernels: ``.masb`` files (spec 02, section 9)."""

from __future__ import annotations

from itertools import pairwise

from reference.definition.formats.forest_binary import read_forest, write_forest
from reference.definition.formats.wire import Reader, Writer
from reference.definition.program import Kernel, Program, word_bytes


def read_program(reader: Reader) -> Program:
    """The program at the reader's position: forest, kernel, entry node.

    Raises InputError with the place ``byte N``.
    """
    forest = read_forest(reader)
    kernel = read_kernel(reader)
    start = reader.position
    entry = reader.u32("the entry node")
    if entry not in forest.roots:
        raise reader.refuse(
            f"expected an entry node that is one of the {len(forest.roots)} roots, found {entry}", start
        )
    return Program(forest, entry, kernel)


def read_kernel(reader: Reader) -> Kernel:
    """A kernel's procedures, which every writer sorts by their 32-byte forms.

    Raises InputError for a kernel out of order or with a repetition. (The real VM does not check.)
    """
    start = reader.position
    procedures = tuple(reader.word("a kernel procedure") for _ in range(reader.u8("the number of kernel procedures")))
    for one, other in pairwise(procedures):
        if word_bytes(one) >= word_bytes(other):
            raise reader.refuse("expected kernel procedures in ascending order, each once, found otherwise", start)
    return Kernel(procedures)


def write_program(program: Program) -> bytes:
    """The program in binary form; what a compiler wrote comes out byte for byte.

    Raises InputError when digests must be computed and the nodes form a cycle or lack a child.
    """
    writer = Writer().raw(write_forest(program.forest)).unsigned(len(program.kernel.procedures), 1)
    for procedure in program.kernel.procedures:
        writer.word(procedure)
    return writer.unsigned(program.entry, 4).written()
