"""Binary forests and programs: the worked example, compiled programs, and every way of being damaged."""

from __future__ import annotations

import os
import shlex
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from samples import BINARIES, DATA, EXAMPLE_PROGRAM

from reference.definition.errors import InputError
from reference.definition.formats.binary import read_forest, read_program, write_forest, write_program
from reference.definition.formats.case_json import read_case
from reference.definition.formats.wire import Writer
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, DebugSections, Dyn, External, Forest, Join, Node
from reference.definition.program import Kernel, Program

DEEP = 10_000
P = 2**64 - 2**32 + 1
DIGEST = (5, 6, 7, 8)
BINARY_IDS = [path.stem for path in BINARIES]


def block(*operations: str) -> Block:
    return Block(tuple(Operation(opcode(name)) for name in operations))


def with_bytes(offset: int, data: bytes, source: bytes = EXAMPLE_PROGRAM) -> bytes:
    return source[:offset] + data + source[offset + len(data) :]


def test_the_worked_example_is_read() -> None:
    program = read_program(EXAMPLE_PROGRAM)
    swap_push = Block((Operation(opcode("SWAP")), Operation(opcode("PUSH"), 42)))
    assert program.forest.nodes == (swap_push, block("DROP"), Join(0, 1))
    assert (program.forest.roots, program.entry, program.kernel) == ((2,), 2, Kernel())
    assert program.forest.debug_sections is None
    assert program.hash == (14002581231276936843, 11078044575323313836, 404930941062907522, 4550383797069860823)


def test_the_worked_example_is_written() -> None:
    program = read_program(EXAMPLE_PROGRAM)
    assert write_program(program) == EXAMPLE_PROGRAM
    computed = Program(replace(program.forest, stored_digests=None), 2)
    assert write_program(computed) == EXAMPLE_PROGRAM


@pytest.mark.parametrize("path", BINARIES, ids=BINARY_IDS)
def test_compiled_programs_come_out_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    assert write_program(read_program(data)) == data


@pytest.mark.parametrize("path", BINARIES, ids=BINARY_IDS)
def test_stored_digests_of_compiled_programs_are_those_of_their_nodes(path: Path) -> None:
    forest = read_program(path.read_bytes()).forest
    assert replace(forest, stored_digests=None).digests == forest.stored_digests


@pytest.mark.parametrize("name", ["dispatch", "bubble_sort"])
def test_a_compiled_program_is_the_recorded_case(name: str) -> None:
    program = read_program((DATA / "formats" / f"{name}.masb").read_bytes())
    case = read_case((DATA / "formats" / f"{name}.case.json").read_bytes())
    assert program.hash == case.program.hash


