"""One case on all engines at all its cut plans: compared with each other, with what is expected, and audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.backend import Availability, Engine, EngineFailure, Identified, NotComparable, Run
from harness.compare import compare
from harness.corpus.expecting import expectation_of_run, unmet
from harness.corpus.kept import Expectation
from harness.records import cut_text
from harness.verdict import Comparison, Counts, Verdict, describe, is_acceptable
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.formats.children_first import children_first


@dataclass(slots=True)
class Judged:
    """What came of a case."""

    verdict: Verdict = Verdict.AGREE
    counts: Counts = field(default_factory=Counts)
    plans: int = 0
    """Cut plans that were run."""
    expected: int = 0
    """Pairs of engine and cut plan of which everything that is expected was compared."""
    lines: list[str] = field(default_factory=list)
    """What is wrong, for people."""
    known: list[str] = field(default_factory=list)
    """Entries of the list of known divergences that were met."""

    @property
    def nothing(self) -> bool:
        """Whether nothing was compared."""
        return self.counts.nothing and not self.expected


def judge(case: Case, expect: Expectation | None, engines: Sequence[Engine], *, audit: bool = True) -> Judged:
    """Run the case at every cut plan on every engine.

    With two engines or more their runs are compared. Each is also held against what is expected; where nothing is, against
    the first engine's run at the first plan, because a trace does not depend on its cuts. A trace is audited where two
    engines agree on it. Nothing compared is not comparable, never agreement.
    """
    judged = Judged()
    # The comparison and what is expected ask for the same runs.
    remembering = [_Remembering(engine) for engine in engines]
    for each in children_first(case).runs():
        _judge_plan(each, expect, remembering, judged, audit=audit and not judged.plans)
        if expect is None:
            expect = _first_run(remembering[0], each)
        judged.plans += 1
    if judged.nothing and judged.verdict is Verdict.AGREE:
        judged.verdict = Verdict.NOT_COMPARABLE
        judged.lines.append("nothing was compared: this is no agreement")
    return judged


def _judge_plan(
    case: Case, expect: Expectation | None, engines: Sequence[_Remembering], judged: Judged, *, audit: bool
) -> None:
    excused: set[str] = set()
    if len(engines) > 1:
        comparison = compare(case, engines, audit=audit)
        _take(comparison, case.cut, judged)
        # Its trace is known to be wrong here; the others are held against what is expected all the same.
        excused = {name for item in comparison.excused for name in (item.divergence.left, item.divergence.right)}
        excused &= {engine.name for engine in engines if engine.identity is not None}
    for engine in engines:
        if engine.name not in excused:
            _hold(engine, case, expect, judged, alone=len(engines) == 1)


def _take(comparison: Comparison, plan: CutPlan, judged: Judged) -> None:
    judged.counts += comparison.counts
    judged.known += [item.entry for item in comparison.excused if item.entry not in judged.known]
    if comparison.verdict is Verdict.DIFFER:
        judged.verdict = Verdict.DIFFER
        judged.lines += [f"{cut_text(plan)}: {describe(item)}" for item in comparison.divergences]
    elif not is_acceptable(comparison):
        _not_comparable(judged, [f"{cut_text(plan)}: {reason}" for reason in sorted(comparison.counts.not_comparable)])


def _hold(engine: Engine, case: Case, expect: Expectation | None, judged: Judged, *, alone: bool) -> None:
    try:
        run = engine.run(case)
    except (EngineFailure, NotComparable) as refusal:
        # Two engines or more: the comparison has said so.
        if alone:
            _refused(refusal, case, judged)
        return
    try:
        contradictions = list(run.contradictions()) if alone else []
        lines = unmet(expect, run) if expect is not None else []
    except (EngineFailure, NotComparable) as refusal:
        _refused(refusal, case, judged)
        return
    judged.expected += expect is not None
    said = [f"{engine.name} contradicts itself: {line}" for line in contradictions]
    said += [f"{engine.name}, not as {expect.by} says: {line}" for line in lines if expect is not None]
    if said:
        judged.verdict = Verdict.DIFFER
        judged.lines += [f"{cut_text(case.cut)}: {line}" for line in said]


def _refused(refusal: EngineFailure | NotComparable, case: Case, judged: Judged) -> None:
    if isinstance(refusal, NotComparable):
        judged.counts.not_comparable[str(refusal)] += 1
        _not_comparable(judged, [f"{cut_text(case.cut)}: {refusal}"])
    else:
        judged.verdict = Verdict.DIFFER
        judged.lines.append(f"{cut_text(case.cut)}: {refusal}")


def _not_comparable(judged: Judged, lines: Sequence[str]) -> None:
    if judged.verdict is Verdict.AGREE:
        judged.verdict = Verdict.NOT_COMPARABLE
    judged.lines += [f"not comparable: {line}" for line in lines]


def _first_run(engine: Engine, case: Case) -> Expectation | None:
    """None for an engine that gave nothing here; the comparison has said so."""
    try:
        found = expectation_of_run(engine.run(case), f"{engine.name} at {cut_text(case.cut)}")
    except (EngineFailure, NotComparable):
        return None
    return replace(found, program_hash=None)


class _Remembering:
    """Another engine, which is not asked twice in a row for the same run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._case: Case | None = None
        self._answer: Run | EngineFailure | NotComparable | None = None

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def identity(self) -> str | None:
        return self._engine.identity if isinstance(self._engine, Identified) else None

    def probe(self) -> Availability:
        return self._engine.probe()

    def run(self, case: Case) -> Run:
        if self._case is not case:
            self._case, self._answer = case, None
            try:
                self._answer = self._engine.run(case)
            except (EngineFailure, NotComparable) as refusal:
                self._answer = refusal
        if isinstance(self._answer, EngineFailure | NotComparable):
            raise self._answer
        assert self._answer is not None
        return self._answer

    def close(self) -> None:
        self._engine.close()
