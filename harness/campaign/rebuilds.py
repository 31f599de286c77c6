"""How fragments are to be rebuilt, drawn as part of the case: by how many threads, in which order, twice, from saved contexts.

No trace depends on what is drawn here, so whatever shows is a mistake of the engine: cells that two fragments write, state
that a thread leaves behind, a context that holds less than its fragment needs.
"""

from __future__ import annotations

from typing import Final

from harness.generate import SeededChoices
from harness.generate.choices import Choices
from reference.definition.parallel_options import (
    CONTEXTS,
    DEFAULT_PARALLEL_OPTIONS,
    FRAGMENT_ORDERS,
    MOST_THREADS,
    ParallelOptions,
)

REBUILT_PERCENT: Final = 30
"""Of cases; the others are built as the engine always builds."""


def parallel_options(seed: int, number: int) -> ParallelOptions:
    """The options of case ``number``; the same whatever came before it."""
    return draw_parallel_options(SeededChoices(f"fragdiff/parallel/1/{seed}/{number}"))


def draw_parallel_options(choices: Choices) -> ParallelOptions:
    """Any options; the simplest choices give the defaults."""
    if not choices.flag(REBUILT_PERCENT):
        return DEFAULT_PARALLEL_OPTIONS
    return ParallelOptions(
        threads=choices.integer(2, MOST_THREADS) if choices.flag() else 1,
        order=choices.pick(FRAGMENT_ORDERS),
        twice=choices.flag(30),
        contexts=choices.pick((CONTEXTS[0], *CONTEXTS)),
    )


def rebuild_kinds(options: ParallelOptions) -> list[str]:
    """Which options are not the defaults: ``rebuild threads``, ``rebuild reverse``, ``rebuild twice``, ``contexts saved``."""
    plain = DEFAULT_PARALLEL_OPTIONS
    kinds = ["rebuild threads"] if options.threads != plain.threads else []
    kinds += [f"rebuild {options.order}"] if options.order != plain.order else []
    kinds += ["rebuild twice"] if options.twice else []
    return kinds + ([f"contexts {options.contexts}"] if options.contexts != plain.contexts else [])
