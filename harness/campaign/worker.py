"""A worker: ``python -m harness.campaign.worker RUNNING_FILE``, told what to do on standard input, a line a task.

Its first line is the campaign's setup. It ends when its standard input does, with everything that its engines have started: a
supervisor that was killed leaves nobody behind.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO, Final

from harness.campaign.doing import Doing
from harness.campaign.protocol import Message, Ready, Refused, Setup, line, read_line, read_setup
from harness.campaign.running import RunningFile
from harness.campaign.watchdog import end_family
from harness.commands.options import open_engines, prepare_audit
from reference.definition.errors import InputError

REFUSED: Final = 2


class _Answers:
    """The pipe to the supervisor; what engines print goes to standard error instead."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def say(self, message: Message) -> None:
        """Send a message."""
        self._file.write(line(message).encode() + b"\n")
        self._file.flush()


def work(setup: Setup, running: RunningFile, tasks: queue.SimpleQueue[bytes], answers: _Answers) -> None:
    """Do tasks until the process is ended; InputError when the engines cannot be had or a file not written."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open_engines(setup.engines) as engines:
        if setup.audit:
            prepare_audit()
        doing = Doing(setup, engines, running, answers.say, stop.is_set)
        answers.say(Ready())
        while True:
            answers.say(doing.do(read_line(tasks.get())))


def main(arguments: list[str]) -> int:
    """The program; its exit code."""
    faulthandler.enable()
    answers = _Answers()
    setup = read_setup(sys.stdin.buffer.readline())
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    try:
        work(setup, RunningFile(Path(arguments[0])), tasks, answers)
    except InputError as refusal:
        answers.say(Refused(str(refusal)))
    return REFUSED


def _listen(stdin: BinaryIO, tasks: queue.SimpleQueue[bytes]) -> None:
    for text in stdin:
        tasks.put(text)
    end_family(os.getpid(), itself=False)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
