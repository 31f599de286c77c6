"""``fragdiff shrink``: the smallest case that differs for the same reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.known_option import known_option
from harness.commands.named_path import NamedPath
from harness.commands.options import (
    Number,
    audit_option,
    cut_text,
    cuts_option,
    echo_json,
    engine_names,
    engines_options,
    load_all,
    open_engines,
    prepare_audit,
)
from harness.corpus import SUFFIX, write_new
from harness.localise.localisation import Localisation, localise
from harness.localise.signature import Signature, Signer
from harness.report.commands import replay_command
from harness.report.fragment_files import FOLDER, write_fragment
from harness.shrink import Budget, Shrunk
from harness.shrink import shrink as smallest_of
from harness.shrink.judges import Judges
from harness.shrink.order import measure
from harness.shrink.size import Size, size_of
from harness.verdict import Kind
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case
from reference.definition.formats.load import load_cases

MOST_CANDIDATES: Final = 10**9
"""Only the time is limited."""


@click.command()
@click.argument("file", metavar="CASE", type=NamedPath())
@engines_options
@cuts_option
@click.option(
    "--out",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Where the smallest case goes, whenever there is a smaller one (default: NAME.smallest.case.json in this "
    "directory); shrinking goes on from what is there.",
)
@click.option("--seconds", default=60.0, show_default=True, type=Number(min=0), help="When to give up.")
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Candidates judged at once, each in a process of its own. What is found does not change. The processes are started "
    "when the search has taken a second and its last candidates 50 ms each, because most searches are over before a process "
    "has its engines.",
)
@click.option(
    "--fragment",
    "fragment",
    type=NamedPath(path_type=Path, file_okay=False),
    help="A folder for the smallest failing fragment by itself: its context, and the rows that must come out of it.",
)
@known_option
@audit_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def shrink(
    ctx: click.Context,
    file: str,
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    cuts: tuple[str, ...],
    out: Path | None,
    seconds: float,
    jobs: int,
    fragment: Path | None,
    no_audit: bool,
    as_json: bool,
) -> None:
    """Shrink CASE, on which engines differ, to the smallest case that differs for the same reason.

    \b
    fragdiff shrink case.json --engines reference,mine --fragment window

    Program, inputs, cuts and options are made simpler together, as long as the difference keeps its signature: engines,
    kind, dependence on cuts, operation, phase, part of the trace. Every smaller case is written at once, so that nothing is
    lost when this is interrupted, and the same command goes on from there. A campaign does the same with what it finds.

    The exit code is 1 when there is a difference to shrink, 0 when the engines agree.

    JSON keys: file, name, agree; when they differ out, signature, finished, seconds, before and after (operations, nodes,
    cuts), passes (tried, accepted, speculative: judged ahead of time in vain, lost: ended every process that judged them) and
    fragment.
    """
    case = _only_case(file, cuts)
    names = engine_names(engines, engine)
    target = out or Path(f"{Path(file).name.removesuffix('.json').removesuffix('.case')}.smallest{SUFFIX}")
    if target.exists() and target.samefile(file):
        raise InputError(
            "is CASE itself, which shrinking would overwrite; name another file", source=f"--out: {target}"
        )
    if not no_audit:
        prepare_audit()
    with open_engines(names) as opened:
        seen = Signer(opened, audit=not no_audit).observer.look(case)
        if seen.cause is None:
            text = f"{case.name}  ({file}, {cut_text(case.cut)}): nothing to shrink, no difference was found"
            _say({"file": file, "name": case.name, "agree": True}, text, as_json)
            ctx.exit(AGREE)
        signer = Signer(opened, audit=seen.cause.kind is Kind.AUDIT)
        signature = signer.sign(seen).signature
        start = _begin(case, target, signer, signature)
        with _judges(names, signature, jobs) as judges:
            shrunk = smallest_of(
                start,
                lambda candidate: signer.has(candidate, signature),
                budget=Budget(seconds, MOST_CANDIDATES),
                improved=lambda better: _keep(better, case, signature, target),
                judges=judges,
            )
        found = localise(shrunk.case, opened, audit=not no_audit) if fragment is not None else None
    _keep(shrunk.case, case, signature, target)
    written = None if fragment is None else _write_fragment(found, fragment)
    value = {
        "file": file,
        "name": case.name,
        "agree": False,
        "out": str(target),
        "signature": signature.as_json(),
        "happens_again": shrunk.happens_again,
        "finished": shrunk.finished,
        "seconds": round(shrunk.seconds, 3),
        "before": asdict(size_of(case)),
        "after": asdict(size_of(shrunk.case)),
        "passes": {name: asdict(each) for name, each in shrunk.passes.items()},
        "fragment": written,
    }
    again = replay_command(target, names, verb="locate")
    _say(value, _text(file, case, signature, shrunk, target, written, again), as_json)
    ctx.exit(DIVERGENCE)


def _only_case(file: str, cuts: tuple[str, ...]) -> Case:
    loaded = load_all([file], cuts)
    if len(loaded) != 1:
        raise InputError(f"expected one case, found {len(loaded)}", source=file)
    case = loaded[0].case
    if len(case.cuts) > 1:
        raise InputError(
            f"the case has {len(case.cuts)} cut plans, and one is shrunk; choose it with --cuts", source=file
        )
    return case.runs()[0]


@contextmanager
def _judges(engines: Sequence[str], signature: Signature, jobs: int) -> Iterator[Judges | None]:
    """Who judges besides this process: nobody when one candidate is judged at a time."""
    if jobs == 1:
        yield None
        return
    with closing(Judges(engines, signature, audit=signature.kind is Kind.AUDIT, jobs=jobs)) as judges:
        yield judges


def _begin(case: Case, target: Path, signer: Signer, signature: Signature) -> Case:
    """The case, or what was made of it before."""
    if not target.exists():
        return case
    kept = load_cases(str(target))[0].runs()[0]
    if not signer.has(kept, signature):
        raise InputError(f"does not differ in the same way ({signature.text}); name another file", source=str(target))
    return kept if measure(kept) < measure(case) else case


def _keep(case: Case, of: Case, signature: Signature, target: Path) -> None:
    write_new(target, write_case(replace(case, about=f"shrunk from {of.name}; {signature.text}")))


def _write_fragment(found: Localisation | None, folder: Path) -> str | None:
    """The folder that was written; None for what is wrong in no row of the program."""
    if found is None or found.fragment is None or found.rows is None:
        return None
    write_fragment(found.fragment, found.rows, folder)
    return str(folder / FOLDER)


def _text(
    file: str, case: Case, signature: Signature, shrunk: Shrunk, target: Path, written: str | None, again: str
) -> str:
    lines = [f"{case.name}  ({file}, {cut_text(case.cut)})", signature.text]
    if not shrunk.happens_again:
        return "\n".join([*lines, "  it did not happen again: the engines or this machine are unsteady"])
    lines.append(f"  {_sizes(size_of(case), size_of(shrunk.case))}")
    end = (
        "nothing simpler was found" if shrunk.finished else "the time was used up; the same command goes on from there"
    )
    lines.append(f"  {shrunk.seconds:.1f} s, {end}")
    tried = {name: each for name, each in shrunk.passes.items() if each.tried}
    lines += [f"    {name:<22} {each.text}" for name, each in tried.items()]
    lines.append(f"smallest case: {target}")
    lines += [f"its fragment by itself: {written}"] if written else []
    return "\n".join([*lines, "next:", f"  {again}"])


def _sizes(before: Size, after: Size) -> str:
    return f"{before.text} -> {after.text}"


def _say(value: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        echo_json(value)
    else:
        click.echo(text)
