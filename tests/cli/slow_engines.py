"""Engines that take their time, and some that end the workers of a search; installed for tests of shrinking."""

import os
import signal
import time
from pathlib import Path

from faulty_engines import WrongMul, WrongSeam, rows_of

SECONDS = 0.06
MARK = "FRAGDIFF_TEST_MARK"
"""A folder: every process that ran an engine leaves a file with its id there."""


def folder():
    return Path(os.environ[MARK])


def is_worker():
    """Whether this is a worker of a search, which a session of its own tells."""
    return os.getsid(0) == os.getpid()


def once(name):
    """Whether nobody was here before, in any process."""
    try:
        (folder() / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Slow(WrongMul):
    name = "slow-mul"

    def run(self, case):
        self.begin()
        self.left_behind().touch()
        time.sleep(SECONDS)
        return super().run(case)

    def begin(self):
        (folder() / f"{os.getpid()}{'-worker' if is_worker() else ''}.pid").touch()

    def close(self):
        self.left_behind().unlink(missing_ok=True)
        super().close()

    def left_behind(self):
        """What stays when nobody closes the engine."""
        return folder() / f"{os.getpid()}.open"


class SlowSeam(WrongSeam):
    name = "slow-seam"

    def run(self, case):
        time.sleep(SECONDS)
        return super().run(case)


class KilledOnce(Slow):
    """Somebody kills a worker in the middle of a candidate."""

    name = "killed-once"

    def run(self, case):
        if is_worker() and once("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(case)


class HangingOnce(Slow):
    """A worker does not come back from a candidate."""

    name = "hanging-once"

    def run(self, case):
        if is_worker() and once("hung"):
            time.sleep(600)
        return super().run(case)


class Held(Slow):
    """Once a smaller case was written, workers do not come back from a candidate before they are let go."""

    name = "held"

    def run(self, case):
        # Before anybody is told that it holds.
        self.begin()
        while is_worker() and Path("small.json").exists() and not (folder() / "go").exists():
            once("holding")
            time.sleep(0.02)
        return super().run(case)


class Deadly(Slow):
    """Whatever ran no SWAP ends the worker."""

    name = "deadly"

    def alter(self, cells, case, run):
        if is_worker() and not len(rows_of(cells, "SWAP")):
            os.abort()
        super().alter(cells, case, run)


class Unopened(Slow):
    """Cannot be had in a worker."""

    name = "unopened"

    def probe(self):
        if is_worker():
            os._exit(3)
        return super().probe()


ENGINES = {engine.name: engine for engine in (Slow, SlowSeam, KilledOnce, HangingOnce, Held, Deadly, Unopened)}
