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
from harness.campaign.opening import Wanted, holds_campaign, open_campaign
from harness.campaign.processes import HANG_SECONDS, Limits
from harness.campaign.profiles import NAMES, campaign_profile
from harness.campaign.protocol import Setup
from harness.campaign.state import Identity
from harness.campaign.supervisor import Plan, Supervisor
from harness.cli import AGREE, DIVERGENCE
from harness.commands.fuzzing import Work, make_crew, make_screen, stop_on_signals
from harness.commands.known_option import known_option, use_known
from harness.commands.options import (
    Number,
    audit_option,
    engine_names,
    engines_options,
    parse_bytes,
)
from harness.generate import Profile
from harness.generate.families import families_in_use, family_lines
from harness.known import KNOWN_VARIABLE
from harness.laws.fuzzing import fuzz_by_laws
from harness.shrink import Budget
from reference.definition.errors import InputError


def _list_families(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    for line in family_lines():
        click.echo(line)
    ctx.exit()


def _family_names(text: str | None, rows: int) -> tuple[str, ...] | None:
    """The names; InputError for an unknown one, and for one whose programs are longer than so many rows."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    try:
        families_in_use(names, rows)
    except ValueError as error:
        raise InputError(str(error), place="--families") from None
    return names


class _Directory(click.Path):
    """A directory that is named: an empty name, such as of a variable that is not set, would be the current one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; click's usage error for an empty name."""
        if value == "":
            self.fail("The name is empty.", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@engines_options
@click.option("--laws", metavar="NAME", help="Instead of engines: one engine, judged by itself (`fragdiff laws`).")
@click.option("--profile", type=click.Choice(NAMES), help="Values for --seconds, --max-rows and --jobs.")
@click.option("--seconds", type=Number(min=0, min_open=True), help="End this run after this time (default 60).")
@click.option("--cases", type=click.IntRange(min=1), help="End when the campaign has this many cases.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker processes; without it this process does everything.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the generator; drawn and printed when left out.")
@click.option("--first", type=click.IntRange(min=0), help="Number of the first case (default 0).")
@click.option(
    "--failing-rate",
    type=Number(0, 1),
    help=f"Share of programs that are meant to fail (default {Profile().failing_rate}).",
)
@click.option(
    "--max-rows",
    type=click.IntRange(min=1),
    help=f"Rows after which a program starts nothing new (default {Profile().max_rows}).",
)
@click.option("--families", metavar="A[,B]", help="Only programs of these families (--list-families).")
@click.option(
    "--list-families",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_families,
    help="Say which families of programs there are, and what each one hunts.",
)
@click.option(
    "--out",
    "--dir",
    "out",
    type=_Directory(path_type=Path, file_okay=False),
    default=Path("findings"),
    show_default=True,
    help="Directory of the campaign: its state, its findings, what it has covered.",
)
@click.option("--fresh", is_flag=True, help="Begin anew in a directory that holds a campaign; findings stay.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Cases kept and shrunk for each signature; further ones are counted.",
)
@click.option(
    "--shrink-seconds",
    type=Number(min=0),
    default=Budget().seconds,
    show_default=True,
    help="Time for shrinking one case.",
)
@click.option(
    "--hang-seconds",
    type=Number(min=0, min_open=True),
    help=f"A worker that begins and ends nothing for so long is killed (default {HANG_SECONDS:g}).",
)
@click.option(
    "--memory", metavar="BYTES", help="A worker that holds more is killed, such as 4GiB; without it no limit."
)
@click.option("--cluster", metavar="ADDRESS", help="Run the batches on the workers of this dask scheduler.")
@audit_option
@known_option
@click.option("--no-filling", "no_filling", is_flag=True, help="Cut each case at its own plans only.")
@click.option("--no-replay", "no_replay", is_flag=True, help="Do not replay each finding in a new process.")
@click.option("--quiet", is_flag=True, help="Findings and the end report only.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of text.")
@click.pass_context
def fuzz(
    ctx: click.Context,
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    laws: str | None,
    profile: str | None,
    seconds: float | None,
    cases: int | None,
    jobs: int | None,
    seed: int | None,
    first: int | None,
    failing_rate: float | None,
    max_rows: int | None,
    families: str | None,
    out: Path,
    fresh: bool,
    keep: int,
    shrink_seconds: float,
    hang_seconds: float | None,
    memory: str | None,
    cluster: str | None,
    no_audit: bool,
    no_filling: bool,
    no_replay: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Generate programs and cuts, run them on all engines, and compare everything.

    \b
    fragdiff fuzz --engines "reference,exec:/opt/vm/oracle run" --seconds 3600
    fragdiff fuzz --engines reference,mine --profile nightly --jobs 8 --out nights
    fragdiff fuzz --engines reference,mine --seed 7 --first 1234 --cases 1
    fragdiff fuzz --laws "exec:target/release/next-release" --seconds 600

    Traces that engines agree on are audited as well: judged by the constraints and lookups that every trace keeps.

    Each difference is written to a directory of its own under --out as soon as it is found. It is replayed in a new
    process, and marked when it does not show there; shrunk to the smallest case that differs for the same reason; and
    localised (`fragdiff locate`) in report.html and report.txt, with the failing fragment by itself and a ready test.
    index.txt lists all findings by signature.

    With --jobs worker processes run the cases. One that crashes, hangs or takes too much memory is killed; the case it had
    in hand is a finding, and the campaign goes on.

    A campaign goes on where it was ended, by whatever: the same command, or one that leaves engines and seed out, runs the
    lowest numbers that are not done. --cases counts the cases of the whole campaign, --seconds the time of this run.
    --first with --cases in a directory that holds a campaign runs these cases by themselves; its state stays as it is.

    Case N of a seed is the same whatever came before it; where it can be cut as no case was cut before, it is compared at
    those cuts as well (not with --no-filling), and coverage.json keeps them for all campaigns with this --out (`fragdiff
    cover`). Ctrl-C ends the campaign after the cases in hand, with its report; a second one at once.

    Profiles: smoke, 60 seconds; nightly, 8 hours on all processors; long, larger programs on all processors without end.

    The exit code is 0 when every case agreed or is excused by a known divergence, 1 when something differed or when no
    case was compared on all engines, in all runs of the campaign.

    JSON: {"event": "started"} or {"event": "resumed"}, {"event": "finding", "number", "signature", "directory"},
    {"event": "replayed", "signature", "directory", "again", "reason"}, {"event": "shrunk", "signature", "directory",
    "happens_again", "finished"}, {"event": "reported", "signature", "directory", "state", "full_signature"}, {"event":
    "repeated", "number", "signature", "times"}, {"event": "worker died", "worker", "reason", "number"} and at the end
    {"event": "finished"} with what is also in summary.json.
    """
    defaults = campaign_profile(profile)
    if cluster is not None and jobs is not None:
        raise InputError("has as many workers as the cluster; leave out --jobs", place="--cluster")
    if seconds is None and (cases is None or profile is not None):
        seconds = defaults.seconds
    if laws is not None:
        if engines or engine:
            raise InputError("judges one engine by itself; leave out --engines and --engine", place="--laws")
        if jobs is not None or cluster is not None or fresh:
            raise InputError(
                "runs in this process, from its first case; leave out --jobs, --cluster, --fresh", place="--laws"
            )
        with stop_on_signals() as stop:
            judged = fuzz_by_laws(
                laws,
                seed=secrets.randbelow(2**32) if seed is None else seed,
                seconds=seconds,
                cases=cases,
                out=out,
                profile=Profile(
                    failing_rate=Profile().failing_rate if failing_rate is None else failing_rate,
                    max_rows=defaults.max_rows if max_rows is None else max_rows,
                    families=_family_names(families, defaults.max_rows if max_rows is None else max_rows) or (),
                ),
                first=first or 0,
                shrink_seconds=shrink_seconds,
                keep=keep,
                as_json=as_json,
                quiet=quiet,
                stopped=lambda: bool(stop),
            )
        ctx.exit(DIVERGENCE if judged.violations or judged.is_vacuous else AGREE)
    is_replay = first is not None and cases is not None and not fresh and holds_campaign(out)
    goes_on = not fresh and not is_replay and holds_campaign(out)
    named = bool(engines or engine) or not goes_on
    wanted = Wanted(
        tuple(engine_names(engines, engine)) if named else None,
        seed,
        first,
        failing_rate,
        defaults.max_rows if max_rows is None and profile is not None else max_rows,
        _family_names(families, defaults.max_rows if max_rows is None else max_rows),
        False if no_audit else None,
        False if no_filling else None,
        os.environ.get(KNOWN_VARIABLE),
    )
    new = Identity((), secrets.randbelow(2**32), 0, Profile(max_rows=defaults.max_rows))
    is_watched = hang_seconds is not None or memory is not None
    limits = Limits(hang_seconds or HANG_SECONDS, parse_bytes(memory, "--memory"))
    work = Work(jobs or defaults.jobs or (1 if is_watched else None), limits, cluster)
    with ExitStack() as stack:
        # The state of a replay is nobody's; what it finds is kept where the campaign keeps it.
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) if is_replay else out
        state, identity = stack.enter_context(open_campaign(place, wanted, new, fresh=fresh))
        if identity.known:
            use_known(ctx, identity.known)
        setup = Setup(
            identity.engines,
            identity.seed,
            identity.profile,
            identity.audit,
            identity.filling,
            shrink_seconds,
            not no_replay,
        )
        kept_map = KeptMap(place)
        # The summary first: a screen that nobody reads any more ends the campaign, and must not take it along.
        listeners: list[Listener] = [Summary(place, kept_map), EventLog(place), make_screen(quiet, as_json)]
        plan = Plan(out, place, identity.first, cases, seconds, keep)
        stop = stack.enter_context(stop_on_signals())
        supervisor = Supervisor(plan, setup, state, kept_map.read_earlier(), listeners, lambda: bool(stop))
        supervisor.run(make_crew(work, setup, place, supervisor, stack))
        totals = supervisor.totals
    ctx.exit(DIVERGENCE if totals.differences or totals.is_vacuous else AGREE)
