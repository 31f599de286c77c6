"""Examines an engine, part by part, against the reference and by the laws of cutting."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.backend import Engine
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.conform.part import Failure, Part
from harness.conform.programs import drawn_case, failing_cases, operation_cases, short_cases
from harness.corpus import case_files, is_slow, read_entry
from harness.cuts import random_cut, single_cuts
from harness.generate import SeededChoices
from harness.guarded import GuardedEngine
from harness.laws.build import Subject
from harness.laws.judge import judge
from harness.laws.plans import WHOLE, sweep_plans
from harness.laws.violation import describe as describe_violation
from harness.verdict import Comparison, Kind, Verdict, describe
from reference.definition.case import Case
from reference.definition.cuts import CutPlan, Every
from reference.definition.formats.children_first import children_first
from reference.processor import execute

MOST_FAILURES: Final = 3
"""Of one part; then the part is over: an engine that is wrong everywhere is told so in seconds."""

LAW_CASES: Final = 12

STATES: Final = "boundary states"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for on the command line."""

    corpus: Path | None
    seconds: float
    """Of the timed campaign."""
    seed: int


class Examination:
    """One engine, one sitting."""

    def __init__(self, engine: Engine, subject: Subject, wish: Wish) -> None:
        self._subject = subject
        self._engines = [GuardedEngine(ReferenceEngine()), engine]
        self._wish = wish
        self._states = Part(STATES, "the state entering every fragment, field by field", may_lack=True)
        self._free = subject.cuts_freely

    def parts(self) -> Iterator[Part]:
        """Each part when it is over; the boundary states, which all of them compare, last. Raises InputError for the corpus."""
        for part, examine in (
            (Part("corpus", "kept cases, at the cuts they are kept with"), self._corpus),
            (
                Part("operations", "each of the 80 operations, in one piece and in fragments of one row"),
                self._operations,
            ),
            (Part("errors", "each way to fail: name and clk"), self._errors),
            (Part("cuts", "short programs with every kind of node, cut at every size"), self._cuts),
            (Part("laws", "the engine by itself: its builds do not depend on the cuts"), self._laws),
            (Part("fuzz", "generated programs and cuts"), self._fuzz),
        ):
            with part.timed():
                examine(part)
            yield part
        yield self._states

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _corpus(self, part: Part) -> None:
        directory = self._wish.corpus
        if directory is None:
            part.not_judged["there is no folder called corpus here; name one with --corpus"] += 1
            return
        for path in case_files(directory):
            if is_slow(path, directory):
                part.not_judged["slow cases"] += 1
            elif not self._compare_all(part, children_first(read_entry(path).case), None):
                return

    def _operations(self, part: Part) -> None:
        for case in operation_cases():
            if not self._compare_all(part, case, (WHOLE, Every(1))):
                return

    def _errors(self, part: Part) -> None:
        for name, case in failing_cases():
            named = replace(case, name=f"fails-{name}")
            if not self._compare_all(part, named, (Every(7),)):
                return

    def _cuts(self, part: Part) -> None:
        for case in short_cases():
            rows = execute(case).core_rows
            plans = (*sweep_plans(rows + 1), *(single_cuts(rows) if self._free else ()))
            if not self._compare_all(part, case, plans):
                return

    def _laws(self, part: Part) -> None:
        cases = [*short_cases(), *operation_cases()][:LAW_CASES]
        for case in cases:
            rows = execute(case).core_rows
            judgement = judge(self._subject, case, sweep_plans(rows + 1))
            part.cases += 1
            part.runs += len(judgement.builds)
            if judgement.refused is not None:
                part.not_judged[f"refused: {judgement.refused}"] += 1
                continue
            part.judged.update({law.value: count for law, count in judgement.judged.items()})
            part.not_judged.update({f"{law.value}: {reason}": 1 for law, reason in judgement.not_judged.items()})
            if judgement.violations:
                violation = judgement.violations[0]
                plans = tuple(dict.fromkeys(build.plan for build in judgement.builds))
                text = "\n".join(describe_violation(item) for item in judgement.violations)
                part.failures.append(Failure(replace(case, cuts=plans), violation.signature, text))
                if len(part.failures) >= MOST_FAILURES:
                    return

    def _fuzz(self, part: Part) -> None:
        end = time.monotonic() + self._wish.seconds
        for number in itertools.count():
            if time.monotonic() >= end:
                return
            generated = drawn_case(self._wish.seed, number)
            choices = SeededChoices(f"fragdiff/conform/{self._wish.seed}/{number}")
            plan = random_cut(choices, max(2, generated.rows), multiples_only=not self._free)
            if not self._compare_all(part, children_first(generated.case), (plan,)):
                return

    # ---- comparing --------------------------------------------------------------------------------------------------

    def _compare_all(self, part: Part, case: Case, plans: Sequence[CutPlan] | None) -> bool:
        """Whether to go on: not after enough failures."""
        part.cases += 1
        for plan in case.cuts if plans is None else plans:
            at_plan = replace(case, cuts=(plan,))
            if not self._compare(part, at_plan, compare(at_plan, self._engines)):
                # Its other cuts would say the same once more.
                break
        return len(part.failures) < MOST_FAILURES

    def _compare(self, part: Part, case: Case, comparison: Comparison) -> bool:
        """Count what was compared; False when the trace or the outcome is wrong."""
        part.runs += 1
        part.counts += comparison.counts
        part.not_judged += comparison.counts.not_comparable
        self._states.counts.boundaries += comparison.counts.boundaries
        for reason, times in comparison.counts.not_comparable.items():
            if "boundaries" in reason:
                self._states.not_judged[reason] += times
        if comparison.verdict is not Verdict.DIFFER:
            return True
        divergence = comparison.divergences[0]
        text = "\n".join(describe(item) for item in comparison.divergences[:2])
        only_states = all(item.kind is Kind.BOUNDARY for item in comparison.divergences)
        failure = Failure(case, divergence.signature, text)
        if any(item.kind is Kind.BOUNDARY for item in comparison.divergences):
            if len(self._states.failures) < MOST_FAILURES:
                self._states.failures.append(failure)
            if only_states:
                return True
        part.failures.append(failure)
        return False
