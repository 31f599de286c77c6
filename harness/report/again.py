"""Is the difference there in a new process? A finding counts when it is.

What was left behind by the cases before, a device in a bad state, memory that was never written: all of that is gone there.
Run as a program, ``python -m harness.report.again CASE --engine A --engine B``, it prints the signatures as one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.campaign.watchdog import end_family
from harness.engines import find_engine
from harness.localise.signature import Signature, Signer
from harness.verdict import Kind
from reference.definition.errors import InputError
from reference.definition.formats.load import load_cases

SECONDS: Final = 120.0
"""For a new process: two seconds for starting, and an hour's program is no finding that anybody wants to replay."""

_LINES_OF_REASON: Final = 3
_ENGINE: Final = "--engine="
_AUDIT: Final = "--audit"


class Again(StrEnum):
    """What a new process saw."""

    SAME = "same"
    """A difference with the same signature."""
    OTHER = "other"
    """Another difference."""
    GONE = "gone"
    """None."""
    NOT_TRIED = "not tried"
    """The engines could not be had there, or it took too long."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The answer, and what was seen instead or why nothing was."""

    again: Again
    reason: str = ""
    what: str = "difference"

    @property
    def confirms(self) -> bool:
        """Whether the finding counts."""
        return self.again is Again.SAME

    @property
    def was_tried(self) -> bool:
        """Whether the new process compared anything."""
        return self.again is not Again.NOT_TRIED

    @property
    def text(self) -> str:
        """For people."""
        match self.again:
            case Again.SAME:
                return f"the same {self.what} in a new process"
            case Again.OTHER:
                return f"not stable: another {self.what} in a new process: {self.reason}"
            case Again.GONE:
                return f"not stable: no {self.what} in a new process"
            case _:
                return f"not replayed in a new process: {self.reason}"


def replay(case_file: Path, engines: Sequence[str], signature: Signature, *, seconds: float = SECONDS) -> Replayed:
    """Compare a case file in a new process and look for a signature."""
    command = [sys.executable, "-m", "harness.report.again", str(case_file), *(f"{_ENGINE}{name}" for name in engines)]
    command += [_AUDIT] if signature.kind is Kind.AUDIT else []
    return ask_again(command, signature.text, seconds)


def ask_again(command: Sequence[str], signature: str, seconds: float, what: str = "difference") -> Replayed:
    """Run a program whose last line is a JSON list of signatures (null where there is none), and look for one of them.

    ``what`` it is that has signatures, for people.
    """
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return Replayed(Again.NOT_TRIED, f"no new process: {error.strerror}")
    with process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Replayed(Again.NOT_TRIED, f"no answer within {seconds:.0f} seconds")
        finally:
            if process.returncode is None:
                # With it the engine's program, which has a session of its own and may hang.
                end_family(process.pid)
    if process.returncode:
        last = " ".join(stderr.strip().splitlines()[-_LINES_OF_REASON:])
        return Replayed(Again.NOT_TRIED, last or f"exit code {process.returncode}")
    try:
        found = [each for each in json.loads(stdout.splitlines()[-1]) if each is not None]
    except (IndexError, TypeError, ValueError):
        # Engines may end the process, and print.
        return Replayed(Again.NOT_TRIED, "the new process ended without an answer")
    if signature in found:
        return Replayed(Again.SAME, what=what)
    return Replayed(Again.OTHER, found[0], what) if found else Replayed(Again.GONE, what=what)


def signatures(case_file: Path, engines: Sequence[str], *, audit: bool) -> list[str | None]:
    """The signature of each run of each case in a file; None for a run that agrees. Raises InputError."""
    cases = load_cases(case_file)
    opened = [find_engine(name) for name in engines]
    try:
        signer = Signer(opened, audit=audit)
        found = [signer.signature(run) for case in cases for run in case.runs()]
    finally:
        for engine in opened:
            engine.close()
    return [None if each is None else each.text for each in found]


def main(arguments: Sequence[str]) -> int:
    """The program; its exit code."""
    engines = [each.removeprefix(_ENGINE) for each in arguments if each.startswith(_ENGINE)]
    files = [Path(each) for each in arguments if not each.startswith("--")]
    audit = _AUDIT in arguments
    return answer(lambda: [text for file in files for text in signatures(file, engines, audit=audit)])


def answer(find: Callable[[], Sequence[str | None]]) -> int:
    """Print the signatures as :func:`ask_again` reads them; the exit code of the program."""
    try:
        found = find()
    except InputError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
