"""Walks: every cell is the real VM's, whatever the options; what is written down is the same; nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from altered_chips import AlteredChip
from walked_cases import EDGES, VARIED, column_digests, recording_of, vm_case, vm_records, walked

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER, Chip, Tile
from gpu.chipset import standard
from gpu.errors import (
    BudgetDeadlock,
    BudgetExceeded,
    CapacityExceeded,
    InvariantBroken,
    RawStateError,
    ShapeMismatch,
    WrongState,
)
from gpu.host_device import HostDevice
from gpu.invariants import INVARIANTS
from gpu.layout import Extent
from gpu.lifecycle import walk
from gpu.states import Phase
from gpu.walk import Options
from parallel.assemble import Builder
from parallel.executor import record
from reference.definition.cuts import At, Every

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason

ONE = Every(1 << 29)


@pytest.fixture
def host(host: HostDevice) -> Iterator[HostDevice]:
    """Whose log must be empty at the end, too."""
    yield host
    assert host.log == []


@pytest.mark.parametrize("name", (*VARIED, *EDGES))
@pytest.mark.parametrize("cut", [Every(1), Every(7), Every(64), ONE], ids=["1", "7", "64", "one"])
def test_every_cell_is_the_real_vms_at_every_cut(host, name, cut):
    walked(host, name, cut)


@pytest.mark.parametrize("cache", ["none", "trace", "full"])
@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize("lanes", [1, 3])
def test_caches_shards_and_lanes_do_not_show(host, cache, shards, lanes):
    for name in ("ctl_sys_many_703280", "mix_720020"):
        plain = walked(host, name)
        found = walked(host, name, cache=cache, shards=shards, lanes=lanes, proofs=2, openings=2)
        assert found.manifest == plain.manifest
        assert found.digests == plain.digests


@pytest.mark.parametrize(
    "order",
    [tuple(reversed(CHIP_ORDER)), ("pad", "mem", "sys", "krm", "dec", "ace", "stk", "bit", "rng", "hsh")],
    ids=["reverse", "shuffled"],
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_the_order_of_chips_does_not_show(host, order, lanes):
    plain = walked(host, "mix_720090", shards=2)
    found = walked(host, "mix_720090", shards=2, order=order, lanes=lanes)
    assert found.manifests == plain.manifests


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("block", [1, 96])
def test_the_order_of_threads_and_the_size_of_blocks_do_not_show(host, order, block):
    plain = walked(host, "op_u32and_700370", shards=2)
    with HostDevice(order=order, block=block) as other:
        assert walked(other, "op_u32and_700370", shards=2).manifests == plain.manifests


@pytest.mark.parametrize("cut", [Every(1), Every(64), ONE, At((5, 6, 100))], ids=["1", "64", "one", "free"])
def test_the_programs_manifest_does_not_depend_on_the_cut(host, cut):
    assert walked(host, "mix_720020", cut).manifest == walked(host, "mix_720020", Every(7)).manifest


def test_a_shards_manifest_names_its_cut(host):
    found = walked(host, "mix_720020", shards=(0, 3, 10))
    shards = [json.loads(text) for text in found.manifests]
    assert [shard["shard"]["rows"] for shard in shards] == [[0, 21], [21, 70], [70, 166]]
    assert [shard["shard"]["of"] for shard in shards] == [3, 3, 3]
    assert len({tuple(shard["raw_fingerprint"]) for shard in shards}) == 3
    assert found.manifests == walked(host, "mix_720020", shards=(3, 10)).manifests


def test_manifests_hold_nothing_of_a_single_run(host):
    """Another session, another epoch, the same text, with sorted keys."""
    texts = [walked(host, "op_pipe_700722").manifests[0] for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0] == json.dumps(json.loads(texts[0]), indent=1, sort_keys=True) + "\n"


def test_the_manifest_says_what_the_real_vm_says(host):
    found = json.loads(walked(host, "ctl_sys_many_703280").manifest)
    record = vm_records()["ctl_sys_many_703280"]
    assert found["lengths"] == record["lengths"]
    assert "0x" + "".join(_bytes(element) for element in found["program_hash"]) == record["program_hash"]
    assert sum(found["kernel_calls"]) + len(found["kernel_calls"]) == record["lengths"]["kernel_rom"]


def _bytes(element: str) -> str:
    """A field element as the records write it: little-endian."""
    return int(element, 16).to_bytes(8, "little").hex()


# ---- edges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("shards", [1, 2, 5])
def test_traces_around_a_power_of_two_with_empty_sections(host, name, shards):
    for cut in (Every(1), Every(64), Every(63)):
        found = walked(host, name, cut, shards=shards)
        assert (found.lengths.bitwise, found.lengths.memory, found.lengths.kernel_rom) == (0, 0, 0)


def test_a_last_fragment_of_one_row(host):
    rows = vm_records()["shape_core_65_705610"]["lengths"]["core"]
    for cut in (Every(rows - 1), At((rows - 1,))):
        assert walked(host, "shape_core_65_705610", cut, shards=2).shards == ((0, 1), (1, 2))


def test_one_row_per_fragment_and_one_fragment_per_shard(host):
    rows = vm_records()["shape_core_62_705580"]["lengths"]["core"]
    found = walked(host, "shape_core_62_705580", Every(1), shards=rows)
    assert len(found.manifests) == rows


def test_more_shards_than_fragments_are_as_many_as_fragments(host):
    assert walked(host, "shape_core_62_705580", ONE, shards=5).shards == ((0, 1),)


def test_the_smallest_range_table(host):
    """Nothing is range checked but memory's zeros and ones: 39 rows and what a delta of 1 adds."""
    assert walked(host, "shape_core_62_705580").lengths.range == 39


