"""Is the violation there in a new process, of the engine too? A finding counts when it is.

Run as a program, ``python -m harness.laws.again DIRECTORY``, it prints the signatures of all violations as one line of JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.laws.acceptance import learn_names
from harness.laws.judge import judge
from harness.laws.keeping import read_finding
from harness.laws.record_subject import RecordSubject
from harness.laws.reducing import plans_of
from harness.laws.subjects import open_subject
from harness.report.again import Replayed, answer, ask_again
from reference.definition.formats.children_first import children_first

SECONDS: Final = 240.0
"""For a new process: a program that hangs is asked for every cut by itself."""


def replay(directory: Path, signature: str, *, seconds: float = SECONDS) -> Replayed:
    """Judge the case of a finding's directory in a new process and look for the signature."""
    command = [sys.executable, "-m", "harness.laws.again", str(directory)]
    return ask_again(command, signature, seconds, "violation")


def signatures(directory: Path) -> list[str]:
    """Of the violations of a finding's case at the cuts that showed it. Raises InputError."""
    finding = read_finding(directory)
    with open_subject(finding.engine) as subject:
        if isinstance(subject, RecordSubject):
            subject.write = learn_names(subject)[0].write
        plans = plans_of(finding.violations[0])
        judgement = judge(subject, children_first(finding.case), plans, locating=False)
    return [violation.signature for violation in judgement.violations]


def main(arguments: Sequence[str]) -> int:
    """The program; its exit code."""
    return answer(lambda: signatures(Path(arguments[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
