"""The verdict table: a part a line, what failed and what was not judged below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.conform.part import Grade, Part
from harness.reporting import wrapped

_STYLE: Final = {Grade.PASS: "green", Grade.FAIL: "bold red", Grade.NOT_JUDGED: "yellow"}

SHOWN_LINES: Final = 14
"""Of a failure; the rest is what `fragdiff diff` says of the kept case."""


def print_verdict(console: Console, engine: str, parts: Sequence[Part], kept: dict[int, Path]) -> None:
    """Table, failures, what was not judged, verdict; ``kept`` has the files of failures by id()."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{engine} against reference", title_justify="left")
    for name in ("part", "verdict", "seconds", "compared"):
        table.add_column(name, justify="right" if name == "seconds" else "left", overflow="fold")
    for part in parts:
        grade = Text(part.grade.value, style=_STYLE[part.grade])
        table.add_row(part.name, grade, f"{part.seconds:.1f}" if part.seconds else "", part.compared() or "nothing")
    console.print(table)
    for part in parts:
        _print_failures(console, part, kept)
    reasons = [
        f"{part.name}: {reason} ({times:,})" for part in parts for reason, times in sorted(part.not_judged.items())
    ]
    if reasons:
        console.print(Text("\n".join(["not judged:", *(f"  {line}" for line in reasons)])))
    console.print(Text(verdict_line(engine, parts), style="bold"))


def _print_failures(console: Console, part: Part, kept: dict[int, Path]) -> None:
    if part.grade is not Grade.FAIL:
        return
    console.print(Text(f"{part.name} failed: {part.asks}", style="bold"))
    for failure in part.failures:
        where = f" in {kept[id(failure)]}" if id(failure) in kept else ""
        console.print(Text(f"  {failure.case.name}{where}: {failure.signature}"))
    lines = part.failures[0].text.splitlines()
    more = ["  .."] if len(lines) > SHOWN_LINES else []
    console.print(Text(wrapped(wrapped("\n".join([*lines[:SHOWN_LINES], *more])))))


def verdict_line(engine: str, parts: Sequence[Part]) -> str:
    """One sentence."""
    failed = [part.name for part in parts if part.grade is Grade.FAIL]
    silent = [part for part in parts if part.grade is Grade.NOT_JUDGED]
    names = ", ".join(part.name for part in silent)
    if failed:
        return f"{engine} does not conform: {', '.join(failed)} failed"
    if any(not part.may_lack for part in silent):
        return f"{engine} is not shown to conform: nothing was judged in {names}"
    return f"{engine} conforms{f', as far as can be said without {names}' if silent else ''}"


def conforms(parts: Sequence[Part]) -> bool:
    """Whether every part was judged and passed, but for what an engine may lack."""
    return all(part.grade is Grade.PASS or (part.grade is Grade.NOT_JUDGED and part.may_lack) for part in parts)
