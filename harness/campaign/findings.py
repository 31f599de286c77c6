"""The findings of a campaign: which are kept, which are counted only, which are to be completed."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.campaign.crew import Died
from harness.campaign.deaths import DEATH, divergence_of, has_case
from harness.campaign.events import Event, FindingKept, FindingRepeated
from harness.campaign.index import write_index
from harness.campaign.keeper import Keeper
from harness.campaign.keeping import set_state
from harness.campaign.protocol import AgainTask, CompleteTask, Difference, Setup
from harness.campaign.running import Running
from harness.campaign.state import NEW, CampaignState, FindingRow
from harness.verdict import describe

REPEATED = "repeated"
"""State of a case that is counted only."""

NOT_REPLAYED = "not replayed"
_TRIES = 2
"""How often a worker may die while it completes a finding."""


class Findings:
    """Decides for all workers, so that no signature is kept more often than was asked."""

    def __init__(
        self,
        setup: Setup,
        out: Path,
        kept_per_signature: int,
        state: CampaignState,
        keeper: Keeper,
        emit: Callable[[Event], None],
    ) -> None:
        self._setup = setup
        self._keeper = keeper
        self._out = out
        self._most = kept_per_signature
        self._emit = emit
        self._kept = state.kept()
        self._times: Counter[str] = Counter()
        self._waiting: dict[int, FindingRow] = {}
        """By number, of cases whose batches are not committed."""
        self._signatures = {row.directory: row.signature for row in state.unfinished() if row.directory is not None}
        self._tasks: deque[CompleteTask | AgainTask] = deque()
        self._tries: Counter[str] = Counter()
        for row in state.unfinished():
            self._enqueue(row)

    def count(self, findings: Counter[str]) -> None:
        """Cases of earlier runs that differed, by signature."""
        self._times.update(findings)

    # ---- keeping ----------------------------------------------------------------------------------------------------

    def list_kept(self) -> None:
        """Bring index.txt up to date: deaths are not completed, and states change. InputError when that is impossible."""
        if self._kept.total():
            write_index(self._out)

    def differ(self, difference: Difference) -> bool:
        """A case differed; whether it was kept just now. What is told a second time changes nothing."""
        if difference.number in self._waiting:
            return False
        self._times[difference.signature] += 1
        directory = self._keep(difference) if difference.case else None
        self._note(difference.number, difference.signature, directory)
        return directory is not None

    def died(self, died: Died, running: Running) -> FindingRow:
        """A worker died of a case; the row that is to be committed."""
        divergence = divergence_of(died)
        signature = divergence.signature
        self._waiting.pop(running.number, None)
        self._times[signature] += 1
        directory = None
        if self._kept[signature] < self._most:
            directory = self._keeper.keep_death(died, running)
            self._kept[signature] += 1
            self._emit(FindingKept(running.number, signature, directory, describe(divergence)))
        self._note(running.number, signature, directory)
        row = self._waiting[running.number]
        if directory is not None and not self._is_replayed(directory):
            row = self._waiting[running.number] = row._replace(state=NOT_REPLAYED)
            set_state(directory, NOT_REPLAYED, "no worker has tried it again")
        return row

    def _is_replayed(self, directory: Path) -> bool:
        """Whether the death can be tried again."""
        return self._setup.replaying and has_case(directory)

    def _keep(self, difference: Difference) -> Path | None:
        """The directory, written; None when the signature was kept often enough."""
        signature, directory = difference.signature, self._keeper.directory_of(difference)
        # A campaign that was killed may have kept it already, and not committed it.
        if self._kept[signature] >= self._most and not directory.exists():
            return None
        text = self._keeper.keep(difference)
        self._kept[signature] += 1
        self._emit(FindingKept(difference.number, signature, directory, text))
        return directory

    def _note(self, number: int, signature: str, directory: Path | None) -> None:
        name = None if directory is None else directory.name
        self._waiting[number] = FindingRow(number, signature, name, NEW if name else REPEATED, time.time())
        if name is None:
            self._emit(FindingRepeated(number, signature, self._times[signature]))
        else:
            self._signatures[name] = signature

    # ---- committing and completing ----------------------------------------------------------------------------------

    def rows(self, first: int, count: int) -> list[FindingRow]:
        """Those of a batch that is about to be committed."""
        return [row for number, row in sorted(self._waiting.items()) if first <= number < first + count]

    def committed(self, rows: Sequence[FindingRow]) -> None:
        """The rows are in the campaign's state; what was kept can be completed."""
        for row in rows:
            del self._waiting[row.number]
            if row.directory is not None:
                self._enqueue(row)

    def task(self) -> CompleteTask | AgainTask | None:
        """What is to be completed next."""
        return self._tasks.popleft() if self._tasks else None

    @property
    def are_waiting(self) -> bool:
        """Whether anything is to be completed."""
        return bool(self._tasks)

    def failed(self, task: CompleteTask | AgainTask) -> bool:
        """A worker died of it; whether it is given up."""
        self._tries[task.directory] += 1
        if self._tries[task.directory] < _TRIES:
            self._tasks.append(task)
            return False
        return True

    def signature(self, directory: str) -> str:
        """Of the finding in the directory."""
        return self._signatures[Path(directory).name]

    def _enqueue(self, row: FindingRow) -> None:
        assert row.directory is not None, "it was kept"
        directory = self._out / row.directory
        if not row.signature.startswith(DEATH):
            self._tasks.append(CompleteTask(str(directory)))
        elif self._is_replayed(directory):
            self._tasks.append(AgainTask(str(directory)))
