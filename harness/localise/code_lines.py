"""Which lines of the parallel engine do what was found wrong: the field or entry that is recorded, the step that is rebuilt.

The engine's operations are short texts in tables, so a line is found by the operation's name and, inside its text or that of
a macro which it uses, by the field that is assigned there. Only lines of the engine in this package are known; for another
engine there are none to name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from harness.localise.recorded import WrongItem
from harness.localise.rows import ProgramRows
from parallel import (
    assemble,
    chiplet_rows,
    chiplets,
    circuit,
    executor_control,
    executor_macros,
    executor_source,
    executor_steps,
    fragment_control,
    fragment_macros,
    fragment_source,
    fragment_steps,
    last_row,
    ranges,
)

MOST_LINES: Final = 3
WIDTH: Final = 90

_MACRO: Final = re.compile(r"\b(_?[A-Z][A-Z0-9_]{2,})\b")
_NEXT_ENTRY: Final = re.compile(r'^(    ["#*]|[^ ])')
_FAMILY: Final = re.compile(r"\d+$")
_EXECUTOR: Final = (executor_control, executor_steps, executor_macros)
_BUILDER: Final = (fragment_control, fragment_steps, fragment_macros)
_PERMUTATIONS: Final = r"permutation_words\["
_PART_MODULES: Final[Mapping[str, ModuleType]] = {
    "hasher": chiplet_rows,
    "bitwise": chiplet_rows,
    "memory": chiplets,
    "circuits": circuit,
    "kernel ROM": chiplets,
    "chiplet padding": chiplets,
    "range table": ranges,
    "random row": last_row,
}
_PART_LINES: Final[Mapping[str, tuple[ModuleType, str]]] = {
    "range table": (fragment_macros, r"\bcounts\["),
    "random row": (assemble, r"\blast_row\("),
}
"""Where a part gets what its module makes it from."""

_WRITTEN_EACH_ROW: Final = {
    "clk": r"tile\[o\] =",
    "ctx": r"tile\[o \+ 1\] =",
    "dec_addr": r"tile\[o \+ ADDR\] =",
    "stack_b0": r"tile\[o \+ ITEM_0 \+ 16\] =",
    "stack_b1": r"tile\[o \+ ITEM_0 \+ 17\] =",
    "stack_h0": r"tile\[o \+ ITEM_0 \+ 18\] =",
}
_SNAPSHOT_FIELDS: Final = {"position": "pc", "continuations": "continuation"}


class CodeLine(NamedTuple):
    """A line of the engine: file below the folder of its packages, line from 1, text without indentation."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def recording_lines(item: WrongItem, rows: ProgramRows) -> tuple[CodeLine, ...]:
    """Where the executor records a field of a snapshot or an entry of a queue; none for what it does not name."""
    if item.name.startswith("snapshot"):
        field = re.match(r"(?:first entry of )?(\w+)", item.field)
        name = "" if field is None else _SNAPSHOT_FIELDS.get(field[1], field[1])
        return _matching(executor_source, rf"\bsnapshot\.{name}") if name else ()
    if item.row >= rows.count:
        return ()
    queue, field_name = re.match(r"(\w*)(?:\[\d+\])?(?:\.(\w+))?", item.name).groups()  # type: ignore[union-attr]
    regions = list(_step_regions(_EXECUTOR, _step_name(rows, item.row)))
    return _assigning(regions, queue, field_name or "") or _beginnings(regions)


def run_lines(rows: ProgramRows, row: int, *, builder: bool) -> tuple[CodeLine, ...]:
    """The step of the operation in this row in the executor, and that in the ``builder``."""
    name = _step_name(rows, row)
    return tuple(
        line for modules in (_EXECUTOR, _BUILDER)[: 1 + builder] for line in _beginnings(list(_step_regions(modules, name)))
    )  # fmt: skip


def rebuild_lines(
    part: str, column: str, rows: ProgramRows, maker: int | None, *, first_row: bool
) -> tuple[CodeLine, ...]:
    """Where a part of the trace is built: the module of a chiplet, the step of the operation that makes the cell.

    ``column`` is the first wrong one; where a line of the step writes it that line is named. ``first_row``: the wrong row
    begins a fragment, so that the builder takes it from its snapshot.
    """
    module = _PART_MODULES.get(part)
    if module is not None:
        return (_code_line(module, 0), *(_matching(*_PART_LINES[part]) if part in _PART_LINES else ()))
    if maker is None or maker >= rows.count:
        return ()
    regions = list(_step_regions(_BUILDER, _step_name(rows, maker)))
    each_row = _WRITTEN_EACH_ROW.get(column)
    prologue = _matching(fragment_source, each_row) if each_row else ()
    register = re.fullmatch(r"dec_h(\d)", column)
    written = _lines_with(regions, [_register_pattern(int(register[1]))]) if register else ()
    if first_row:
        return (*_matching(fragment_source, r"^snapshot = "), *written, *prologue)[:MOST_LINES]
    return written or (*_beginnings(regions), *prologue)[:MOST_LINES]


