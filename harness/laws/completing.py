"""What happens to a violation after its case is on disk: judged in a new process, shrunk, and cut at every size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.campaign.index import write_index
from harness.campaign.keeping import SMALLEST
from harness.campaign.protocol import Completed, Message, Setup
from harness.campaign.protocol import Replayed as ReplayedMessage
from harness.campaign.protocol import Shrunk as ShrunkMessage
from harness.laws.again import replay
from harness.laws.build import Subject
from harness.laws.judge import judge
from harness.laws.keeping import Finding, Progress, Reduced, keep_smallest, read_finding, write_finding
from harness.laws.plans import sweep_plans
from harness.laws.reducing import SIZES, reduced
from harness.laws.sizes import sizes_of
from harness.report.again import Again, Replayed
from harness.shrink import Budget
from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first
from reference.definition.formats.load import load_cases
from reference.processor import execute


def complete(
    directory: Path, setup: Setup, subject: Subject, say: Callable[[Message], None], stopped: Callable[[], bool]
) -> Completed:
    """Complete the finding of a directory; ``say`` is told of every step.

    Raises InputError when the finding cannot be read or written.
    """
    finding = read_finding(directory)
    replayed = _replayed(finding, directory, setup, stopped)
    progress = Progress(replayed)
    write_finding(finding, directory, progress)
    say(ReplayedMessage(str(directory), replayed.again.value, replayed.reason, replayed.text))
    smallest = _reduce(finding, directory, setup, subject, stopped)
    progress = replace(progress, reduced=smallest)
    write_finding(finding, directory, progress)
    write_index(directory.parent)
    shrunk, text = smallest.shrunk, "\n".join(smallest.lines())
    nodes = sum(len(forest.nodes) for forest in forests_of(shrunk.case))
    say(ShrunkMessage(str(directory), shrunk.happens_again, shrunk.finished, shrunk.seconds, nodes, text))
    return Completed(str(directory), progress.state, None, localised=False, cut_short=stopped())


def _replayed(finding: Finding, directory: Path, setup: Setup, stopped: Callable[[], bool]) -> Replayed:
    if stopped():
        return Replayed(Again.NOT_TRIED, "the campaign was stopped")
    if not setup.replaying:
        return Replayed(Again.NOT_TRIED, "this campaign starts no further processes")
    return replay(directory, finding.signature)


def _reduce(finding: Finding, directory: Path, setup: Setup, subject: Subject, stopped: Callable[[], bool]) -> Reduced:
    """The smallest case, judged at every size that cuts it; it goes on from what was kept before it was interrupted."""
    shrunk = reduced(
        subject,
        finding.case,
        finding.violations[0],
        Budget(seconds=setup.shrink_seconds),
        stopped,
        improved=lambda better: keep_smallest(finding, better, directory),
        before=_smallest_so_far(directory),
    )
    case = children_first(shrunk.case)
    # Another release may take more rows for a program than the reference does.
    rows = max(SIZES, 2 * execute(case).core_rows)
    judgement = judge(subject, case, sweep_plans(rows))
    return Reduced(replace(shrunk, case=case), judgement, sizes_of(judgement.builds))


def _smallest_so_far(directory: Path) -> Case | None:
    if not (directory / SMALLEST).exists():
        return None
    (kept,) = load_cases(directory / SMALLEST)
    return kept
