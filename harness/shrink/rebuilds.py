"""Passes over how fragments are rebuilt: the plainest rebuild, then one option after another."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

from harness.shrink.proposals import Pass, Proposals
from reference.definition.case import Case
from reference.definition.parallel_options import (
    CONTEXTS,
    DEFAULT_PARALLEL_OPTIONS,
    FRAGMENT_ORDERS,
    MOST_THREADS,
    ParallelOptions,
)

_NAMES = tuple(item.name for item in fields(ParallelOptions))

_FEW = 2
"""The smallest number of threads that is more than one."""

_OPTION_WEIGHT = 2 * MOST_THREADS
"""A rebuild with one option less is plainer, whatever the numbers of the others."""


def rebuild_weight(options: ParallelOptions) -> int:
    """0 for the plainest rebuild: the fewest options that are not the defaults, then few threads."""
    plain = DEFAULT_PARALLEL_OPTIONS
    differing = sum(bool(getattr(options, name) != getattr(plain, name)) for name in _NAMES)
    levels = FRAGMENT_ORDERS.index(options.order) + CONTEXTS.index(options.contexts)
    return _OPTION_WEIGHT * differing + options.threads - plain.threads + levels


def plain_rebuild(search: Proposals) -> None:
    """All defaults at once, then one option at a time, then plainer ones."""
    if search.best.parallel == DEFAULT_PARALLEL_OPTIONS:
        return
    if search.attempt(lambda case: replace(case, parallel=DEFAULT_PARALLEL_OPTIONS)):
        return
    for name in _NAMES:
        search.attempt(partial(_with, **{name: getattr(DEFAULT_PARALLEL_OPTIONS, name)}))
    search.attempt(partial(_with, threads=_FEW))
    search.attempt(partial(_with, order="reverse"))
    search.attempt(partial(_with, contexts="saved"))


def _with(case: Case, **options: Any) -> Case:
    return replace(case, parallel=replace(case.parallel, **options))


REBUILD_PASSES: tuple[tuple[str, Pass], ...] = (("plain rebuild", plain_rebuild),)
