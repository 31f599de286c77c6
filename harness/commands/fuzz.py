"""``fragdiff fuzz``: a campaign."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from harness.campaign import Listener
from harness.campaign.kept_map import KeptMap
from harness.campaign.logs import EventLog, Summary
from harness.campaign.opening import Wanted, accepted_there, campaign_there, open_campaign
from harness.campaign.processes import HANG_SECONDS, Limits
from harness.campaign.profiles import CampaignProfile, campaign_profile
from harness.campaign.protocol import Setup
from harness.campaign.state import Identity
from harness.campaign.supervisor import Plan, Supervisor
from harness.campaign.totals import Totals
from harness.cli import AGREE, DIVERGENCE
from harness.commands.fuzz_options import Asked, fuzz_options
from harness.commands.fuzzing import Work, make_crew, make_screen, stop_on_signals
from harness.commands.known_option import use_known
from harness.commands.options import engine_names, parse_bytes
from harness.generate import Profile
from harness.known import KNOWN_VARIABLE
from reference.definition.errors import InputError


@click.command()
@fuzz_options
@click.pass_context
def fuzz(ctx: click.Context, /, **given: Any) -> None:
    """Generate programs and cuts, run them on all engines, and compare everything.

    \b
    fragdiff fuzz --engines "reference,exec:/opt/vm/oracle run" --seconds 3600
    fragdiff fuzz --engines reference,mine --profile nightly --jobs 8 --out nights
    fragdiff fuzz --engines reference,mine --seed 7 --first 1234 --cases 1
    fragdiff fuzz --laws "exec:target/release/next-release" --seconds 600

    Traces that engines agree on are audited as well: judged by the constraints and lookups that every trace keeps.

    With --laws one engine is judged by itself, by the laws of cutting (`fragdiff laws`). What it accepts is learnt first,
    once a campaign; what it does not accept is left out and counted.

    Each difference is written to a directory of its own under --out as soon as it is found. It is replayed in a new
    process, and marked when it does not show there; shrunk to the smallest case that differs for the same reason; and
    localised (`fragdiff locate`) in report.html and report.txt, with the failing fragment by itself and a ready test.
    index.txt lists all findings by signature.

    With --jobs worker processes run the cases. One that crashes, hangs or takes too much memory is killed; the case it had
    in hand is a finding, and the campaign goes on.

    A campaign goes on where it was ended, by whatever: the same command, or one that leaves engines and seed out, runs the
    lowest numbers that are not done. --cases counts the cases of the whole campaign, --seconds the time of this run.
    --first with --cases in a directory that holds a campaign runs these cases by themselves; its state stays as it is. They
    are the campaign's own where --seed is left out.

    Case N of a seed is the same whatever came before it; where it can be cut as no case was cut before, it is compared at
    those cuts as well (not with --no-filling), and coverage.json keeps them for all campaigns with this --out (`fragdiff
    cover`). Ctrl-C ends the campaign after the cases in hand, with its report; a second one at once.

    Profiles: smoke, 60 seconds; nightly, 8 hours on all processors; long, larger programs on all processors without end.

    The exit code is 0 when every case agreed or is excused by a known divergence, 1 when something differed or when no
    case was compared on all engines, in all runs of the campaign. With --laws: 0 when no law was broken, 1 when one was or no
    trace was judged.

    JSON: {"event": "started"} or {"event": "resumed"}, with --laws {"event": "learnt", "not_accepted", "seconds"},
    {"event": "finding", "number", "signature", "directory"}, {"event": "replayed", "signature", "directory", "again",
    "reason"}, {"event": "shrunk", "signature", "directory", "happens_again", "finished"}, {"event": "reported",
    "signature", "directory", "state", "full_signature"}, {"event": "repeated", "number", "signature", "times"}, {"event":
    "worker died", "worker", "reason", "number"} and at the end {"event": "finished"} with what is also in summary.json.
    """
    asked = Asked(**given)
    defaults = campaign_profile(asked.profile)
    if asked.cluster is not None and asked.jobs is not None:
        raise InputError("has as many workers as the cluster; leave out --jobs", place="--cluster")
    _check_laws(ctx, asked)
    totals = _run(ctx, asked, defaults)
    ctx.exit(DIVERGENCE if totals.differences or totals.is_vacuous else AGREE)


def _check_laws(ctx: click.Context, asked: Asked) -> None:
    """InputError for options that say nothing of a campaign by the laws."""
    if asked.laws is None:
        return
    if not asked.laws:
        raise InputError("the name of the engine is empty", place="--laws")
    if asked.engines or asked.engine:
        raise InputError("judges one engine by itself; leave out --engines and --engine", place="--laws")
    given = {
        "--no-audit": asked.no_audit,
        "--no-filling": asked.no_filling,
        "--known and --no-known": KNOWN_VARIABLE in ctx.meta,
    }
    for names in (name for name, is_given in given.items() if is_given):
        raise InputError(f"compares nothing; leave out {names}", place="--laws")
    _check_cluster(asked)


def _check_cluster(asked: Asked) -> None:
    if asked.cluster is not None:
        raise InputError("judges an engine on this machine; take --jobs instead of --cluster", place="--laws")


def _run(ctx: click.Context, asked: Asked, defaults: CampaignProfile) -> Totals:
    """The campaign; what all its runs have done."""
    there = None if asked.fresh else campaign_there(asked.out)
    is_replay = asked.first is not None and asked.cases is not None and there is not None
    new = Identity((), secrets.randbelow(2**32), 0, Profile(max_rows=defaults.max_rows))
    goes_on = there is not None and (not is_replay or asked.seed is None)
    if there is not None and goes_on:
        # Numbers without a seed are those of the campaign that is there.
        new = there
    wanted = _wanted(asked, defaults, goes_on=goes_on)
    work = _work(asked, defaults)
    with ExitStack() as stack:
        # The state of a replay is nobody's; what it finds is kept where the campaign keeps it.
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) if is_replay else asked.out
        state, identity = stack.enter_context(open_campaign(place, wanted, new, fresh=asked.fresh))
        if identity.known:
            use_known(ctx, identity.known)
        if identity.laws:
            _check_cluster(asked)
        setup = Setup(
            identity.engines,
            identity.seed,
            identity.profile,
            identity.audit and not identity.laws,
            identity.filling and not identity.laws,
            asked.shrink_seconds,
            not asked.no_replay,
            identity.laws,
            accepted_there(asked.out, identity.engines) if is_replay else state.accepted(),
        )
        kept_map = KeptMap(place)
        # The summary first: a screen that nobody reads any more ends the campaign, and must not take it along.
        listeners: list[Listener] = [
            Summary(place, kept_map),
            EventLog(place),
            make_screen(asked.quiet, asked.as_json),
        ]
        plan = Plan(asked.out, place, identity.first, asked.cases, _seconds(asked, defaults), asked.keep)
        stop = stack.enter_context(stop_on_signals())
        supervisor = Supervisor(plan, setup, state, kept_map.read_earlier(), listeners, lambda: bool(stop))
        supervisor.run(make_crew(work, setup, place, supervisor, stack))
    return supervisor.totals


def _seconds(asked: Asked, defaults: CampaignProfile) -> float | None:
    """The end of this run; None: it ends with its cases, or never."""
    if asked.seconds is None and (asked.cases is None or asked.profile is not None):
        return defaults.seconds
    return asked.seconds


def _wanted(asked: Asked, defaults: CampaignProfile, *, goes_on: bool) -> Wanted:
    """What the campaign must be; one that goes on may leave its engines out. Raises InputError for wrong names."""
    named = bool(asked.laws or asked.engines or asked.engine) or not goes_on
    engines = (asked.laws,) if asked.laws else tuple(engine_names(asked.engines, asked.engine)) if named else None
    rows = defaults.max_rows if asked.max_rows is None else asked.max_rows
    return Wanted(
        engines,
        asked.seed,
        asked.first,
        asked.failing_rate,
        rows if asked.profile is not None else asked.max_rows,
        asked.family_names(rows),
        False if asked.no_audit else None,
        False if asked.no_filling else None,
        None if asked.laws else os.environ.get(KNOWN_VARIABLE),
        bool(asked.laws) if named else None,
    )


def _work(asked: Asked, defaults: CampaignProfile) -> Work:
    """Who does it; a limit needs a process that can be killed."""
    is_watched = asked.hang_seconds is not None or asked.memory is not None
    limits = Limits(asked.hang_seconds or HANG_SECONDS, parse_bytes(asked.memory, "--memory"))
    return Work(asked.jobs or defaults.jobs or (1 if is_watched else None), limits, asked.cluster)
