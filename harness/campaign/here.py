"""A campaign for programs: engines that are open already, this process, findings on disk, a state that nobody keeps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from harness.backend import Engine
from harness.campaign.crew import Here
from harness.campaign.doing import Comparing
from harness.campaign.events import Listener
from harness.campaign.protocol import Setup
from harness.campaign.running import RunningFile
from harness.campaign.state import CampaignState, Identity
from harness.campaign.supervisor import Plan, Supervisor
from harness.campaign.totals import Totals
from harness.coverage import CoverageMap
from harness.generate import Profile


def run_campaign(
    engines: Sequence[Engine],
    out: Path,
    *,
    seed: int,
    first: int = 0,
    cases: int | None = None,
    seconds: float | None = None,
    kept_per_signature: int = 3,
    shrink_seconds: float = 20.0,
    listeners: Sequence[Listener] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Totals:
    """Run cases, and complete what is found in directories below ``out``; what was compared.

    Ends after ``cases`` cases or ``seconds`` seconds, whichever comes first. Raises InputError when a finding cannot be
    written.
    """
    setup = Setup(tuple(engine.name for engine in engines), seed, Profile(), shrink_seconds=shrink_seconds)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with closing(CampaignState(place)) as state:
            state.create(Identity(setup.engines, seed, first, setup.profile), time.time())
            plan = Plan(out, place, first, cases, seconds, kept_per_signature)
            supervisor = Supervisor(plan, setup, state, CoverageMap(), listeners, stopped)
            running = RunningFile(place / Here.NAME)
            doing = Comparing(setup, engines, running, partial(supervisor.deliver, Here.NAME), supervisor.should_stop)
            supervisor.run(Here(doing, running, supervisor.deliver))
    return supervisor.totals