def test_decorators_messages_and_tables_of_a_compiled_program() -> None:
    forest = read_program((DATA / "formats" / "decorated.masb").read_bytes()).forest
    assert forest.debug_sections is not None
    assert forest.debug_sections.decorators == tuple((7, 4 * number) for number in range(7))
    assert sorted(forest.debug_sections.data[::4]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(forest.error_messages.values()) == ["the sum is six"]
    assert (7, 8, 9) in forest.advice_map.values()


def test_all_decorator_variants_survive() -> None:
    strings = Writer().string("file.masm").string("proc").string("add").written()
    with_location = bytes([3, 1, 1]) + Writer().vint(0).written() + bytes(8) + Writer().vint(1).vint(2).written()
    without = bytes([1, 0, 0]) + Writer().vint(1).vint(2).written()
    data = with_location + without + bytes(8)
    end = len(with_location + without)
    table = ((0, 0), (0, len(with_location)), (1, 0), (2, end), (3, 0), (4, end), (5, end), (6, end), (7, end))
    sections = DebugSections(
        data=data,
        string_offsets=(0, 10, 15),
        strings=strings,
        decorators=table,
        in_blocks=((0, ((0, 0), (1, 1), (1, 2))), (1, ())),
        before_enter=((2, (3, 4)),),
        after_exit=((0, (5, 6, 7)), (2, (8,))),
    )
    forest = Forest((block("ADD"), block("MUL"), Join(0, 1)), (2,), debug_sections=sections)
    again = read_forest(write_forest(forest))
    assert again.debug_sections == sections
    assert write_forest(again) == write_forest(forest)


def test_children_may_come_after_their_parents() -> None:
    forest = Forest((Join(2, 1), block("ADD"), block("MUL"), Dyn(), External(DIGEST)), (0, 4))
    again = read_forest(write_forest(forest))
    assert (again.nodes, again.roots) == (forest.nodes, forest.roots)
    assert again.digests == forest.digests


def test_ten_thousand_nested_joins() -> None:
    nodes: tuple[Node, ...] = (*(Join(depth + 1, DEEP) for depth in range(DEEP)), block("ADD"))
    forest = Forest(nodes, (0,), stored_digests=(DIGEST,) * len(nodes))
    assert read_forest(write_forest(forest)).nodes == nodes


def test_the_digest_of_a_dyn_node_is_a_constant_whatever_the_table_says() -> None:
    forest = Forest((Dyn(),), (0,), stored_digests=(DIGEST,))
    assert read_forest(write_forest(forest)).digests == Forest((Dyn(),), (0,)).digests


def test_other_stored_digests_are_trusted() -> None:
    forest = Forest((block("ADD"),), (0,), stored_digests=(DIGEST,))
    assert read_forest(write_forest(forest)).digests == (DIGEST,)


def test_maps_are_written_in_the_order_of_the_machines_internal_form() -> None:
    # 2^64 mod p is 2^32 - 1, so the internal form of 2^32 is 2^64 - 2^32 = p - 1 and that of 2^32 + 1 is 2^32 - 2.
    keys = [(2**32, 0, 0, 0), (2**32 + 1, 0, 0, 0), (1, 0, 0, 0)]
    forest = Forest((block("ADD"),), (0,), advice_map=dict.fromkeys(keys, (1,)), error_messages={9: "b", 2: "a"})
    again = read_forest(write_forest(forest))
    assert list(again.advice_map) == [(2**32 + 1, 0, 0, 0), (1, 0, 0, 0), (2**32, 0, 0, 0)]
    assert list(again.error_messages) == [2, 9]


@pytest.mark.parametrize("path", BINARIES, ids=BINARY_IDS)
def test_truncation_at_every_byte_is_refused(path: Path) -> None:
    data = path.read_bytes()
    # A long file repeats itself: its ends hold every kind of field, its middle is sampled.
    lengths = {*range(min(len(data), 2500)), *range(2500, len(data), 97), *range(max(0, len(data) - 300), len(data))}
    for length in lengths:
        with pytest.raises(InputError) as error:
            read_program(data[:length])
        assert error.value.place.startswith("byte ")
        assert int(error.value.place.removeprefix("byte ")) <= length


# offset in the worked example, bytes, byte of the error, part of the reason
DAMAGED = {
    "magic": (0, b"mast", 0, "the magic bytes of a forest"),
    "version": (7, b"\1", 5, "version 0.0.0"),
    "node count": (8, bytes.fromhex("fe"), 8, "found a count of"),
    "huge node count": (8, b"\0" + b"\xff" * 8, 8, "expected nodes of 40 bytes each, found a count of"),
    "huge decorator count": (9, b"\0" + b"\xff" * 8, 9, "expected decorators, found a count of"),
    "decorators that are not there": (9, b"\3", 152, "the offset of a decorator, below 0"),
    "root": (11, b"\3", 11, "expected a root, below 3, found 3"),
    "block data length": (15, b"\xfe\xff", 15, "a count of 16383"),
    "no operations": (16, b"\1", 16, "at least one operation in a block"),
    "too many operations": (16, b"\xff", 16, "found a count of 127"),
    "unassigned opcode": (17, b"\x06", 17, "expected an assigned opcode, found 6"),
    "high bit": (17, b"\xff", 17, "expected an assigned opcode, found 255"),
    "control opcode": (17, bytes([opcode("CALL")]), 17, "the control operation CALL"),
    "immediate": (19, b"\xff" * 8, 19, "the immediate of PUSH, below"),
    "overlapping lists": (69, b"\1", 17, "found a count"),
    "offset": (69, b"\xff", 16, "the offset of an operation list, below 13, found 255"),
    "digest": (37, b"\xff" * 8, 37, "expected a digest, below"),
    "kind": (116, b"\x90", 109, "expected a node kind from 0 to 8, found 9"),
    "child": (109, b"\3", 109, "expected a child of node 2, below 3, found 3"),
    "cycle": (109, b"\2", 109, "node 2: child 2 is also an ancestor"),
    "payload of dyn": (116, b"\x60", 109, "expected payload 0 for node kind 6"),
    "advice map": (149, b"\xff", 149, "advice map entries"),
    "error codes": (150, b"\xff", 150, "error codes"),
    "decorator data": (151, b"\xff", 151, "bytes of decorator data"),
    "strings": (152, b"\xff", 152, "strings"),
    "string data": (153, b"\xff", 153, "bytes of string data"),
    "decorators of no block": (155, b"\5", 155, "the id of a basic block, found 2"),
    "decorators of no node": (155, b"\7", 155, "a node id, below 3, found 3"),
    "decorators twice": (157, b"\1", 157, "two for node 0"),
    "before enter": (159, b"\xff", 159, "lists of decorators"),
    "kernel": (161, b"\1", 162, "expected a kernel procedure"),
    "entry": (162, b"\1", 162, "an entry node that is one of the 1 roots, found 1"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_at_its_byte(name: str) -> None:
    offset, data, place, reason = DAMAGED[name]
    with pytest.raises(InputError) as error:
        read_program(with_bytes(offset, data))
    assert (error.value.place, reason in error.value.reason) == (f"byte {place}", True), error.value
    assert len(error.value.reason) < 300


def test_bytes_behind_the_program_are_refused() -> None:
    with pytest.raises(InputError, match="expected the end of the file, found 1 more bytes"):
        read_program(EXAMPLE_PROGRAM + b"\0")


def test_repeated_roots_keys_and_codes_are_refused() -> None:
    one = write_forest(Forest((block("ADD"), block("MUL")), (0, 1)))
    assert one[10:19] == b"\5" + bytes([0, 0, 0, 0, 1, 0, 0, 0])
    with pytest.raises(InputError, match="every root once, found 0 twice"):
        read_forest(with_bytes(15, b"\0", one))
    for fields, reason in (
        ({"advice_map": {(1, 0, 0, 0): (), (2, 0, 0, 0): ()}}, "every advice map key once"),
        ({"error_messages": {1: "", 2: ""}}, "every error code once, found 1 twice"),
    ):
        data = write_forest(Forest((block("ADD"),), (0,), **fields))  # type: ignore[arg-type]
        second = data.index((2).to_bytes(8, "little"), 60)
        with pytest.raises(InputError, match=reason):
            read_forest(with_bytes(second, b"\1", data))


def test_a_kernel_is_in_order_and_lists_a_procedure_once() -> None:
    forest = Forest((block("ADD"),), (0,))
    in_order = Program(forest, 0, Kernel(((1, 0, 0, 0), (2, 0, 0, 0))))
    assert read_program(write_program(in_order)).kernel == in_order.kernel
    for procedures in (((2, 0, 0, 0), (1, 0, 0, 0)), ((1, 0, 0, 0), (1, 0, 0, 0))):
        with pytest.raises(InputError, match="ascending order, each once"):
            read_program(write_program(Program(forest, 0, Kernel(procedures))))


def test_two_blocks_may_share_an_operation_list() -> None:
    # Node 1 takes the list of node 0.
    nodes = read_program(with_bytes(69, b"\0")).forest.nodes
    assert nodes[0] == nodes[1]


def test_overlapping_operation_lists_are_refused_before_they_cost_anything() -> None:
    # 0x21 is the count 16 and the opcode EQ: every byte begins a list of 17 bytes. Longer counts would be quadratic.
    count = 900
    writer = Writer().raw(b"MAST\0\0\0\0").vint(count).vint(0).vint(0).data(b"\x21" * 1000)
    for offset in range(count):
        writer.unsigned(3 << 60 | offset, 8).elements(DIGEST)
    with pytest.raises(InputError, match="do not overlap"):
        read_forest(writer.raw(b"\1" * 8).written())


def test_a_promise_of_much_costs_little_memory() -> None:
    tracemalloc.start()
    try:
        for offset in range(8, 16):
            with pytest.raises(InputError):
                read_program(with_bytes(offset, b"\0" + b"\xff" * 7 + b"\x0f"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.oracle
@pytest.mark.skipif("FRAGDIFF_ORACLE" not in os.environ, reason="FRAGDIFF_ORACLE does not name the real VM")
def test_what_the_real_vm_assembles_now_comes_out_byte_for_byte(tmp_path: Path) -> None:
    source, binary = DATA / "formats" / "decorated.masm", tmp_path / "decorated.masb"
    command = [*shlex.split(os.environ["FRAGDIFF_ORACLE"]), "assemble", str(source), "--binary", str(binary)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    program = read_program(binary.read_bytes())
    assert write_program(program) == binary.read_bytes() == (DATA / "formats" / "decorated.masb").read_bytes()
    assert read_case(run.stdout).program.hash == program.hash
