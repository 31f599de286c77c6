"""What a self-test found, in tables: as JSON, one row a fault, or by area with the worst ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, Final

from harness.faults.catalogue import AREAS
from harness.faults.selftest import Result
from harness.faults.trial import Trial

WORST_SHOWN: Final = 10


# ---- one row a fault ------------------------------------------------------------------------------------------------


def fault_lines(found: Sequence[Result]) -> list[str]:
    """A Markdown table with its sums: one row a fault."""
    rows = (
        (f"`{result.fault.name}`", result.fault.where, result.by or "**not caught**", *_numbers(result))
        for result in found
    )
    head = ("fault", "where", "caught by", "cases", "seconds", "CPU seconds", "operations", "cuts")
    return [*_table(head, 3, rows), "", summary_line(found)]


def _numbers(result: Result) -> tuple[str, ...]:
    return tuple(
        map(_number, (result.cases, result.seconds, result.cpu_seconds, result.operations, result.cuts))
    )  # fmt: skip


# ---- by area --------------------------------------------------------------------------------------------------------


def area_lines(found: Sequence[Result]) -> list[str]:
    """Two Markdown tables and the sums: one row an area (median / worst fault), and the faults that took longest."""
    areas = {area: [result for result in found if result.fault in faults] for area, faults in AREAS.items()}
    head = ("planted in", "faults", "caught by", "cases", "CPU seconds", "operations", "cuts")
    rows = [_area_row(area, results) for area, results in areas.items() if results]
    slowest = sorted(found, key=lambda result: (not result.caught, result.cpu_seconds), reverse=True)[:WORST_SHOWN]
    return [
        *_table(head, 1, [*rows, *([_area_row("all", found)] if len(rows) > 1 else [])]),
        "",
        *_table(
            ("longest to catch", "what is wrong", "caught by", "cases", "CPU seconds", "operations", "cuts"),
            3,
            (_worst_row(result) for result in slowest),
        ),
        "",
        summary_line(found),
    ]


def _area_row(area: str, results: Sequence[Result]) -> tuple[str, ...]:
    caught = Counter(str(trial.by) for result in results for trial in result.trials if trial.by is not None)
    trials = sum(len(result.trials) for result in results)
    by = [f"{name.replace('_', ' ')} {_share(times, trials)}" for name, times in caught.most_common()]
    missed = trials - caught.total()
    if missed:
        by.append(f"**nothing {_share(missed, trials)}**")
    return (
        area,
        str(len(results)),
        ", ".join(by),
        _median_and_worst([result.cases for result in results]),
        _median_and_worst([result.cpu_seconds for result in results]),
        _median_and_worst([result.operations for result in results]),
        _median_and_worst([result.cuts for result in results]),
    )


def _worst_row(result: Result) -> tuple[str, ...]:
    by = "**nothing**" if result.by is None else result.by.value.replace("_", " ")
    numbers = (result.cases, result.cpu_seconds, result.operations, result.cuts)
    return (f"`{result.fault.name}`", result.fault.wrong, by, *map(_number, numbers))


def _share(times: int, of: int) -> str:
    percent = 100 * times / of
    return f"{percent:.0f} %" if times == of or 1 <= percent <= 99 else f"{percent:.1f} %"


def _median_and_worst(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    return f"{_number(median(there))} / {_number(max(there))}" if there else "-"


# ---- Markdown -------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], texts: int, rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table whose first ``texts`` columns are text and whose other ones are numbers, but for checks."""
    kinds = ["---" if index < texts or name == "caught by" else "---:" for index, name in enumerate(head)]
    return [_row(head), f"|{'|'.join(kinds)}|", *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value != int(value) else f"{int(value)}"


def summary_line(found: Sequence[Result]) -> str:
    """How many were caught, how soon and how small."""
    caught = [result for result in found if result.caught]
    shrunk = [result for result in caught if result.operations is not None]
    line = f"{len(caught)} of {len(found)} faults caught"
    if caught:
        slowest = max(caught, key=lambda result: result.seconds)
        line += (
            f"; median {_number(median(result.cases for result in caught))} cases and"
            f" {median(result.seconds for result in caught):.1f} s, slowest {slowest.seconds:.0f} s ({slowest.fault.name})"
        )
    if shrunk:
        operations = median(result.operations or 0 for result in shrunk)
        cuts = median(result.cuts or 0 for result in shrunk)
        line += f"; smallest cases have a median of {_number(operations)} operations and {_number(cuts)} cuts"
    return line


# ---- JSON -----------------------------------------------------------------------------------------------------------


def as_json(found: Sequence[Result]) -> dict[str, Any]:
    """``{"faults": [...]}``, with what the seeds said one by one."""
    return {"faults": [_fault_json(result) for result in found]}


def _fault_json(result: Result) -> dict[str, Any]:
    return {
        "name": result.fault.name,
        "caught": result.caught,
        "by": result.by,
        "cases": result.cases,
        "seconds": round(result.seconds, 3),
        "cpu_seconds": round(result.cpu_seconds, 3),
        "operations": result.operations,
        "cuts": result.cuts,
        "where": result.fault.where,
        "wrong": result.fault.wrong,
        "model": result.fault.model,
        "as_expected": result.as_expected,
        "seeds": [_trial_json(trial) for trial in result.trials],
    }


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "seed": trial.seed,
        "by": trial.by,
        "cases": trial.cases,
        "seconds": round(trial.seconds, 3),
        "cpu_seconds": round(trial.cpu_seconds, 3),
        "operations": None if trial.size is None else trial.size.operations,
        "cuts": None if trial.size is None else trial.size.cuts,
        "signature": trial.signature,
    }
