"""Passes over how the GPU engine walks the case: the plainest walk, then one option after another."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import Any

from harness.shrink.proposals import Pass, Proposals, drop_items
from reference.definition.case import Case
from reference.definition.cuts import At
from reference.definition.gpu_options import CACHE_LEVELS, DEFAULT_GPU_OPTIONS, THREAD_ORDERS, GpuOptions

_NAMES = tuple(item.name for item in fields(GpuOptions))

_FEW = 2
"""The smallest number of lanes or shards that is more than one."""

_OPTION_WEIGHT = 2**16
"""A walk with one option less is plainer, whatever the numbers of the others."""


def walk_weight(options: GpuOptions) -> int:
    """0 for the plainest walk: the fewest options that are not the defaults, then few lanes and shards."""
    plain = DEFAULT_GPU_OPTIONS
    differing = sum(bool(getattr(options, name) != getattr(plain, name)) for name in _NAMES)
    shards = _FEW + len(options.shards.rows) if isinstance(options.shards, At) else options.shards
    levels = CACHE_LEVELS.index(options.cache) + THREAD_ORDERS.index(options.threads)
    return _OPTION_WEIGHT * differing + min(shards, _OPTION_WEIGHT // 2) + options.lanes + levels


def plain_walk(search: Proposals) -> None:
    """All defaults at once, then one option at a time, then smaller numbers."""
    if search.best.gpu == DEFAULT_GPU_OPTIONS:
        return
    if search.attempt(lambda case: replace(case, gpu=DEFAULT_GPU_OPTIONS)):
        return
    for name in _NAMES:
        search.attempt(partial(_with, **{name: getattr(DEFAULT_GPU_OPTIONS, name)}))
    search.attempt(partial(_with, lanes=_FEW))
    search.attempt(partial(_with, cache="trace"))
    search.attempt(partial(_with, shards=_FEW))
    shards = search.best.gpu.shards
    if isinstance(shards, At):
        drop_items(shards.rows, lambda left: search.attempt(partial(_with, shards=At(tuple(left)))))


def _with(case: Case, **options: Any) -> Case:
    return replace(case, gpu=replace(case.gpu, **options))


WALK_PASSES: tuple[tuple[str, Pass], ...] = (("plain walk", plain_walk),)
