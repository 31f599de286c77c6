"""The process behind ``exec:COMMAND``: asked for a case once, whoever reads the record.

COMMAND is kept alive; ``--contexts --dump DIR`` is appended to it. It reads one case a line and prints one record a
line, and writes the columns of a completed case to ``DIR/<name>.trace``: 72 columns, one after another, u64
little-endian.

The record of the real VM tells of two engines. Each is read by an engine of ours, and both have the same program, so that the
process runs a case once for both. No reader is given an answer twice: whoever asks again wants to see it happen again.

The process cuts at multiples of a fragment size only. For a plan that cuts elsewhere it is asked for one single fragment and
for fragments of one row.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.backend import Cells, Completed, column_digest
from harness.backends.dump_folder import DumpFolder
from harness.backends.process import LineProcess, ProcessFault
from harness.backends.record import (
    BadRecord,
    Panicked,
    Rejected,
    member,
    read_digests,
    read_object,
    read_outcome,
    read_summary,
)
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.cuts import ONE_FRAGMENT, Every
from reference.definition.formats.case_json import case_line
from reference.definition.isa import NOOP_OPERATION
from reference.definition.mast import Block, Forest
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS
from reference.definition.program import Program as CaseProgram

SECONDS: Final = 60.0
"""Time limit for a case; a program that takes longer is killed."""

SMALLEST: Final = Case("probe", CaseProgram(Forest((Block((NOOP_OPERATION,)),), (0,)), 0))


@dataclass(frozen=True)
class Answer:
    """A record, and the trace that was dumped with it."""

    record: Mapping[str, Any]
    cells: Cells
    """(72, rows) uint64, mapped from a file that has no name any more; (72, 0) without a completed outcome."""
    digests: Sequence[str]
    """Of the 72 columns of the dump; none without one."""


class CannotDump(Exception):  # noqa: N818 - what the other program said
    """The program had no place for its dump."""


@dataclass
class _Last:
    """What came of the last case, and who has read it."""

    case: Case
    came: Answer | ProcessFault | Rejected
    readers: set[str] = field(default_factory=set)


class Program:
    """One process with the folder of its dumps; started when it is first asked, and anew after a fault."""

    def __init__(self, command: Sequence[str], *, seconds: float = SECONDS) -> None:
        self.command = tuple(command)
        self.directory: Path | None = None
        """Of the dumps; None before the first case."""
        self.process: LineProcess | None = None
        self.is_real_vm = False
        """Whether a record has shown a sequential engine; no other program has one."""
        self._seconds = seconds
        self._folder: DumpFolder | None = None
        self._asked = 0
        self._last: _Last | None = None
        self._users: set[int] = set()

    def ask(self, case: Case, reader: str, user: object) -> Answer:
        """The answer to a case that has exactly one cut plan, for one kind of ``reader`` of records.

        The last case is not run again for another kind of reader. ``user`` keeps the process alive until it releases it.
        Raises ProcessFault, Rejected, BadRecord, CannotDump, and InputError for a case that cannot be written as text.
        """
        self._users.add(id(user))
        last = self._last
        if last is None or last.case is not case or reader in last.readers:
            self._last = None
            last = self._last = _Last(case, self._came(case))
        last.readers.add(reader)
        if isinstance(last.came, Exception):
            raise last.came
        return last.came

    def stop(self) -> None:
        """End the process; the next case starts it anew."""
        self._last = None
        if self.process is not None:
            self.process.close()

    def release(self, user: object) -> None:
        """``user`` needs it no more; the last one to say so ends the process and removes the folder of its dumps."""
        self._users.discard(id(user))
        if not self._users:
            self.stop()
            if self._folder is not None:
                self._folder.remove()
            self._folder = self.directory = None

    def _came(self, case: Case) -> Answer | ProcessFault | Rejected:
        self._asked += 1
        # A name of our own: safe as a file name, and an answer to an earlier case cannot pass for this one's.
        name = f"case-{self._asked}"
        plans = (case.cut,) if isinstance(case.cut, Every) else (ONE_FRAGMENT, Every(1))
        # How this project's own engine rebuilds is nobody else's business.
        asked = replace(case, name=name, cuts=plans, about="", parallel=DEFAULT_PARALLEL_OPTIONS)
        line = case_line(asked).encode()
        directory, process = self._dump_directory()
        dump = directory / f"{name}.trace"
        try:
            return self._read(process.ask(line, self._seconds), name, dump)
        except Rejected as rejection:
            reason = str(rejection)
            if str(directory) in reason or "os error" in reason:
                raise CannotDump(reason) from None
            return rejection
        except ProcessFault as fault:
            if self._asked == 1 and case is not SMALLEST:
                self._identify()
            return fault
        finally:
            dump.unlink(missing_ok=True)

    def _identify(self) -> None:
        """Learn who it is that has just broken down over its first case: known divergences depend on that."""
        with contextlib.suppress(BadRecord, CannotDump):
            self._came(SMALLEST)

    def _read(self, line: bytes, name: str, dump: Path) -> Answer:
        record = read_object(line, name)
        if "sequential_outcome" in record:
            self.is_real_vm = True
        try:
            outcome = read_outcome(member(record, "outcome", dict))
        except Panicked:
            outcome = None
        if not isinstance(outcome, Completed):
            return Answer(record, np.empty((WIDTH, 0), np.uint64), ())
        rows = read_summary(record, outcome.stack).rows
        digests = read_digests(record)
        return Answer(record, _read_dump(dump, rows, digests), digests)

    def _dump_directory(self) -> tuple[Path, LineProcess]:
        if self.directory is None or self.process is None or not self.directory.is_dir():
            self._folder = DumpFolder()
            self.directory = self._folder.path
            self.process = LineProcess([*self.command, "--contexts", "--dump", str(self.directory)])
        return self.directory, self.process


_SHARED: Final[weakref.WeakValueDictionary[tuple[str, ...], Program]] = weakref.WeakValueDictionary()


def shared_program(command: Sequence[str]) -> Program:
    """The program with this command that all engines of this process share, so that each case is run once."""
    key = tuple(command)
    program = _SHARED.get(key)
    if program is None:
        program = _SHARED[key] = Program(key)
    return program


def _read_dump(path: Path, rows: int, digests: Sequence[str]) -> Cells:
    """The columns, (72, rows) uint64, mapped; BadRecord when the file is not what the record says."""
    size = path.stat().st_size if path.exists() else None
    if size != WIDTH * rows * 8:
        found = "there is no dump" if size is None else f"the dump has {size} bytes"
        raise BadRecord(f"{found}, expected {WIDTH} columns of {rows} values, {WIDTH * rows * 8} bytes")
    cells: Cells = np.memmap(path, dtype="<u8", mode="r", shape=(WIDTH, rows))
    for column, digest in enumerate(digests):
        if column_digest(cells[column]) != digest:
            raise BadRecord(f"column {column} of the dump has not the digest that the record gives")
    return cells
