"""``fragdiff corpus add``: a case comes into a corpus, with why it is kept and what is expected of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.backend import Engine, EngineFailure, NotComparable
from harness.commands.named_path import NamedPath
from harness.commands.options import LoadedCase, echo_json, engine_option, load_all, open_engines
from harness.corpus import Expectation, Kept, Kind, keep, present
from harness.corpus.expecting import ask, expectation_of_record
from reference.definition.errors import InputError
from reference.definition.formats.children_first import children_first
from reference.definition.formats.load import read_file


@click.command()
@click.argument("files", metavar="CASE..", nargs=-1, required=True, type=NamedPath())
@click.option("--to", "directory", metavar="DIR", required=True, type=NamedPath(path_type=Path), help="The corpus.")
@click.option("--reason", required=True, help="Why the case is worth keeping.")
@click.option(
    "--kind",
    type=click.Choice([each.value for each in Kind]),
    default=Kind.FINDING.value,
    show_default=True,
    help="What it is.",
)
@click.option("--source", default="", help="Where it came from, in words; otherwise the name of the file.")
@click.option("--defect", default="", help="The name of the defect that it shows.")
@click.option("--real-vm", default="", help="What the machine under test does where that is not what is expected.")
@click.option("--expect", is_flag=True, help="Also keep what --engine makes of the case, as what is expected of all.")
@engine_option
@click.option("--records", metavar="FILE", type=NamedPath(path_type=Path), help="Keep what these records say instead.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a case instead of text.")
def add(
    files: tuple[str, ...],
    directory: Path,
    reason: str,
    kind: str,
    source: str,
    defect: str,
    real_vm: str,
    expect: bool,
    engine: str,
    records: Path | None,
    as_json: bool,
) -> None:
    """Add every case of each CASE file to a corpus.

    \b
    fragdiff corpus add findings/*/smallest.case.json --to corpus --reason "pops begin one early" --expect --engine reference
    fragdiff corpus add cases.jsonl --to corpus --kind golden --reason recorded --records records.jsonl

    A case that is there already is not added again. With --records, a JSON line for each case as the real VM's program
    prints it, a case without a record is refused.

    JSON keys of a case: path, name, added.
    """
    if not reason.strip():
        raise InputError("expected a reason, found nothing", place="--reason")
    if expect and records is not None:
        raise InputError("expected either --expect or --records", place="--records")
    loaded = load_all(files)
    said = _recorded(records, loaded) if records is not None else _asked(engine, loaded) if expect else {}
    there = present(directory)
    for number, item in enumerate(loaded):
        kept = Kept(
            Kind(kind),
            reason.strip(),
            source.strip() or Path(item.file).name,
            defect.strip(),
            real_vm,
            said.get(number),
        )
        added = keep(item.case, directory, kept, there)
        if as_json:
            echo_json({"path": str(added.path), "name": item.case.name, "added": added.is_new})
        else:
            click.echo(f"{'added' if added.is_new else 'there already'}  {added.path}")


def _asked(name: str, loaded: Sequence[LoadedCase]) -> dict[int, Expectation]:
    """What the engine makes of each case, by its number."""
    with open_engines([name]) as (engine,):
        return {number: _ask(engine, item) for number, item in enumerate(loaded)}


def _ask(engine: Engine, item: LoadedCase) -> Expectation:
    try:
        return ask(engine, children_first(item.case))
    except (EngineFailure, NotComparable) as refusal:
        raise InputError(f"nothing can be expected of {item.case.name}: {refusal}", source=item.file) from refusal


def _recorded(file: Path, loaded: Sequence[LoadedCase]) -> dict[int, Expectation]:
    """What the records say of each case, by its number."""
    records = _records(file)
    found: dict[int, Expectation] = {}
    for number, item in enumerate(loaded):
        if item.case.name not in records:
            raise InputError(f"expected a record of {item.case.name!r}, found none", source=str(file))
        try:
            found[number] = expectation_of_record(records[item.case.name])
        except InputError as error:
            raise InputError(error.reason, place=item.case.name, source=str(file)) from error
    return found


def _records(file: Path) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(read_file(file).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"expected JSON: {error}", source=f"{file}, line {number}") from None
        if not isinstance(record, dict) or not isinstance(record.get("name"), str):
            raise InputError("expected a record with a name", source=f"{file}, line {number}")
        found[record["name"]] = record
    return found
