"""How the GPU engine walks a case is drawn, kept, had again and shrunk, like the program and its cuts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from made_engines import CASE

from gpu.chips import CHIP_ORDER
from gpu.host_device import ORDERS
from gpu.lanes import MOST_LANES as LANES_OF_THE_ENGINE
from gpu.states import Cache
from harness.backend import Availability, Engine, EngineFailure
from harness.backends.reference import ReferenceEngine
from harness.campaign import CampaignFinished, Event, FindingKept
from harness.campaign.here import run_campaign
from harness.campaign.totals import walk_kinds
from harness.campaign.walks import gpu_options
from harness.shrink import shrink
from reference.definition.case import Case
from reference.definition.cuts import At
from reference.definition.formats.case_json import read_case
from reference.definition.gpu_options import (
    CACHE_LEVELS,
    CHIPS,
    DEFAULT_GPU_OPTIONS,
    MOST_LANES,
    THREAD_ORDERS,
    GpuOptions,
)

BREAKS = GpuOptions(cache="full", lanes=5, shards=At((2, 4, 6)), order=CHIPS[::-1], threads="strided", budget=400_000)


class Walker:
    """Like the reference, except that it breaks with several lanes and shards, which it reports."""

    name = "walker"
    walks = True

    def __init__(self) -> None:
        self._reference = ReferenceEngine()
        self.walked: list[GpuOptions] = []

    def probe(self) -> Availability:
        return Availability(True, "made for tests")

    def run(self, case: Case) -> Any:
        self.walked.append(case.gpu)
        if breaks(case):
            raise EngineFailure(self.name, "a lane took another shard's rows")
        return self._reference.run(case)

    def close(self) -> None:
        self._reference.close()


def breaks(case: Case) -> bool:
    return case.gpu.lanes > 1 and case.gpu.shards != 1


def campaign(engine: Engine, out: Path, first: int, cases: int) -> list[Event]:
    events: list[Event] = []
    run_campaign(
        [ReferenceEngine(), engine],
        out,
        seed=5,
        first=first,
        cases=cases,
        shrink_seconds=1.0,
        listeners=[events.append],
    )
    return events


# ---- names ----------------------------------------------------------------------------------------------------------


def test_the_case_file_and_the_engine_have_the_same_names() -> None:
    assert CHIPS == CHIP_ORDER
    assert tuple(Cache) == CACHE_LEVELS
    assert ORDERS == THREAD_ORDERS
    assert MOST_LANES == LANES_OF_THE_ENGINE


# ---- drawing --------------------------------------------------------------------------------------------------------


def test_the_same_seed_and_number_give_the_same_walk() -> None:
    walks = [gpu_options(7, number, 90) for number in range(200)]
    assert [gpu_options(7, number, 90) for number in reversed(range(200))] == walks[::-1]
    assert [gpu_options(8, number, 90) for number in range(200)] != walks


def test_every_kind_of_walk_is_drawn() -> None:
    walks = [gpu_options(7, number, 90) for number in range(300)]
    kinds = Counter(kind for walk in walks for kind in walk_kinds(walk))
    expected = {"lanes", "budget", "shards", "order", "cache trace", "cache full", "threads reverse", "threads strided"}
    assert set(kinds) == expected
    assert min(kinds.values()) > 30
    assert {walk.lanes for walk in walks} == set(range(1, MOST_LANES + 1))
    assert {type(walk.shards) for walk in walks} == {int, At}
    assert len({walk.order for walk in walks}) > 100
    assert all(sorted(walk.order) == sorted(CHIPS) for walk in walks)
    assert all(row <= 91 for walk in walks if isinstance(walk.shards, At) for row in walk.shards.rows)


def test_a_campaign_draws_walks_for_engines_that_walk_and_only_then(tmp_path: Path) -> None:
    class Still(Walker):
        walks = False

    walking, still = Walker(), Still()
    campaign(walking, tmp_path / "one", 0, 8)
    campaign(still, tmp_path / "other", 0, 8)
    assert any(options != DEFAULT_GPU_OPTIONS for options in walking.walked)
    assert set(still.walked) == {DEFAULT_GPU_OPTIONS}


# ---- findings -------------------------------------------------------------------------------------------------------


def test_a_finding_is_kept_with_its_walk_and_happens_again(tmp_path: Path) -> None:
    events = campaign(Walker(), tmp_path, 0, 12)
    kept = next(event for event in events if isinstance(event, FindingKept))
    found = read_case((kept.directory / "found.case.json").read_text())
    assert breaks(found)
    smallest = read_case((kept.directory / "smallest.case.json").read_text())
    assert breaks(smallest)
    again = campaign(Walker(), tmp_path / "again", kept.number, 1)
    (once_more,) = (event for event in again if isinstance(event, FindingKept))
    assert read_case((once_more.directory / "found.case.json").read_text()).gpu == found.gpu
    totals = next(event.totals for event in again if isinstance(event, CampaignFinished))
    assert totals.walks["lanes"] == totals.walks["shards"] == 1


def test_shrinking_leaves_only_the_options_that_matter() -> None:
    shrunk = shrink(replace(CASE, gpu=BREAKS), breaks).case
    assert shrunk.gpu == GpuOptions(lanes=2, shards=2)


def test_shrinking_keeps_fewer_shard_rows_when_equal_shards_do_not_do() -> None:
    def needs_row_four(case: Case) -> bool:
        return isinstance(case.gpu.shards, At) and 4 in case.gpu.shards.rows

    assert shrink(replace(CASE, gpu=BREAKS), needs_row_four).case.gpu == GpuOptions(shards=At((4,)))


def test_options_that_do_not_matter_are_gone_after_shrinking() -> None:
    shrunk = shrink(replace(CASE, gpu=BREAKS), lambda case: True).case
    assert shrunk.gpu == DEFAULT_GPU_OPTIONS
