"""Engines that do to their process what no engine may, and one that takes its time; installed for tests of replays."""

import os
import time

from faulty_engines import Honest, rows_of


class Aborting(Honest):
    """Ends the process at programs with a SWAP."""

    name = "aborting"

    def alter(self, cells, case, run):
        if len(rows_of(cells, "SWAP")):
            os.abort()


class Dawdling(Honest):
    """Takes half a second a run."""

    name = "dawdling"

    def run(self, case):
        time.sleep(0.5)
        return super().run(case)


class Talking(Honest):
    """Prints to standard output."""

    name = "talking"

    def run(self, case):
        print("I am an engine")
        return super().run(case)