# ---- what a walk says of itself -------------------------------------------------------------------------------------


def test_every_invariant_that_a_walk_can_check_is_checked(host):
    found = walked(host, "mix_720020", shards=2)
    everywhere = {invariant.id for invariant in INVARIANTS} - {"INV-11"}  # what comes after the release: its own test
    assert {name for name in everywhere if found.checked[name] < 1} == set()


def test_unchecked_walks_give_the_same_and_say_that_they_checked_less(host):
    checked, unchecked = walked(host, "mix_720020"), walked(host, "mix_720020", check=False)
    assert unchecked.manifest == checked.manifest
    assert unchecked.checked["INV-06"] == unchecked.checked["INV-14"] == 0


@pytest.mark.parametrize("cache", ["none", "trace", "full"])
def test_bytes_per_step_are_those_of_the_table(host, cache):
    found = walked(host, "mix_720020", cache=cache)
    steps = {step.step: step for step in found.bytes.steps}
    assert [step.wrong for step in found.bytes.steps if step.wrong] == []
    raw, plan, side = (steps["sealed"].live[tag] for tag in (Tag.RAW, Tag.PLAN, Tag.SIDE))
    assert steps["open"].live == steps["released"].live == dict.fromkeys(Tag, 0)
    assert steps["upload"].live[Tag.RAW] == raw > 0
    assert side == 4 * 65536 + 4 * 1 + 32 * 12 + 8 + 8
    for step in ("committed", "proven", "opened"):
        assert (steps[step].live[Tag.RAW], steps[step].live[Tag.PLAN], steps[step].live[Tag.SIDE]) == (raw, plan, side)
    columns = 8 * sum(tile[1] * (tile[3] + 8) for tile in _tiles(found))
    rows = sum(tile[3] for tile in _tiles(found))
    assert steps["committed"].live[Tag.TRACE] == (0 if cache == "none" else columns)
    assert steps["committed"].live[Tag.COMMIT] == 16 * len(CHIP_ORDER) + (8 * rows if cache == "full" else 0)


def _tiles(found: Any) -> list[list[int]]:
    (manifest,) = found.manifests
    return [tile for chip in json.loads(manifest)["chips"].values() for tile in chip["tiles"]]


def test_at_level_none_at_most_one_chip_has_columns(host):
    found = walked(host, "mix_720020")
    largest = max(step.at_most[Tag.TRACE] for step in found.bytes.steps if step.step.startswith("commit "))
    assert found.bytes.peaks[Tag.TRACE] == largest
    assert sum(8 * tile[1] * tile[3] for tile in _tiles(found)) > 2 * largest


