"""The page's notation as compiled code: ``s0 + s1 - s0'`` over field elements, with names for the cells of a row pair.

A rule is text that a reader can put against its line in the page; this module turns the text into the condition under which
the rule is violated. Values are field elements; ``&``, ``>>`` and comparisons take them as integers. A name followed by ' is
the cell in the next row. A product vanishes when a factor does, and a difference when both sides are equal: neither is
computed where a comparison will do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

NEXT = "_next"
"""What ' becomes inside generated code."""
ROW_IN_CYCLE = "k"
"""The row number modulo 8."""
OPCODE = "op"
"""The row's opcode; ``op'`` the next row's."""
SPECIAL = frozenset((ROW_IN_CYCLE, OPCODE, OPCODE + NEXT))

_PRIME = re.compile(r"\b([A-Za-z_]\w*)'")
_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
_INTEGER_OPERATORS: dict[type[ast.operator], str] = {ast.BitAnd: "&", ast.RShift: ">>"}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class NotationError(ValueError):
    """A rule's text is not in the notation: a mistake in the rule."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{reason} in {text!r}")


@dataclass(frozen=True)
class Vocabulary:
    """Names that rules of one kind use. ``macros`` take arguments and are replaced, such as ``ext0(a0, a1, b0, b1)``."""

    columns: Mapping[str, str]
    """By name in rules: the column of the trace."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """By name: an expression of columns and other definitions, evaluated in the row pair."""
    macros: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """By name: parameters and expression."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """By name: a number, such as an operation's opcode."""

    @cached_property
    def _parsed_definitions(self) -> dict[str, ast.expr]:
        return {name: parse(text) for name, text in self.definitions.items()}

    @cached_property
    def _parsed_macros(self) -> dict[str, tuple[tuple[str, ...], ast.expr]]:
        return {name: (parameters, parse(text)) for name, (parameters, text) in self.macros.items()}

    def expanded(self, text: str) -> ast.expr:
        """The expression with macros and constants replaced.

        Raises NotationError for an unknown macro and for a wrong number of arguments.
        """
        expression = _Expand(self._parsed_macros, text).visit_expression(parse(text))
        numbers: dict[str, ast.expr] = {name: ast.Constant(value) for name, value in self.constants.items()}
        replaced = _Substitute(numbers).visit(expression)
        assert isinstance(replaced, ast.expr)
        return replaced

    def names_of(self, text: str) -> tuple[list[str], list[str]]:
        """Cells (in generated code's spelling) and definitions that the text needs, definitions in order of evaluation.

        Raises NotationError for an unknown name.
        """
        cells: dict[str, None] = {}
        definitions: dict[str, None] = {}
        self._collect(self.expanded(text), text, cells, definitions)
        return list(cells), list(definitions)

    def _collect(self, expression: ast.expr, text: str, cells: dict[str, None], definitions: dict[str, None]) -> None:
        for node in _in_order(expression):
            if not isinstance(node, ast.Name) or node.id in SPECIAL:
                continue
            if node.id in self.definitions:
                if node.id not in definitions:
                    inner = self.definitions[node.id]
                    self._collect(self.expanded(inner), inner, cells, definitions)
                    definitions[node.id] = None
            elif node.id.removesuffix(NEXT) in self.columns:
                cells[node.id] = None
            else:
                raise NotationError(text, f"{node.id} is no name")

    def columns_of(self, *texts: str) -> tuple[str, ...]:
        """Columns that the texts read, in order; a ' marks the next row."""
        cells = dict.fromkeys(cell for text in texts if text for cell in self.names_of(text)[0])
        return tuple(self.column_of(cell) for cell in cells)

    def column_of(self, cell: str) -> str:
        """``stack_0'`` for a cell that generated code calls ``s0_next``."""
        column = self.columns[cell.removesuffix(NEXT)]
        return f"{column}'" if cell.endswith(NEXT) else column

    def value(self, text: str) -> str:
        """Python source of the expression's value, a uint64."""
        return _value(self.expanded(text), text)

    def violated(self, text: str) -> str:
        """Python source that is true when the expression is not 0, or, for a comparison, when it is not true."""
        expression = self.expanded(text)
        is_negation = isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not)
        if is_negation or isinstance(expression, ast.Compare | ast.BoolOp):
            return f"not ({_truth(expression, text)})"
        return _nonzero(expression, text)

    def truth(self, text: str) -> str:
        """Python source of a condition made of comparisons, ``and``, ``or``, ``not``."""
        return _truth(self.expanded(text), text)


