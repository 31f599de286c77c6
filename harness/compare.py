"""Compares what two or more engines make of one case at one cut plan: outcome, summary, boundary states, every cell.

The first difference of a pair is row-major: the first wrong row, then every wrong column on it. A wrong recording
(boundary states) and a wrong rebuild (cells) are reported apart. What could not be compared is counted with its reason,
and a comparison that compared less than it was asked never says that the engines agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.account import VacuousComparison, check_account
from harness.backend import (
    REAL_VM,
    REAL_VM_SEQUENTIAL,
    Completed,
    Engine,
    EngineFailure,
    Failed,
    NotComparable,
)
from harness.differences import message_differences, outcome_differences
from harness.findings import Contender, Findings, identity_of
from harness.known import Entry, known_divergences
from harness.parts import EXACT, Parts
from harness.traces import compare_completed
from harness.verdict import Comparison, Difference, Divergence, Kind, Verdict
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first

__all__ = ["VacuousComparison", "compare"]


def compare(
    case: Case,
    engines: Sequence[Engine],
    *,
    known: Sequence[Entry] | None = None,
    audit: bool = False,
    parts: Parts = EXACT,
) -> Comparison:
    """Runs a case that has exactly one cut plan on all engines and compares them.

    ``known`` lists the divergences to excuse: by default :func:`harness.known.known_divergences`, ``()`` for none. With
    ``audit`` the traces are judged too: the first engine's, and when anything differs each engine's. The
    verdict is DIFFER with any divergence that is not excused, AGREE when every engine was compared and agreed in
    everything it gave, else NOT_COMPARABLE with the reasons in the counts. ``parts`` are other decisions than the right
    ones, for tests of the harness.

    Raises VacuousComparison for fewer than two engines and when all agreed after less was compared than there was,
    ValueError for a case with several cut plans.
    """
    if len({id(engine) for engine in engines}) < 2:
        raise VacuousComparison(f"a comparison needs two engines, found {len(engines)}")
    # Engines that get the case as text number nodes children first, and boundary states name nodes.
    case = children_first(case)
    cut = case.cut
    findings = Findings(case, known_divergences() if known is None else known, parts.find_excuse)
    contenders = [contender for engine in engines if (contender := _run(engine, case, findings)) is not None]
    _compare_outcomes(contenders, findings, parts)
    compare_completed([item for item in contenders if isinstance(item.outcome, Completed)], cut, findings, parts)
    for contender in contenders:
        for contradiction in contender.run.contradictions():
            divergence = Divergence(Kind.SELF, contender.name, contender.name, detail=contradiction)
            findings.add_contradiction(divergence, contender, contenders)
    if audit:
        _audit([item for item in contenders if isinstance(item.outcome, Completed)], case, findings)
    findings.judge_failures(contenders)
    verdict = parts.verdict(findings, len(engines))
    if verdict is Verdict.AGREE:
        check_account(contenders, len(engines), cut, findings.counts)
    return Comparison(case.name, verdict, tuple(findings.divergences), tuple(findings.excused), findings.counts)


def _run(engine: Engine, case: Case, findings: Findings) -> Contender | None:
    try:
        run = engine.run(case)
    except EngineFailure as failure:
        findings.engine_failed(engine, failure)
        return None
    except NotComparable as refusal:
        findings.not_comparable(f"{engine.name}: {refusal.reason}")
        return None
    return Contender(engine, run)


def _audit(completed: Sequence[Contender], case: Case, findings: Findings) -> None:
    """Judges every trace that is not known to be equal to a judged one."""
    from harness.auditing import (  # noqa: PLC0415 - the compiled rules are loaded where something is audited
        audit_divergence,
        audit_run,
        reasons_not_checked,
        rules_violated,
    )

    all_equal = not findings.divergences and not findings.excused and not findings.counts.not_comparable
    for contender in completed[:1] if all_equal else completed:
        if findings.has_failed(contender.engine):
            continue
        if findings.is_excused(contender):
            # Its trace is known to be wrong, and where; judging it would report the known defect under another name.
            findings.counts.not_audited[f"{contender.name}: differs in a known way"] += 1
            continue
        try:
            result = audit_run(contender.name, case, contender.run)
            core_rows = contender.summary.core
        except EngineFailure as failure:
            findings.engine_failed(contender.engine, failure)
            continue
        except NotComparable as refusal:
            findings.not_comparable(f"{contender.name}: {refusal.reason}")
            continue
        findings.counts.audits += 1
        findings.counts.not_audited += reasons_not_checked(result)
        if not result.accepted:
            agreeing = len(completed) if all_equal else 1
            starts = case.cut.starts(core_rows)
            divergence = audit_divergence(contender.name, result, starts, core_rows, agreeing)
            findings.add_audit(divergence, contender, rules_violated(result))


def _compare_outcomes(contenders: Sequence[Contender], findings: Findings, parts: Parts) -> None:
    for other in contenders[1:]:
        base = contenders[0]
        differences = tuple(_message_differences(base, other))
        is_equal = parts.equal_outcomes(base.outcome, other.outcome)
        if differences or not is_equal:
            differences = (*outcome_differences(base.outcome, other.outcome), *differences)
            findings.add(Divergence(Kind.OUTCOME, base.name, other.name, differences), base, other)
        elif isinstance(base.outcome, Failed):
            findings.counts.failures += 1
            findings.counts.comparisons += 1
            findings.note_compared(base, other)


def _message_differences(left: Contender, right: Contender) -> Iterator[Difference]:
    if isinstance(left.outcome, Completed):
        return
    # Messages are the engine's own words; only two engines of one program have the same.
    if {identity_of(left.engine), identity_of(right.engine)} == {REAL_VM, REAL_VM_SEQUENTIAL}:
        yield from message_differences(left.outcome, right.outcome)
