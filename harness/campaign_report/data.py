"""The report for programs."""

from __future__ import annotations

from typing import Any

from harness.campaign_report.laws import counts_of
from harness.campaign_report.summary import Summary
from harness.verdict import Verdict

_COUNTS = ("rows", "cells", "boundaries", "seams", "seams_not_exercised", "failures", "audits")
_COUNTERS = ("not_comparable", "not_audited", "excused")


def as_json(summary: Summary) -> dict[str, Any]:
    """Everything that the text and the page say, with stable keys; times are seconds since 1970."""
    record = summary.record
    counts: dict[str, Any] = {name: summary.amount("counts", name) for name in _COUNTS}
    boundaries, laws = counts["boundaries"], counts_of(summary)
    return {
        "engines": list(record.engines),
        "seed": record.seed,
        "created": record.created,
        "seconds": round(summary.seconds, 3),
        "cases": summary.cases,
        "completed": summary.amount("completed"),
        "failed": summary.amount("failed"),
        "counts": counts | {name: dict(summary.counter("counts", name)) for name in _COUNTERS},
        "verdicts": {verdict.value: summary.verdict(verdict) for verdict in Verdict},
        "rates": {
            "cases_per_second": round(summary.rate(summary.cases), 2),
            "boundaries_per_second": round(summary.rate(boundaries), 1),
            "boundaries_per_second_and_worker": round(summary.boundaries_per_worker, 1),
        },
        "coverage": {
            "covered": record.coverage.covered,
            "possible": record.coverage.possible,
            "share": round(record.coverage.share, 4),
        },
        "findings": [
            {
                "signature": group.signature,
                "states": dict(group.states),
                "cases": [case.number for case in group.cases],
                "kept": [case.directory for case in group.kept],
            }
            for group in summary.groups
        ],
        "pairs": [
            {"engines": list(pair.engines), "findings": list(pair.signatures), "not_compared": pair.without}
            for pair in summary.pairs
        ],
        "slow": [
            {"number": case.number, "seconds": case.seconds, "rows": case.rows, "file": case.file}
            for case in record.slow
        ],
        "deaths": [dict(death) for death in record.deaths],
        "runs": [
            {
                "id": run.id,
                "started": run.started,
                "ended": run.ended,
                "jobs": run.jobs,
                "ending": summary.ending_of(run),
            }
            for run in record.runs
        ],
        "laws": laws.as_json(summary.amount("completed") + summary.amount("failed")) if record.laws else None,
        "vacuous": summary.is_vacuous,
    }
