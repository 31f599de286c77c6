"""The text form of a program, for reading (spec 02, section 10).

A basic block that fits into the 80 columns stands on one line; every other node has lines of its own. Decorators stand
in front of what they are attached to.

Each level of nesting indents by 4 columns and a node that two parents share is written twice, so the text can be far
longer than the program: :func:`program_lines` makes it line by line, :func:`program_text` refuses to hold too much.
"""

from __future__ import annotations

from collections.abc import Iterator

from reference.definition.errors import InputError
from reference.definition.field import word_to_hex
from reference.definition.formats.decorator_text import DecoratorTexts
from reference.definition.isa import BY_OPCODE, Immediate, Operation
from reference.definition.mast import (
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
)
from reference.definition.program import Program

WIDTH = 80
INDENT = 4

MAX_TEXT_CHARACTERS = 64 * 2**20
"""More than any program people read; a chain of 64 joins that share both children would fill every disk."""

_Pending = tuple[int, int | str]
"""Indentation, and a node id or a line."""


def program_text(program: Program) -> str:
    """The whole text, with a line end after each line.

    Raises InputError when it has more than 64 Mi characters; :func:`program_lines` has no such limit.
    """
    lines = []
    characters = 0
    for line in program_lines(program):
        characters += len(line) + 1
        if characters > MAX_TEXT_CHARACTERS:
            raise InputError(f"expected a program whose text has at most {MAX_TEXT_CHARACTERS} characters, found more")
        lines.append(line)
    return "\n".join(lines) + "\n"


def program_lines(program: Program) -> Iterator[str]:
    """The lines of the text, without line ends, in memory proportional to the depth of the program."""
    yield "begin"
    decorators = DecoratorTexts(program.forest)
    todo: list[_Pending] = [(INDENT, program.entry)]
    while todo:
        indent, item = todo.pop()
        if isinstance(item, str):
            yield " " * indent + item
        else:
            margin = " " * indent
            for line in _begin(program.forest, decorators, item, indent, todo):
                yield margin + line
    yield "end"


def _begin(
    forest: Forest, decorators: DecoratorTexts, node_id: int, indent: int, todo: list[_Pending]
) -> Iterator[str]:
    """The lines before the node's first child; the rest goes onto the stack, last line first."""
    node = forest.nodes[node_id]
    before, after = " ".join(decorators.before(node_id)), " ".join(decorators.after(node_id))
    inner = indent + INDENT
    rest: list[_Pending] = [(indent, after), (indent, "end")] if after else [(indent, "end")]
    match node:
        case Block():
            executed = [operation_text(operation) for batch in node.batches for operation in batch.operations]
            yield from _block_lines(decorators.woven(node_id, executed), WIDTH - indent)
            return
        case Join(first, second):
            opening = "join"
            rest += [(inner, second), (inner, first)]
        case Split(on_true, on_false):
            opening = "if.true"
            rest += [(inner, on_false), (indent, "else"), (inner, on_true)]
        case Loop(body):
            opening = "while.true"
            rest += [(inner, body)]
        case _:
            parts = [part for part in (before, _leaf_text(forest, node), after) if part]
            line = " ".join(parts)
            yield from [line] if len(line) <= WIDTH - indent else parts
            return
    if before:
        yield before
    yield opening
    todo += rest


def _block_lines(items: list[str], width: int) -> list[str]:
    line = " ".join(("basic_block", *items, "end"))
    if len(line) <= width:
        return [line]
    return ["basic_block", *(" " * INDENT + item for item in items), "end"]


def _leaf_text(forest: Forest, node: Node) -> str:
    match node:
        case Call(callee):
            return f"call.{word_to_hex(forest.digests[callee])}"
        case Syscall(callee):
            return f"syscall.{word_to_hex(forest.digests[callee])}"
        case External(digest):
            return f"external.{word_to_hex(digest)}"
        case Dyn():
            return "dyn"
        case Dyncall():
            return "dyncall"
        case _:
            raise TypeError(f"a {type(node).__name__} is not written on one line")


def operation_text(operation: Operation) -> str:
    """The operation as the text form prints it: ``add``, ``push(42)``, ``assert(0)``."""
    info = BY_OPCODE[operation.code]
    return info.printed if info.immediate is Immediate.NONE else f"{info.printed}({operation.immediate})"
