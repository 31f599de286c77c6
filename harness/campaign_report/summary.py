"""What the report says of a campaign: totals added up, findings grouped, times measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Final

from harness.campaign_report.record import Differed, Record, RunOfCampaign
from harness.verdict import Verdict, engine_label

Path = tuple[str, ...]
"""Of a number in nested objects."""

UNKNOWN: Final = "not ended: it still runs, or was killed"
RUNNING: Final = "still running"
KILLED: Final = "killed"


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that differed for the same reason, in the order of their numbers."""

    signature: str
    """The full one, or the short one where no case of the group has been localised."""
    cases: Sequence[Differed]

    @property
    def kept(self) -> Sequence[Differed]:
        """Those with a directory of their own."""
        return [case for case in self.cases if case.directory is not None]

    @property
    def states(self) -> Counter[str]:
        """How many of the kept ones are confirmed, not stable .."""
        return Counter(case.state for case in self.kept)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two of the engines, and what a report can say of them; an empty ``without`` means that they were compared."""

    engines: tuple[str, str]
    signatures: Sequence[str]
    """Of groups that name one of the two and nobody else."""
    without: str
    """Why nothing was compared."""


class Summary:
    """A record with everything that follows from it."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @property
    def title(self) -> str:
        """The engines, and what is asked of them."""
        return f"{' with '.join(self.record.engines)}{', by the laws of cutting' if self.record.laws else ''}"

    # ---- totals ---------------------------------------------------------------------------------------------------------

    @cached_property
    def sums(self) -> Counter[Path]:
        """:func:`sums` of all batches."""
        return sums(batch.totals for batch in self.record.batches)

    @property
    def cases(self) -> int:
        """Cases in finished batches."""
        return sum(batch.count for batch in self.record.batches)

    def amount(self, *path: str) -> int:
        """A number of the totals, such as ``completed``, or ``counts``, ``rows``."""
        return int(self.sums[path])

    def counter(self, *path: str) -> Counter[str]:
        """A counter of the totals, such as ``counts``, ``not_comparable``."""
        return Counter({where[-1]: int(times) for where, times in self.sums.items() if where[:-1] == path and times})

    def verdict(self, verdict: Verdict) -> int:
        """How many cases ended with the verdict."""
        return self.counter("verdicts")[verdict.value]

    @property
    def is_vacuous(self) -> bool:
        """Whether no case was compared on all engines, or nothing in any case; by the laws: whether no trace was judged."""
        if self.record.laws:
            return not self.amount("laws", "traces")
        nothing = not any(self.amount("counts", name) for name in ("cells", "boundaries", "failures"))
        return nothing or self.verdict(Verdict.AGREE) + self.verdict(Verdict.DIFFER) == 0

    # ---- time -----------------------------------------------------------------------------------------------------------

    def end_of(self, run: RunOfCampaign) -> float:
        """When the run ended, or finished its last batch."""
        if run.ended is not None:
            return max(run.ended, run.started)
        return max((batch.finished for batch in self.record.batches if batch.run == run.id), default=run.started)

    def ending_of(self, run: RunOfCampaign) -> str:
        """How the run ended, in words; a run that left no word and was followed by another was killed."""
        if run.ended is not None:
            return run.ending or "ended"
        if run.id != self.record.runs[-1].id:
            return KILLED
        return UNKNOWN if self.record.is_running is None else RUNNING if self.record.is_running else KILLED

    @property
    def seconds(self) -> float:
        """Of all runs, without what lies between them."""
        return sum(self.end_of(run) - run.started for run in self.record.runs)

    @property
    def busy_seconds(self) -> float:
        """Of all workers in all batches."""
        return sum(batch.finished - batch.started for batch in self.record.batches)

    def rate(self, amount: float) -> float:
        """The amount per second of the runs."""
        return amount / self.seconds if self.seconds > 0 else 0.0

    @property
    def boundaries_per_worker(self) -> float:
        """Boundaries a second of one worker."""
        return self.amount("counts", "boundaries") / self.busy_seconds if self.busy_seconds > 0 else 0.0

    # ---- findings -------------------------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> Sequence[Group]:
        """By full signature; groups with a confirmed finding first, then the larger ones.

        A case that was only counted has no full signature: it belongs to the first localised case with its short one.
        """
        full: dict[str, str] = {}
        for case in self.record.differed:
            if case.full_signature:
                full.setdefault(case.signature, case.full_signature)
        members: dict[str, list[Differed]] = {}
        for case in self.record.differed:
            name = case.full_signature or full.get(case.signature, case.signature)
            members.setdefault(name, []).append(case)
        groups = [Group(name, cases) for name, cases in members.items()]
        return sorted(groups, key=lambda each: (not each.states["confirmed"], -len(each.cases), each.signature))

    @cached_property
    def pairs(self) -> Sequence[Pair]:
        """Every two of the engines."""
        return [self._pair(pair) for pair in combinations(self.record.engines, 2)]

    def _pair(self, pair: tuple[str, str]) -> Pair:
        labels = {engine_label(name) for name in pair}
        signatures = [group.signature for group in self.groups if named_engines(group.cases[0].signature) <= labels]
        return Pair(pair, signatures, self._reason_not_compared(pair))

    def _reason_not_compared(self, pair: tuple[str, str]) -> str:
        if self.is_vacuous:
            return "nothing was compared"
        for name in pair:
            refused = {
                reason: n for reason, n in self.counter("counts", "not_comparable").items() if _says(reason, name)
            }
            if sum(refused.values()) >= self.cases:
                return max(refused, key=lambda reason: refused[reason])
        return ""


def named_engines(signature: str) -> frozenset[str]:
    """The labels of the engines that a signature names: ``cell reference|parallel DROP stack``."""
    words = signature.split(" ", 2)
    return frozenset(words[1].split("|")) if len(words) > 1 else frozenset()


def sums(totals: Iterable[Mapping[str, Any]]) -> Counter[Path]:
    """The numbers of all totals, added up by where they stand: ``("counts", "rows")``.

    What is no number, such as a list of names, says nothing that adds up, and is left out.
    """
    found: Counter[Path] = Counter()
    for each in totals:
        waiting: list[tuple[Path, Any]] = [((), each)]
        while waiting:
            path, value = waiting.pop()
            if isinstance(value, Mapping):
                waiting += [((*path, str(name)), inner) for name, inner in value.items()]
            elif isinstance(value, int | float) and not isinstance(value, bool):
                found[path] += value  # type: ignore[assignment]  # seconds are no whole numbers
    return found


def _says(reason: str, engine: str) -> bool:
    return reason.startswith(f"{engine}: ")
