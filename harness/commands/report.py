"""``fragdiff report``: what a campaign did, from its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.campaign_report.data import as_json
from harness.campaign_report.junit import junit_xml
from harness.campaign_report.page import page
from harness.campaign_report.record import read_record
from harness.campaign_report.summary import Summary
from harness.campaign_report.text import text_lines
from harness.cli import AGREE, DIVERGENCE
from harness.commands.named_path import NamedPath
from harness.commands.options import echo_json
from harness.corpus import write_new

PAGE = "report.html"

_FILE: Any = NamedPath(path_type=Path, dir_okay=False)


@click.command()
@click.argument("directory", metavar="DIR", type=NamedPath(path_type=Path))
@click.option("--html", type=_FILE, help=f"Where to write the page (default: {PAGE} in DIR).")
@click.option("--no-html", "no_html", is_flag=True, help="Write no page.")
@click.option("--junit", type=_FILE, help="Write JUnit XML too, for a CI server.")
@click.option("--json", "as_json_line", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def report(
    ctx: click.Context, directory: Path, html: Path | None, no_html: bool, junit: Path | None, as_json_line: bool
) -> None:
    """Report on a campaign, while it runs or afterwards: text here, and a page that opens anywhere.

    \b
    fragdiff report night
    fragdiff report night --html /var/www/night.html --junit night.xml

    DIR is the directory of `fragdiff fuzz --out DIR`. The campaign is not disturbed. The page shows rates and
    coverage over time, gaps, verdicts, what was not comparable and why, findings by signature with links to their reports,
    slow cases, workers that died, and runs.

    The exit code is 0 when nothing differed, 1 when something did or when no case was compared on all engines.

    JSON keys: engines, seed, created, seconds, cases, counts, verdicts, rates, coverage (covered, possible, share),
    findings (signature, states, cases, kept), pairs, slow, deaths, runs, vacuous.
    """
    if no_html and html is not None:
        raise click.UsageError("--html and --no-html exclude each other.")
    summary = Summary(read_record(directory))
    if not no_html:
        file = html or directory / PAGE
        write_new(file, page(summary, file))
    if junit is not None:
        write_new(junit, junit_xml(summary))
    if as_json_line:
        echo_json(as_json(summary))
    else:
        for line in text_lines(summary):
            click.echo(line)
        if not no_html:
            click.echo(f"page         {html or directory / PAGE}")
    ctx.exit(DIVERGENCE if summary.groups or summary.is_vacuous else AGREE)
