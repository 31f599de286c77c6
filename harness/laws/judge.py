"""Judges one engine on one case by the laws of cutting; what could not be judged is counted with its reason.

The laws name no right build. One is taken as the measure all the same, so that a report can say what is wrong: of the builds
that the engine's own check accepts, or of all completed ones, what most of them gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.laws.build import Build, Refused, Status, Subject
from harness.laws.plans import nested_pairs
from harness.laws.violation import Kind, Law, Violation
from reference.definition.case import Case
from reference.definition.cuts import CutPlan

_KIND_OF_STATUS = {Status.FAILED: Kind.FAILS, Status.PANICKED: Kind.PANICS, Status.BROKE: Kind.BREAKS}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judging one case gave."""

    engine: str
    case: Case
    builds: tuple[Build, ...] = ()
    violations: tuple[Violation, ...] = ()
    """The gravest first: wrong cells that nobody reports, then everything that stops a prover."""
    judged: Counter[Law] = field(default_factory=Counter)
    """How often each law was asked: builds compared, nested pairs, boundary states, builds repeated, checks."""
    not_judged: dict[Law, str] = field(default_factory=dict)
    """Why a law was not asked."""
    refused: str | None = None
    """Why the engine did not take the case."""

    @property
    def nothing(self) -> bool:
        """Whether nothing at all was judged; then the case is no pass."""
        return not self.violations and not self.judged.total()

    @property
    def completed(self) -> int:
        """Builds with a trace."""
        return sum(build.status is Status.COMPLETED for build in self.builds)


def judge(subject: Subject, case: Case, plans: Sequence[CutPlan], *, locating: bool = True) -> Judgement:
    """Builds the case at all plans, the first one once more at the end, and asks all laws.

    ``locating`` names the first wrong row, which costs two more builds. Raises ValueError for no plans.
    """
    if not plans:
        raise ValueError("a case is judged at one cut plan at least")
    try:
        builds = subject.builds(case, [*plans, plans[0]])
    except Refused as refused:
        return Judgement(subject.name, case, refused=str(refused.args[0]))
    judging = _Judging(subject, case, builds, plans)
    judging.run()
    if locating:
        judging.locate()
    return Judgement(
        subject.name, case, tuple(builds), tuple(judging.violations), judging.judged, judging.not_judged, None
    )


def measure_of(builds: Sequence[Build]) -> Build | None:
    """The build that others are measured by; None when none completed."""
    completed = [build for build in builds if build.status is Status.COMPLETED]
    trusted = [build for build in completed if build.constraints] or completed
    if not trusted:
        return None
    times = Counter(build.digests for build in trusted)
    most = max(times.values())
    return next(build for build in trusted if times[build.digests] == most)


