"""Findings on disk: a directory that a stranger can use.

``found.case.json`` is written before anything else is tried; ``smallest.case.json`` follows with every improvement;
``report.txt`` says what differs and how to see it again; ``finding.json`` says the same to programs.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from harness.corpus import content_hash, slug, write_new
from harness.reporting import divergence_json, wrapped
from harness.shrink import Shrunk
from harness.verdict import Comparison, describe
from reference.definition.case import Case
from reference.definition.formats.case_json import write_case

FOUND = "found.case.json"
SMALLEST = "smallest.case.json"
REPORT = "report.txt"
DATA = "finding.json"


class Finding(NamedTuple):
    """A difference and where it came from."""

    signature: str
    case: Case
    comparison: Comparison
    engines: tuple[str, ...]
    seed: int
    number: int


def keep_found(finding: Finding, out: Path) -> Path:
    """Write the case, and then what is known so far; the directory.

    Raises InputError when that is impossible.
    """
    text = write_case(replace(finding.case, about=f"{finding.case.about}; {finding.signature}"))
    directory = out / f"{slug(finding.signature)}-{content_hash(text.encode())}"
    write_new(directory / FOUND, text)
    write_report(finding, directory)
    return directory


def keep_smallest(finding: Finding, case: Case, directory: Path) -> None:
    """Write a case that is simpler than any before."""
    about = f"shrunk from {finding.case.name}; {finding.signature}"
    write_new(directory / SMALLEST, write_case(replace(case, about=about)))


def write_report(
    finding: Finding, directory: Path, shrunk: Shrunk | None = None, smallest: Comparison | None = None
) -> None:
    """Write both reports; the ones after shrinking replace those before."""
    write_new(directory / REPORT, "\n".join(_lines(finding, directory, shrunk, smallest)) + "\n")
    write_new(directory / DATA, json.dumps(_data(finding, directory, shrunk, smallest), indent=2) + "\n")


def replay_command(case_file: Path, engines: Sequence[str]) -> str:
    """The command that compares the case again."""
    return shlex.join(["fragdiff", "diff", str(case_file), *(f"--engine={name}" for name in engines)])


def _regenerate_command(finding: Finding) -> str:
    wanted = ["--seed", str(finding.seed), "--first", str(finding.number), "--cases", "1"]
    return shlex.join(["fragdiff", "fuzz", *wanted, *(f"--engine={name}" for name in finding.engines)])


def _lines(finding: Finding, directory: Path, shrunk: Shrunk | None, smallest: Comparison | None) -> Sequence[str]:
    is_smaller = shrunk is not None and (directory / SMALLEST).exists()
    lines = [
        finding.signature,
        "",
        f"replay      {replay_command(directory / (SMALLEST if is_smaller else FOUND), finding.engines)}",
        f"as found    {replay_command(directory / FOUND, finding.engines)}",
        f"generated   {_regenerate_command(finding)}",
        f"environment {_environment()}",
        "",
        f"{FOUND}:",
        *(wrapped(describe(divergence)) for divergence in finding.comparison.divergences),
        "",
    ]
    if shrunk is None:
        lines.append("not shrunk yet")
    elif not shrunk.happens_again:
        lines.append(
            "it did not happen again when the case was run once more: the engines or this machine are unsteady"
        )
    else:
        lines += [f"{SMALLEST}:"] if smallest is not None else ["nothing simpler fails for the same reason"]
        lines += [wrapped(describe(divergence)) for divergence in (smallest.divergences if smallest else ())]
        lines += ["", *_shrinking_lines(shrunk)]
    return lines


def _shrinking_lines(shrunk: Shrunk) -> Sequence[str]:
    end = "nothing simpler was found" if shrunk.finished else "the time for it was used up"
    lines = [f"shrinking took {shrunk.seconds:.1f} s; {end}"]
    lines += [
        f"  {name:<18} {counts.accepted:>5} of {counts.tried} tried"
        for name, counts in shrunk.passes.items()
        if counts.tried
    ]
    return lines


def _environment() -> str:
    return f"fragdiff {version('fragdiff')}, Python {platform.python_version()}, {platform.platform()}"


def _data(finding: Finding, directory: Path, shrunk: Shrunk | None, smallest: Comparison | None) -> dict[str, Any]:
    return {
        "signature": finding.signature,
        "engines": list(finding.engines),
        "seed": finding.seed,
        "number": finding.number,
        "found": FOUND,
        "smallest": SMALLEST if (directory / SMALLEST).exists() else None,
        "divergences": [divergence_json(item) for item in finding.comparison.divergences],
        "smallest_divergences": [divergence_json(item) for item in smallest.divergences] if smallest else None,
        "happens_again": None if shrunk is None else shrunk.happens_again,
        "shrinking_finished": None if shrunk is None else shrunk.finished,
        "environment": _environment(),
    }
