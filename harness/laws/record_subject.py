"""Another program as the one that is judged: one request with all plans, one record with all builds.

COMMAND is kept alive; ``--contexts`` is appended to it. It need not share instruction set, hash or columns with this project.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.backends.process import LineProcess, ProcessFault
from harness.backends.program import SECONDS
from harness.backends.record import BadRecord, Rejected, member, read_object
from harness.engines import EXEC_PREFIX
from harness.laws.build import Build, Refused, Status, Told, WrongPlace
from harness.laws.record_builds import read_builds, wrong_place
from reference.definition.case import Case
from reference.definition.cuts import CutPlan
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line
from reference.definition.gpu_options import DEFAULT_GPU_OPTIONS
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS

Writing = Callable[[Case], str]
"""A case as the line that the program reads."""

_NAME: Final = "case-{}"
"""Names of our own: an answer to an earlier case cannot pass for this one's."""


_SHARE_OF_ONE: Final = 1 / 6
"""Of the time for a case, for a single cut of one over which the program broke: who hangs is asked a dozen times more."""


class RecordSubject:
    """Judges a program that prints a build for each plan of a case."""

    cuts_freely = False

    def __init__(self, name: str, *, seconds: float = SECONDS, write: Writing = case_line) -> None:
        self._name = name
        self._seconds = seconds
        self._process = LineProcess([*shlex.split(name.removeprefix(EXEC_PREFIX)), "--contexts"])
        self._asked = 0
        self.write = write
        """How cases are written for this program; whoever learns what it understands may change it."""
        self.told: Told = lambda _: None

    @property
    def name(self) -> str:
        """``exec:COMMAND``."""
        return self._name

    def builds(self, case: Case, plans: Sequence[CutPlan]) -> list[Build]:
        """One request; where the program breaks over it, one for each plan, so that it is known at which it breaks.

        A program that breaks at none of them alone broke in the last build; one that was late only has answered now. A cut
        of which it then says nothing has no build, as in the answer to one request.
        Raises Refused when the program rejects the case.
        """
        try:
            return self._ask(case, plans)
        except (ProcessFault, BadRecord) as fault:
            if len(plans) == 1:
                return [_broken(plans[0], fault)]
            together = fault
        found, refusal = self._one_by_one(case, plans)
        is_late = isinstance(together, ProcessFault) and together.is_late
        if not is_late and not any(build.status is Status.BROKE for build in found):
            # What it broke over is not seen again; that it broke is neither agreement nor a refusal.
            broken = _broken(plans[-1], together)
            found = found[:-1] if found and found[-1].plan == plans[-1] else found
            return [*found, replace(broken, said=f"{broken.said}, over all cuts at once")]
        if not found and refusal is not None:
            raise refusal
        return found

    def _one_by_one(self, case: Case, plans: Sequence[CutPlan]) -> tuple[list[Build], Refused | None]:
        """What it builds at each plan by itself, and how it refused the last plan that it refused."""
        found: list[Build] = []
        refusal: Refused | None = None
        for plan in plans:
            try:
                found += self._ask(case, [plan], self._seconds * _SHARE_OF_ONE)
            except (ProcessFault, BadRecord) as fault:
                found.append(_broken(plan, fault))
            except Refused as answer:
                refusal = answer
        return found, refusal

    def first_wrong(self, case: Case, right: CutPlan, wrong: CutPlan) -> WrongPlace | None:
        """From the differences that the record lists; None when it lists no rows."""
        try:
            record = self._record(case, [right, wrong])
            read = read_builds(record, [right, wrong])
            if len(read) != 2:
                return None
            return wrong_place(record["fragments"][1], len(read[0].digests))
        except (ProcessFault, BadRecord, Refused):
            return None

    def close(self) -> None:
        """Ends the program; it is started anew when it is asked again."""
        self._process.close()

    def _ask(self, case: Case, plans: Sequence[CutPlan], seconds: float | None = None) -> list[Build]:
        builds = self._in_order(case, plans, seconds)
        lacking = [build for build in builds if build.status is Status.COMPLETED and not build.digests]
        if not lacking or builds[0].status is Status.COMPLETED:
            return builds
        # Its record measures every build by the first one, which has no trace: another one has to come first.
        first = lacking[0].plan
        others = list(plans)
        others.remove(first)
        again = self._in_order(case, [first, *others], seconds)
        by_plan: dict[CutPlan, list[Build]] = {}
        for build in again:
            by_plan.setdefault(build.plan, []).append(build)
        return [by_plan[plan].pop(0) for plan in plans if by_plan.get(plan)]

    def _in_order(self, case: Case, plans: Sequence[CutPlan], seconds: float | None) -> list[Build]:
        builds = read_builds(self._record(case, plans, seconds), plans)
        if not builds:
            raise Refused("its record has no build at any of the cuts")
        return builds

    def _record(self, case: Case, plans: Sequence[CutPlan], seconds: float | None = None) -> Mapping[str, Any]:
        self.told(replace(case, cuts=tuple(plans)))
        self._asked += 1
        name = _NAME.format(self._asked)
        try:
            line = self.write(_plain(replace(case, name=name, cuts=tuple(plans), about="")))
        except InputError as refusal:
            raise Refused(f"the case cannot be written as text: {refusal.reason}") from refusal
        answer = self._process.ask(line.encode(), seconds or self._seconds)
        try:
            record = read_object(answer, name)
            member(record, "fragments", list)
        except Rejected as rejection:
            raise Refused(f"rejected: {rejection}") from None
        except BadRecord:
            # It has lost the thread; what it answers next might belong to this case.
            self._process.close()
            raise
        return record


def _plain(case: Case) -> Case:
    """The case without options of engines of this project."""
    return replace(case, gpu=DEFAULT_GPU_OPTIONS, parallel=DEFAULT_PARALLEL_OPTIONS)


def _broken(plan: CutPlan, fault: Exception) -> Build:
    said = fault.reason if isinstance(fault, ProcessFault) else f"its record is wrong: {fault}"
    return Build(plan, Status.BROKE, said, stderr=getattr(fault, "stderr", ""))
