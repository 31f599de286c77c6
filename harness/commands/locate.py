"""``fragdiff locate``: where a difference between engines comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.known_option import known_option
from harness.commands.named_path import NamedPath
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
from harness.compare import compare
from harness.corpus import write_new
from harness.localise.localisation import Localisation, localise
from harness.localise.words import localisation_json, localisation_lines
from harness.records import cut_json
from harness.report.commands import environment, replay_command
from harness.report.page import About, page
from harness.verdict import Comparison, is_acceptable
from reference.definition.cuts import CutPlan
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case


@click.command()
@case_arguments
@engines_options
@cuts_option
@known_option
@audit_option
@click.option(
    "--html", "html", type=NamedPath(path_type=Path, dir_okay=False), help="Write the page of the difference."
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

    The exit code is 0 when the engines agree on everything, 1 when there was a difference or nothing was compared.

    JSON keys: file, name, cut, agree, not_comparable (reasons); when there is a difference signature, row, site, cells
    (with sources), extent, odd, vote, at_fault, cuts (class, experiments), fragment, divergence. --html takes one
    difference.
    """
    loaded = load_all(files, cuts)
    names = engine_names(engines, engine)
    if html is not None and (len(loaded) > 1 or len(loaded[0].case.cuts) > 1):
        raise InputError("a page shows one case at one cut plan; name one, and choose with --cuts", place="--html")
    if not no_audit:
        prepare_audit()
    acceptable = True
    with open_engines(names) as opened:
        for item in loaded:
            for case in item.case.runs():
                found = localise(case, opened, audit=not no_audit)
                again = replay_command(Path(item.file), names, cuts=cut_text(case.cut))
                if found is None:
                    # No difference is not yet agreement: an engine may have said nothing.
                    comparison = compare(case, opened, audit=not no_audit)
                    acceptable &= is_acceptable(comparison)
                    _show_none(item.file, comparison, case.cut, as_json)
                    continue
                acceptable = False
                _show(item.file, found, case.cut, again, as_json)
                if html is not None:
                    commands = [("Compare it once more:", again)]
                    write_new(
                        html, page(found, About(commands, environment=environment(names), case_text=write_case(case)))
                    )
    ctx.exit(AGREE if acceptable else DIVERGENCE)


def _head(file: str, name: str, plan: CutPlan) -> dict[str, Any]:
    return {"file": file, "name": name, "cut": cut_json(plan)}


def _show(file: str, found: Localisation, plan: CutPlan, again: str, as_json: bool) -> None:
    if as_json:
        echo_json({**_head(file, found.case.name, plan), "agree": False, **localisation_json(found)})
        return
    title = f"{found.case.name}  ({file}, {cut_text(plan)})"
    click.echo("\n".join([title, *localisation_lines(found), f"  when that is mended: {again}"]))


def _show_none(file: str, comparison: Comparison, plan: CutPlan, as_json: bool) -> None:
    silent = sorted(comparison.counts.not_comparable)
    known = sorted({item.entry for item in comparison.excused})
    agrees = is_acceptable(comparison)
    if as_json:
        value = {**_head(file, comparison.case_name, plan), "agree": agrees}
        echo_json(value | ({"not_comparable": silent} if silent else {}) | ({"known": known} if known else {}))
        return
    text = "the engines agree" if agrees else f"nothing was compared: {'; '.join(silent) or 'there was nothing'}"
    text += f", but for the known divergence{'s'[: len(known) > 1]} {', '.join(known)}" if known else ""
    click.echo(f"{comparison.case_name}  ({file}, {cut_text(plan)}): {text}")
