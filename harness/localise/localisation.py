"""Everything that can be said about a divergence: place, provenance, odd engine, step at fault, dependence on cuts.

Costs a few dozen runs of the case; a campaign asks for it once per kept finding.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from harness.backend import Cells, Engine, EngineFailure, NotComparable
from harness.differences import place_of
from harness.localise.blame import Blame, Evidence, blame, evidence
from harness.localise.chiplet_provenance import ChipletProvenance
from harness.localise.experiments import Dependence, dependence_on_cuts
from harness.localise.fragment_window import FragmentWindow, failing_fragment
from harness.localise.observer import Cause, Observer
from harness.localise.parts import cell_meaning
from harness.localise.provenance import Provenance
from harness.localise.queues import ExpectedQueues
from harness.localise.recorded import recording_of
from harness.localise.rows import ProgramRows
from harness.localise.signature import Signature, Signed, Signer
from harness.localise.source import From, Side, Source, Style
from harness.localise.vote import Vote, vote
from harness.localise.windows import ROWS_AROUND, Windows, cells_of, rows_around
from harness.verdict import Comparison, Difference, Kind, Place
from reference.definition.boundary import Position
from reference.definition.case import Case
from reference.definition.columns import COLUMN, GROUP_OF_COLUMN


@dataclass(frozen=True, slots=True)
class WrongCell:
    """A wrong cell, or field of a boundary state, with what fed it on either side; None where that is not known."""

    name: str
    left: object
    right: object
    meaning: str
    sources: tuple[Source | None, Source | None]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the cause lies in the program. Rows are executed rows."""

    row: int
    """The row that makes the first wrong cell, or the row that the wrong boundary state enters."""
    operation: str
    phase: str
    position: Position | None
    place: Place
    fragment_position: Position | None
    """Where the fragment of this row begins in the program."""

    @property
    def cut_distance(self) -> int | None:
        """Rows from the nearest cut, negative before it; None without a cut."""
        return None if self.place.nearest_cut is None else self.row - self.place.nearest_cut


@dataclass(frozen=True, slots=True)
class Localisation:
    """What is known of one case that differs."""

    case: Case
    """The case at the cuts that show the cause; they are none when the cause shows without any."""
    engines: tuple[str, ...]
    signature: Signature
    cause: Cause
    comparison: Comparison
    site: Site | None
    """None for what is wrong in no place of the program."""
    cells: tuple[WrongCell, ...]
    vote: Vote
    blames: tuple[Blame, ...]
    dependence: Dependence
    rows: ProgramRows | None
    windows: Windows | None
    """None when no trace has a row of interest."""
    fragment: FragmentWindow | None
    """The smallest fragment that shows it; None for what is wrong in no row of the program."""

    @property
    def last_equal_row(self) -> int | None:
        """The trace row before the first wrong one of the trace; None when there is none, or no row is wrong."""
        return self.cause.divergence.last_equal_row

    @property
    def is_stable(self) -> bool:
        """Whether the case differed in the same way each time."""
        return self.dependence.fault_class.value != "not stable"


def localise(case: Case, engines: Sequence[Engine], *, audit: bool = True) -> Localisation | None:
    """Localise the first difference of a case that has exactly one cut plan; None when the engines agree.

    With ``audit`` traces are judged too, which tells two engines apart that no third one can.
    """
    signer = Signer(engines)
    look = signer.observer.look(case, audit=audit)
    if look.cause is None:
        return None
    if look.cause.kind is Kind.AUDIT:
        # Nothing else shows it, so every further run has to be judged as well.
        signer = Signer(engines, audit=True)
    return _Localiser(signer.observer, look.comparison, signer.sign(look)).localise()


