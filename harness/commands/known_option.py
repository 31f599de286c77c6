"""--known FILE and --no-known: which divergences of the real VM are excused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.commands.named_path import NamedPath
from harness.known import KNOWN_VARIABLE, NO_ENTRIES, read_known

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def known_option(command: Decorated) -> Decorated:
    """The two options; they hold for the whole command and for the processes that it starts."""
    command = click.option(
        "--no-known",
        is_flag=True,
        expose_value=False,
        callback=_use_none,
        help="Excuse no divergence of the real VM.",
    )(command)
    return click.option(
        "--known",
        metavar="FILE",
        type=NamedPath(dir_okay=False),
        expose_value=False,
        callback=_use_file,
        help="Known divergences instead of those that come with this program: JSON of the same form.",
    )(command)


def _use_none(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        if KNOWN_VARIABLE in ctx.meta:
            raise click.UsageError("--known and --no-known exclude each other.", ctx)
        use_known(ctx, NO_ENTRIES)


def _use_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        if KNOWN_VARIABLE in ctx.meta:
            raise click.UsageError("--known and --no-known exclude each other.", ctx)
        read_known(value)
        use_known(ctx, str(Path(value).resolve()))


def use_known(ctx: click.Context, value: str) -> None:
    """In the environment, so that workers and replays in a new process excuse the same."""
    before = os.environ.get(KNOWN_VARIABLE)
    os.environ[KNOWN_VARIABLE] = value
    ctx.meta[KNOWN_VARIABLE] = value
    # The root's: a command whose other options are wrong is never closed.
    ctx.find_root().call_on_close(lambda: _restore(before))


def _restore(before: str | None) -> None:
    if before is None:
        os.environ.pop(KNOWN_VARIABLE, None)
    else:
        os.environ[KNOWN_VARIABLE] = before
