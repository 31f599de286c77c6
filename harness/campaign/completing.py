"""What happens to a finding after its case is on disk: replayed in a new process, shrunk, localised, reported, listed.

Costs seconds, so it is done for the findings that are kept and for no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.backend import Engine
from harness.campaign.index import write_index
from harness.campaign.keeping import FOUND, SMALLEST, Finding, Progress, keep_smallest, read_finding, write_report
from harness.campaign.protocol import Completed, Message, Setup
from harness.campaign.protocol import Replayed as ReplayedMessage
from harness.campaign.protocol import Shrunk as ShrunkMessage
from harness.compare import compare
from harness.localise.localisation import localise
from harness.localise.signature import Signature, Signer
from harness.report.again import Again, Replayed, replay
from harness.shrink import Budget, shrink
from harness.shrink.order import measure
from harness.verdict import Comparison, Kind
from reference.definition.case import Case
from reference.definition.formats.load import load_cases


@dataclass(frozen=True, slots=True)
class Completing:
    """How findings are completed."""

    engines: Sequence[Engine]
    shrinking: Budget
    compare: Callable[[Case], Comparison]
    stopped: Callable[[], bool]
    replaying: bool = True
    """Whether a new process is started for each finding."""

    def replay(self, finding: Finding, directory: Path) -> Progress:
        """The signature, and whether a new process sees the same; in a report."""
        signature = self._signer(finding).signature(finding.case)
        if signature is None:
            replayed = Replayed(Again.NOT_TRIED, "it did not even happen again in this process")
        elif self.stopped():
            replayed = Replayed(Again.NOT_TRIED, "the campaign was stopped")
        elif not self.replaying:
            replayed = Replayed(Again.NOT_TRIED, "this campaign starts no further processes")
        else:
            replayed = replay(directory / FOUND, finding.engines, signature)
        progress = Progress(signature, replayed)
        write_report(finding, directory, progress)
        return progress

    def shrink(self, finding: Finding, directory: Path, progress: Progress) -> Progress:
        """The smallest case with the same signature, in a report; it goes on from what was kept before it was interrupted."""
        is_same = self._is_same(finding, progress.signature)
        shrunk = shrink(
            _smallest_so_far(finding, directory, is_same),
            is_same,
            budget=self.shrinking,
            stopped=self.stopped,
            improved=lambda case: keep_smallest(finding, case, directory),
        )
        is_smaller = shrunk.case is not finding.case
        if is_smaller:
            keep_smallest(finding, shrunk.case, directory)
        smallest = self.compare(shrunk.case) if is_smaller else None
        return replace(progress, shrunk=shrunk, smallest=smallest)

    def report(self, finding: Finding, directory: Path, progress: Progress) -> Progress:
        """Localise the smallest case and write everything; a campaign that was stopped leaves the first to the user."""
        shrunk = progress.shrunk
        if progress.signature is not None and shrunk is not None and shrunk.happens_again and not self.stopped():
            progress = replace(progress, localisation=localise(shrunk.case, self.engines))
        write_report(finding, directory, progress)
        write_index(directory.parent)
        return progress

    def _signer(self, finding: Finding) -> Signer:
        return Signer(self.engines, audit=finding.comparison.divergences[0].kind is Kind.AUDIT)

    def _is_same(self, finding: Finding, signature: Signature | None) -> Callable[[Case], bool]:
        if signature is not None:
            signer = self._signer(finding)
            return lambda case: signer.has(case, signature)
        return lambda case: any(item.signature == finding.signature for item in self.compare(case).divergences)


def _smallest_so_far(finding: Finding, directory: Path, is_same: Callable[[Case], bool]) -> Case:
    """The smallest case in the directory that still differs for the same reason; else the case that was found."""
    if not (directory / SMALLEST).exists():
        return finding.case
    (kept,) = load_cases(directory / SMALLEST)
    return kept if measure(kept) < measure(finding.case) and is_same(kept) else finding.case


def complete(
    directory: Path,
    setup: Setup,
    engines: Sequence[Engine],
    say: Callable[[Message], None],
    alive: Callable[[], None],
    stopped: Callable[[], bool],
) -> Completed:
    """Complete the finding of a directory; ``say`` is told of every step, ``alive`` is called before every comparison.

    Raises InputError when the finding cannot be read or written.
    """
    finding = read_finding(directory)

    def compared(case: Case) -> Comparison:
        alive()
        return compare(case, engines, audit=setup.audit)

    completing = Completing(engines, Budget(seconds=setup.shrink_seconds), compared, stopped, setup.replaying)
    alive()
    progress = completing.replay(finding, directory)
    replayed = progress.replayed
    assert replayed is not None, "it was replayed a moment ago"
    say(ReplayedMessage(str(directory), replayed.again.value, replayed.reason, replayed.text))
    progress = completing.shrink(finding, directory, progress)
    shrunk = progress.shrunk
    assert shrunk is not None, "it was shrunk a moment ago"
    nodes = len(shrunk.case.program.forest.nodes) + sum(len(each.nodes) for each in shrunk.case.libraries)
    say(ShrunkMessage(str(directory), shrunk.happens_again, shrunk.finished, shrunk.seconds, nodes))
    alive()
    progress = completing.report(finding, directory, progress)
    signature = None if progress.signature is None else progress.signature.text
    return Completed(str(directory), progress.state, signature, progress.localisation is not None, stopped())
