"""How far a replay, or a walk over a corpus, is: one live line on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, TypeVar

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

PLAIN_SECONDS: Final = 10.0

T = TypeVar("T")


class Screen:
    """Used as a context; what is said stands above the live line."""

    def __init__(self, cases: int, as_json: bool) -> None:
        self._cases = cases
        self._as_json = as_json
        self._done = self._failed = 0
        self._started = self._shown = time.monotonic()
        live = sys.stdout.isatty() and not as_json
        self._live = Live(console=Console(), refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays; not among JSON."""
        if self._live is not None:
            self._live.console.print(Text(text), soft_wrap=True)
        else:
            click.echo(text, err=self._as_json)

    def count(self, *, failed: bool) -> None:
        """One case more is done."""
        self._done += 1
        self._failed += failed
        now = time.monotonic()
        line = f"{self._done:,} of {self._cases:,} cases, {self._failed:,} not agreed, {now - self._started:.0f} s"
        if self._live is not None:
            self._live.update(Text(line))
        elif now - self._shown >= PLAIN_SECONDS:
            self._shown = now
            click.echo(line, err=True)


def counted(items: Sequence[T], what: str) -> Iterator[T]:
    """The items; now and then a line on standard error that says how far it is."""
    shown = time.monotonic()
    for number, item in enumerate(items):
        now = time.monotonic()
        if now - shown >= PLAIN_SECONDS:
            shown = now
            click.echo(f"{what} {number:,} of {len(items):,} cases", err=True)
        yield item
