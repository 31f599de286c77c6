"""What several commands take: cases from files, cut plans, engines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

import click

from harness.backend import Engine, Preparable
from harness.commands.named_path import NamedPath
from harness.engines import find_engine
from harness.guarded import GuardedEngine
from harness.records import cut_text as cut_text  # noqa: PLC0414 - commands take it from here, with what reads it
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.errors import InputError
from reference.definition.formats.case_json import ROW_LIMIT
from reference.definition.formats.load import load_cases

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_UNITS: Final = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

CUTS_HELP = (
    "Cut plans instead of the case's own: N or every:N (a fragment of N rows after another), at:ROW,ROW.. (a fragment "
    "begins at each), one (a single fragment); several separated by ; or by repeating the option, each a run."
)


class Number(click.FloatRange):
    """A float in a range; unlike click's own it refuses nan, which no bound keeps out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; click's usage error for anything else."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid number.", param, ctx)
        return number


class LoadedCase(NamedTuple):
    """A case and the file it came from."""

    file: str
    case: Case


def case_arguments(command: Decorated) -> Decorated:
    """CASE.. on the command line."""
    return click.argument("files", metavar="CASE..", nargs=-1, required=True, type=NamedPath())(command)


def cuts_option(command: Decorated) -> Decorated:
    """--cuts."""
    return click.option("--cuts", "cuts", metavar="SPEC", multiple=True, help=CUTS_HELP)(command)


def engine_option(command: Decorated) -> Decorated:
    """--engine, one."""
    text = "Name of an installed engine, or exec:COMMAND for another program (exec-sequential: for its other engine)."
    return click.option("--engine", "engine", metavar="NAME", default="reference", show_default=True, help=text)(
        command
    )


def audit_option(command: Decorated) -> Decorated:
    """--no-audit."""
    return click.option("--no-audit", "no_audit", is_flag=True, help="Do not judge traces by the rules of traces.")(
        command
    )


def engines_options(command: Decorated) -> Decorated:
    """--engines A,B[,C] and --engine A --engine B, for two or more."""
    command = click.option(
        "--engine", "engine", metavar="NAME", multiple=True, help="One more engine; its name may hold commas."
    )(command)
    text = (
        "Names separated by commas: installed engines, exec:COMMAND for another program, exec-sequential:COMMAND for the "
        "sequential engine that the real VM's records tell of besides."
    )
    return click.option("--engines", "engines", metavar="A,B..", multiple=True, help=text)(command)


# ---- cases and cuts -------------------------------------------------------------------------------------------------


def load_all(files: Sequence[str], cuts: Sequence[str] = ()) -> list[LoadedCase]:
    """All cases of all files, cut as ``cuts`` says when it says anything.

    Everything is read before anything runs. Raises InputError.
    """
    plans = parse_cuts(cuts)
    loaded = [LoadedCase(file, case) for file in files for case in load_cases(file)]
    return [item._replace(case=replace(item.case, cuts=plans)) for item in loaded] if plans else loaded


def parse_cuts(specs: Sequence[str]) -> tuple[CutPlan, ...]:
    """The plans that --cuts names, in order; none for none.

    Raises InputError.
    """
    return tuple(_parse_cut(part.strip()) for spec in specs for part in spec.split(";"))


def _parse_cut(spec: str) -> CutPlan:
    kind, colon, numbers = spec.partition(":")
    if spec == "one":
        return ONE_FRAGMENT
    if not colon:
        return Every(_number(spec, spec, 1))
    if kind == "every":
        return Every(_number(numbers, spec, 1))
    if kind == "at":
        return At(tuple(_number(number, spec, 0) for number in numbers.split(",")))
    raise _bad_cut(spec)


def _number(text: str, spec: str, least: int) -> int:
    text = text.strip()
    # A number with more digits than ROW_LIMIT has is too large; converting a million digits takes minutes.
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) < ROW_LIMIT):
        raise _bad_cut(spec)
    return int(text)


def _bad_cut(spec: str) -> InputError:
    return InputError(
        f"expected N, every:N, at:ROW,ROW.. or one (N from 1, ROW from 0), found {spec!r:.60}", place="--cuts"
    )


def parse_bytes(text: str | None, place: str) -> int | None:
    """Bytes, such as 65536, 512KiB, 64MiB or 1GiB; None for None.

    Raises InputError that names ``place``.
    """
    if text is None:
        return None
    digits = text.rstrip("KMGiB")
    unit = text[len(digits) :]
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 20
    if not is_number or unit not in _UNITS or int(digits) < 1:
        raise InputError(f"expected bytes, such as 65536, 512KiB, 64MiB or 1GiB, found {text!r:.40}", place=place)
    return int(digits) * _UNITS[unit]


# ---- engines --------------------------------------------------------------------------------------------------------


def engine_names(engines: Sequence[str], engine: Sequence[str]) -> list[str]:
    """The names that --engines and --engine give, in that order.

    Raises InputError for fewer than two and for a name given twice: an engine compared with itself agrees in vain.
    """
    names = [name.strip() for group in engines for name in group.split(",")] + [name.strip() for name in engine]
    if len(names) < 2:
        raise InputError(f"a comparison needs two engines, found {len(names)}; say --engines A,B", place="--engines")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"engine {twice!r} is named twice", place="--engines")
    return names


@contextmanager
def open_engines(names: Sequence[str]) -> Iterator[list[GuardedEngine]]:
    """The engines with these names, all usable; closed at the end.

    Raises InputError for an unknown engine and for one that is not usable here.
    """
    with ExitStack() as stack:
        opened: list[GuardedEngine] = []
        for name in names:
            engine: Engine = find_engine(name)
            stack.callback(engine.close)
            availability = engine.probe()
            if not availability.usable:
                raise InputError(
                    f"{name} is not usable here: {availability.reason} (`fragdiff doctor` shows all engines)",
                    place="engine",
                )
            opened.append(GuardedEngine(engine))
            if isinstance(engine, Preparable):
                engine.prepare(_say)
        yield opened


def prepare_audit() -> None:
    """Compile the rules of the audit if that has not been done, and say so."""
    from harness.audit.prepare import prepare  # noqa: PLC0415 - loads the compiler, which help does without

    prepare(_say)


def _say(line: str) -> None:
    click.echo(line, err=True)


def echo_json(value: object) -> None:
    """One line of JSON on standard output."""
    click.echo(json.dumps(value))