class _Judging:
    def __init__(self, subject: Subject, case: Case, builds: Sequence[Build], plans: Sequence[CutPlan]) -> None:
        self._subject = subject
        self._case = case
        self.violations: list[Violation] = []
        self.judged: Counter[Law] = Counter()
        self.not_judged: dict[Law, str] = {}
        first = next((build for build in builds if build.plan == plans[0]), None)
        last = builds[-1]
        self._repeated = (first, last) if first is not None and last is not first and last.plan == plans[0] else None
        self._builds = list(builds[:-1] if self._repeated else builds)
        self._cut = self._distinct([build for build in self._builds if build.is_cut])

    @staticmethod
    def _distinct(builds: Sequence[Build]) -> list[Build]:
        """Without builds that cut the program where an earlier one does, as far as its rows are known."""
        found: dict[object, Build] = {}
        for build in builds:
            key = build.plan if build.core is None else build.plan.starts(build.core)
            found.setdefault((key, build.result), build)
        return list(found.values())

    def run(self) -> None:
        self._judge_cuts()
        self._judge_again()
        self._judge_states()
        self._judge_twice()
        self._judge_constraints()
        self._judge_answers()

    # ---- law 1 ------------------------------------------------------------------------------------------------------

    def _judge_cuts(self) -> None:
        for build in self._builds:
            self.violations += [
                Violation(Law.CUTS, Kind.CONTRADICTS, (build.plan,), said=said) for said in build.contradictions
            ]
        if not self._has_two_cuts(Law.CUTS):
            return
        self.judged[Law.CUTS] += len(self._cut)
        measure = measure_of(self._cut)
        if measure is None:
            self._judge_failures()
            return
        wrong = [build for build in self._cut if build.status is Status.COMPLETED and build.digests != measure.digests]
        for accepted in (True, None, False):
            plans = tuple(build.plan for build in wrong if build.constraints is accepted)
            if plans:
                violation = Violation(Law.CUTS, Kind.WRONG_CELLS, plans, measure.plan, accepted=accepted)
                self.violations.append(violation)
        others = [build for build in self._cut if build.status is not Status.COMPLETED]
        for (status, said), plans in _by_end(others).items():
            kind, stderr = _KIND_OF_STATUS[status], _stderr_at(others, plans)
            self.violations.append(Violation(Law.CUTS, kind, plans, measure.plan, said, stderr=stderr))

    def _judge_failures(self) -> None:
        """No build completed: then all fail alike."""
        ends = _by_end(self._cut)
        if len(ends) < 2:
            return
        measure = max(ends, key=lambda end: (end[0] is Status.FAILED, len(ends[end])))
        for end, plans in ends.items():
            if end != measure:
                kind = Kind.FAILS_OTHERWISE if end[0] is Status.FAILED else _KIND_OF_STATUS[end[0]]
                said = f"{end[1]}\nwhere others say: {measure[1]}"
                stderr = _stderr_at(self._cut, plans)
                self.violations.append(Violation(Law.CUTS, kind, plans, ends[measure][0], said, stderr=stderr))

    def _has_two_cuts(self, law: Law) -> bool:
        if len({build.plan for build in self._cut}) >= 2:
            if all(build.digests or build.status is not Status.COMPLETED for build in self._cut):
                return True
            self.not_judged[law] = "it gives no column digests"
        elif self._builds and not any(build.is_cut for build in self._builds):
            self.not_judged[law] = "it builds its trace without cutting"
        else:
            self.not_judged[law] = "there are not two builds that are cut differently"
        return False

    # ---- law 2 ------------------------------------------------------------------------------------------------------

    def _judge_again(self) -> None:
        """Cutting again turns a coarse plan into a finer one; the nearest such pair that differs says which cut it was."""
        if not self._has_two_cuts(Law.AGAIN):
            return
        results = {build.plan: build for build in self._cut}
        pairs = nested_pairs(list(results))
        self.judged[Law.AGAIN] += len(pairs)
        if not pairs:
            self.not_judged[Law.AGAIN] = "no plan cuts another one's fragments again"
        for coarse, fine in pairs:
            one, other = results[coarse], results[fine]
            if one.result != other.result:
                kind = Kind.WRONG_CELLS if one.status is other.status is Status.COMPLETED else Kind.NOT_AGAIN
                self.violations.append(Violation(Law.AGAIN, kind, (fine,), coarse))
                return

    # ---- law 3 ------------------------------------------------------------------------------------------------------

    def _judge_states(self) -> None:
        completed = [build for build in self._builds if build.status is Status.COMPLETED and build.is_cut]
        stated = [build for build in completed if build.states is not None]
        if not stated:
            self.not_judged[Law.STATES] = (
                "it gives no boundary states" if completed else "no build was cut and completed"
            )
            return
        seen: dict[int, Build] = {}
        for build in stated:
            assert build.states is not None
            for row, state in build.states.items():
                before = seen.setdefault(row, build)
                if before is build:
                    continue
                assert before.states is not None
                self.judged[Law.STATES] += 1
                if before.states[row] != state:
                    said = _state_difference(row, before.states[row], state)
                    self.violations.append(Violation(Law.STATES, Kind.STATE, (build.plan,), before.plan, said))
                    return
        if not self.judged[Law.STATES]:
            self.not_judged[Law.STATES] = "no row begins a fragment in two builds"

    # ---- law 4, constraints, answers --------------------------------------------------------------------------------

    def _judge_twice(self) -> None:
        if self._repeated is None:
            self.not_judged[Law.TWICE] = "no build was made twice"
            return
        first, second = self._repeated
        if not first.is_cut:
            self.not_judged[Law.TWICE] = "it builds its trace without cutting"
            return
        self.judged[Law.TWICE] += 1
        if first.result != second.result or first.states != second.states:
            said = (
                ""
                if first.status is second.status
                else f"{first.status.value}, then {second.status.value}: {second.said}"
            )
            plans, stderr = (second.plan,), second.stderr or first.stderr
            self.violations.append(Violation(Law.TWICE, Kind.NOT_AGAIN, plans, first.plan, said, stderr=stderr))

    def _judge_constraints(self) -> None:
        checked = [build for build in self._builds if build.constraints is not None]
        if not checked:
            completed = any(build.status is Status.COMPLETED for build in self._builds)
            self.not_judged[Law.CONSTRAINTS] = "it does not check its own traces" if completed else "no build completed"
            return
        self.judged[Law.CONSTRAINTS] += len(checked)
        rejected = [build for build in checked if not build.constraints]
        if rejected:
            plans = tuple(build.plan for build in rejected)
            self.violations.append(Violation(Law.CONSTRAINTS, Kind.REJECTED, plans, said=rejected[0].rejection))

    def _judge_answers(self) -> None:
        """What breaks at some cuts only has been reported under law 1."""
        ends = {build.status for build in self._builds}
        if ends <= {Status.PANICKED, Status.BROKE}:
            build = self._builds[0]
            plans = tuple(each.plan for each in self._builds)
            kind, stderr = _KIND_OF_STATUS[build.status], build.stderr
            self.violations.append(Violation(Law.ANSWER, kind, plans, said=build.said, stderr=stderr))

    # ---- where ------------------------------------------------------------------------------------------------------

    def locate(self) -> None:
        """Name the first wrong row of wrong cells."""
        for index, violation in enumerate(self.violations):
            if violation.kind is Kind.WRONG_CELLS and violation.measure is not None:
                place = self._subject.first_wrong(self._case, violation.measure, violation.plans[0])
                self.violations[index] = replace(violation, place=place)


def _by_end(builds: Sequence[Build]) -> dict[tuple[Status, str], tuple[CutPlan, ...]]:
    ends: dict[tuple[Status, str], tuple[CutPlan, ...]] = {}
    for build in builds:
        end = build.status, build.said
        ends[end] = (*ends.get(end, ()), build.plan)
    return ends


def _stderr_at(builds: Sequence[Build], plans: Sequence[CutPlan]) -> str:
    """What the program wrote when it broke at one of the plans; empty when it wrote nothing, or broke at none."""
    return next((build.stderr for build in builds if build.plan in plans and build.stderr), "")


def _state_difference(row: int, one: object, other: object) -> str:
    """The fields of a boundary state that differ, on a line each."""
    lines = [f"boundary state of row {row}"]
    if isinstance(one, dict) and isinstance(other, dict):
        names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        lines += [f"  {name}: {one.get(name)}  |  {other.get(name)}" for name in names]
    return "\n".join(lines)
