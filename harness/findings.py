"""Collects what one comparison finds, and asks the list of known divergences about each finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.backend import REAL_VM, Engine, EngineFailure, Identified, Outcome, Run, Summary
from harness.known import Accusation, Entry, Excuse, find_excuse, outcome_text
from harness.verdict import Counts, Divergence, Excused, Kind, Verdict
from reference.definition.case import Case


@dataclass(frozen=True, slots=True)
class Contender:
    """An engine with its run of the case."""

    engine: Engine
    run: Run

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.engine.name

    @property
    def outcome(self) -> Outcome:
        """The run's outcome."""
        return self.run.outcome

    @property
    def summary(self) -> Summary:
        """The run's summary; EngineFailure when a completed run has none."""
        summary = self.run.summary
        if summary is None:
            raise EngineFailure(self.name, "the program completed, but there is no summary")
        return summary


class Findings:
    """Divergences, excused ones, counts, and which engines were compared with another."""

    def __init__(
        self,
        case: Case,
        entries: Sequence[Entry],
        find_excuse: Callable[[Sequence[Entry], Accusation], Excuse | None] = find_excuse,
    ) -> None:
        self._case = case
        self._entries = entries
        self._find_excuse = find_excuse
        self._failures: list[tuple[Engine, EngineFailure]] = []
        self._compared: set[int] = set()
        self.is_incomplete = False
        """Whether rows of engines that were compared could not be."""
        self.divergences: list[Divergence] = []
        self.excused: list[Excused] = []
        self.counts = Counts()

    def add(self, divergence: Divergence, left: Contender, right: Contender) -> Excuse | None:
        """Book a divergence of two engines; its excuse, None when nothing excuses it."""
        excuse = None
        if identity_of(left.engine) != identity_of(right.engine):
            # An engine without an identity has no excuse; of two that have one, either may be the witness of the other.
            excuses = (
                self._excuse(divergence, accused.engine, witness, outcome_text(accused.outcome))
                for accused, witness in ((left, right), (right, left))
            )
            excuse = next((each for each in excuses if each is not None), None)
        if excuse is None:
            self.divergences.append(divergence)
        else:
            self._book_excused(excuse, divergence)
        return excuse

    def add_contradiction(self, divergence: Divergence, accused: Contender, contenders: Sequence[Contender]) -> None:
        """Book where an engine contradicts itself, excused or not."""
        self._judge(divergence, accused.engine, contenders, outcome_text(accused.outcome))

    def add_audit(self, divergence: Divergence, audited: Contender, rules: str) -> None:
        """Book a trace that violates ``rules``. An engine that makes the real VM's trace makes its mistakes as well."""
        excuse = self._excuse_for(REAL_VM, divergence, audited, rules)
        if excuse is None:
            self.divergences.append(divergence)
        else:
            self._book_excused(excuse, divergence)

    def add_unexcused(self, divergence: Divergence) -> None:
        """Book a divergence that nothing excuses: an engine against itself or against the cut plan."""
        self.divergences.append(divergence)

    def engine_failed(self, engine: Engine, failure: EngineFailure) -> None:
        """Book a failure; it is judged at the end, when the runs of all other engines can be its witness."""
        self._failures.append((engine, failure))

    def has_failed(self, engine: Engine) -> bool:
        """Whether :meth:`engine_failed` was told of this engine."""
        return any(failed is engine for failed, _ in self._failures)

    def is_excused(self, contender: Contender) -> bool:
        """Whether a known divergence explains how this engine's trace differs from another's or from its own."""
        if not self.excused or identity_of(contender.engine) is None:
            return False
        kinds = (Kind.CELL, Kind.SELF, Kind.SUMMARY)
        found = (item.divergence for item in self.excused if item.divergence.kind in kinds)
        return any(contender.name in (divergence.left, divergence.right) for divergence in found)

    def judge_failures(self, contenders: Sequence[Contender]) -> None:
        """Turn every engine failure into a divergence, excused or not."""
        for engine, failure in self._failures:
            detail = failure.reason if not failure.stderr else f"{failure.reason}\nstandard error:\n{failure.stderr}"
            divergence = Divergence(Kind.ENGINE_FAILURE, engine.name, engine.name, detail=detail)
            self._judge(divergence, engine, contenders, failure.reason, failure.stderr)

    def _judge(
        self, divergence: Divergence, accused: Engine, contenders: Sequence[Contender], observed: str, stderr: str = ""
    ) -> None:
        """Book a divergence of one engine alone; any engine that nothing could excuse may be the witness."""
        witnesses = (item for item in contenders if item.engine is not accused and identity_of(item.engine) is None)
        excuses = (self._excuse(divergence, accused, witness, observed, stderr) for witness in witnesses)
        excuse = next((excuse for excuse in excuses if excuse is not None), None)
        if excuse is None:
            self.divergences.append(divergence)
        else:
            self._book_excused(excuse, divergence)

    def not_comparable(self, reason: str) -> None:
        """Count something that could not be compared."""
        self.counts.not_comparable[reason] += 1

    def incomplete(self, reason: str) -> None:
        """Count that a comparison ended before the last row: it is no agreement."""
        self.is_incomplete = True
        self.not_comparable(reason)

    def note_compared(self, *contenders: Contender) -> None:
        """Rows or failures of these engines were really compared."""
        self._compared.update(id(contender.engine) for contender in contenders)

    @property
    def engines_compared(self) -> int:
        """How many different engines :meth:`note_compared` was told of."""
        return len(self._compared)

    def _excuse(
        self, divergence: Divergence, accused: Engine, witness: Contender, observed: str, stderr: str = ""
    ) -> Excuse | None:
        identity = identity_of(accused)
        return None if identity is None else self._excuse_for(identity, divergence, witness, observed, stderr)

    def _excuse_for(
        self, identity: str, divergence: Divergence, witness: Contender, observed: str, stderr: str = ""
    ) -> Excuse | None:
        accusation = Accusation(
            self._case,
            divergence,
            identity,
            observed=observed,
            stderr=stderr,
            witness=witness.engine,
            witness_run=witness.run,
        )
        return self._find_excuse(self._entries, accusation)

    def _book_excused(self, excuse: Excuse, divergence: Divergence) -> None:
        self.excused.append(Excused(excuse.entry, divergence))
        self.counts.excused[excuse.entry] += 1


def identity_of(engine: Engine) -> str | None:
    """Which program's behaviour the engine shows, when it says so."""
    return engine.identity if isinstance(engine, Identified) else None


def verdict_of(findings: Findings, engines_asked: int) -> Verdict:
    """What the findings of a comparison of so many engines amount to; books a reason where there is none yet."""
    if findings.divergences:
        return Verdict.DIFFER
    if findings.engines_compared < engines_asked or findings.counts.nothing or findings.is_incomplete:
        if not findings.counts.not_comparable and not findings.excused:
            findings.not_comparable("nothing was compared")
        return Verdict.NOT_COMPARABLE
    return Verdict.AGREE
