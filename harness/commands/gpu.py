"""``fragdiff gpu``: a case through the whole life cycle of the GPU engine, with its byte accounts in view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import AGREE, BAD_INPUT, DIVERGENCE, INTERNAL
from harness.commands.named_path import NamedPath
from harness.commands.options import LoadedCase, cut_text, cuts_option, echo_json, load_all, parse_bytes
from harness.corpus import write_new
from harness.records import cut_json, outcome_json
from reference.definition.case import Case
from reference.definition.cuts import At
from reference.definition.errors import InputError
from reference.definition.formats.case_json import ROW_LIMIT
from reference.definition.gpu_options import CACHE_LEVELS, CHIPS, MOST_LANES, MOST_SHARDS, THREAD_ORDERS, GpuOptions

if TYPE_CHECKING:
    from harness.walking import Request


@click.command()
@click.argument("file", metavar="CASE", type=NamedPath())
@click.option("--device", type=click.Choice(["host", "cuda"]), default="host", show_default=True, help="Where to run.")
@click.option("--cache", type=click.Choice(CACHE_LEVELS), help="What stays on the device between uses of a chip.")
@click.option("--lanes", type=click.IntRange(1, MOST_LANES), help="Chips worked on at once.")
@click.option("--budget", metavar="BYTES", help="Device memory, such as 64MiB; without it no limit.")
@click.option("--shards", metavar="N|at:ROW,..", help="So many shards, or new ones from these rows on.")
@click.option("--order", metavar="CHIP,..", help=f"Chips worked on first; the others follow. Chips: {' '.join(CHIPS)}.")
@click.option("--threads", type=click.Choice(THREAD_ORDERS), help="Order of the threads of a launch; on the host.")
@click.option("--proofs", type=click.IntRange(1, 100), default=1, show_default=True, help="Rounds of proofs.")
@click.option("--openings", type=click.IntRange(0, 100), default=1, show_default=True, help="Rounds of openings.")
@click.option(
    "--merkle", metavar="BLOWUP", type=click.IntRange(2, 64), help="Commit to a Merkle tree too; small traces."
)
@click.option(
    "--fallback", metavar="CHIP", multiple=True, type=click.Choice(CHIPS), help="Generate this chip on the host."
)
@click.option("--check/--no-check", default=True, show_default=True, help="Check every invariant at every step.")
@click.option(
    "--manifest",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Write the manifest here; for one case with one cut plan.",
)
@cuts_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a run instead of text.")
def gpu(file: str, cuts: tuple[str, ...], manifest: Path | None, as_json: bool, **said: Any) -> None:
    """Walk CASE through the life of its shards: upload, assign, commit, prove, open, release, and show what was live.

    \b
    fragdiff gpu case.json --cache none --lanes 2 --budget 64MiB --shards 3
    fragdiff gpu case.json --device cuda --order pad,krm --manifest out.json

    The recorded raw state is all that stays on the device at level none; the columns of a chip are generated when they are
    committed to, proven and opened, and dropped. The table gives the bytes of each tag after each step beside what they must
    be. What is left out is as the case says under "options", else the plainest walk: level none, one lane, one shard, no
    limit. The manifest holds nothing that differs between devices, lanes, cache levels or orders of chips.

    The exit code is 0 when everything held, 1 when an invariant did not or when there was nothing to walk because the program
    fails, 2 without the device and when the budget is too small, 3 when a device or a kernel failed.

    JSON keys: file, name, cut, device, outcome, and options, lengths, shards, steps (shard, step, live, expected, peak,
    at_most, total_peak, wrong), checked, not_checked, digests, digest, merkle_root, launches, peak_booked, peak_in_use,
    events; or error and reason.
    """
    loaded = load_all([file], cuts)
    runs = [LoadedCase(item.file, _with_options(case, said)) for item in loaded for case in item.case.runs()]
    if manifest is not None and len(runs) != 1:
        raise InputError(f"a manifest is of one run, here are {len(runs)}; say --cuts", place="--manifest")
    if said["device"] == "cuda" and said["threads"] is not None:
        raise InputError("a device orders its threads itself; only the host lets it be chosen", place="--threads")
    if said["merkle"] is not None and said["merkle"].bit_count() != 1:
        raise InputError(f"expected a power of two, found {said['merkle']}", place="--merkle")
    # numba and the engine take a second to load, which help and refusals do without.
    from harness.walking import Request, prepare  # noqa: PLC0415 - see above

    request = Request(**{name: said[name] for name in ("device", "check", "proofs", "openings", "merkle", "fallback")})
    prepare(request.device, lambda line: click.echo(line, err=True))
    code = AGREE
    for item in runs:
        code = max(code, _run(item, request, manifest, as_json))
    click.get_current_context().exit(code)


def _with_options(case: Case, said: Mapping[str, Any]) -> Case:
    """The case, with what the command line says in the place of its own options."""
    own = case.gpu
    return replace(
        case,
        gpu=GpuOptions(
            cache=said["cache"] or own.cache,
            lanes=said["lanes"] or own.lanes,
            budget=parse_bytes(said["budget"], "--budget") or own.budget,
            shards=_shards(said["shards"]) if said["shards"] is not None else own.shards,
            order=_order(said["order"]) if said["order"] is not None else own.order,
            threads=said["threads"] or own.threads,
        ),
    )


def _run(item: LoadedCase, request: Request, manifest: Path | None, as_json: bool) -> int:
    """Walk and print; the exit code that the walk asks for."""
    from harness.walk_report import walk_json, walk_lines  # noqa: PLC0415 - see above
    from harness.walking import Stopped, Why, manifest_text, walk_case  # noqa: PLC0415 - see above

    outcome, walked = walk_case(item.case, request)
    head: dict[str, Any] = {
        "file": item.file,
        "name": item.case.name,
        "cut": cut_json(item.case.cut),
        "device": request.device,
    }
    head["outcome"] = outcome and outcome_json(outcome)
    title = f"{item.case.name}  ({item.file}, {cut_text(item.case.cut)}, {request.device})"
    if isinstance(walked, Stopped):
        if as_json:
            echo_json({**head, "error": walked.error, "reason": walked.reason})
        else:
            click.echo(f"{title}\n  {walked.error}: {walked.reason}")
        return {Why.LACKING: BAD_INPUT, Why.BROKEN: INTERNAL}.get(walked.why, DIVERGENCE)
    if manifest is not None:
        write_new(manifest, manifest_text(walked))
    if as_json:
        echo_json({**head, **walk_json(walked)})
    else:
        click.echo("\n".join([title, *walk_lines(walked)]))
    # With checks these raise; without them they are at least shown, and told by the exit code.
    return DIVERGENCE if any(step.wrong for step in walked.bytes.steps) or walked.findings.failures else AGREE


# ---- what is typed --------------------------------------------------------------------------------------------------


def _shards(text: str) -> int | At:
    kind, colon, rows = text.partition(":")
    if not colon and _is_number(text) and 1 <= int(text) <= MOST_SHARDS:
        return int(text)
    named = rows.split(",")
    if kind == "at" and colon and all(_is_number(row) and int(row) < ROW_LIMIT for row in named):
        return At(tuple(map(int, named)))
    raise InputError(f"expected a number from 1 to {MOST_SHARDS} or at:ROW,ROW.., found {text!r:.40}", place="--shards")


def _order(text: str) -> tuple[str, ...]:
    named = tuple(name.strip() for name in text.split(","))
    wrong = next((name for name in named if name not in CHIPS or named.count(name) > 1), None)
    if wrong is not None:
        raise InputError(f"expected some of {', '.join(CHIPS)}, each once, found {wrong!r:.40}", place="--order")
    return (*named, *(chip for chip in CHIPS if chip not in named))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20