def test_the_table_is_printed_with_marks_where_bytes_are_wrong(host):
    found = walked(host, "shape_core_62_705580", shards=2)
    lines = found.bytes.lines()
    assert lines[0].split()[:4] == ["step", "RAW", "PLAN", "SIDE"]
    repeated = [line for line in lines if " x " in line]
    assert len(lines) == 1 + len({(step.shard, step.step) for step in found.bytes.steps})
    assert any(line.startswith("shard 1 survey released") for line in lines)
    assert [line[:19] for line in repeated] == [f"shard 1 opening {chip}" for chip in ("sys", "dec", "stk")]
    assert any(line.startswith("shard 1 committed") for line in lines)
    assert not any(line.endswith("!") for line in lines)


def test_opened_rows_are_the_real_vms(host):
    found = walked(host, "op_pipe_700722", shards=2, openings=2)
    assert len(found.opened) == 2
    for opened in found.opened:
        assert {0, found.lengths.core - 1, found.lengths.core, found.lengths.rows - 1} <= set(opened.rows.tolist())
        assert np.array_equal(opened.cells, found.trace()[:, opened.rows])


def test_a_merkle_root_is_the_same_for_every_cut_and_cache(host):
    roots = {
        walked(host, "shape_core_62_705580", cut, merkle=2, cache=cache).merkle_root
        for cut in (Every(1), ONE)
        for cache in ("none", "full")
    }
    assert len(roots) == 1
    assert None not in roots


def test_without_a_trace_nothing_is_collected(host):
    found = walk(recording_of("mix_720020"), host, Options(trace=False))
    assert found.manifest == walked(host, "mix_720020").manifest
    with pytest.raises(WrongState, match="without collecting"):
        found.trace()


def test_another_engines_trace_is_what_is_checked_against(host):
    trace = walked(host, "mix_720020").trace()
    walk(recording_of("mix_720020"), host, Options(), reference=trace)
    for row, column in ((0, 40), (100, 71), (trace.shape[1] - 1, 3)):
        altered = trace.copy()
        altered[column, row] ^= np.uint64(1)
        with pytest.raises(InvariantBroken, match="INV-17"):
            walk(recording_of("mix_720020"), host, Options(), reference=altered)


def test_collected_digests_are_the_records(host):
    found = walked(host, "op_pipe_700722", shards=5)
    assert column_digests(found.trace()) == vm_records()["op_pipe_700722"]["columns"]


def test_digests_that_a_file_makes_up_are_trusted_and_reported(host):
    """The real VM trusts stored digests: END then asks for what the hasher never said, as often as it answers."""
    case = vm_case("shape_core_62_705580")
    forest = case.program.forest
    stored = tuple((index + 1, 2, 3, 4) for index in range(len(forest.nodes)))
    lying = replace(case, program=replace(case.program, forest=replace(forest, stored_digests=stored)), cuts=(ONE,))
    recording = record(lying)
    found = walk(recording, host)
    assert np.array_equal(found.trace(), Builder().build(recording).columns)
    assert found.events == ("stored digests are not the nodes' hashes: HASH_OUT compared in number alone",)
    buses = json.loads(found.manifest)["buses"]
    assert [name for name, bus in buses.items() if bus["requests"] != bus["responses"]] == ["HASH_OUT"]


# ---- chips made on the host -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chips", [("mem",), ("sys", "rng", "krm"), CHIP_ORDER], ids=["mem", "three", "all"])
@pytest.mark.parametrize("shards", [1, 2])
def test_chips_made_on_the_host_are_the_same_and_reported(host, chips, shards):
    plain = walked(host, "ctl_sys_many_703280", shards=shards)
    found = walked(host, "ctl_sys_many_703280", shards=shards, fallback=chips)
    assert found.manifests == plain.manifests
    assert set(found.events) == {f"fallback {chip}" for chip in chips}
    assert plain.events == ()


class MovedChip(AlteredChip):
    """A chip whose tile is elsewhere, from its plan on."""

    def __init__(self, chip: Chip, change: Callable[[Tile], Tile]) -> None:
        super().__init__(chip, lambda g, cells: None)
        self.change = change

    def tiles(self, extent: Extent) -> tuple[Tile, ...]:
        return tuple(self.change(tile) for tile in self.chip.tiles(extent))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tile: tile._replace(first_row=tile.first_row + 1), "belong to another chip too"),
        (lambda tile: tile._replace(rows=tile.rows - 1), r"cells belong to a chip; missing: column 51"),
    ],
    ids=["moved", "shorter"],
)
def test_cells_of_two_chips_or_of_none_are_found(host, change, reason):
    plain = standard()
    moved = plain.with_chip(MovedChip(plain.chips["mem"], change))
    with pytest.raises(ShapeMismatch, match=reason):
        walk(recording_of("mix_720020"), host, Options(check=False), chipset=moved)


