"""The optional key ``options`` of a case file, which holds the engines' options by engine:

``{"gpu": {"cache", "lanes", "budget", "shards", "order", "threads"}, "parallel": {"threads", "order", "twice", "contexts"}}``.

Every key may be left out and then has its default, which is not written.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, cast

from reference.definition.cuts import At
from reference.definition.formats.json_value import Value
from reference.definition.gpu_options import (
    CACHE_LEVELS,
    CHIPS,
    DEFAULT_GPU_OPTIONS,
    MOST_LANES,
    MOST_SHARDS,
    THREAD_ORDERS,
    CacheLevel,
    GpuOptions,
    ThreadOrder,
)
from reference.definition.parallel_options import (
    CONTEXTS,
    DEFAULT_PARALLEL_OPTIONS,
    FRAGMENT_ORDERS,
    MOST_THREADS,
    Contexts,
    FragmentOrder,
    ParallelOptions,
)

_LIMIT: Final = 2**63
"""Bytes and rows are below this, as in the rest of a case file."""


def read_options(value: Value) -> tuple[GpuOptions, ParallelOptions]:
    """The options that the value of ``options`` describes.

    Raises InputError with the path in the document.
    """
    outer = value.members(optional=("gpu", "parallel"))
    return (
        _gpu(outer["gpu"]) if "gpu" in outer else DEFAULT_GPU_OPTIONS,
        _parallel(outer["parallel"]) if "parallel" in outer else DEFAULT_PARALLEL_OPTIONS,
    )


# ---- gpu ------------------------------------------------------------------------------------------------------------


def _gpu(value: Value) -> GpuOptions:
    members = value.members(optional=("cache", "lanes", "budget", "shards", "order", "threads"))
    plain = DEFAULT_GPU_OPTIONS
    return GpuOptions(
        cache=_cache(members["cache"]) if "cache" in members else plain.cache,
        lanes=members["lanes"].integer(1, MOST_LANES + 1) if "lanes" in members else plain.lanes,
        budget=members["budget"].integer(1, _LIMIT) if "budget" in members else plain.budget,
        shards=_shards(members["shards"]) if "shards" in members else plain.shards,
        order=_order(members["order"]) if "order" in members else plain.order,
        threads=_threads(members["threads"]) if "threads" in members else plain.threads,
    )


def _cache(value: Value) -> CacheLevel:
    return cast("CacheLevel", _one_of(value, CACHE_LEVELS))


def _threads(value: Value) -> ThreadOrder:
    return cast("ThreadOrder", _one_of(value, THREAD_ORDERS))


def _one_of(value: Value, names: tuple[str, ...]) -> str:
    text = value.text()
    if text not in names:
        raise value.expected(f"one of {', '.join(names)}")
    return text


def _shards(value: Value) -> int | At:
    if type(value.value) is int:
        return value.integer(1, MOST_SHARDS + 1)
    members = value.members(required=("at",))
    return At(tuple(row.integer(0, _LIMIT) for row in members["at"].items()))


def _order(value: Value) -> tuple[str, ...]:
    names = tuple(item.text() for item in value.items())
    if sorted(names) != sorted(CHIPS):
        raise value.refuse(f"expected each of {', '.join(CHIPS)} once")
    return names


# ---- parallel -------------------------------------------------------------------------------------------------------


def _parallel(value: Value) -> ParallelOptions:
    members = value.members(optional=("threads", "order", "twice", "contexts"))
    plain = DEFAULT_PARALLEL_OPTIONS
    return ParallelOptions(
        threads=members["threads"].integer(1, MOST_THREADS + 1) if "threads" in members else plain.threads,
        order=cast("FragmentOrder", _one_of(members["order"], FRAGMENT_ORDERS)) if "order" in members else plain.order,
        twice=_truth(members["twice"]) if "twice" in members else plain.twice,
        contexts=cast("Contexts", _one_of(members["contexts"], CONTEXTS)) if "contexts" in members else plain.contexts,
    )


def _truth(value: Value) -> bool:
    if type(value.value) is not bool:
        raise value.expected("true or false")
    return value.value


# ---- writing --------------------------------------------------------------------------------------------------------


def options_document(gpu: GpuOptions, parallel: ParallelOptions) -> dict[str, Any]:
    """What differs from the defaults, as the key ``options`` holds it; empty when nothing does."""
    return _gpu_document(gpu) | _parallel_document(parallel)


def _gpu_document(options: GpuOptions) -> dict[str, Any]:
    shards = {"at": list(options.shards.rows)} if isinstance(options.shards, At) else options.shards
    written = {
        "cache": options.cache,
        "lanes": options.lanes,
        "budget": options.budget,
        "shards": shards,
        "order": list(options.order),
        "threads": options.threads,
    }
    plain = DEFAULT_GPU_OPTIONS
    differing = {key: value for key, value in written.items() if getattr(options, key) != getattr(plain, key)}
    return {"gpu": differing} if differing else {}


def _parallel_document(options: ParallelOptions) -> dict[str, Any]:
    plain = asdict(DEFAULT_PARALLEL_OPTIONS)
    differing = {key: value for key, value in asdict(options).items() if value != plain[key]}
    return {"parallel": differing} if differing else {}
