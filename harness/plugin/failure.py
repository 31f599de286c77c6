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
from harness.verdict import Comparison, Divergence, describe
from reference.definition.case import Case

MOST_DIVERGENCES: Final = 4
MOST_LINES: Final = 14
"""Of the first divergence; a third of it of later ones, which mostly follow from it. The command at the end shows all."""
MOST_LOCALISED: Final = 8
"""Failures of one process: each takes a few dozen runs of the case, and a broken engine fails everywhere."""


def failure_text(case: Case, path: Path, comparison: Comparison, engines: Sequence[Engine], nth: int) -> str:
    """The report of a difference; ``nth`` counts the failures of this process, from 1."""
    names = [engine.name for engine in engines]
    first, *others = comparison.divergences
    lines = [f"{case.name}, {cut_text(case.cut):.80}: {' and '.join(names)} differ", _shortened(first, MOST_LINES)]
    if nth <= MOST_LOCALISED:
        found = localise(case, engines, audit=True)
        lines.append("where it comes from:")
        lines += ["  it did not happen again: the engines or this machine are unsteady"] if found is None else []
        lines += [f"  {line}" for line in localisation_lines(found)] if found is not None else []
    else:
        lines.append(f"not localised: {MOST_LOCALISED} failures of this process were; `fragdiff locate` does it")
    lines += ["as well:"] if others or comparison.excused else []
    lines += [_shortened(each, MOST_LINES // 3) for each in others[: MOST_DIVERGENCES - 1]]
    more = len(others) - MOST_DIVERGENCES + 1
    lines += [f"  .. and {more} more"] if more > 0 else []
    lines += [f"  known {each.entry}: {each.divergence.signature}" for each in comparison.excused]
    lines.append(f"again: {replay_command(path, names, cuts=cut_text(case.cut))}")
    return "\n".join(lines)


def _shortened(divergence: Divergence, most: int) -> str:
    lines = describe(divergence).splitlines()
    return wrapped("\n".join([*lines[:most], *(["  .."] if len(lines) > most else [])]))
