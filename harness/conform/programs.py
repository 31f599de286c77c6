"""The programs of the examination, drawn with fixed seeds: the same for every engine and on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from harness.generate import FAILURES, SMALL, Generated, Profile, generate_case
from harness.laws.acceptance import needs_of
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first
from reference.definition.isa import BLOCK_OPERATIONS
from reference.definition.mast import NODE_KIND
from reference.definition.outcome import Completed, Failed
from reference.processor import execute

SEED: Final = 0
MOST_DRAWN: Final = 2000
"""Programs looked through for one that has what is wanted."""

SHORT_ROWS: Final = 40
"""Rows of a program that is cut everywhere."""

_OPERATIONS: Final = frozenset(info.name for info in BLOCK_OPERATIONS)
_NODES: Final = frozenset(NODE_KIND.values())


def operation_cases() -> list[Case]:
    """Programs of one operation each with what it needs; together they have all 80."""
    profile = replace(SMALL, families=("one_operation",), failing_rate=0.0)
    return _covering(profile, lambda case: needs_of(case) & _OPERATIONS, _OPERATIONS, lambda rows: rows < 200)


def short_cases() -> list[Case]:
    """Programs of up to 40 rows, in which every kind of node runs."""
    profile = replace(SMALL, families=("one_construct",), failing_rate=0.0, max_rows=24)
    return _covering(profile, lambda case: needs_of(case) & _NODES, _NODES, lambda rows: rows <= SHORT_ROWS)


def _covering(
    profile: Profile, holds: Callable[[Case], set[str]], wanted: frozenset[str], fits: Callable[[int], bool]
) -> list[Case]:
    """Drawn programs that complete on the reference, each with something that those before it lack."""
    missing = set(wanted)
    found: list[Case] = []
    for number in range(MOST_DRAWN):
        if not missing:
            break
        case = children_first(generate_case(SEED, number, profile).case)
        new = holds(case) & missing
        if not new:
            continue
        execution = execute(case)
        if isinstance(execution.outcome, Completed) and fits(execution.core_rows):
            missing -= new
            found.append(case)
    return found


def failing_cases() -> Iterator[tuple[str, Case]]:
    """For every way to fail, its name and a program that fails so on the reference."""
    for failure in FAILURES:
        profile = Profile(max_rows=12, max_level=2, failing_rate=1.0, families=("mixed",), failures=(failure.name,))
        for number in range(20):
            case = children_first(generate_case(SEED, number, profile).case)
            outcome = execute(case).outcome
            if isinstance(outcome, Failed) and outcome.error == failure.error:
                yield failure.name, case
                break


def drawn_case(seed: int, number: int) -> Generated:
    """A case of the timed campaign."""
    return generate_case(seed, number, Profile(max_rows=120, failing_rate=0.1))
