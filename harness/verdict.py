"""What a comparison finds: divergences, counts of what was really compared, and the verdict.

There are three verdicts, not two. *Not comparable* is not agreement: it says that fewer engines than asked were
compared, and why.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import PurePath
from typing import Final, NamedTuple

from harness.engines import PROGRAM_PREFIXES
from reference.definition.columns import COLUMN, GROUP_OF_COLUMN
from reference.definition.registers import meaning


class Verdict(StrEnum):
    """The answer about one case at one cut plan."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_COMPARABLE = "not_comparable"


class Kind(StrEnum):
    """Where a divergence shows."""

    OUTCOME = "outcome"
    SUMMARY = "summary"
    BOUNDARY = "boundary"
    CELL = "cell"
    SELF = "self"
    """An engine contradicts itself (law 1)."""
    ENGINE_FAILURE = "engine_failure"
    AUDIT = "audit"
    """A trace violates the rules of traces, whoever agrees on it."""


class Difference(NamedTuple):
    """One column or field, by name, with the value of either engine."""

    name: str
    left: object
    right: object


class Place(NamedTuple):
    """Where a row lies in the cut plan; None where there is nothing to name."""

    fragment: int | None
    """Index of the fragment that holds the row; None in the padding."""
    fragment_start: int | None
    nearest_cut: int | None
    """The nearest row that begins a fragment other than the first; None when the plan cuts nowhere."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference between two engines, or of an engine with itself (then ``right`` is that engine too)."""

    kind: Kind
    left: str
    right: str
    columns: tuple[Difference, ...] = ()
    """The wrong columns of the row, or the wrong fields of the outcome, summary or boundary state."""
    row: int | None = None
    place: Place | None = None
    operation: str = ""
    """The operation of ``row``, as the left engine decodes it."""
    previous_operation: str = ""
    """The operation of the row before: it made the system and stack cells of ``row``."""
    detail: str = ""
    """What an engine reported about itself."""

    @property
    def last_equal_row(self) -> int | None:
        """The row before the first wrong one; None when the first row is wrong, or the divergence has no row."""
        return self.row - 1 if self.kind is Kind.CELL and self.row else None

    @property
    def cut_distance(self) -> int | None:
        """Rows from the nearest cut to ``row``, negative before the cut; None without a cut."""
        if self.row is None or self.place is None or self.place.nearest_cut is None:
            return None
        return self.row - self.place.nearest_cut

    @property
    def signature(self) -> str:
        """A short text that is the same for divergences with, most likely, the same cause."""
        engines = "|".join(dict.fromkeys((engine_label(self.left), engine_label(self.right))))
        return f"{self.kind.value} {engines} {self.reason}".rstrip()

    @property
    def reason(self) -> str:
        """What is wrong, without numbers that differ from case to case."""
        match self.kind:
            case Kind.CELL:
                group = GROUP_OF_COLUMN[COLUMN[self.columns[0].name]]
                cause = {"system": self.previous_operation, "stack": self.previous_operation, "decoder": self.operation}
                return f"{cause.get(group, '')} {group}".strip()
            case Kind.OUTCOME:
                named = [f"{item.left} {item.right}" for item in self.columns if item.name == "outcome"]
                return " / ".join(named) or self._fields
            case Kind.SELF | Kind.ENGINE_FAILURE | Kind.AUDIT:
                # What follows the first line is an engine's standard error: paths and addresses, different each time.
                return re.sub(r"[0-9]+", "N", self.detail.partition("\n")[0])[:80]
            case _:
                return self._fields

    @property
    def _fields(self) -> str:
        """Names of the wrong fields, sorted; of words and stacks as wholes."""
        return ",".join(sorted({re.sub(r"\[.*", "", item.name) for item in self.columns}))


class Excused(NamedTuple):
    """A divergence that the list of known divergences explains, with the id of its entry."""

    entry: str
    divergence: Divergence