def _in_order(expression: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a syntax tree from left to right, parents first."""
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(ast.iter_child_nodes(node)))


def parse(text: str) -> ast.expr:
    """The syntax tree of a rule's text. Raises NotationError when it has none."""
    spelled = _PRIME.sub(rf"\1{NEXT}", text).replace("^", "**")
    try:
        return ast.parse(spelled, mode="eval").body
    except SyntaxError as error:
        raise NotationError(text, f"no expression ({error.msg})") from error


class _Expand(ast.NodeTransformer):
    """Replaces macros by what they stand for."""

    def __init__(self, macros: Mapping[str, tuple[tuple[str, ...], ast.expr]], text: str) -> None:
        self._macros = macros
        self._text = text

    def visit_expression(self, node: ast.expr) -> ast.expr:
        result = self.visit(node)
        assert isinstance(result, ast.expr)
        return result

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not isinstance(node.func, ast.Name) or node.func.id not in self._macros:
            raise NotationError(self._text, "unknown macro")
        parameters, body = self._macros[node.func.id]
        if len(parameters) != len(node.args) or node.keywords:
            raise NotationError(self._text, f"{node.func.id} takes {len(parameters)} arguments")
        arguments = [self.visit_expression(argument) for argument in node.args]
        replaced = _Substitute(dict(zip(parameters, arguments, strict=True))).visit(_copy(body))
        assert isinstance(replaced, ast.expr)
        return self.visit_expression(replaced)


class _Substitute(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)


def _copy(expression: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(expression), mode="eval").body


def _value(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return f"np.uint64({node.value})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"sub(ZERO, {_value(node.operand, text)})"
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow):
            return _power(node, text)
        left, right = _value(node.left, text), _value(node.right, text)
        if type(node.op) in _INTEGER_OPERATORS:
            return f"({left} {_INTEGER_OPERATORS[type(node.op)]} {right})"
        if type(node.op) in _OPERATORS:
            return f"{_OPERATORS[type(node.op)]}({left}, {right})"
    raise NotationError(text, f"{ast.unparse(node)} is no value")


def _power(node: ast.BinOp, text: str) -> str:
    base = _value(node.left, text)
    exponent = node.right.value if isinstance(node.right, ast.Constant) else None
    if exponent == 2:
        return f"mul({base}, {base})"
    if exponent == 4:
        return f"mul(mul({base}, {base}), mul({base}, {base}))"
    if exponent == 7:
        return f"power_7({base})"
    raise NotationError(text, f"no power {ast.unparse(node.right)}")


def _nonzero(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return f"({_nonzero(node.left, text)}) and ({_nonzero(node.right, text)})"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        if _is_square_of(node.left, node.right):
            return f"{_value(node.right, text)} > ONE"
        return f"{_value(node.left, text)} != {_value(node.right, text)}"
    return f"{_value(node, text)} != ZERO"


def _is_square_of(square: ast.expr, base: ast.expr) -> bool:
    """Whether the two are x^2 and x: the difference vanishes exactly for 0 and 1."""
    return (
        isinstance(square, ast.BinOp)
        and isinstance(square.op, ast.Pow)
        and isinstance(square.right, ast.Constant)
        and square.right.value == 2
        and ast.dump(square.left) == ast.dump(base)
    )


def _truth(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.BoolOp):
        word = " and " if isinstance(node.op, ast.And) else " or "
        return word.join(f"({_truth(value, text)})" for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"not ({_truth(node.operand, text)})"
    if isinstance(node, ast.Compare):
        left = _value(node.left, text)
        parts = []
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            return _membership(node, text)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) not in _COMPARISONS:
                raise NotationError(text, f"no comparison {ast.unparse(node)}")
            compared = _value(right, text)
            parts.append(f"{left} {_COMPARISONS[type(operator)]} {compared}")
            left = compared
        return " and ".join(parts)
    raise NotationError(text, f"{ast.unparse(node)} is no condition")


def _membership(node: ast.Compare, text: str) -> str:
    members = node.comparators[0]
    if not isinstance(members, ast.Tuple):
        raise NotationError(text, f"{ast.unparse(members)} is no list of values")
    left = _value(node.left, text)
    found = " or ".join(f"{left} == {_value(member, text)}" for member in members.elts)
    return f"not ({found})" if isinstance(node.ops[0], ast.NotIn) else f"({found})"
