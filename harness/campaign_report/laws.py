"""What the report says of a campaign in which one engine is judged by the laws of cutting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.campaign.law_counts import LawCounts
from harness.campaign_report.summary import Summary
from harness.campaign_report.timeline import duration
from harness.campaign_report.words import safe
from harness.laws.violation import MEANING, Law
from harness.reporting import counted
from harness.verdict import Verdict


def counts_of(summary: Summary) -> LawCounts:
    """What was judged, of all batches."""
    counts = LawCounts()
    for batch in summary.record.batches:
        counts.add(batch.totals.get("laws", {}))
    return counts


def verdicts_of(summary: Summary) -> Counter[str]:
    """Cases by verdict, in words."""
    words = {
        Verdict.AGREE: "keep the laws",
        Verdict.DIFFER: "break a law",
        Verdict.NOT_COMPARABLE: "not judged",
    }
    return Counter({said: summary.verdict(verdict) for verdict, said in words.items()})


def law_lines(summary: Summary) -> Iterator[str]:
    """For a terminal."""
    counts, completed = counts_of(summary), summary.amount("completed")
    judged = completed + summary.amount("failed")
    yield (
        f"cases        {summary.cases:,} ({judged:,} judged, {completed:,} of them with a trace) in "
        f"{duration(summary.seconds)}, {summary.rate(judged):.1f} judged a second"
    )
    yield f"builds       {counts.builds:,}, {summary.rate(counts.builds):,.1f} a second"
    yield from map(safe, counts.lines())
    yield f"verdicts     {counted(verdicts_of(summary))}"


def law_verdicts(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """Of each law: name and meaning, in how many cases it is broken, and why it was not judged; empty what does not hold."""
    counts = counts_of(summary)
    for law, meaning in MEANING.items():
        cases = counts.broken[law.value]
        reasons = [reason for reason in counts.not_judged if reason.startswith(f"{law.value}: ")]
        why = "" if counts.judged[law.value] else reasons[0] if reasons else "nothing was judged"
        # That an engine answers is seen in every build.
        without = "" if law is Law.ANSWER and counts.builds else why
        yield f"{law.value}: {meaning}", f"broken in {cases:,} cases" if cases else "", without
