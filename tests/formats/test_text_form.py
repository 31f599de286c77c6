"""The text form of programs."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

import pytest
from samples import DATA

from reference.definition.errors import InputError
from reference.definition.field import word_to_hex
from reference.definition.formats import text
from reference.definition.formats.binary import read_program
from reference.definition.formats.case_nodes import SymbolicExternal, parse_node
from reference.definition.formats.text import program_lines, program_text
from reference.definition.mast import DebugSections, Forest, Join, Node
from reference.definition.program import Program

DEEP = 10_000

# Spec 02, section 10.
EXAMPLE = """\
begin
    basic_block
        push(2147483648)
        push(4294967294)
        mstore
        drop
        pad
        eqz
        assert(0)
        noop
    end
end
"""

CONTROL = """\
begin
    join
        if.true
            while.true
                basic_block add end
            end
        else
            basic_block push(7) noop end
        end
        join
            join
                call.0x{add}
                syscall.0x{add}
            end
            join
                dyn
                join
                    dyncall
                    external.0x{word}
                end
            end
        end
    end
end
"""


def program(*nodes: str) -> Program:
    parsed: list[Node] = []
    for node in map(parse_node, nodes):
        assert not isinstance(node, SymbolicExternal)
        parsed.append(node)
    return Program(Forest(tuple(parsed), (len(parsed) - 1,)), len(parsed) - 1)


def test_the_example_of_the_specification() -> None:
    block = "block PUSH(2147483648) PUSH(4294967294) MSTORE DROP PAD EQZ ASSERT"
    assert program_text(program(block)) == EXAMPLE


def test_every_kind_of_node() -> None:
    word = "0100000000000000" + "02" + "00" * 23
    nodes = ["block ADD", "loop 0", "block PUSH(7)", "split 1 2", "call 0", "syscall 0", "join 4 5"]
    nodes += ["dyn", "dyncall", f"external 0x{word}", "join 8 9", "join 7 10", "join 6 11", "join 3 12"]
    digest = (7259075614730273379, 2498922176515930900, 11574583201486131710, 6285975441353882141)
    add = b"".join(element.to_bytes(8, "little") for element in digest).hex()
    assert program_text(program(*nodes)) == CONTROL.format(add=add, word=word)


def test_a_block_of_exactly_80_columns_stands_on_one_line() -> None:
    # 4 columns of margin, "basic_block", "end", 15 times "add", and one operation more.
    for operation, length in (("DUP0", 84 - 4), ("MOVUP2", None)):
        lines = list(program_lines(program("block" + " ADD" * 14 + " " + operation)))
        if length:
            assert [len(line) for line in lines] == [5, length, 3]
        else:
            assert lines[1] == "    basic_block"
            assert len(lines) == 3 + 15 + 1


def test_deeper_blocks_have_fewer_columns() -> None:
    lines = list(program_lines(program("block" + " ADD" * 14 + " DUP0", "loop 0")))
    assert lines[2] == "        basic_block"


DECORATED = """\
begin
    debug(stack) debug(stack.3)
    join
        basic_block
            debug(mem)
            asmOp(add, 3)
            add
            trace(9)
            debug(mem.1.2)
            debug(local.1.2)
            debug(adv_stack.4)
        end
        debug(stack)
        call.0x{add}
        trace(9)
    end
    trace(9) debug(stack)
end
"""


def test_decorators_stand_in_front_of_what_they_are_attached_to() -> None:
    data = bytes([3, 0, 0, 1, 1]) + bytes([3, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, 5, 0, 4, 0])
    sections = DebugSections(
        data=data,
        string_offsets=(0,),
        strings=b"\x07add",
        decorators=((1, 0), (2, 5), (3, 0), (0, 0), (7, 6), (4, 10), (5, 18), (6, 24)),
        in_blocks=((0, ((0, 3), (1, 4), (1, 5))),),
        before_enter=((0, (2,)), (1, (0,)), (2, (0, 1))),
        after_exit=((0, (6, 7)), (1, (4,)), (2, (4, 0))),
    )
    bare = program("block ADD", "call 0", "join 0 1")
    decorated = Program(replace(bare.forest, debug_sections=sections), 2)
    add = word_to_hex(bare.forest.digests[0]).removeprefix("0x")
    assert program_text(decorated) == DECORATED.format(add=add)


def test_decorators_of_a_compiled_program_are_printed() -> None:
    compiled = read_program((DATA / "formats" / "decorated.masb").read_bytes())
    printed = re.findall(r"trace\((\d)\)", program_text(compiled))
    # The order of the source, with the called procedure in its place.
    assert printed == list("12347566")


@pytest.mark.parametrize("deep_first", [True, False])
def test_ten_thousand_nested_joins_come_line_by_line(deep_first: bool) -> None:
    chain = [Join(depth, 0) if deep_first else Join(0, depth) for depth in range(DEEP)]
    forest = Forest((*program("block ADD").forest.nodes, *chain), (DEEP,))
    count = deepest = 0
    for line in program_lines(Program(forest, DEEP)):
        count += 1
        deepest = max(deepest, len(line))
    # A block right of column 61 does not fit on one line and takes three; that of join k stands at column 4 (k + 1).
    one_line_blocks = 14
    assert deepest == 4 * (DEEP + 1) + len("basic_block")
    assert count == 2 + 2 * DEEP + 3 * (DEEP + 1) - 2 * one_line_blocks


def test_a_program_with_shared_nodes_may_have_more_text_than_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    forest = Forest((*program("block ADD").forest.nodes, *(Join(depth, depth) for depth in range(64))), (64,))
    endless = Program(forest, 64)
    assert len(list(islice(program_lines(endless), 1000))) == 1000
    monkeypatch.setattr(text, "MAX_TEXT_CHARACTERS", 10_000)
    with pytest.raises(InputError, match="at most 10000 characters"):
        program_text(endless)
