"""The campaign on one page: opens offline, in light and dark, and prints. Nothing is fetched and nothing runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from harness.campaign_report.files import existing, link, report_of
from harness.campaign_report.laws import counts_of, verdicts_of
from harness.campaign_report.page_style import CAMPAIGN_STYLE
from harness.campaign_report.summary import Group, Summary
from harness.campaign_report.timeline import clock, duration, growth, rates
from harness.campaign_report.words import death_text
from harness.coverage import PHASE_MEANINGS
from harness.coverage.cells import PHASES
from harness.coverage.listing import Group as CoverageGroup
from harness.coverage.listing import groups as coverage_groups
from harness.coverage.listing import missing_text
from harness.laws.violation import MEANING, Law
from harness.report.frame import document, section, table
from harness.reporting import counted
from harness.verdict import Verdict

MOST_GAPS: Final = 30
_EMPTY: Final = (
    '<p class="quiet">Where nothing is drawn, no batch was worked on: findings were replayed, shrunk and localised, or nothing '
    "ran.</p>"
)

_ASKED: Final = {law: meaning for law, meaning in MEANING.items() if law is not Law.ANSWER}
"""That an engine answers is asked of every build."""

MOST_LINKS: Final = 6
"""Findings of one signature that are linked."""


def page(summary: Summary, file: Path) -> str:
    """The page as HTML text; ``file`` is where it will stand, links start from there."""
    record = summary.record
    title = f"Campaign: {summary.title}"
    body = "\n".join(
        (
            f"<h1>{escape(title)}</h1>",
            *_lead(summary),
            *_tiles(summary),
            *section("Findings", _findings(summary, file)),
            *section("Rate over time", [*_drawing(rates(summary)), _EMPTY]),
            *(_judged(summary) if record.laws else _covered_and_compared(summary)),
            *section("Workers that died", table((), [(death_text(death),) for death in record.deaths])),
            *section("The slowest cases", _slow(summary, file)),
            *section("Runs", _runs(summary)),
        )
    )
    return document(title, body, style=CAMPAIGN_STYLE)


def _covered_and_compared(summary: Summary) -> Iterator[str]:
    gaps = coverage_groups(summary.record.coverage)
    yield from section("Coverage", [*_drawing(growth(summary)), *_phases(gaps)])
    yield from section("Gaps of the coverage, the largest first", _gaps(gaps))
    yield from section("What was compared", _compared(summary))
    yield from section("Known divergences", _counter(("entry", "cases"), summary.counter("counts", "excused")))
    yield from section("Not comparable", _counter(("reason", "times"), summary.counter("counts", "not_comparable")))
    yield from section("Not audited", _counter(("reason", "times"), summary.counter("counts", "not_audited")))


def _judged(summary: Summary) -> Iterator[str]:
    counts = counts_of(summary)
    rows = [("verdicts", counted(verdicts_of(summary))), ("builds", f"{counts.builds:,}")]
    for law, meaning in _ASKED.items():
        times, broken = counts.judged[law.value], counts.broken[law.value]
        said = f"asked {times:,} times, broken in {broken:,} cases" if times or broken else "not judged"
        rows.append((f"{law.value}: {meaning}", said))
    rows.append(("families", counted(summary.counter("families"))))
    yield from section("What was judged", table((), rows))
    for title, counter in (
        ("Laws that were not judged", counts.not_judged),
        ("Left out: the engine does not accept it", counts.left_out),
        ("Refused by the engine", counts.refused),
    ):
        yield from section(title, _counter(("reason", "cases"), counter))


# ---- top ------------------------------------------------------------------------------------------------------------


def _lead(summary: Summary) -> Iterator[str]:
    record = summary.record
    last = max((batch.finished for batch in record.batches), default=None)
    state = summary.ending_of(record.runs[-1]) if record.runs else "never started"
    yield f'<p class="quiet">seed {escape(record.seed)}; begun {clock(record.created)}; '
    yield f"{escape(state)}{'' if last is None else f'; the last batch was finished {clock(last)}'}</p>"
    if summary.is_vacuous:
        nothing = "No case with a trace was judged" if record.laws else "Nothing was compared on all engines"
        yield f'<p class="banner">{nothing}: this campaign has failed.</p>'


def _tiles(summary: Summary) -> Iterator[str]:
    laws, found = summary.record.laws, len(summary.record.differed)
    without = summary.verdict(Verdict.NOT_COMPARABLE)
    entries = (
        (f"{summary.cases:,}", f"cases in {duration(summary.seconds)}", False),
        (f"{summary.rate(summary.cases):,.1f}", "cases a second", False),
        *(_law_tiles(summary) if laws else _comparison_tiles(summary)),
        (
            f"{len(summary.groups):,}",
            f"signatures, {found:,} cases {'break a law' if laws else 'differ'}",
            bool(summary.groups),
        ),
        (f"{without:,}", f"cases not {'judged' if laws else 'comparable'}", False),
        (f"{len(summary.record.deaths):,}", "workers died", bool(summary.record.deaths)),
    )
    yield '<div class="tiles">'
    for figure, text, is_bad in entries:
        yield f'<div class="tile{" bad" if is_bad else ""}"><b>{escape(figure)}</b><span>{escape(text)}</span></div>'
    yield "</div>"


def _comparison_tiles(summary: Summary) -> Iterator[tuple[str, str, bool]]:
    boundaries, coverage = summary.amount("counts", "boundaries"), summary.record.coverage
    yield f"{boundaries:,}", "boundaries compared", False
    rate = f"boundaries a second, {summary.boundaries_per_worker:,.0f} a worker"
    yield f"{summary.rate(boundaries):,.0f}", rate, False
    yield f"{coverage.share:.1%}", f"{coverage.covered:,} of {coverage.possible:,} cells covered", False


def _law_tiles(summary: Summary) -> Iterator[tuple[str, str, bool]]:
    builds = summary.amount("laws", "builds")
    yield f"{builds:,}", "builds judged", False
    yield f"{summary.rate(builds):,.1f}", "builds a second", False


# ---- findings -------------------------------------------------------------------------------------------------------


def _findings(summary: Summary, file: Path) -> Iterator[str]:
    if not summary.groups:
        yield f"<p>No case {'broke a law' if summary.record.laws else 'differed'}.</p>"
        return
    yield '<div class="scroll"><table>'
    yield '<thead><tr><th>signature</th><th>state</th><th class="right">cases</th><th>first</th><th>reports</th></tr></thead>'
    for group in summary.groups:
        first = group.cases[0]
        yield (
            f'<tr><td class="number wide">{escape(group.signature)}</td><td>{escape(counted(group.states))}</td>'
            f'<td class="right">{len(group.cases):,}</td><td>case {first.number}<br><span class="quiet">'
            f"{clock(first.found)}</span></td><td>{_links(summary, group, file)}</td></tr>"
        )
    yield "</table></div>"
    yield '<p class="quiet">Cases of a signature that has been kept often enough are counted and not written.</p>'


def _links(summary: Summary, group: Group, file: Path) -> str:
    lines = []
    for case in group.kept[:MOST_LINKS]:
        target = report_of(summary.record.directory, case.directory or "")
        name = escape(f"case {case.number}")
        text = f'<a href="{escape(link(target, file))}">{name}</a>' if target else f"{name} (its directory is gone)"
        lines.append(f"{text}, {escape(case.state)}")
    more = len(group.kept) - MOST_LINKS
    return "<br>".join([*lines, *([f"{more:,} more"] if more > 0 else [])]) or "none kept"


# ---- coverage -------------------------------------------------------------------------------------------------------


def _drawing(svg: str) -> list[str]:
    return [f'<div class="scroll">{svg}</div>'] if svg else ["<p>No batch has been finished yet.</p>"]


def _phases(found: Sequence[CoverageGroup]) -> Iterator[str]:
    rows = []
    for phase in PHASES:
        members = [group for group in found if group.phase == phase]
        covered, possible = sum(len(group.covered) for group in members), sum(group.possible for group in members)
        rows.append((covered - possible, phase, covered, possible, PHASE_MEANINGS[phase]))
    yield from _shares(("phase", "what it is"), sorted(rows, key=lambda row: row[0]))


def _gaps(found: Sequence[CoverageGroup]) -> Iterator[str]:
    gaps = [group for group in found if group.missing]
    rows = [
        (0, f"{group.operation} {group.phase}", len(group.covered), group.possible, _shared(group))
        for group in gaps[:MOST_GAPS]
    ]
    yield from _shares(("operation and phase", "what is missing"), rows)
    if len(gaps) > MOST_GAPS:
        missing = sum(len(group.missing) for group in gaps[MOST_GAPS:])
        yield f'<p class="quiet">{missing:,} cells of {len(gaps) - MOST_GAPS:,} more; <code>fragdiff cover</code> has all.</p>'


def _shared(group: CoverageGroup) -> str:
    """Words that all missing cells have, else one of them; ``all`` where nothing is covered."""
    if not group.covered:
        return "all"
    cell = group.missing[0]
    example = f"depth {cell.depth}, nest {cell.nest}, queue {cell.queue}, item {cell.item}"
    return missing_text(group).partition(": ")[2] or f"such as {example}"


def _shares(head: tuple[str, str], rows: Sequence[tuple[int, str, int, int, str]]) -> Iterator[str]:
    if not rows:
        return
    yield '<div class="scroll"><table class="shares">'
    yield f'<thead><tr><th>{escape(head[0])}</th><th></th><th class="right">share</th><th class="right">cells</th>'
    yield f"<th>{escape(head[1])}</th></tr></thead>"
    for _, name, covered, possible, text in rows:
        share = covered / possible if possible else 1.0
        yield (
            f'<tr><td>{escape(name)}</td><td>{_bar(share)}</td><td class="right">{share:.1%}</td>'
            f'<td class="right">{covered:,} of {possible:,}</td><td class="quiet wide">{escape(text)}</td></tr>'
        )
    yield "</table></div>"


def _bar(share: float) -> str:
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-ground" width="100" height="8"/>'
        f'<rect class="bar-fill" width="{100 * share:.1f}" height="8"/></svg>'
    )


# ---- tables ---------------------------------------------------------------------------------------------------------


def _compared(summary: Summary) -> Iterator[str]:
    verdicts = Counter({verdict.value.replace("_", " "): summary.verdict(verdict) for verdict in Verdict})
    amounts = ("rows", "cells", "boundaries", "seams", "seams_not_exercised", "failures", "audits")
    names = (
        "rows",
        "cells",
        "boundary states",
        "seams built",
        "cuts without a seam",
        "equal failures",
        "traces audited",
    )
    rows = [(name, f"{summary.amount('counts', key):,}") for name, key in zip(names, amounts, strict=True)]
    rows += [("verdicts", counted(verdicts))]
    rows += [
        (name, counted(summary.counter(key)))
        for name, key in (("cut plans", "cuts"), ("nodes", "nodes"), ("errors", "errors"), ("families", "families"))
    ]
    yield from table((), rows)


def _counter(head: tuple[str, str], counter: Counter[str]) -> list[str]:
    return table(head, [(name, f"{times:,}") for name, times in counter.most_common()], number=1)


def _slow(summary: Summary, file: Path) -> Iterator[str]:
    rows = []
    for case in summary.record.slow:
        found = existing(summary.record.directory, case.file)
        name = escape(case.file)
        where = f'<a href="{escape(link(found, file))}">{name}</a>' if found is not None else name
        rows.append((f"case {case.number}", f"{case.seconds:,.2f} s", f"{case.rows:,}", where))
    yield from _marked_table(("case", "time", "rows", "file"), rows)


def _runs(summary: Summary) -> Iterator[str]:
    rows = []
    for run in summary.record.runs:
        batches = [batch for batch in summary.record.batches if batch.run == run.id]
        rows.append(
            (
                str(run.id),
                clock(run.started),
                "" if run.ended is None else clock(run.ended),
                duration(summary.end_of(run) - run.started),
                f"{run.jobs:,}",
                f"{sum(batch.count for batch in batches):,}",
                escape(summary.ending_of(run)),
            )
        )
    yield from _marked_table(("run", "began", "ended", "lasted", "workers", "cases", "how it ended"), rows)


def _marked_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows of HTML, unlike :func:`harness.report.frame.table`."""
    lines = ["<tr>" + "".join(f'<td class="wide">{cell}</td>' for cell in row) + "</tr>" for row in rows]
    if lines:
        yield (
            '<div class="scroll"><table><thead><tr>'
            + "".join(f"<th>{escape(name)}</th>" for name in head)
            + "</tr></thead>"
        )
        yield from lines
        yield "</table></div>"
