"""What a campaign needs besides its settings: who does the work, what is shown, and how it is asked to stop."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import click

from harness.campaign import Listener
from harness.campaign.crew import Crew, Here
from harness.campaign.engines import open_doing
from harness.campaign.processes import Limits, Processes
from harness.campaign.protocol import Setup
from harness.campaign.running import FOLDER as RUNNING
from harness.campaign.running import RunningFile
from harness.campaign.screen import JsonLines, LiveScreen, PlainScreen
from harness.campaign.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Work:
    """Who does the work."""

    jobs: int | None
    """None: this process."""
    limits: Limits
    cluster: str | None


def make_crew(work: Work, setup: Setup, place: Path, supervisor: Supervisor, stack: ExitStack) -> Crew:
    """A cluster, worker processes or this process; ``stack`` closes engines that are opened here.

    Raises InputError for engines that cannot be had here, and without dask for a cluster.
    """
    if work.cluster is not None:
        return _cluster(work.cluster, work.limits, setup, place, supervisor)
    if work.jobs is not None:
        return Processes(setup, place / RUNNING, work.jobs, work.limits, supervisor.deliver)
    running = RunningFile(place / RUNNING / Here.NAME)
    say = partial(supervisor.deliver, Here.NAME)
    doing = stack.enter_context(open_doing(setup, running, say, supervisor.should_stop))
    return Here(doing, running, supervisor.deliver)


def _cluster(address: str, limits: Limits, setup: Setup, place: Path, supervisor: Supervisor) -> Crew:
    from harness.campaign.cluster import Cluster  # noqa: PLC0415 - most campaigns do without

    return Cluster(address, setup, limits, place / RUNNING, supervisor.deliver, lambda text: click.echo(text, err=True))


def make_screen(quiet: bool, as_json: bool) -> Listener:
    """JSON lines, a live region on a terminal, or plain lines."""
    if as_json:
        return JsonLines(_print)
    if not quiet and sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - pipes and JSON do without it

        return LiveScreen(Console())
    return PlainScreen(_print, quiet=quiet)


def _print(line: str) -> None:
    click.echo(line)
    # A log of a campaign that is killed has everything up to then.
    sys.stdout.flush()


@contextmanager
def stop_on_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGINT or SIGTERM came; the same signal once more does what it always does."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
