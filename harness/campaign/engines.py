"""The engines of a campaign, opened where they are to work: in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.campaign.doing import Comparing, Doing
from harness.campaign.protocol import Message, Setup
from harness.campaign.running import RunningFile
from harness.commands.options import open_engines, prepare_audit
from harness.laws.doing import Judging
from harness.laws.subjects import open_subject


@contextmanager
def open_doing(
    setup: Setup, running: RunningFile, say: Callable[[Message], None], stopped: Callable[[], bool]
) -> Iterator[Doing]:
    """Whoever does the tasks of the campaign, with its engines; they are closed at the end.

    Raises InputError when the engines cannot be had here.
    """
    if setup.laws:
        (name,) = setup.engines
        with open_subject(name) as subject:
            yield Judging(setup, subject, running, say, stopped)
        return
    with open_engines(setup.engines) as engines:
        if setup.audit:
            prepare_audit()
        yield Comparing(setup, engines, running, say, stopped)
