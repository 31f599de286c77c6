"""The text form of programs."""

from __future__ import annotations

from itertools import islice

import pytest

from reference.definition.errors import InputError
from reference.definition.formats import text
from reference.definition.formats.case_nodes import SymbolicExternal, parse_node
from reference.definition.formats.text import program_lines, program_text
from reference.definition.mast import Forest, Join, Node
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
