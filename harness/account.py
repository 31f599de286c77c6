"""No agreement without an account: what a comparison says it compared is held against what there was to compare.

The account is taken from the runs and the cut plan alone. A comparison that lost its last row, a fragment or its boundary
states on the way does not agree; it has failed, loudly, because the mistake is the harness's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.backend import Completed
from harness.findings import Contender
from harness.verdict import Counts
from reference.definition.columns import WIDTH
from reference.definition.cuts import CutPlan


class VacuousComparison(Exception):  # noqa: N818 - names what was asked for
    """A comparison that cannot mean what it says: of fewer than two engines, or of less than there was."""


def check_account(contenders: Sequence[Contender], engines_asked: int, cut: CutPlan, counts: Counts) -> None:
    """Hold the counts of a comparison that found nothing against what the runs have.

    Cells under an excused divergence, and boundary states that an engine does not give, are owed by nobody. Raises
    VacuousComparison.
    """
    if len(contenders) != engines_asked:
        raise _vacuous(f"{len(contenders)} of {engines_asked} engines ran")
    base, pairs = contenders[0], len(contenders) - 1
    if any(other.outcome != base.outcome for other in contenders):
        raise _vacuous("the outcomes differ")
    if not isinstance(base.outcome, Completed):
        _owe("equal failures", counts.failures, pairs)
        return
    if counts.excused:
        return
    if any(other.summary != base.summary for other in contenders):
        raise _vacuous("the summaries differ")
    rows = base.summary.rows * pairs
    _owe("rows", counts.rows, rows)
    _owe("cells", counts.cells, rows * WIDTH)
    if not counts.not_comparable:
        _owe("boundary states", counts.boundaries, len(cut.starts(base.summary.core)) * pairs)


def _owe(name: str, compared: int, owed: int) -> None:
    if compared != owed:
        raise _vacuous(f"{compared} of {owed} {name} were compared")


def _vacuous(reason: str) -> VacuousComparison:
    return VacuousComparison(f"the comparison says that all agree, but {reason}")
