"""``fragdiff corpus``: cases kept as files."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import BAD_INPUT
from harness.commands.options import cut_text, load_all
from harness.corpus import entries, keep
from reference.definition.errors import InputError


@click.group()
def corpus() -> None:
    """Keep cases as text files that are named <word>-<12 hex digits of the file's SHA-256>.case.json."""


@corpus.command()
@click.argument("files", metavar="FILE..", nargs=-1, required=True, type=click.Path())
@click.option("--to", "directory", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The corpus.")
@click.option("--reason", required=True, help="Why the case is worth keeping; it is written into the file.")
def add(files: tuple[str, ...], directory: Path, reason: str) -> None:
    """Add every case of each FILE, with the reason and the name of the file it came from.

    A case that is there already is not added again.
    """
    if not reason.strip():
        raise InputError("expected a reason, found nothing", place="--reason")
    for item in load_all(files):
        kept = keep(item.case, directory, reason=reason.strip(), source=Path(item.file).name)
        click.echo(f"{'added' if kept.is_new else 'there already'}  {kept.path}")


@corpus.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_context
def ls(ctx: click.Context, directory: Path) -> None:
    """List the cases of DIR: file, nodes, cut plans, and why each was kept.

    The exit code is 2 when a file's content is not the one that its name promises.
    """
    code = 0
    count = 0
    for entry in entries(directory):
        count += 1
        case = entry.case
        nodes = sum(len(forest.nodes) for forest in (case.program.forest, *case.libraries))
        plans = ";".join(cut_text(plan) for plan in case.cuts)
        click.echo(f"{entry.path.name}  {nodes} nodes  {plans}  {case.about}")
        if not entry.is_unchanged:
            code = BAD_INPUT
            click.echo(f"fragdiff: {entry.path}: the content is not the one that the name promises", err=True)
    click.echo(f"{count} case{'' if count == 1 else 's'}")
    ctx.exit(code)
