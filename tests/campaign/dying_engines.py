"""Engines that take their process with them, or never answer: the reference, but for one case."""

import ctypes
import mmap
import os
import signal
import time

from harness.backend import Availability
from harness.backends.reference import ReferenceEngine

SEED = 7
NUMBER = 4
"""The case that is deadly, by its name: what the generator makes of it does not matter."""


def is_deadly(case):
    return case.name == f"generated-{SEED}-{NUMBER}"


class Dying:
    def __init__(self):
        self._reference = ReferenceEngine()

    def probe(self):
        return Availability(True, "made for tests")

    def run(self, case):
        if is_deadly(case):
            self.die()
        return self._reference.run(case)

    def close(self):
        self._reference.close()


class Crashing(Dying):
    """Reads where nothing is."""

    name = "segfault"

    def die(self):
        ctypes.string_at(0)


class Killed(Dying):
    """Ends without a word."""

    name = "killed"

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Exiting(Dying):
    """Ends in order, though nobody asked."""

    name = "exiting"

    def die(self):
        os._exit(7)


class Hanging(Dying):
    """Waits for something that does not come."""

    name = "hanging"

    def die(self):
        time.sleep(3600)


class Hoarding(Dying):
    """Takes 600 MiB and keeps it."""

    name = "hoarding"

    def die(self):
        held = mmap.mmap(-1, 600 * 2**20)
        for at in range(0, len(held), mmap.PAGESIZE):
            held[at] = 1
        time.sleep(3600)


class Unstartable(Dying):
    """Ends its process when it is made."""

    name = "unstartable"

    def __init__(self):
        os._exit(9)


class Twin(Dying):
    """The reference under another name."""

    name = "twin"

    def die(self):
        pass


class CrashingOnce(Dying):
    """Crashes the first time that anybody runs that case."""

    name = "crashing-once"

    def die(self):
        mark = os.environ["FRAGDIFF_TEST_MARK"]
        if not os.path.exists(mark):  # noqa: PTH110 - an engine for one test
            open(mark, "w").close()  # noqa: PTH123 - as above
            os.kill(os.getpid(), signal.SIGSEGV)


class TakingAlong(Dying):
    """Kills the process that started this one: on a cluster, its worker."""

    name = "taking-along"

    def die(self):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)
