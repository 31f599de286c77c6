"""The ``fragdiff`` command: one verb a command, each loaded when it is asked for.

Nothing but click is imported here, so that help answers at once. Errors end here: a bad input is one line on standard
error, a mistake of this program is a short message, and neither is a traceback unless FRAGDIFF_DEBUG is set.
"""

# ruff: noqa: ARG002 - the arguments of overridden methods are click's

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NamedTuple

import click

AGREE: Final = 0
DIVERGENCE: Final = 1
BAD_INPUT: Final = 2
INTERNAL: Final = 3
INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141
"""As the shell reports a program that a signal ended: 128 + SIGINT, 128 + SIGPIPE."""

DEBUG: Final = "FRAGDIFF_DEBUG"

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Command(NamedTuple):
    """A sub-command: the module that holds it, under its own name, and its line in the list."""

    module: str
    help: str


COMMANDS: Final = {
    "run": Command("harness.commands.run", "Run cases on one engine: outcome, lengths, rows per second."),
    "show": Command("harness.commands.show", "Show the rows of a case: operation, stack, what changed, boundaries."),
    "record": Command("harness.commands.record", "A case per line in, a record per line out, on any engine."),
    "diff": Command("harness.commands.diff", "Compare what two or more engines make of cases, cell by cell."),
    "locate": Command("harness.commands.locate", "Say where a difference comes from: provenance, step at fault, cuts."),
    "shrink": Command("harness.commands.shrink", "Shrink a case to the smallest that differs for the same reason."),
    "audit": Command("harness.commands.audit", "Judge traces by the rules that every trace keeps; no engine is asked."),
    "laws": Command("harness.commands.laws", "Judge one engine by itself: the trace must not depend on the cuts."),
    "conform": Command("harness.commands.conform", "Examine an engine of yours part by part: the verdict table."),
    "fuzz": Command("harness.commands.fuzz", "Generate programs and cuts, compare engines on them, keep what differs."),
    "replay": Command("harness.commands.replay", "Run a corpus or findings on all engines, in parallel, after a fix."),
    "report": Command("harness.commands.report", "Report on a campaign, live or ended: text, a page, JUnit XML."),
    "cover": Command("harness.commands.cover", "Show where fragments have begun in a campaign, and where never."),
    "bench": Command("harness.commands.bench", "Time the parallel engine, against a fill and against the real VM."),
    "gpu": Command(
        "harness.commands.gpu", "Walk a case through the GPU engine's life cycle: bytes, invariants, digests."
    ),
    "selftest": Command("harness.commands.selftest", "Plant faults and see whether the harness catches them."),
    "doctor": Command("harness.commands.doctor", "Say what is installed and which engines are usable, or why not."),
    "corpus": Command("harness.commands.corpus", "Keep cases as files that are named by their content."),
}


class Commands(click.Group):
    """Loads a command's module when the command is named, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none."""
        known = COMMANDS.get(cmd_name)
        if known is None:
            return None
        found = getattr(importlib.import_module(known.module), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the lines above instead of from their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every way to fail gets its message and exit code."""
        try:
            with _leaving_in_order():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("fragdiff: interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # The reader has gone; the interpreter would complain once more when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(CLOSED_PIPE)
        # The outermost frame: a user gets one line and an exit code for whatever comes up, never a traceback.
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            message, code = _explained(error)
            click.echo(f"fragdiff: {message}", err=True)
            ctx.exit(code)


@contextmanager
def _leaving_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP end the command as an exception does: programs it started are ended, folders removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A signal that is ignored, as under nohup, stays ignored.
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _explained(error: Exception) -> tuple[str, int]:
    """A message and an exit code."""
    from reference.definition.errors import InputError  # noqa: PLC0415 - only a failing command needs it

    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"{error.filename or 'the output'}: cannot be written: {error.strerror}", BAD_INPUT
    what = f"{type(error).__name__}: {error}".strip().rstrip(":")
    return (
        f"internal error: {what}\n"
        f"This is a mistake of fragdiff, not of the case. Set {DEBUG}=1 and run it again to see where it happens.",
        INTERNAL,
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fragdiff", prog_name="fragdiff")
def main() -> None:
    """Differential testing and fuzzing of zkVM trace generation.

    One program, several engines, every cut, every cell.

    CASE is a case file (.case.json, .json; .jsonl with a case a line) or a compiled program (.masb, .masp; its inputs
    stand in a file of the same name that ends in .inputs).

    Exit codes: 0 agreement or success, 1 divergence or nothing compared, 2 bad input or usage, 3 a failure of this
    program or, where nothing is compared, of an engine, 130 after an interrupt.
    """


if __name__ == "__main__":
    main()
