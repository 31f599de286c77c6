"""What a message is: a bus, a condition, and a few linear forms over the cells of a row pair (12 section 7.1).

The real VM multiplies random combinations of messages into running products. Here a message is data, so that the same
line of a table gives both the number that a product is made of and the values that a report prints.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from harness.audit.notation import NEXT, OPCODE, NotationError, Vocabulary
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.field import P

ROW: Final = "row"
"""In a slot: the number of the row in the trace."""

CELLS: Final = 2 * WIDTH
"""Cells of a row pair: the sources of a linear form below this one."""
ROW_SOURCE: Final = CELLS
"""In a linear form: the row's number in the trace."""
OPCODE_SOURCE: Final = CELLS + 1
"""In a linear form: the row's opcode."""
NEXT_OPCODE_SOURCE: Final = CELLS + 2
"""In a linear form: the next row's opcode."""
ONE_SOURCE: Final = CELLS + 3
"""In a linear form: the number 1."""


class Side(IntEnum):
    """Whether a row adds the message or removes it."""

    ADDS = 0
    REMOVES = 1


@dataclass(frozen=True, slots=True)
class Bus:
    """Messages that must close among themselves."""

    name: str
    about: str
    """Its place on the page: auxiliary column and section."""
    slots: tuple[str, ...]
    """What stands in each slot, slot 1 first; at most 16."""
    weighted: bool = False
    """Whether messages count with a multiplicity, as in the LogUp sums."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the page's tables: rows of the kinds ``on`` where ``when`` holds send it."""

    bus: Bus
    name: str
    side: Side
    on: tuple[str, ...]
    slots: Mapping[int, str]
    """By slot, from 1 on: a linear form in the notation. Slots left out are 0."""
    when: str = ""
    times: str = ""
    """Of a weighted bus: the cell that holds the multiplicity; 1 when empty."""


def listed(*texts: str, start: int = 1) -> dict[int, str]:
    """The texts as slots ``start``, ``start + 1``, ..."""
    return dict(enumerate(texts, start))


LinearForm = dict[int, int]
"""By source (a position in the 144 cells of a row pair, or one of the sources above): the coefficient."""


def linear_form(text: str, vocabulary: Vocabulary) -> LinearForm:
    """The linear form that a slot's text stands for; coefficients canonical, none 0.

    Raises NotationError when it is none or has an unknown name.
    """
    form = _form(vocabulary.expanded(text), text, vocabulary)
    return {source: coefficient % P for source, coefficient in form.items() if coefficient % P}


def _form(node: ast.expr, text: str, vocabulary: Vocabulary) -> LinearForm:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return {ONE_SOURCE: node.value}
    if isinstance(node, ast.Name):
        return _named(node.id, text, vocabulary)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _scaled(_form(node.operand, text, vocabulary), -1)
    if isinstance(node, ast.BinOp):
        left, right = _form(node.left, text, vocabulary), _form(node.right, text, vocabulary)
        if isinstance(node.op, ast.Add):
            return _sum(left, right)
        if isinstance(node.op, ast.Sub):
            return _sum(left, _scaled(right, -1))
        if isinstance(node.op, ast.Mult):
            for constant, other in ((left, right), (right, left)):
                if set(constant) == {ONE_SOURCE}:
                    return _scaled(other, constant[ONE_SOURCE])
    raise NotationError(text, f"{ast.unparse(node)} is no linear form")


def _named(name: str, text: str, vocabulary: Vocabulary) -> LinearForm:
    plain, offset = name.removesuffix(NEXT), WIDTH * name.endswith(NEXT)
    if name == ROW:
        return {ROW_SOURCE: 1}
    if plain == OPCODE:
        return {NEXT_OPCODE_SOURCE if offset else OPCODE_SOURCE: 1}
    if plain in vocabulary.columns:
        return {COLUMN[vocabulary.columns[plain]] + offset: 1}
    if name in vocabulary.definitions:
        return _form(vocabulary.expanded(vocabulary.definitions[name]), text, vocabulary)
    raise NotationError(text, f"{name} is no name")


def _scaled(form: LinearForm, factor: int) -> LinearForm:
    return {source: coefficient * factor for source, coefficient in form.items()}


def _sum(left: LinearForm, right: LinearForm) -> LinearForm:
    return {source: left.get(source, 0) + right.get(source, 0) for source in left | right}


def evaluate(form: LinearForm, cells: Sequence[int], row: int, opcodes: Sequence[int]) -> int:
    """The form's value on a row pair (144 cells, 2 opcodes) that begins with this row of the trace."""
    sources = (*cells, row, *opcodes, 1)
    return sum(coefficient * sources[source] for source, coefficient in form.items()) % P