# ---- budgets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", ["none", "trace", "full"])
@pytest.mark.parametrize("lanes", [1, 3])
def test_the_smallest_budget_passes_and_a_byte_less_does_not(host, cache, lanes):
    options = {"cache": cache, "lanes": lanes, "openings": 0}
    alone = walked(host, "mix_720020", **{**options, "lanes": 1}).peak_in_use + 8 * (
        lanes - 1
    )  # an error word per lane
    assert walked(host, "mix_720020", budget=alone, **options).peak_in_use <= alone
    with pytest.raises((BudgetDeadlock, BudgetExceeded)):
        walked(host, "mix_720020", budget=alone - 1, **options)
    assert host.arena.total == 0
    assert host.arena.budget is None


def test_with_one_lane_the_measured_peak_is_the_budget(host):
    found = walked(host, "mix_720020", openings=0)
    assert max(step.total_peak for step in found.bytes.steps) == found.peak_in_use


def test_a_budget_below_the_raw_state_is_refused_at_the_upload(host):
    with pytest.raises(BudgetExceeded):
        walked(host, "mix_720020", budget=1000)
    assert host.arena.total == 0


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"cache": "some"},
        {"order": CHIP_ORDER[1:]},
        {"order": (*CHIP_ORDER[1:], "dec")},
        {"fallback": ("dac",)},
        {"proofs": -1},
        {"proofs": 0},
        {"openings": -1},
        {"merkle": 8, "shards": 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_that_do_not_exist_are_refused(options):
    with pytest.raises(ValueError, match=r"not|from|whole trace"):
        Options(**options)


@pytest.mark.parametrize("lanes", [0, 9])
def test_lanes_are_one_to_eight(host, lanes):
    with pytest.raises(ValueError, match="1 to 8"):
        walked(host, "shape_core_62_705580", lanes=lanes)


@pytest.mark.parametrize("shards", [0, -1, (5, 3), (-2,)])
def test_shards_that_do_not_ascend_are_refused(host, shards):
    with pytest.raises(ValueError, match="shard"):
        walked(host, "shape_core_62_705580", shards=shards)


def test_a_trace_too_large_for_a_tree_is_refused_and_nothing_is_left(host):
    with pytest.raises(CapacityExceeded):
        walked(host, "shape_core_62_705580", merkle=1 << 20)


def test_a_failed_program_cannot_be_walked(host):
    failed = next(name for name, record in vm_records().items() if record["outcome"]["status"] != "completed")
    with pytest.raises(RawStateError, match="failed"):
        walk(recording_of(failed), host)


def test_walks_do_without_proofs_and_openings(host):
    found = walk(recording_of("mix_720020"), host, Options(proofs=0, openings=0, trace=False))
    assert found.manifest == walked(host, "mix_720020").manifest
    assert found.opened == ()


def test_hooks_see_every_step_in_order(host):
    steps: list[str] = []
    walk(recording_of("shape_core_62_705580"), host, Options(), hook=lambda step, session: steps.append(step))
    assert steps == ["uploaded", "counted", "sealed", "committed", "proven", "opened"]


def test_generations_by_cache_level(host):
    counted: list[dict[Phase, int]] = []

    def note(step: str, session: Any) -> None:
        if step == "opened":
            generations = session.generator.generations
            counted.append({phase: generations["mem", phase] for phase in Phase})

    for cache in ("none", "trace", "full"):
        walk(recording_of("mix_720020"), host, Options(cache=cache, proofs=3, openings=2), hook=note)
    once = {Phase.ASSIGN: 1, Phase.COMMIT: 0, Phase.PROOF: 0, Phase.OPENING: 0}
    assert counted == [{Phase.ASSIGN: 1, Phase.COMMIT: 1, Phase.PROOF: 3, Phase.OPENING: 2}, once, once]
