"""Libraries, kernel libraries and packages, assembled here field by field as the specification lists them."""

from __future__ import annotations

import pytest
from samples import EXAMPLE_PROGRAM

from reference.definition.errors import InputError
from reference.definition.formats.binary import read_kernel_library, read_library, read_package, write_forest
from reference.definition.formats.signatures import skip_function_type
from reference.definition.formats.wire import Reader, Writer
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Forest
from reference.definition.program import Program
from reference.definition.rpo import hash_elements

ADD = (7259075614730273379, 2498922176515930900, 11574583201486131710, 6285975441353882141)
MUL = (9257977759327983792, 16084548298145579864, 4922676843837120619, 2647076074774954013)

FELT, WORD_OF_FELTS = bytes([15]), bytes([17, 0, 4, 15, 15, 15, 15])
# Fast calls; parameters: pointer to elements of i32, array of 5 u8, list of a packed struct of two u64; result: a word.
SIGNATURE = (
    bytes([0])
    + Writer().vint(3).written()
    + bytes([16, 1, 7])
    + bytes([18])
    + Writer().vint(5).written()
    + bytes([4, 19, 17, 2, 1, 0, 2, 10, 10])
    + Writer().vint(1).written()
    + WORD_OF_FELTS
)


def export(module: str, name: str, node: int, signature: bytes | None = None) -> bytes:
    writer = Writer().unsigned(len(module.encode()), 2).raw(module.encode()).string(name).unsigned(node, 4)
    return writer.raw(b"\0" if signature is None else b"\1" + signature).written()


def library(*exports: bytes) -> bytes:
    blocks = tuple(Block((Operation(opcode(name)),)) for name in ("ADD", "MUL"))
    return write_forest(Forest(blocks, (0, 1))) + Writer().vint(len(exports)).raw(b"".join(exports)).written()


LIBRARY = library(export("a::b", "mul", 1, SIGNATURE), export("a::c", "add", 0))


def attributes() -> bytes:
    writer = Writer().vint(3)
    writer.unsigned(0, 1).string("inline")
    writer.unsigned(1, 1).string("list").vint(2).unsigned(0, 1).string("name").unsigned(1, 1).unsigned(7, 8)
    writer.unsigned(2, 1).string("map").vint(2)
    writer.string("word").unsigned(2, 1).word(ADD).string("text").unsigned(3, 1).string("hello")
    return writer.written()


def package(tag: bytes, content: bytes) -> bytes:
    writer = Writer().raw(b"MASP\0\2\0\0").string("sample").raw(b"\1").string("0.1.0").raw(b"\0").raw(tag).raw(content)
    writer.vint(2)
    for name, digest, signature in (("mul", MUL, SIGNATURE), ("add", ADD, None)):
        writer.unsigned(4, 2).raw(b"a::b").string(name).word(digest)
        writer.raw(b"\0" if signature is None else b"\1" + signature)
        writer.raw(attributes() if signature else b"\1")
    writer.vint(1).string("dependency").word(ADD)
    return writer.vint(1).string("debug_info").data(bytes(10)).written()


def test_a_library_names_its_procedures() -> None:
    read = read_library(LIBRARY)
    assert [(item.module, item.name, item.node) for item in read.exports] == [("a::b", "mul", 1), ("a::c", "add", 0)]
    assert read.forest.digests == (ADD, MUL)


def test_the_digest_of_a_library_sorts_by_the_last_element_first() -> None:
    assert MUL[3] < ADD[3]
    assert read_library(LIBRARY).digest == hash_elements([*MUL, *ADD])


def test_a_kernel_library_gives_a_kernel() -> None:
    data = library(export("$kernel", "one", 0), export("$kernel", "two", 1))
    assert sorted(read_kernel_library(data)[1].procedures) == [ADD, MUL]
    with pytest.raises(InputError, match="the module \\$kernel only, found a::b::mul"):
        read_kernel_library(LIBRARY)
    with pytest.raises(InputError, match="once"):
        read_kernel_library(library(export("$kernel", "one", 0), export("$kernel", "two", 0)))


def test_packages_hold_programs_or_libraries() -> None:
    with_program = read_package(package(b"PRG\0", EXAMPLE_PROGRAM))
    assert with_program.name == "sample"
    assert isinstance(with_program.content, Program)
    assert with_program.content.hash[0] == 14002581231276936843
    with_library = read_package(package(b"LIB\0", LIBRARY)).content
    assert not isinstance(with_library, Program)
    assert len(with_library.exports) == 2


@pytest.mark.parametrize("tag", [b"PRG\0", b"LIB\0"])
def test_packages_cut_short_at_every_byte_are_refused(tag: bytes) -> None:
    data = package(tag, EXAMPLE_PROGRAM if tag == b"PRG\0" else LIBRARY)
    read_package(data)
    for length in range(len(data)):
        with pytest.raises(InputError) as error:
            read_package(data[:length])
        assert error.value.place.startswith("byte ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (library(), "at least one export"),
        (library(export("a", "b", 2)), "the node of an export, below 2, found 2"),
        (library(export("a", "b", 0), export("a", "b", 1)), "every export once, found a::b twice"),
        (library(export("a", "b", 0, b"\6\1\1")), "a calling convention, below 6, found 6"),
        (library(export("a", "b", 0, b"\0\3\x15\1")), "a type, below 21, found 21"),
        (library(export("a", "b", 0, b"\0\3\x10\2\1\1")), "an address space, below 2, found 2"),
        (library(export("a", "b", 0, b"\0\3\x11\4\0\1")), "a struct representation, below 4, found 4"),
        (library(export("a", "b", 0, b"\0\3\x11\1\0\0\0\1")), "an alignment above 0"),
        (library(export("a", "b", 0, b"\0\xff\1")), "found a count of 127"),
    ],
)
def test_damaged_libraries_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_library(data)


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"MASQ\0\2\0\0", "byte 0", "magic bytes of a package"),
        (b"MASP\0\1\0\0", "byte 5", "version 2.0.0"),
        (b"MASP\0\2\0\0\5\xc3(", "byte 9", "in UTF-8"),
        (package(b"APP\0", LIBRARY), "byte 23", "the tag PRG or LIB, found b'APP"),
    ],
)
def test_damaged_packages_are_refused(data: bytes, place: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_package(data)
    assert error.value.place == place


def test_deeply_nested_types_need_no_recursion() -> None:
    nested = b"\0" + Writer().vint(1).written() + bytes([19]) * 100_000 + FELT + Writer().vint(0).written()
    reader = Reader(nested)
    skip_function_type(reader)
    assert reader.remaining == 0


def test_types_that_promise_more_types_than_bytes_are_refused() -> None:
    # Each struct promises 255 fields, the first of which is such a struct.
    promising = b"\0" + Writer().vint(1).written() + bytes([17, 0, 255]) * 1000
    with pytest.raises(InputError, match="types in the bytes left"):
        skip_function_type(Reader(promising))


def test_function_types_nest_in_parameters_and_results() -> None:
    inner = bytes([20, 0]) + Writer().vint(1).raw(FELT).vint(2).raw(FELT + FELT).written()
    outer = bytes([0]) + Writer().vint(2).raw(inner + FELT).vint(1).raw(inner).written()
    reader = Reader(outer + b"rest")
    skip_function_type(reader)
    assert reader.remaining == len(b"rest")
