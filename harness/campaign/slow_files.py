"""The slowest cases of a campaign as case files, so that they can be run again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.campaign.protocol import SlowCase
from harness.campaign.slow import slowest
from harness.campaign.state import SlowRow
from harness.corpus import SUFFIX, write_new

FOLDER: Final = "slow"


class SlowFiles:
    """The files below ``slow/`` of a campaign's directory, as the campaign's state lists them."""

    def __init__(self, out: Path, rows: Sequence[SlowRow]) -> None:
        self._out = out
        self.rows = list(rows)
        # A campaign that was killed may have left files that its state does not know.
        self._remove_others()

    @contextmanager
    def after(self, cases: Sequence[SlowCase]) -> Iterator[list[SlowRow]]:
        """The rows once these cases are known too, their files written; when the state has them, the others' files are removed.

        Raises InputError when a file cannot be written.
        """
        new = [SlowRow(case.number, case.seconds, case.rows, _name(case.number)) for case in cases]
        rows = slowest([*self.rows, *new])
        texts = {case.number: case.case for case in cases}
        for row in rows:
            if row in new:
                write_new(self._out / row.file, texts[row.number])
        yield rows
        self.rows = rows
        if new:
            self._remove_others()

    def _remove_others(self) -> None:
        kept = {row.file for row in self.rows}
        for path in (self._out / FOLDER).glob(f"*{SUFFIX}"):
            if f"{FOLDER}/{path.name}" not in kept:
                # A file too many does no harm.
                with suppress(OSError):
                    path.unlink()


def _name(number: int) -> str:
    return f"{FOLDER}/case-{number}{SUFFIX}"