@dataclass(slots=True)
class Counts:
    """What was really compared, summed over pairs of engines; add counts up with ``+=``."""

    comparisons: int = 0
    """Pairs of engines of which anything was compared."""
    failures: int = 0
    """Pairs of equal failure outcomes (name and clk)."""
    rows: int = 0
    """Trace rows."""
    cells: int = 0
    """Cells; those under an excused divergence are not in it."""
    boundaries: int = 0
    """Boundary states, every field."""
    seams: int = 0
    """Cuts of the plan at which some engine really cut its build."""
    seams_not_exercised: int = 0
    """Cuts of the plan at which no engine cut its build."""
    not_comparable: Counter[str] = field(default_factory=Counter)
    """What could not be compared, by reason."""
    excused: Counter[str] = field(default_factory=Counter)
    """Known divergences met, by the id of their entry."""
    audits: int = 0
    """Traces that the audit judged; a trace that several engines agree on is one."""
    not_audited: Counter[str] = field(default_factory=Counter)
    """Why rules were not checked, by reason, once for each trace."""

    def __iadd__(self, other: Counts) -> Counts:
        for name in _COUNTED:
            more = getattr(other, name)
            # Mostly there is nothing: reasons and excuses are rare, and adding counters is slow.
            if more:
                setattr(self, name, getattr(self, name) + more)
        return self

    @property
    def nothing(self) -> bool:
        """Whether no cell, no boundary and no failure outcome was compared."""
        return self.cells == self.boundaries == self.failures == 0


_COUNTED: Final = tuple(item.name for item in fields(Counts))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing one case at one cut plan gave."""

    case_name: str
    verdict: Verdict
    divergences: tuple[Divergence, ...]
    excused: tuple[Excused, ...]
    counts: Counts


def is_acceptable(comparison: Comparison) -> bool:
    """Agreement, or nothing but known divergences in its way."""
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        return bool(comparison.excused) and not comparison.counts.not_comparable
    return comparison.verdict is Verdict.AGREE


def joined(one: Comparison, other: Comparison) -> Comparison:
    """Two comparisons of one case, at two cut plans, as one: it agrees when both do."""
    counts = Counts()
    counts += one.counts
    counts += other.counts
    verdicts = (one.verdict, other.verdict)
    verdict = Verdict.AGREE
    if Verdict.DIFFER in verdicts:
        verdict = Verdict.DIFFER
    elif Verdict.NOT_COMPARABLE in verdicts:
        verdict = Verdict.NOT_COMPARABLE
    divergences, excused = one.divergences + other.divergences, one.excused + other.excused
    return Comparison(one.case_name, verdict, divergences, excused, counts)


def engine_label(name: str) -> str:
    """The engine's name for signatures: of ``exec:COMMAND`` only the program's file name, whatever its folder."""
    if not name.startswith(PROGRAM_PREFIXES):
        return name
    prefix, colon, command = name.partition(":")
    return prefix + colon + PurePath(command.split(" ", 1)[0]).name


def describe(divergence: Divergence) -> str:
    """The divergence in plain lines for a person."""
    lines = [f"{divergence.kind.value}: {_headline(divergence)}"]
    if divergence.kind is Kind.CELL:
        lines += _row_lines(divergence)
    if divergence.row is not None:
        lines.append(f"  cut: {_cut_text(divergence)}")
    # The lines of an audit name its cells.
    columns = () if divergence.kind is Kind.AUDIT else divergence.columns
    width = max((len(item.name) for item in columns), default=0)
    for item in columns:
        note = f"   ({meaning(item.name, divergence.operation)})" if divergence.kind is Kind.CELL else ""
        lines.append(f"  {item.name:<{width}}  {item.left}  |  {item.right}{note}")
    if divergence.detail:
        lines += [f"  {line}" for line in divergence.detail.splitlines()]
    return "\n".join(lines)


def _headline(divergence: Divergence) -> str:
    where = "" if divergence.row is None else f" at row {divergence.row}"
    if divergence.left == divergence.right:
        return f"{divergence.left}{where}"
    return f"{divergence.left} | {divergence.right}{where}"


def _row_lines(divergence: Divergence) -> list[str]:
    last = divergence.last_equal_row
    before = f", after {divergence.previous_operation}" if divergence.previous_operation else ""
    return [
        f"  first wrong row {divergence.row} ({divergence.operation}{before}), "
        + ("no row before it" if last is None else f"last equal row {last}")
    ]


def _cut_text(divergence: Divergence) -> str:
    place = divergence.place
    if place is None or place.nearest_cut is None:
        return "the plan cuts nowhere in this trace"
    inside = "in the padding"
    if place.fragment is not None:
        inside = f"in fragment {place.fragment}, which begins at row {place.fragment_start}"
    distance = divergence.cut_distance
    assert distance is not None
    side = "on" if distance == 0 else f"{abs(distance)} rows {'after' if distance > 0 else 'before'}"
    return f"{inside}; {side} the nearest cut at row {place.nearest_cut}"
