"""Canonical layout of a JSON document: what fits stands on one line, nodes stand one a line, numbers fill lines.

One node a line makes a change of one node a change of one line, whatever the length of the program.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

WIDTH = 120
"""Columns that a line of short values may take; a longer single value (a block) has a line of its own."""

INDENT = 2

ONE_A_LINE = "nodes"
"""The key whose items never share a line."""


def lay_out(value: Any, indent: int = 0, key: str = "") -> str:
    """The JSON text of dicts, lists, strings and integers, without a line end; the writer's own nesting is shallow."""
    if key != ONE_A_LINE:
        short = json.dumps(value)
        # A quote inside a string is escaped, so only a key looks like this.
        fits = indent > 0 and indent + len(key) + len(short) <= WIDTH
        if fits and f'"{ONE_A_LINE}": ' not in short:
            return short
    match value:
        case dict():
            lines = [f"{json.dumps(name)}: {lay_out(item, indent + INDENT, name)}" for name, item in value.items()]
            return _enclosed("{", ",", lines, "}", indent)
        case list() if value and all(isinstance(item, int) for item in value):
            return _enclosed("[", ",", _filled(value, WIDTH - indent - INDENT), "]", indent)
        case list() if value:
            return _enclosed("[", ",", [lay_out(item, indent + INDENT) for item in value], "]", indent)
        case _:
            return json.dumps(value)


def _enclosed(opening: str, separator: str, lines: Sequence[str], closing: str, indent: int) -> str:
    margin = " " * (indent + INDENT)
    body = f"{separator}\n".join(margin + line for line in lines)
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _filled(numbers: Sequence[int], width: int) -> list[str]:
    lines = [str(numbers[0])]
    for number in map(str, numbers[1:]):
        if len(lines[-1]) + len(number) + 3 <= width:
            lines[-1] += f", {number}"
        else:
            lines.append(number)
    return lines
