"""``fragdiff locate``: where a difference between engines comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.options import (
    audit_option,
    case_arguments,
    cut_text,
    cuts_option,
    echo_json,
    engine_names,
    engines_options,
    load_all,
    open_engines,
    prepare_audit,
)
from harness.corpus import write_new
from harness.localise.localisation import Localisation, localise
from harness.localise.words import localisation_json, localisation_lines
from harness.records import cut_json
from harness.report.commands import environment, replay_command
from harness.report.page import About, page
from reference.definition.cuts import CutPlan
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case


@click.command()
@case_arguments
@engines_options
@cuts_option
@audit_option
@click.option(
    "--html", "html", type=click.Path(path_type=Path, dir_okay=False), help="Write the page of the difference."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a difference instead of text.")
@click.pass_context
def locate(
    ctx: click.Context,
    files: tuple[str, ...],
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    cuts: tuple[str, ...],
    no_audit: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Say where the difference between engines comes from, for each CASE at each of its cut plans.

    \b
    fragdiff locate case.json --engines reference,mine --html case.html
    fragdiff locate case.json --engines reference,faulty:pop-of-visible-item

    For the earliest wrong cell in the order of the program: its row, operation and phase, and the distance to the nearest
    cut; what fed it on each side, a field of a snapshot, an entry of a replay queue with the row that recorded it, the
    program, or the row before; which engine is the odd one out; whether what was recorded is wrong or what was rebuilt
    from it; and, by running the case again with the cut removed, moved and doubled, how it depends on cuts.

    The exit code is 0 when the engines agree on everything, 1 when there was a difference.

    JSON keys: file, name, cut, and agree or else signature, row, site, cells (with sources), extent, odd, vote,
    at_fault, cuts (class, experiments), fragment, divergence. --html takes one difference.
    """
    loaded = load_all(files, cuts)
    names = engine_names(engines, engine)
    if html is not None and (len(loaded) > 1 or len(loaded[0].case.cuts) > 1):
        raise InputError("a page shows one case at one cut plan; name one, and choose with --cuts", place="--html")
    if not no_audit:
        prepare_audit()
    differs = False
    with open_engines(names) as opened:
        for item in loaded:
            for case in item.case.runs():
                found = localise(case, opened, audit=not no_audit)
                differs |= found is not None
                _show(item.file, case.name, case.cut, found, as_json)
                if found is not None and not as_json:
                    again = replay_command(Path(item.file), names, cuts=cut_text(case.cut))
                    click.echo(f"  when that is mended: {again}")
                if html is not None and found is not None:
                    about = About(
                        commands=[("Compare it once more:", replay_command(Path(item.file), names))],
                        environment=environment(names),
                        case_text=write_case(case),
                    )
                    write_new(html, page(found, about))
    ctx.exit(DIVERGENCE if differs else AGREE)


def _show(file: str, name: str, plan: CutPlan, found: Localisation | None, as_json: bool) -> None:
    if as_json:
        head: dict[str, Any] = {"file": file, "name": name, "cut": cut_json(plan)}
        echo_json({**head, "agree": True} if found is None else {**head, "agree": False, **localisation_json(found)})
        return
    title = f"{name}  ({file}, {cut_text(plan)})"
    lines = [f"{title}: the engines agree"] if found is None else [title, *localisation_lines(found)]
    click.echo("\n".join(lines))
