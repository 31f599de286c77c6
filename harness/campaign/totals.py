"""What a campaign has done so far: what was compared, what was covered, what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.campaign.law_counts import LawCounts
from harness.coverage import CoverageMap
from harness.generate import FAILURES
from harness.reporting import counts_json
from harness.verdict import Counts, Verdict
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.gpu_options import DEFAULT_GPU_OPTIONS, GpuOptions
from reference.definition.isa import BLOCK_OPERATIONS

NODE_OF_ROW: Final = {
    "SPAN": "block",
    "JOIN": "join",
    "SPLIT": "split",
    "LOOP": "loop",
    "CALL": "call",
    "SYSCALL": "syscall",
    "DYN": "dyn",
    "DYNCALL": "dyncall",
}
"""Node kind by the operation of the row that starts it; external nodes have no row."""

NODE_KINDS: Final = (*NODE_OF_ROW.values(), "external")


_NUMBERS: Final = ("cases", "completed", "failed", "comparing_seconds")
_COUNTERS: Final = ("operations", "nodes", "errors", "cuts", "walks", "families", "unintended", "findings")


@dataclass(slots=True)
class Totals:
    """Counters only; ``operations`` and the like count compared programs in which the thing was executed."""

    engines: tuple[str, ...]
    seed: int
    first: int
    cases: int = 0
    completed: int = 0
    failed: int = 0
    seconds: float = 0.0
    comparing_seconds: float = 0.0
    """Without generation, aiming and shrinking."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    operations: Counter[str] = field(default_factory=Counter)
    nodes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    walks: Counter[str] = field(default_factory=Counter)
    """Options of engines that were not the defaults: of the GPU engine's walk, of the parallel engine's rebuild."""
    families: Counter[str] = field(default_factory=Counter)
    unintended: Counter[str] = field(default_factory=Counter)
    """Programs that did not end as the generator meant them to."""
    coverage: CoverageMap = field(default_factory=CoverageMap)
    """What stood at the cuts."""
    findings: Counter[str] = field(default_factory=Counter)
    """Cases that differed, by signature."""
    states: Counter[str] = field(default_factory=Counter)
    """Findings that were kept, by what became of them: confirmed in a new process, not stable, not replayed."""
    laws: LawCounts | None = None
    """What was judged, in a campaign by the laws; None in one that compares. Verdicts are then: keeps the laws, breaks one,
    was not judged."""

    @property
    def judged(self) -> int:
        """Cases that the one engine has built, in a campaign by the laws."""
        return self.completed + self.failed

    @property
    def differences(self) -> int:
        """Cases in which engines differed."""
        return self.verdicts[Verdict.DIFFER]

    @property
    def is_vacuous(self) -> bool:
        """Whether no case was compared on all engines, or nothing in any case; by the laws: whether no trace was judged."""
        if self.laws is not None:
            return not self.laws.traces
        return self.counts.nothing or self.verdicts[Verdict.AGREE] + self.differences == 0

    @property
    def operations_missed(self) -> list[str]:
        """Block operations that no compared program executed."""
        return [info.name for info in BLOCK_OPERATIONS if not self.operations[info.name]]

    @property
    def errors_missed(self) -> list[str]:
        """Errors that the generator aims at and that no compared program ended with."""
        return sorted({failure.error for failure in FAILURES} - set(self.errors))

    def rate(self, amount: float) -> float:
        """The amount per second of the campaign."""
        return amount / self.seconds if self.seconds else 0.0

    def addable(self) -> dict[str, Any]:
        """The counters as :meth:`add` takes them; those that are zero are left out, as are coverage and time."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        found["comparing_seconds"] = round(self.comparing_seconds, 6)
        found["verdicts"] = {verdict.value: times for verdict, times in self.verdicts.items() if times}
        found["counts"] = {name: value for name, value in counts_json(self.counts).items() if value}
        found |= {name: dict(getattr(self, name)) for name in _COUNTERS}
        found["laws"] = {} if self.laws is None else self.laws.addable()
        return {name: value for name, value in found.items() if value}

    def add(self, added: Mapping[str, Any]) -> None:
        """Count what :meth:`addable` gave elsewhere."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + added.get(name, 0))
        for verdict, times in added.get("verdicts", {}).items():
            self.verdicts[Verdict(verdict)] += times
        for name in _COUNTERS:
            getattr(self, name).update(added.get(name, {}))
        counts: dict[str, Any] = {
            name: Counter(value) if isinstance(value, dict) else value
            for name, value in added.get("counts", {}).items()
        }
        self.counts += Counts(**counts)
        if self.laws is not None:
            self.laws.add(added.get("laws", {}))

    def as_json(self) -> dict[str, Any]:
        """The summary, with stable keys; by the laws without what is said of comparisons only."""
        found = self._all_json()
        if self.laws is None:
            return found
        kept = ["engines", "seed", "first", "cases", "completed", "failed", "verdicts", "families"]
        kept += ["findings", "states", "seconds", "cases_per_second", "vacuous"]
        return {name: found[name] for name in kept} | {"laws": self.laws.as_json(self.judged)}

    def _all_json(self) -> dict[str, Any]:
        return {
            "engines": list(self.engines),
            "seed": self.seed,
            "first": self.first,
            "cases": self.cases,
            "completed": self.completed,
            "failed": self.failed,
            "verdicts": {verdict.value: self.verdicts[verdict] for verdict in Verdict},
            "counts": counts_json(self.counts),
            "operations": dict(self.operations),
            "operations_missed": self.operations_missed,
            "nodes": {kind: self.nodes[kind] for kind in NODE_KINDS},
            "errors": dict(self.errors),
            "errors_missed": self.errors_missed,
            "cuts": dict(self.cuts),
            "walks": dict(self.walks),
            "coverage": {"covered": self.coverage.covered, "possible": self.coverage.possible},
            "families": dict(self.families),
            "unintended": dict(self.unintended),
            "findings": dict(self.findings),
            "states": dict(self.states),
            "seconds": round(self.seconds, 3),
            "comparing_seconds": round(self.comparing_seconds, 3),
            "cases_per_second": round(self.rate(self.cases), 2),
            "boundaries_per_second": round(self.rate(self.counts.boundaries), 1),
            "vacuous": self.is_vacuous,
        }


def cut_kind(plan: CutPlan) -> str:
    """``one fragment``, ``every row``, ``every n rows`` or ``free``."""
    if plan == ONE_FRAGMENT:
        return "one fragment"
    if isinstance(plan, Every):
        return "every row" if plan.size == 1 else "every n rows"
    return "free"


def walk_kinds(options: GpuOptions) -> list[str]:
    """Which options are not the defaults: ``cache none`` and the like, ``lanes``, ``budget``, ``shards``, ``order``."""
    plain = DEFAULT_GPU_OPTIONS
    kinds = [name for name in ("lanes", "budget", "shards", "order") if getattr(options, name) != getattr(plain, name)]
    kinds += [f"cache {options.cache}"] if options.cache != plain.cache else []
    return kinds + ([f"threads {options.threads}"] if options.threads != plain.threads else [])
