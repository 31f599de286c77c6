"""A finding is looked for in a new process: whatever that process does, there is an answer, and nothing is left running."""

import json
import sys
import time
from pathlib import Path

import pytest

from harness.report.again import Again, ask_again

SIGNATURE = "law 1 wrong cells"

HANGS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(3600)
"""


def ask(program, *arguments, seconds=60.0):
    return ask_again([sys.executable, "-c", program, *map(str, arguments)], SIGNATURE, seconds)


def has_ended(pid):
    """Whether it runs no more; one that nobody waits for is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="descendants are known from /proc")
def test_what_a_hanging_process_has_started_ends_with_it(tmp_path):
    seen = ask(HANGS, tmp_path / "pid", seconds=2.0)
    assert (seen.again, seen.reason) == (Again.NOT_TRIED, "no answer within 2 seconds")
    pid, end = int((tmp_path / "pid").read_text()), time.monotonic() + 20
    while not has_ended(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert has_ended(pid)


@pytest.mark.parametrize("said", ["", "print('good bye')", "print(7)"])
def test_a_process_that_ends_without_an_answer_has_tried_nothing(said):
    seen = ask(said)
    assert (seen.again, seen.reason) == (Again.NOT_TRIED, "the new process ended without an answer")


@pytest.mark.parametrize(
    ("found", "again"),
    [([None, SIGNATURE], Again.SAME), (["law 4 fails"], Again.OTHER), ([None], Again.GONE)],
)
def test_the_last_line_is_the_answer(found, again):
    assert ask(f"print('compiling')\nprint({json.dumps(found)!r})").again is again


def test_an_error_is_told():
    seen = ask("import sys; sys.exit('no such engine')")
    assert (seen.again, seen.reason) == (Again.NOT_TRIED, "no such engine")
