"""What a campaign by the laws has judged: laws asked, and why a case or a law was not judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_NUMBERS: Final = ("traces", "builds", "nothing")
_COUNTERS: Final = ("judged", "broken", "not_judged", "left_out", "refused")
_MOST_REASONS: Final = 6


@dataclass(slots=True)
class LawCounts:
    """Counters only; what else a campaign counts is in :class:`harness.campaign.totals.Totals`."""

    traces: int = 0
    """Cases with at least one trace, of which something could be judged."""
    builds: int = 0
    nothing: int = 0
    """Cases that were built and of which nothing could be judged."""
    judged: Counter[str] = field(default_factory=Counter)
    """How often each law was asked."""
    broken: Counter[str] = field(default_factory=Counter)
    """Cases that break a law, by law: those that break several are counted for each."""
    not_judged: Counter[str] = field(default_factory=Counter)
    """Laws that were not asked, by reason."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Cases that were not given to the engine, by reason."""
    refused: Counter[str] = field(default_factory=Counter)
    """Cases that the engine did not take, by reason."""

    @property
    def without(self) -> int:
        """Cases that were left out or refused."""
        return self.left_out.total() + self.refused.total()

    def addable(self) -> dict[str, Any]:
        """The counters as :meth:`add` takes them; those that are zero are left out."""
        found = {name: getattr(self, name) for name in _NUMBERS}
        found |= {name: dict(getattr(self, name)) for name in _COUNTERS}
        return {name: value for name, value in found.items() if value}

    def add(self, added: Mapping[str, Any]) -> None:
        """Count what :meth:`addable` gave elsewhere."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + added.get(name, 0))
        for name in _COUNTERS:
            getattr(self, name).update(added.get(name, {}))

    def as_json(self, cases: int) -> dict[str, Any]:
        """All of it with stable keys; ``cases`` are those that were built."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return {"cases": cases} | numbers | {name: dict(getattr(self, name)) for name in _COUNTERS}

    def lines(self) -> list[str]:
        """What was judged and what was not, for a person."""
        judged = ", ".join(f"{law} {count:,}" for law, count in sorted(self.judged.items()))
        lines = [f"judged       {judged or 'nothing'}"]
        lines += [f"broken       {law}: in {cases:,} cases" for law, cases in sorted(self.broken.items())]
        lines += [f"not judged   {reason}: {count:,}" for reason, count in sorted(self.not_judged.items())]
        if self.nothing:
            lines.append(f"             nothing at all in {self.nothing:,} cases")
        for name, counter in (("left out", self.left_out), ("refused", self.refused)):
            lines += [f"{name:<12} {reason}: {count:,}" for reason, count in counter.most_common(_MOST_REASONS)]
            if len(counter) > _MOST_REASONS:
                lines.append(f"             and for {len(counter) - _MOST_REASONS} more reasons")
        return lines
