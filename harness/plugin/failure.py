"""What a failing item says: what differs, where it comes from, and the command that shows it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.backend import Engine
from harness.commands.options import cut_text
from harness.localise.localisation import localise
from harness.localise.words import localisation_lines
from harness.report.commands import replay_command
from harness.reporting import wrapped
from harness.verdict import Comparison, describe
from reference.definition.case import Case

MOST_DIVERGENCES: Final = 4
MOST_LOCALISED: Final = 8
"""Failures of one process: each takes a few dozen runs of the case, and a broken engine fails everywhere."""


def failure_text(case: Case, path: Path, comparison: Comparison, engines: Sequence[Engine], nth: int) -> str:
    """The report of a difference; ``nth`` counts the failures of this process, from 1."""
    names = [engine.name for engine in engines]
    lines = [f"{case.name}, {cut_text(case.cut):.80}: {' and '.join(names)} differ"]
    lines += [wrapped(describe(each)) for each in comparison.divergences[:MOST_DIVERGENCES]]
    more = len(comparison.divergences) - MOST_DIVERGENCES
    lines += [f"  .. and {more} more"] if more > 0 else []
    lines += [wrapped(f"known {each.entry}: {describe(each.divergence)}") for each in comparison.excused]
    if nth <= MOST_LOCALISED:
        found = localise(case, engines, audit=True)
        lines += ["where it comes from:"]
        lines += ["  it did not happen again: the engines or this machine are unsteady"] if found is None else []
        lines += [f"  {line}" for line in localisation_lines(found)] if found is not None else []
    else:
        lines.append(f"not localised: {MOST_LOCALISED} failures of this process were; `fragdiff locate` does it")
    lines.append(f"again: {replay_command(path, names, cuts=cut_text(case.cut))}")
    return "\n".join(lines)
