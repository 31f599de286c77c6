"""``fragdiff conform``: a third party's engine, examined."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from harness.cli import AGREE, DIVERGENCE
from harness.commands.named_path import NamedPath
from harness.commands.options import Number, echo_json, open_engines
from harness.compiled_hash import compiled_hash
from harness.conform.examination import Examination, Wish
from harness.conform.part import Part
from harness.conform.table import conforms, print_verdict, verdict_line
from harness.corpus import content_hash, slug, write_new
from harness.laws.subjects import open_subject
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case

CORPUS = Path("corpus")
WIDTH = 118
"""Columns of the table where nobody says how wide the output is."""


@click.command()
@click.option("--engine", required=True, metavar="NAME", help="The engine: an installed one, or exec:COMMAND.")
@click.option(
    "--seconds",
    type=Number(min=0),
    default=60.0,
    show_default=True,
    help="Of the campaign. The corpus of this project takes a minute or two besides, the fixed programs some seconds.",
)
@click.option(
    "--corpus",
    type=NamedPath(path_type=Path, file_okay=False),
    help="Folder of cases to replay; by default corpus, where there is one.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the campaign.")
@click.option(
    "--out",
    type=NamedPath(path_type=Path, file_okay=False),
    default=Path("nonconforming"),
    show_default=True,
    help="Where cases on which the engine is wrong are kept; nothing is made when there are none.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a part and one verdict instead of the table.")
@click.pass_context
def conform(
    ctx: click.Context, engine: str, seconds: float, corpus: Path | None, seed: int, out: Path, as_json: bool
) -> None:
    """Examine an engine: does it build the trace that the machine under test builds, wherever it is cut?

    \b
    fragdiff conform --engine mine
    fragdiff conform --engine "exec:python my_engine.py" --seconds 600

    \b
    corpus           kept cases, at the cuts they are kept with
    operations       each of the 80 operations, in one piece and in fragments of one row
    errors           each way to fail: name and clk
    cuts             short programs with every kind of node, at every fragment size (and every single row, where it can)
    laws             the engine by itself (`fragdiff laws`): no other engine is asked
    fuzz             generated programs and cuts, for --seconds
    boundary states  the state entering every fragment, in all of these

    All but the laws compare with the reference: outcome, lengths, outputs, program hash, boundary states, every cell. A part
    ends after three cases that differ; they are kept under --out for `fragdiff diff` and `fragdiff locate`.

    A part in which nothing could be judged is no pass, and what was not judged elsewhere is listed; only boundary states may
    be missing altogether, and the verdict says so. The exit code is 0 when every part passes, 1 when a part fails or judged
    nothing.

    JSON keys of a part: part, asks, verdict (pass, fail, not judged), cases, runs, counts, judged, not_judged, failures,
    seconds; the last line has conforms, verdict and exit_code.
    """
    if engine == "reference":
        raise InputError("the reference is what engines are held against", place="--engine")
    folder = corpus if corpus is not None else (CORPUS if CORPUS.is_dir() else None)
    if folder is not None and not folder.is_dir():
        raise InputError("expected a folder of cases", source=str(folder), place="--corpus")
    parts: list[Part] = []
    kept: dict[int, Path] = {}
    with open_engines([engine]) as opened, open_subject(engine) as subject, compiled_hash():
        examination = Examination(opened[0], subject, Wish(folder, seconds, seed))
        for part in examination.parts():
            parts.append(part)
            kept |= _keep(part, out)
            if as_json:
                echo_json(part.as_json())
            else:
                click.echo(f"{part.name}: {part.grade.value} ({part.seconds:.1f} s)", err=True)
    code = AGREE if conforms(parts) else DIVERGENCE
    if as_json:
        echo_json({"conforms": code == AGREE, "verdict": verdict_line(engine, parts), "exit_code": code})
    else:
        console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
        print_verdict(console, engine, parts, kept)
    ctx.exit(code)


def _keep(part: Part, out: Path) -> dict[int, Path]:
    """Write the cases of all failures; their files by id()."""
    kept: dict[int, Path] = {}
    for failure in part.failures:
        text = write_case(replace(failure.case, about=f"{part.name}; {failure.signature}"))
        path = out / f"{slug(f'{part.name} {failure.case.name}')}-{content_hash(text.encode())}.case.json"
        write_new(path, text)
        kept[id(failure)] = path
    return kept
