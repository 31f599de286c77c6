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
from typing import BinaryIO, Final, NoReturn

from harness.campaign.engines import open_doing
from harness.campaign.protocol import Message, Ready, Refused, Setup, line, read_line, read_setup
from harness.campaign.running import RunningFile
from harness.campaign.watchdog import end_family
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
    """Do tasks until told to stop; InputError when the engines cannot be had or a file not written.

    Whoever was told to stop does no further task well: if the campaign goes on all the same, then with another process.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open_doing(setup, running, answers.say, stop.is_set) as doing:
        doing.prepare()
        answers.say(Ready())
        while not stop.is_set():
            answers.say(doing.do(read_line(tasks.get())))


def main(arguments: list[str]) -> NoReturn:
    """The program."""
    faulthandler.enable()
    answers = _Answers()
    setup = read_setup(sys.stdin.buffer.readline())
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    try:
        work(setup, RunningFile(Path(arguments[0])), tasks, answers)
        code = 0
    except InputError as refusal:
        answers.say(Refused(str(refusal)))
        code = REFUSED
    # An ordinary end would wait for the lock of standard input, which the listener holds.
    _leave(code)


def _listen(stdin: BinaryIO, tasks: queue.SimpleQueue[bytes]) -> None:
    for text in stdin:
        tasks.put(text)
    _leave(0)


def _leave(code: int) -> NoReturn:
    """End with everything that was started."""
    end_family(os.getpid(), itself=False)
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
