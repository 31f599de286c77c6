"""One page that says everything about a finding: opens offline, in light and dark, and prints.

Nothing is fetched and nothing runs: styles and the drawing stand in the page, and there is no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from harness.localise.localisation import Localisation
from harness.localise.words import (
    distance_text,
    plan_text,
    position_text,
    shown_text,
    source_texts,
    spot_text,
)
from harness.report.drawing import drawing
from harness.report.frame import document, section, table
from harness.report.rows_text import decoded_lines
from harness.verdict import Kind
from reference.definition.columns import COLUMN


@dataclass(frozen=True, slots=True)
class About:
    """What surrounds a localisation on its page."""

    commands: Sequence[tuple[str, str]] = ()
    """(what it does, command line)."""
    files: Sequence[tuple[str, str]] = ()
    """(file, what is in it), in the directory of the finding."""
    environment: Sequence[tuple[str, str]] = ()
    case_text: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
    """Lines at the top: whether it happens again, how it was shrunk."""


def page(found: Localisation, about: About = About()) -> str:
    """The page as HTML text."""
    body = "\n".join(
        (
            f"<h1>{escape(found.signature.text)}</h1>",
            *_lead(found, about),
            *_verdict(found),
            *section("The trace around it", _trace(found)),
            *section(
                "Wrong cells and what fed them" if found.cause.kind is Kind.CELL else "What is wrong", _cells(found)
            ),
            *section("How it depends on cuts", _experiments(found)),
            *section("What was recorded wrongly", _recorded(found)),
            *section("Where else the traces differ", _extent(found)),
            *section("The rows, decoded", _decoded(found)),
            *section("See it again", _commands(about)),
            *section("Files of this finding", table(("file", "what is in it"), about.files, number=0)),
            *section("The case", [f"<pre>{escape(about.case_text)}</pre>"] if about.case_text else []),
            *section("Environment", table((), about.environment)),
        )
    )
    return document(found.signature.text, body)


# ---- top ------------------------------------------------------------------------------------------------------------


def _lead(found: Localisation, about: About) -> Iterator[str]:
    left, right = (escape(name) for name in found.cause.pair)
    cause = found.cause
    match cause.kind:
        case Kind.CELL:
            names = escape(column_names([cell.name for cell in found.cells]))
            what = f"<b>{left}</b> and <b>{right}</b> differ in <b>{names}</b> of row <b>{cause.row}</b>"
        case Kind.BOUNDARY if cause.row is not None:
            what = f"<b>{left}</b> and <b>{right}</b> differ in <b>{escape(cause.part)}</b> of the state entering row "
            what += f"<b>{cause.row}</b>"
        case _:
            engines = f"<b>{left}</b>" if left == right else f"<b>{left}</b> and <b>{right}</b>"
            what = f"{engines}: {escape(cause.kind.value.replace('_', ' '))}: {escape(cause.part)}"
    yield f'<p class="lead">{what}.</p>'
    yield f'<p class="quiet">case {escape(found.case.name)}, cut {escape(plan_text(found.case.cut))}</p>'
    yield from (f"<p>{escape(note)}</p>" for note in about.notes)


def _verdict(found: Localisation) -> Iterator[str]:
    yield '<dl class="verdict">'
    for name, text in _verdict_entries(found):
        yield f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"


def _verdict_entries(found: Localisation) -> Iterator[tuple[str, str]]:
    site = found.site
    if site is not None:
        last = found.last_equal_row
        equal = "" if last is None else f"; last equal row {last}"
        yield "where", f"row {site.row}: {site.operation}, {site.phase}, {position_text(site.position)}{equal}"
        begins = f"begins at row {site.place.fragment_start} ({position_text(site.fragment_position)})"
        yield "fragment", f"{site.place.fragment}, which {begins}; {distance_text(site)}"
    for each in found.blames:
        yield f"at fault in {each.engine}", f"{each.at.value}: {each.text}"
        for line in each.code:
            yield "look at", str(line)
    yield "depends on cuts", found.dependence.text
    yield "odd one out", f"{', '.join(found.vote.odd) or 'not decided'} ({found.vote.text})"


def column_names(names: Sequence[str]) -> str:
    """Column names with runs of neighbours as ``stack_7 to stack_15``."""
    runs: list[list[str]] = []
    for name in names:
        if runs and COLUMN[name] == COLUMN[runs[-1][-1]] + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


# ---- sections -------------------------------------------------------------------------------------------------------


def _trace(found: Localisation) -> Iterator[str]:
    svg = drawing(found)
    if svg:
        windows = found.windows
        assert windows is not None
        both = all(cells is not None for cells in windows.cells)
        shown = f"{windows.names[0]} and {windows.names[1]}" if both else _only(windows.names, windows.cells)
        yield f'<p class="quiet">Rows are rows of the trace, columns its 72 columns; {escape(shown)}. '
        yield '<span class="screen">Hold the pointer over a cell for its value.</span></p>'
        yield f'<div class="scroll">{svg}</div>'


def _only(names: Sequence[str], cells: Sequence[object]) -> str:
    with_trace, without = (0, 1) if cells[0] is not None else (1, 0)
    return f"the cells of {names[with_trace]} ({names[without]} has no trace of this case)"


def _cells(found: Localisation) -> Iterator[str]:
    if not found.cells:
        yield f"<pre>{escape(found.cause.divergence.detail or found.cause.part)}</pre>"
        return
    left, right = (escape(name) for name in found.cause.pair)
    yield '<div class="scroll"><table>'
    yield f"<thead><tr><th>name</th><th>{left}</th><th>{right}</th><th>fed by</th></tr></thead>"
    for texts, group in groupby(found.cells, source_texts):
        members = list(group)
        lines = [
            f"<b>{escape(name)}</b>: {escape(text)}" for name, text in zip(found.cause.pair, texts, strict=True) if text
        ]
        for index, cell in enumerate(members):
            note = f'<br><span class="quiet">{escape(cell.meaning)}</span>' if cell.meaning else ""
            fed = f'<td rowspan="{len(members)}">{"<br>".join(lines)}</td>' if index == 0 else ""
            yield (
                f'<tr><td>{escape(cell.name)}{note}</td><td class="number">{escape(str(cell.left))}</td>'
                f'<td class="number differs">{escape(str(cell.right))}</td>{fed}</tr>'
            )
    yield "</table></div>"


def _experiments(found: Localisation) -> Iterator[str]:
    yield f"<p>{escape(found.dependence.text)}.</p>"
    rows = [
        (each.change, plan_text(each.plan), shown_text(each, found.cause.row)) for each in found.dependence.experiments
    ]
    yield from table(("run once more with", "cuts", "the difference is"), rows, number=1)


def _recorded(found: Localisation) -> Iterator[str]:
    rows = [
        (each.engine, item.name, str(item.expected), str(item.recorded), str(item.row))
        for each in found.blames
        for item in each.wrong
    ]
    yield from table(("engine", "field or entry", "must be", "is", "row"), rows, number=1)


def _extent(found: Localisation) -> Iterator[str]:
    rows = [(spot.part, spot_text(spot)) for spot in found.cause.spots]
    yield from table(("part of the trace", "rows"), rows)


def _decoded(found: Localisation) -> Iterator[str]:
    if found.windows is None:
        return
    texts = [decoded_lines(found, side) for side in (0, 1)]
    for name, lines, others in zip(found.windows.names, texts, reversed(texts), strict=True):
        if lines:
            yield f"<p><b>{escape(name)}</b></p>"
            yield f"<pre>{_marked(lines, others)}</pre>"


def _marked(lines: Sequence[str], others: Sequence[str]) -> str:
    """The lines; those that the other engine does not have are marked."""
    known = set(others)
    return "\n".join(
        escape(line) if not others or line in known else f'<span class="differs">{escape(line)}</span>'
        for line in lines
    )


def _commands(about: About) -> Iterator[str]:
    for what, command in about.commands:
        yield f"<p>{escape(what)}</p>"
        yield f'<pre class="command">{escape(command)}</pre>'
