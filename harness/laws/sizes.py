"""At which cuts a program comes out right, silently wrong, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.laws.build import Build, Status
from harness.laws.judge import measure_of
from harness.laws.violation import sizes_text
from harness.records import cut_json
from reference.definition.cuts import CutPlan


@dataclass(frozen=True, slots=True)
class Sizes:
    """The cuts of one program by what came of them."""

    right: tuple[CutPlan, ...]
    """Like the measure: what most builds gave that the engine's own check accepts."""
    wrong: tuple[CutPlan, ...]
    """Completed, with other cells, and nobody said so."""
    stopped: dict[tuple[Status, str], tuple[CutPlan, ...]]
    """Failed, panicked or broke, with what was said."""

    def lines(self) -> list[str]:
        """A line each."""
        lines = [f"silently wrong  {sizes_text(self.wrong) or 'nowhere'}"]
        lines += [f"{status.value:<15} {sizes_text(plans)}: {said}" for (status, said), plans in self.stopped.items()]
        return [*lines, f"right           {sizes_text(self.right) or 'nowhere'}"]

    def as_json(self) -> dict[str, Any]:
        """Cuts as case files write them."""
        return {
            "right": [cut_json(plan) for plan in self.right],
            "silently_wrong": [cut_json(plan) for plan in self.wrong],
            "stopped": [
                {"status": status.value, "said": said, "cuts": [cut_json(plan) for plan in plans]}
                for (status, said), plans in self.stopped.items()
            ],
        }


def sizes_of(builds: Sequence[Build]) -> Sizes:
    """Sorts builds; a plan that was built twice is sorted by its first build."""
    first: dict[CutPlan, Build] = {}
    for build in builds:
        first.setdefault(build.plan, build)
    measure = measure_of(list(first.values()))
    right: list[CutPlan] = []
    wrong: list[CutPlan] = []
    stopped: dict[tuple[Status, str], tuple[CutPlan, ...]] = {}
    for plan, build in first.items():
        if build.status is not Status.COMPLETED:
            end = build.status, build.said
            stopped[end] = (*stopped.get(end, ()), plan)
        else:
            (right if measure is not None and build.digests == measure.digests else wrong).append(plan)
    return Sizes(tuple(right), tuple(wrong), stopped)
