"""Names of items: readable, stable, and safe in a node id."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from harness.commands.options import cut_text
from harness.verdict import engine_label
from reference.definition.cuts import At, CutPlan

MOST_ROWS: Final = 6
"""Rows of a free plan in its name; more are counted, and told apart by a digest."""


def plan_name(plan: CutPlan) -> str:
    """``every:64``, ``one``, ``at:3,9``; ``at:3,9,12,15,20,31+58-1f2e3d4c`` for a plan of many rows."""
    if not isinstance(plan, At) or len(plan.rows) <= MOST_ROWS:
        return cut_text(plan)
    first = ",".join(map(str, plan.rows[:MOST_ROWS]))
    return f"at:{first}+{len(plan.rows) - MOST_ROWS}-{sha256(cut_text(plan).encode()).hexdigest()[:8]}"


def pair_names(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """``reference-parallel``; of ``exec:COMMAND`` the program's name, numbered where two pairs would be called alike.

    Without dots: where pytest shows the place of an item it writes them as ``::``.
    """
    return distinct("-".join(_safe(engine_label(name)) for name in pair) for pair in pairs)


def distinct(names: Iterable[str]) -> list[str]:
    """The names; the second and later ones of a kind get ``#2``, ``#3`` .."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_+:-]+|::+", "_", text)