class _Localiser:
    def __init__(self, observer: Observer, comparison: Comparison, signed: Signed) -> None:
        self._observer = observer
        self._comparison = comparison
        self._signed = signed
        self._look = signed.look
        self._cause = signed.cause
        self._rows = signed.look.rows

    def localise(self) -> Localisation:
        found = self._evidence()
        # A failure of an engine has no row; what is wrong in its recording has.
        recorded = next((item.row for each in found for item in each.wrong), None)
        dependence = dependence_on_cuts(self._observer, self._look, self._cause, near=recorded)
        site = self._site(recorded)
        return Localisation(
            case=self._look.case,
            engines=tuple(engine.name for engine in self._observer.engines),
            signature=self._signed.signature,
            cause=self._cause,
            comparison=self._comparison,
            site=site,
            cells=tuple(self._cells()),
            vote=vote(self._observer, self._look, self._cause),
            blames=tuple(blame(each, self._cause, dependence, self._rows) for each in found),
            dependence=dependence,
            rows=self._rows,
            windows=self._windows(site, dependence),
            fragment=failing_fragment(self._observer, self._look, self._cause, dependence),
        )

    # ---- place ------------------------------------------------------------------------------------------------------

    def _site(self, recorded: int | None) -> Site | None:
        """The row of the cause; where it has none, of the first thing that was recorded wrongly."""
        rows, cause = self._rows, self._cause
        row = cause.row if cause.kind is Kind.BOUNDARY else cause.maker
        if row is None:
            row = recorded
        if rows is None or row is None or row >= rows.count:
            return None
        starts = self._look.case.cut.starts(rows.count)
        place = place_of(row, starts, rows.count)
        start = starts[bisect_right(starts, row) - 1]
        return Site(row, rows.operation(row), rows.phase(row), rows.position(row), place, rows.position(start))

    # ---- provenance -------------------------------------------------------------------------------------------------

    def _cells(self) -> list[WrongCell]:
        cause, rows = self._cause, self._rows
        sides = [self._side(name, rows) if rows is not None and self._is_engine(name) else None for name in cause.pair]
        found: list[WrongCell] = []
        for item in cause.cells:
            if rows is None or cause.row is None:
                sources: list[Source | None] = [None, None]
            elif cause.kind is Kind.CELL:
                sources = [None if side is None else _source(rows, side, cause.row, item.name) for side in sides]
            elif cause.kind is Kind.BOUNDARY and cause.row < rows.count:
                sources = [None if side is None else _captured(rows, side, cause.row, item) for side in sides]
            else:
                sources = [None, None]
            found.append(WrongCell(item.name, item.left, item.right, self._meaning(item), (sources[0], sources[1])))
        return found

    def _meaning(self, item: Difference) -> str:
        if self._cause.kind is not Kind.CELL or self._rows is None or self._cause.row is None:
            return ""
        return cell_meaning(item.name, self._cause.part, self._rows.operation(self._cause.row))

    def _side(self, name: str, rows: ProgramRows) -> Side | None:
        """How an engine builds the case; None when it does not."""
        engine = self._observer.engine(name)
        try:
            run = engine.run(self._look.case)
            built, recording = run.built_with_cuts, recording_of(run)
        except (EngineFailure, NotComparable):
            return None
        if not built:
            return Side(name, Style.SEQUENTIAL, (0,))
        starts = self._look.case.cut.starts(rows.count)
        if recording is None:
            return Side(name, Style.SEAM, starts)
        # An engine may cut a long fragment once more for its own sake.
        clks = {int(clk) for clk in recording.snapshots["clk"] if 0 <= clk < rows.count}
        return Side(name, Style.SNAPSHOT, tuple(sorted({*starts, *clks})), recording)

    # ---- windows ----------------------------------------------------------------------------------------------------

    def _windows(self, site: Site | None, dependence: Dependence) -> Windows | None:
        """The rows around the cause, around what made it, and around the cut."""
        cause = self._cause
        centres = [] if cause.row is None else [cause.row]
        if site is not None:
            centres.append(site.row)
        if dependence.cuts:
            centres.append(dependence.cuts[-1])
        elif site is not None and site.cut_distance is not None and abs(site.cut_distance) <= 2 * ROWS_AROUND:
            centres.append(site.row - site.cut_distance)
        total = self._total_rows()
        if not centres or total is None:
            return None
        rows = rows_around(centres, total)
        names = self._shown()
        cells = [self._cells_of(name, rows) for name in names]
        if cells[0] is None and cells[1] is None:
            return None
        starts = self._look.case.cut.starts(self._rows.count) if self._rows is not None else ()
        return Windows(names, rows, (cells[0], cells[1]), tuple(starts))

    def _shown(self) -> tuple[str, str]:
        """The engines of the pair; beside one that is alone, or that is none, the reference."""
        left, right = self._cause.pair
        return (self._observer.reference.name, right) if left == right or not self._is_engine(left) else (left, right)

    def _total_rows(self) -> int | None:
        """Rows of the reference's trace, or of the first engine's when the reference has none."""
        if self._rows is not None:
            return self._rows.trace.lengths.rows
        try:
            summary = self._engine(self._shown()[0]).run(self._look.case).summary
        except (EngineFailure, NotComparable):
            return None
        return None if summary is None else summary.rows

    def _cells_of(self, name: str, rows: Sequence[int]) -> Cells | None:
        """An engine's cells; None when it has none of these rows."""
        try:
            run = self._engine(name).run(self._look.case)
            return None if run.summary is None else cells_of(run, rows)
        except (EngineFailure, NotComparable):
            return None

    # ---- the step at fault ------------------------------------------------------------------------------------------

    def _evidence(self) -> list[Evidence]:
        """Of every engine of the pair but the reference, which is what they are judged by."""
        engines = [self._observer.engine(name) for name in dict.fromkeys(self._cause.pair) if self._is_engine(name)]
        judged = [engine for engine in engines if engine.inner is not self._observer.reference]
        return [evidence(engine, self._look, self._cause) for engine in judged]

    def _engine(self, name: str) -> Engine:
        """The engine with this name; the reference, which need not be one of those compared, for any other."""
        return self._observer.engine(name) if self._is_engine(name) else self._observer.reference

    def _is_engine(self, name: str) -> bool:
        return any(engine.name == name for engine in self._observer.engines)


def _source(rows: ProgramRows, side: Side, row: int, column: str) -> Source:
    queues = ExpectedQueues(rows)
    is_core = GROUP_OF_COLUMN[COLUMN[column]] in ("system", "decoder", "stack")
    if is_core and row < rows.trace.lengths.rows - 1:
        return Provenance(rows, queues, side).of(row, column)
    return ChipletProvenance(rows, queues, side).of(row, column)


def _captured(rows: ProgramRows, side: Side, row: int, item: Difference) -> Source:
    """What a field of a boundary state was taken from."""
    before = row - 1
    made = f"as row {before} ({rows.operation(before)}) left it" if row else "as the program begins"
    if side.style is Style.SEQUENTIAL:
        text = f"the machine's state when row {row} ({rows.operation(row)}) begins, {made}"
        return Source(From.STATE, item.name, text, row=row, operation=rows.operation(row), expected=item.left)
    fragment = side.fragment(row)
    text = f"captured in the snapshot of fragment {fragment} when row {row} ({rows.operation(row)}) begins, {made}"
    return Source(From.SNAPSHOT, item.name, text, fragment, row=row, operation=rows.operation(row))
