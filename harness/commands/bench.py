"""``fragdiff bench``: how fast the parallel engine is, against a fill of the same memory and against the real VM."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.backend import EngineFailure
from harness.bench.peak import PeakFailed, peak_bytes
from harness.bench.programs import FULL_ROWS, programs
from harness.bench.real_vm import RealTimes, real_times
from harness.cli import INTERNAL
from harness.commands.named_path import NamedPath
from harness.commands.options import echo_json, load_all
from reference.definition.case import Case
from reference.definition.columns import WIDTH
from reference.definition.errors import InputError

if TYPE_CHECKING:
    from harness.bench.measure import Bench, Times

Result = dict[str, Any]


@click.command()
@click.argument("files", metavar="[CASE..]", nargs=-1, type=NamedPath())
@click.option("--threads", type=click.IntRange(min=1), help="Threads that build; all cores when left out.")
@click.option(
    "--reps", "rounds", type=click.IntRange(1, 1000), default=5, show_default=True, help="Rounds; the best counts."
)
@click.option("--fragment", type=click.IntRange(1, 2**29), default=4096, show_default=True, help="Rows of a fragment.")
@click.option("--rows", metavar="N|2^K", help="Rows of the built-in programs' traces, a power of two.  [default: 2^20]")
@click.option(
    "--against",
    metavar="PATH",
    type=NamedPath(),
    help="The real VM's program: its `bench` runs on the same cases in between.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.pass_context
def bench(
    ctx: click.Context,
    files: tuple[str, ...],
    threads: int | None,
    rounds: int,
    fragment: int,
    rows: str | None,
    against: str | None,
    as_json: bool,
) -> None:
    """Time the parallel engine on each CASE, or on six built-in programs of 2^20 rows.

    Times are the best of all rounds, after one round that is not counted, first with a trace buffer that is reused
    (warm), then with fresh pages. "execute" is the executor with one fragment: there is no loop that records nothing.
    "x fill" is record + build against one word stored into each cell of as large a trace in memory of the same kind, in
    the same rounds; "of VM" is record + build against the real VM's. Compare only figures of one run: another load on
    the machine changes all of them. Peak memory is that of a fresh process that records and builds once. The cut plans
    of the cases are not used.

    JSON: {"results": [..]}, for each case a result with a warm buffer, then one with fresh pages. Keys: name, rows,
    core_rows, threads, fragment, reps, buffer, execute_s, record_s, build_s, total_s, fill_s, rows_per_second (core
    rows recorded and built), ratio_to_fill, trace_bytes, peak_bytes, and real_vm: null, or execute_s, record_s,
    build_s, total_s, and ours as shares of them in execute_ratio, record_ratio, build_ratio, ratio.

    The exit code is 3 when the real VM's program fails, or makes a trace of other lengths.
    """
    if files and rows is not None:
        raise InputError("only the built-in programs can be made longer or shorter, not a CASE", place="--rows")
    cases = [item.case for item in load_all(files)] if files else programs(_rows(rows))
    # numba takes a second to load, which help and refusals do without.
    from harness.bench.measure import Bench  # noqa: PLC0415 - numba loads only when something is measured
    from parallel.jit import THREADS, is_compiled  # noqa: PLC0415 - likewise

    options = _Options(threads or THREADS, fragment, rounds, against)
    engine = Bench(threads=options.threads, fragment=fragment, rounds=rounds)
    results: list[Result] = []
    if not is_compiled():
        _progress("the first run compiles the kernels, which takes a minute")
    try:
        for number, case in enumerate(cases, start=1):
            _progress(f"{case.name} ({number} of {len(cases)})")
            results += options.measure(engine, case)
    except (EngineFailure, PeakFailed) as failure:
        click.echo(f"fragdiff: {failure}", err=True)
        if isinstance(failure, EngineFailure) and failure.stderr:
            click.echo(failure.stderr, err=True)
        ctx.exit(INTERNAL)
    if as_json:
        echo_json({"results": results})
    else:
        click.echo("\n".join(_table(results)))


class _Options:
    """How every case is measured."""

    def __init__(self, threads: int, fragment: int, rounds: int, against: str | None) -> None:
        self.threads = threads
        self._fragment = fragment
        self._rounds = rounds
        self._against = against

    def measure(self, engine: Bench, case: Case) -> list[Result]:
        """The results of one case, warm and fresh."""
        started = time.perf_counter()
        warm = engine.warm(case)
        real = self._real(case, warm)
        fresh = engine.fresh(case)
        peak = peak_bytes(case, fragment=self._fragment, threads=self.threads)
        _progress(f"{case.name}: measured in {time.perf_counter() - started:.1f} s")
        return [self._result(case, times, real, peak) for times in (warm, fresh)]

    def _real(self, case: Case, ours: Times) -> RealTimes | None:
        if self._against is None:
            return None
        real = real_times(self._against, case, fragment=self._fragment, threads=self.threads, rounds=self._rounds)
        if (real.rows, real.core_rows) != (ours.rows, ours.core_rows):
            raise EngineFailure(
                self._against,
                f"{case.name}: its trace has {real.rows} rows and {real.core_rows} core rows, "
                f"ours {ours.rows} and {ours.core_rows}",
            )
        return real

    def _result(self, case: Case, times: Times, real: RealTimes | None, peak: int) -> Result:
        measured = asdict(times)
        return {
            "name": case.name,
            "rows": measured.pop("rows"),
            "core_rows": measured.pop("core_rows"),
            "threads": self.threads,
            "fragment": self._fragment,
            "reps": self._rounds,
            **measured,
            "rows_per_second": round(times.core_rows / times.total_s),
            "ratio_to_fill": times.total_s / times.fill_s,
            "trace_bytes": times.rows * WIDTH * 8,
            "peak_bytes": peak,
            "real_vm": real and _shares(times, real),
        }


def _shares(ours: Times, real: RealTimes) -> Result:
    total_s = real.record_s + real.build_s
    return {
        "execute_s": real.execute_s,
        "record_s": real.record_s,
        "build_s": real.build_s,
        "total_s": total_s,
        "execute_ratio": ours.execute_s / real.execute_s,
        "record_ratio": ours.record_s / real.record_s,
        "build_ratio": ours.build_s / real.build_s,
        "ratio": ours.total_s / total_s,
    }


def _rows(text: str | None) -> int:
    """N or 2^K."""
    if text is None:
        return FULL_ROWS
    base, power, exponent = text.partition("^")
    number = exponent if power else base
    if not (number.isascii() and number.isdecimal() and len(number) < 10) or (
        power and (base != "2" or len(number) > 2)
    ):
        raise InputError(f"expected a number or 2^K, found {text!r:.40}", place="--rows")
    return 1 << int(number) if power else int(number)


def _progress(text: str) -> None:
    """A line on standard error, so that a table or JSON can be piped."""
    click.echo(f"bench: {text}", err=True)


_MILLISECONDS = (("execute", "execute_s"), ("record", "record_s"), ("build", "build_s"), ("total", "total_s"))


def _table(results: Sequence[Result]) -> list[str]:
    """Plain columns: one line a result."""
    heads = ["program", "buffer", "rows", *(f"{name} ms" for name, _ in _MILLISECONDS), "Mrows/s", "fill ms", "x fill"]
    with_vm = results[0]["real_vm"] is not None
    heads += ["VM record ms", "VM build ms", "record of VM", "of VM"] if with_vm else []
    lines = [heads, *(_cells(result, with_vm) for result in results)]
    for line, peak in zip(
        lines, ["peak MB", *(f"{result['peak_bytes'] / 1e6:.0f}" for result in results)], strict=True
    ):
        line.append(peak)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    first = results[0]
    return [
        f"{first['threads']} threads, fragments of {first['fragment']} rows, best of {first['reps']}",
        *("  ".join(_aligned(line, widths)).rstrip() for line in lines),
    ]


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def _cells(result: Result, with_vm: bool) -> list[str]:
    milliseconds = [f"{1000 * result[key]:.1f}" for _, key in _MILLISECONDS]
    rate = f"{result['rows_per_second'] / 1e6:.1f}"
    cells = [result["name"], result["buffer"], str(result["rows"]), *milliseconds, rate]
    cells += [f"{1000 * result['fill_s']:.1f}", f"{result['ratio_to_fill']:.2f}"]
    if with_vm:
        real = result["real_vm"]
        cells += [f"{1000 * real['record_s']:.1f}", f"{1000 * real['build_s']:.1f}"]
        cells += [f"{real['record_ratio']:.3f}", f"{real['ratio']:.3f}"]
    return cells