def _register_pattern(number: int) -> str:
    """How a step writes this register: by its number, or as a helper, which are counted from register 2 on."""
    names = [f"H0 \\+ {number}"] + ([f"HELPER \\+ {number - 2}"] if number > 2 else ["HELPER"] if number == 2 else [])
    return rf"tile\[o \+ ({'|'.join(names)})\] ="


def _step_name(rows: ProgramRows, row: int) -> str:
    """What the tables call the row: its operation; ENDs of loops and calls have steps of their own."""
    operation = rows.operation(row)
    if operation != "END":
        return operation
    if rows.is_return[row]:
        return "END_CALL"
    return "END_LOOP" if rows.shifts_left[row] else operation


# ---- source text ----------------------------------------------------------------------------------------------------


class _Region(NamedTuple):
    """An entry of a table: the lines ``first .. end - 1`` of a module, from 0."""

    module: ModuleType
    first: int
    end: int

    @property
    def lines(self) -> Sequence[str]:
        return _source(self.module)[self.first : self.end]

    def at(self, index: int) -> CodeLine:
        return _code_line(self.module, self.first + index)


@cache
def _source(module: ModuleType) -> Sequence[str]:
    assert module.__file__ is not None, f"{module.__name__} comes from a file"
    return Path(module.__file__).read_text("utf-8").splitlines()


def _code_line(module: ModuleType, index: int) -> CodeLine:
    file = module.__name__.replace(".", "/") + ".py"
    return CodeLine(file, index + 1, _shortened(_source(module)[index].strip()))


def _shortened(text: str) -> str:
    """Without what opens a longer text."""
    text = text.removeprefix('"""').removesuffix('"""').rstrip(" :=")
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]} .."


def _step_regions(modules: Sequence[ModuleType], name: str) -> Iterator[_Region]:
    """The entry of a step, then those of the macros that it uses, theirs included."""
    todo, seen = [name], {name}
    while todo:
        for region in _regions(modules, todo.pop(0)):
            yield region
            used = [macro for line in region.lines for macro in _MACRO.findall(line) if macro not in seen]
            for macro in dict.fromkeys(used):
                if next(_regions(modules if macro.startswith("_") else modules[-1:], macro), None) is not None:
                    seen.add(macro)
                    todo.append(macro)


def _regions(modules: Sequence[ModuleType], name: str) -> Iterator[_Region]:
    """Where a table has an entry of this name, or, for DUP7 and its like, a line that makes all of the family."""
    family = _FAMILY.sub("", name)
    for wanted in (rf'^(?:    "{name}": |CONTROL_STEPS\["{name}"\]|{name} = )', rf'\bf"{family}\{{', rf'\("{name}", '):
        for module in modules:
            lines = _source(module)
            for first, line in enumerate(lines):
                if re.search(wanted, line):
                    yield _Region(module, first, _end(lines, first))
                    return


def _end(lines: Sequence[str], first: int) -> int:
    """The end of an entry: where its text is closed and the next one begins."""
    is_open = lines[first].count('"""') == 1
    for index in range(first + 1, len(lines)):
        if not is_open and _NEXT_ENTRY.match(lines[index]):
            return index
        is_open ^= lines[index].count('"""') == 1
    return len(lines)


def _matching(module: ModuleType, pattern: str) -> tuple[CodeLine, ...]:
    lines = _source(module)
    found = [_code_line(module, index) for index, line in enumerate(lines) if re.search(pattern, line.strip())]
    return tuple(found[:MOST_LINES])


def _assigning(regions: Sequence[_Region], queue: str, field: str) -> tuple[CodeLine, ...]:
    """Lines that write an entry of a queue, or only that field of it."""
    if queue == "permutations":
        patterns = [_PERMUTATIONS]
    else:
        text = "\n".join(line for region in regions for line in region.lines)
        aliases = re.findall(rf"(\w+) = {queue}\[", text)
        patterns = [rf"\b{alias}\.{field}(\[\w+\])? =" for alias in dict.fromkeys(aliases)] if field else []
        patterns = patterns or [rf"\b{queue}\["]
    return _lines_with(regions, patterns)


def _lines_with(regions: Sequence[_Region], patterns: Sequence[str]) -> tuple[CodeLine, ...]:
    found = [
        region.at(index)
        for region in regions
        for index, line in enumerate(region.lines)
        if any(re.search(pattern, line) for pattern in patterns)
    ]
    return tuple(found[:MOST_LINES])


def _beginnings(regions: Sequence[_Region]) -> tuple[CodeLine, ...]:
    """Where the step itself is written; macros that many steps use are left out."""
    return (regions[0].at(0),) if regions else ()
