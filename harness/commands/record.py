"""``fragdiff record``: a case per line in, a record per line out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from harness.backend import Engine, EngineFailure, NotComparable
from harness.cli import BAD_INPUT, INTERNAL
from harness.commands.named_path import NamedPath
from harness.commands.options import echo_json, engine_option, open_engines
from harness.records import Json, broken_record
from harness.records import record as make_record
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case
from reference.definition.formats.load import MAX_FILE_BYTES


@click.command()
@click.argument("file", metavar="FILE|-", type=NamedPath(allow_dash=True))
@engine_option
@click.option("--boundaries", is_flag=True, help="Add the state entering each fragment, for every cut plan.")
@click.pass_context
def record(ctx: click.Context, file: str, engine: str, boundaries: bool) -> None:
    """Read cases, one a line, from FILE or standard input and print one record a line.

    A record is {"name", "program_hash", "outcome", "lengths", "columns", "fragments"}: outcome as {"status":
    "completed", "stack": [16]} or {"status": "failed", "error", "clk", "message"}, lengths with rows, core, range,
    chiplets, hasher, bitwise, memory and kernel_rom, columns as 72 digests (16 bytes of SHA-256, hex). lengths and
    columns are null for a failed program. fragments has a member for each cut plan: {"cut", "status",
    "differing_columns"}, and "boundaries" on request.

    A line that is no case gives {"rejected": reason}, a case that the engine cannot do {"name", "not_comparable":
    reason}; the rest is still done, and the exit code is 2. An engine that broke gives the status "panicked" and the
    exit code 3.
    """
    code = 0
    with open_engines([engine]) as (opened,), _lines(file) as lines:
        for source, line in lines:
            answer, worst = _answer(line, source, opened, boundaries)
            code = max(code, worst)
            echo_json(answer)
            # Another program may wait for this answer before it sends the next case.
            sys.stdout.flush()
    ctx.exit(code)


def _answer(line: bytes, source: str, engine: Engine, boundaries: bool) -> tuple[Json, int]:
    """The record of a line, and the exit code that it asks for."""
    try:
        if len(line) > MAX_FILE_BYTES:
            raise InputError(f"expected at most {MAX_FILE_BYTES} bytes, found more", source=source)
        case = read_case(line, source)
    except InputError as refusal:
        return {"rejected": str(refusal)}, BAD_INPUT
    try:
        return make_record(case, engine, boundaries=boundaries), 0
    except NotComparable as refusal:
        return {"name": case.name, "not_comparable": refusal.reason}, BAD_INPUT
    except EngineFailure as failure:
        return broken_record(case, failure), INTERNAL


@contextmanager
def _lines(file: str) -> Iterator[Iterator[tuple[str, bytes]]]:
    """The lines that are not blank, each with its place, read as they come; InputError for an unreadable file."""
    if file == "-":
        if sys.stdin is None:
            raise InputError("expected cases on standard input, found it closed", source="<stdin>")
        yield _numbered(sys.stdin.buffer, "<stdin>")
        return
    with _opened(file) as opened:
        yield _numbered(opened, file)


def _opened(file: str) -> BinaryIO:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise InputError(f"expected a readable file: {error.strerror}", source=file) from None


def _numbered(stream: BinaryIO, source: str) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := stream.readline(MAX_FILE_BYTES + 1):
        number += 1
        if len(line) > MAX_FILE_BYTES:
            # The rest of a line that is refused is read away, or it would pass for lines of its own.
            while not line.endswith(b"\n") and (more := stream.readline(MAX_FILE_BYTES)):
                line = line[:1] * (MAX_FILE_BYTES + 1) + more[-1:]
        if line.strip():
            yield f"{source}, line {number}", line
