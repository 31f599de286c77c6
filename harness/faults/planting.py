"""Wrong text beside the right one: ``if fault == 7: wrong, else: right``, at every place where the right text stands.

The parallel engine's kernels are text, and so are the modules around them. A change names a few lines of that text and what
stands there instead when its fault is on; planting copies the text with all changes of the catalogue in it, so that one
compilation serves every fault. A change whose place is not found is refused: a catalogue cannot silently outlive the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from parallel.source import expand

_CONDITION: Final = re.compile(r"^(if|elif|while) (.*):$")


@dataclass(frozen=True, slots=True)
class Change:
    """What a fault does to the text of one unit.

    ``right`` are whole lines as they stand in the unit, macros allowed; ``wrong`` stands there instead while the fault is on,
    nothing when it is empty. A single line that opens a block is changed in its condition alone. ``within`` names the rows
    (operations, kinds of END) whose steps are meant; empty: the whole unit. ``switch`` is what the fault's number is called
    there.
    """

    unit: str
    right: str
    wrong: str
    within: tuple[str, ...] = ()
    switch: str = "fault"


class Numbered(NamedTuple):
    """A change and the number of its fault."""

    number: int
    change: Change


class NoSuchPlace(Exception):  # noqa: N818 - names what is wrong with the catalogue
    """A change does not fit the text: its place is not there, or two changes share a part of theirs."""


class _Span(NamedTuple):
    start: int
    end: int


def plant(
    text: str, changes: Sequence[Numbered], *, macros: Mapping[str, str] | None = None, codes: Mapping[str, int] = {}
) -> str:
    """The text with all changes in it; ``macros`` are those of its steps, ``codes`` the numbers of its rows by name.

    Raises NoSuchPlace.
    """
    lines = text.splitlines()
    found: dict[_Span, list[Numbered]] = {}
    for item in changes:
        spans = list(_places(lines, item.change, macros or {}, codes))
        if not spans:
            raise NoSuchPlace(f"{item.change.unit}: there is no {_first_line(item.change.right)!r}")
        for span in spans:
            _check_whole(lines, span, item.change)
            found.setdefault(span, []).append(item)
    # What begins later first, and of two that begin together the shorter: lines before a place then stay where they are.
    ordered = sorted(found, key=lambda span: (-span.start, span.end))
    grown = {span: span.end for span in ordered}
    for position, span in enumerate(ordered):
        old = lines[span.start : grown[span]]
        new = _alternatives(old, found[span], macros or {})
        lines[span.start : grown[span]] = new
        for outer in ordered[position + 1 :]:
            if span.end <= outer.end:
                grown[outer] += len(new) - len(old)
            elif outer.end > span.start:
                ours, theirs = found[span][0].change, found[outer][0].change
                raise NoSuchPlace(
                    f"{ours.unit}: {_first_line(theirs.right)!r} and {_first_line(ours.right)!r} share some lines only"
                )
    return "\n".join(lines) + "\n"


def replaced(text: str, right: str, new: str) -> str:
    """The text with ``new`` wherever the lines of ``right`` stand, fault or no fault.

    Raises NoSuchPlace.
    """
    lines = text.splitlines()
    wanted = right.strip("\n").splitlines()
    spans = list(_matches(lines, wanted, _Span(0, len(lines))))
    if not spans:
        raise NoSuchPlace(f"there is no {wanted[0]!r}")
    for span in reversed(spans):
        indent = _indent(lines[span.start])
        lines[span.start : span.end] = [indent + line if line else line for line in new.strip("\n").splitlines()]
    return "\n".join(lines) + "\n"


def _places(
    lines: Sequence[str], change: Change, macros: Mapping[str, str], codes: Mapping[str, int]
) -> Iterator[_Span]:
    wanted = expand(change.right, macros)
    for region in _regions(lines, change, codes):
        yield from _matches(lines, wanted, region)


def _regions(lines: Sequence[str], change: Change, codes: Mapping[str, int]) -> Iterable[_Span]:
    if not change.within:
        return (_Span(0, len(lines)),)
    return [_branch(lines, name, codes[name]) for name in change.within]


def _branch(lines: Sequence[str], name: str, code: int) -> _Span:
    """The lines of one row's step."""
    header = re.compile(rf"^\s*(el)?if code == {code}:$")
    start = next((index for index, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        raise NoSuchPlace(f"there is no step of {name}")
    indent = _indent(lines[start])
    end = next(index for index in range(start + 1, len(lines)) if lines[index] and _indent(lines[index]) <= indent)
    return _Span(start + 1, end)


def _matches(lines: Sequence[str], wanted: Sequence[str], region: _Span) -> Iterator[_Span]:
    first = wanted[0]
    at = region.start
    while at + len(wanted) <= region.end:
        line = lines[at]
        indent = _indent(line)
        if line == indent + first and all(
            lines[at + offset] == (indent + text if text else text) for offset, text in enumerate(wanted)
        ):
            yield _Span(at, at + len(wanted))
            at += len(wanted)
        else:
            at += 1


def _check_whole(lines: Sequence[str], span: _Span, change: Change) -> None:
    """A block is taken as a whole, or its first line alone."""
    first, follows = lines[span.start], lines[span.end] if span.end < len(lines) else ""
    opens_block = span.end - span.start == 1 and _CONDITION.match(first.strip())
    if not opens_block and len(_indent(follows)) > len(_indent(first)):
        raise NoSuchPlace(f"{change.unit}: {follows.strip()!r} belongs to {_first_line(change.right)!r} too")


def _alternatives(right: Sequence[str], items: Sequence[Numbered], macros: Mapping[str, str]) -> list[str]:
    indent = _indent(right[0])
    condition = _CONDITION.match(right[0].strip())
    if condition is not None and len(right) == 1:
        word, expression = condition.groups()
        for number, change in items:
            wrong = _CONDITION.match(change.wrong)
            if wrong is None:
                raise NoSuchPlace(f"{change.unit}: {change.wrong!r} does not open a block like {change.right!r}")
            expression = f"(({wrong[2]}) if {change.switch} == {number} else ({expression}))"
        return [f"{indent}{word} {expression}:"]
    lines: list[str] = []
    for position, (number, change) in enumerate(items):
        lines.append(f"{indent}{'elif' if position else 'if'} {change.switch} == {number}:")
        lines += [f"{indent}    {line}" for line in expand(change.wrong or "pass", macros)]
    return [*lines, f"{indent}else:", *(f"    {line}" for line in right)]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _first_line(text: str) -> str:
    return text.strip("\n").splitlines()[0]
