"""How the GPU engine is to walk a case, drawn as part of the case: configuration is input like the program and its cuts.

No trace depends on what is drawn here, so whatever shows is a mistake of the engine: of its byte accounts and bookings, of the
merge of its shards, of a chip that reads what another one left behind.
"""

from __future__ import annotations

from typing import Final

from harness.generate import SeededChoices
from harness.generate.choices import Choices, pick_weighted
from reference.definition.cuts import At
from reference.definition.gpu_options import CACHE_LEVELS, CHIPS, MOST_LANES, THREAD_ORDERS, GpuOptions

MOST_SHARDS_DRAWN: Final = 5
MOST_SHARD_ROWS: Final = 4

SMALLEST_BUDGET: Final = 2**18
"""Below what any case needs. The engine doubles a budget that is too small, so the room that is left over at the end is a
uniform draw between none and as much again as is needed."""


def gpu_options(seed: int, number: int, rows: int) -> GpuOptions:
    """The options of case ``number``, which has about ``rows`` rows; the same whatever came before it."""
    return draw_gpu_options(SeededChoices(f"fragdiff/gpu/1/{seed}/{number}"), rows)


def draw_gpu_options(choices: Choices, rows: int) -> GpuOptions:
    """Any options; the simplest choices give the defaults."""
    return GpuOptions(
        cache=pick_weighted(choices, ((4, CACHE_LEVELS[0]), (2, CACHE_LEVELS[1]), (2, CACHE_LEVELS[2]))),
        lanes=choices.integer(2, MOST_LANES) if choices.flag() else 1,
        budget=choices.integer(SMALLEST_BUDGET, 2 * SMALLEST_BUDGET) if choices.flag() else None,
        shards=_draw_shards(choices, rows),
        order=_draw_order(choices),
        threads=choices.pick(THREAD_ORDERS),
    )


def _draw_shards(choices: Choices, rows: int) -> int | At:
    match pick_weighted(choices, ((4, "one"), (3, "equal"), (3, "at"))):
        case "one":
            return 1
        case "equal":
            return choices.integer(2, MOST_SHARDS_DRAWN)
        case _:
            return At(tuple(sorted({choices.integer(0, rows + 1) for _ in range(choices.integer(1, MOST_SHARD_ROWS))})))


def _draw_order(choices: Choices) -> tuple[str, ...]:
    if not choices.flag(70):
        return CHIPS
    left = list(CHIPS)
    return tuple(left.pop(choices.integer(0, len(left) - 1)) for _ in CHIPS)
