"""The self-test: every planted fault on several seeds; what caught it, how soon, and how small the case became."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from harness.audit.prepare import prepare
from harness.backends.parallel import ParallelEngine
from harness.faults.catalogue import FAULTS, find_fault
from harness.faults.fault import Check, Fault
from harness.faults.faulty_engine import FaultyEngine
from harness.faults.trial import MOST_SECONDS, Trial, try_fault
from harness.shrink import Budget

SEEDS: Final = 5
QUICK_SEED: Final = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try: faults, seeds, and how long."""

    faults: tuple[Fault, ...] = FAULTS
    seeds: tuple[int, ...] = tuple(range(1, SEEDS + 1))
    seconds: float = MOST_SECONDS
    """For one hunt."""
    shrinking: Budget = field(default_factory=lambda: Budget(seconds=20, clock=time.process_time))


QUICK: Final = Plan(seeds=(QUICK_SEED,), seconds=180, shrinking=Budget(seconds=4, clock=time.process_time))
"""One seed, and shrinking that is cut short."""


@dataclass(frozen=True, slots=True)
class Result:
    """All trials of one fault. Numbers are medians over the seeds; those of a size are None where nothing was shrunk."""

    fault: Fault
    trials: tuple[Trial, ...]

    @property
    def caught(self) -> bool:
        """Whether it was caught with every seed."""
        return bool(self.trials) and all(trial.caught for trial in self.trials)

    @property
    def by(self) -> Check | None:
        """The check that caught it with most seeds; None when it was never caught."""
        found = Counter(trial.by for trial in self.trials if trial.by is not None)
        return found.most_common(1)[0][0] if found else None

    @property
    def as_expected(self) -> bool:
        """Whether no check caught it that the catalogue does not name."""
        return all(trial.by in self.fault.caught_by for trial in self.trials if trial.caught)

    @property
    def cases(self) -> float:
        """Cases until it was caught."""
        return median(trial.cases for trial in self.trials)

    @property
    def seconds(self) -> float:
        """Seconds until it was caught, generation included."""
        return median(trial.seconds for trial in self.trials)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds until it was caught."""
        return median(trial.cpu_seconds for trial in self.trials)

    @property
    def operations(self) -> float | None:
        """Operations of the smallest case."""
        sizes = [trial.size.operations for trial in self.trials if trial.size is not None]
        return median(sizes) if sizes else None

    @property
    def cuts(self) -> float | None:
        """Cuts of the smallest case."""
        sizes = [trial.size.cuts for trial in self.trials if trial.size is not None]
        return median(sizes) if sizes else None


def run_selftest(
    plan: Plan, jobs: int, said: Callable[[str], None], done: Collection[tuple[str, int]] = ()
) -> Generator[Trial, None, None]:
    """All trials of the plan as they end, by ``jobs`` processes; ``said`` is told when kernels are compiled first.

    ``done`` are faults and seeds that are not tried again.

    The processes are ended when the iterator is closed.
    """
    trials = [(fault.name, seed) for seed in plan.seeds for fault in _slow_first(plan.faults)]
    todo = [trial for trial in trials if trial not in done]
    if not todo:
        return
    # Here, so that the workers find everything compiled.
    prepare(said)
    for engine in (ParallelEngine(), FaultyEngine()):
        engine.prepare(said)
        engine.close()
    if jobs == 1:
        for name, seed in todo:
            yield _try(name, seed, plan.seconds, plan.shrinking)
        return
    # Threads of numba do not survive a fork.
    pool = ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_signals_to_parent
    )
    try:
        running: set[Future[Trial]] = {
            pool.submit(_try, name, seed, plan.seconds, plan.shrinking) for name, seed in todo
        }
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    finally:
        _end(pool)


def _slow_first(faults: Sequence[Fault]) -> list[Fault]:
    """What takes long does not begin when everything else has ended: batches of the generator, loops that never ran."""
    return sorted(faults, key=lambda fault: fault.where != "generator" and "loop" not in fault.name)


def _leave_signals_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _try(name: str, seed: int, seconds: float, shrinking: Budget) -> Trial:
    return try_fault(find_fault(name), seed, shrinking=shrinking, seconds=seconds)


def _end(pool: ProcessPoolExecutor) -> None:
    """Nothing is waiting any more; a worker in the middle of a trial would go on for minutes."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def results(plan: Plan, trials: Sequence[Trial]) -> list[Result]:
    """The trials by fault, in the order of the catalogue."""
    return [
        Result(fault, tuple(sorted((t for t in trials if t.fault == fault.name), key=lambda t: t.seed)))
        for fault in plan.faults
    ]
