"""The options of ``fragdiff fuzz``, by what they are about, and what was asked for with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from harness.campaign.processes import HANG_SECONDS
from harness.campaign.profiles import NAMES
from harness.commands.known_option import known_option
from harness.commands.named_path import NamedPath
from harness.commands.options import Number, audit_option, engines_options
from harness.generate import Profile
from harness.generate.families import families_in_use, family_lines
from harness.shrink import Budget
from reference.definition.errors import InputError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given; None for what was left out."""

    engines: tuple[str, ...]
    engine: tuple[str, ...]
    laws: str | None
    profile: str | None
    seconds: float | None
    cases: int | None
    jobs: int | None
    cluster: str | None
    seed: int | None
    first: int | None
    failing_rate: float | None
    max_rows: int | None
    families: str | None
    out: Path
    fresh: bool
    keep: int
    shrink_seconds: float
    hang_seconds: float | None
    memory: str | None
    no_audit: bool
    no_filling: bool
    no_replay: bool
    quiet: bool
    as_json: bool

    def family_names(self, rows: int) -> tuple[str, ...] | None:
        """Of --families; InputError for an unknown one, and for one whose programs are longer than so many rows."""
        if self.families is None:
            return None
        names = tuple(name.strip() for name in self.families.split(","))
        try:
            families_in_use(names, rows)
        except ValueError as error:
            raise InputError(str(error), place="--families") from None
        return names


def _list_families(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    for line in family_lines():
        click.echo(line)
    ctx.exit()


_LENGTH: Final = (
    click.option("--laws", metavar="NAME", help="Instead of engines: one engine, judged by itself (`fragdiff laws`)."),
    click.option(
        "--profile",
        type=click.Choice(NAMES),
        help="Values for --seconds, --max-rows and --jobs where they are left out.",
    ),
    click.option(
        "--seconds",
        type=Number(min=0, min_open=True),
        help="End this run after this time (default 60; with --cases none).",
    ),
    click.option("--cases", type=click.IntRange(min=1), help="End when the campaign has this many cases."),
    click.option(
        "--jobs", type=click.IntRange(min=1), help="Worker processes; without it this process does everything."
    ),
)

_GENERATOR: Final = (
    click.option("--seed", type=click.IntRange(min=0), help="Of the generator; drawn and printed when left out."),
    click.option("--first", type=click.IntRange(min=0), help="Number of the first case (default 0)."),
    click.option(
        "--failing-rate",
        type=Number(0, 1),
        help=f"Share of programs that are meant to fail (default {Profile().failing_rate}).",
    ),
    click.option(
        "--max-rows",
        type=click.IntRange(min=1),
        help=f"Rows after which a program starts nothing new (default {Profile().max_rows}).",
    ),
    click.option("--families", metavar="A[,B]", help="Only programs of these families (--list-families)."),
    click.option(
        "--list-families",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_list_families,
        help="Say which families of programs there are, and what each one hunts.",
    ),
)

_FINDINGS: Final = (
    click.option(
        "--out",
        "--dir",
        "out",
        type=NamedPath(path_type=Path, file_okay=False),
        default=Path("findings"),
        show_default=True,
        help="Directory of the campaign: its state, its findings, what it has covered.",
    ),
    click.option("--fresh", is_flag=True, help="Begin anew in a directory that holds a campaign; findings stay."),
    click.option(
        "--keep",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        help="Cases kept and shrunk for each signature; further ones are counted.",
    ),
    click.option(
        "--shrink-seconds",
        type=Number(min=0),
        default=Budget().seconds,
        show_default=True,
        help="Time for shrinking one case.",
    ),
)

_WORKERS: Final = (
    click.option(
        "--hang-seconds",
        type=Number(min=0, min_open=True),
        help=f"A worker that begins and ends nothing for so long is killed (default {HANG_SECONDS:g}).",
    ),
    click.option(
        "--memory", metavar="BYTES", help="A worker that holds more is killed, such as 4GiB; without it no limit."
    ),
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Run the batches on the workers of this dask scheduler; when it has none for 120 s, or --hang-seconds where "
        "that is shorter, the campaign ends.",
    ),
)

_COMPARING: Final = (
    audit_option,
    known_option,
    click.option("--no-filling", "no_filling", is_flag=True, help="Cut each case at its own plans only."),
    click.option("--no-replay", "no_replay", is_flag=True, help="Do not replay each finding in a new process."),
)

_SAYING: Final = (
    click.option("--quiet", is_flag=True, help="Findings and the end report only."),
    click.option("--json", "as_json", is_flag=True, help="JSON lines instead of text."),
)


def fuzz_options(command: Decorated) -> Decorated:
    """All of them; the command takes what :class:`Asked` has, by name."""
    groups = (engines_options, *_LENGTH, *_GENERATOR, *_FINDINGS, *_WORKERS, *_COMPARING, *_SAYING)
    # Help lists options in the order of decorators from above, which are applied from below.
    return reduce(lambda decorated, option: option(decorated), reversed(groups), command)
