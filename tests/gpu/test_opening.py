"""Openings: rows of recorded traces, from no more than they need, by any cut, cache level and number of shards."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from recorded_chips import recorded
from sealed_session import MOST_CHIPS, noop_recording, recording_of, sealed, sealed_shards

from gpu.arena import Tag
from gpu.chips import CORE_CHIPS
from gpu.commit import Commitment, commit_all
from gpu.errors import BudgetExceeded, InvariantBroken, ShapeMismatch, StalePlan, UnwrittenCells, WrongState
from gpu.host_device import HostDevice
from gpu.layout import Extent
from gpu.opening import UNOPENED, Opened, join, open_rows, opening_bytes
from gpu.session import Session
from gpu.states import Cache, Phase, State
from reference.definition.cuts import At, Every

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason


def notable_rows(extent: Extent) -> list[int]:
    """First and last rows of everything, and random ones."""
    borders = [
        0, extent.core_rows, extent.bitwise_first, extent.memory_first, extent.ace_first, extent.kernel_first,
        extent.padding_first, extent.range_first, extent.rows - 1,
    ]  # fmt: skip
    around = {row + step for row in borders for step in (-1, 0, 1) if 0 <= row + step < extent.rows}
    return sorted(around | set(np.random.default_rng(1).integers(0, extent.rows, 10).tolist()))


@pytest.mark.parametrize("cache", Cache)
@pytest.mark.parametrize("name", MOST_CHIPS)
def test_notable_and_random_rows_are_those_of_the_recorded_trace(host, name, cache):
    with sealed(host, recording_of(name), cache=cache) as session:
        commitment, _ = commit_all(session)
        rows = notable_rows(session.plans["sys"].extent)
        opened = open_rows(session, rows, commitment=commitment)
        assert session.state is State.OPENED
        assert opened.complete
        assert opened.rows.tolist() == rows
        assert np.array_equal(opened.cells, recorded(name)[:, rows])


@pytest.mark.parametrize("name", MOST_CHIPS)
def test_all_rows_at_once_and_one_by_one(host, name):
    trace = recorded(name)
    with sealed(host, recording_of(name, Every(5)), check=False) as session:
        commit_all(session)
        assert np.array_equal(open_rows(session, range(trace.shape[1])).cells, trace)
        for row in range(trace.shape[1]):
            assert np.array_equal(open_rows(session, [row]).cells[:, 0], trace[:, row])


@pytest.mark.parametrize("cut", [Every(1), Every(2), Every(7), Every(64), At((1, 2, 30)), At((37,))])
def test_cuts_do_not_show(host, cut):
    rows = [38, 0, 37, 5, 5, 30, 127, 29]
    with sealed(host, recording_of("memory_deltas", cut)) as session:
        commit_all(session)
        assert np.array_equal(open_rows(session, rows).cells, recorded("memory_deltas")[:, rows])


@pytest.mark.parametrize("operations", [59, 60, 61, 62])
def test_a_program_that_fills_its_trace_is_opened_to_the_last_row(host, operations):
    recording, trace = noop_recording(operations, Every(10))
    with sealed(host, recording) as session:
        extent = session.plans["sys"].extent
        assert extent.core_rows == operations + 3
        commit_all(session)
        rows = notable_rows(extent)
        assert np.array_equal(open_rows(session, rows).cells, trace[:, rows])


def replayed(device: HostDevice, since: int) -> list[int]:
    """Threads of the core's replays: a thread is a fragment."""
    return [launch.threads for launch in device.log[since:] if launch.kernel == "replay"]


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        ([0], [1]),
        ([3, 4, 5, 9], [2]),
        ([0, 7, 14], [3]),
        ([37, 0, 14], [1, 1, 1]),
        ([30, 36, 12], [1, 2]),
        (range(38), [6]),
        ([39], []),
    ],
)
def test_only_the_fragments_that_hold_the_rows_are_replayed(host, rows, runs):
    with sealed(host, recording_of("memory_deltas", Every(7))) as session:
        commit_all(session)
        launches = len(host.log)
        open_rows(session, rows)
        assert sorted(replayed(host, launches)) == sorted(3 * runs)


def test_the_row_after_the_program_is_the_stacks_alone(host):
    with sealed(host, recording_of("memory_deltas", Every(7))) as session:
        commit_all(session)
        launches = len(host.log)
        opened = open_rows(session, [38])
        assert replayed(host, launches) == [1]
        assert np.array_equal(opened.cells, recorded("memory_deltas")[:, [38]])


def test_a_fragment_takes_memory_for_its_own_rows_alone(host):
    with sealed(host, recording_of("ace_two_circuits", Every(4)), check=False) as session:
        commit_all(session)
        live, opened = host.arena.live[Tag.TRACE], []
        for chip in CORE_CHIPS:
            host.arena.reset_peaks()
            only = session.plans[chip]
            part = {name: plan for name, plan in session.plans.items() if name == chip}
            plans, session.plans = session.plans, part
            opened.append(open_rows(session, [9]))
            session.plans = plans
            assert host.arena.peak[Tag.TRACE] - live == 8 * only.tiles[0].columns * (4 + host.row_pad)
        assert not any(each.complete for each in opened)


def test_every_fragment_alone_equals_the_whole_regeneration(host):
    with sealed(host, recording_of("kernel_rom", Every(3))) as session:
        commit_all(session)
        whole = {}
        for chip in CORE_CHIPS:
            with session.regenerate(session.plans[chip], Phase.OPENING) as (cell,):
                held = host.download(cell.buffer).reshape(cell.tile.columns, cell.ld)
                whole[chip] = cell.tile, held[:, : cell.tile.rows]
        for fragment in range(9):
            rows = range(3 * fragment, 3 * fragment + 3)
            opened = open_rows(session, rows).cells
            for tile, cells in whole.values():
                columns = slice(tile.first_column, tile.first_column + tile.columns)
                assert np.array_equal(opened[columns], cells[:, rows.start : rows.stop])


def test_chips_without_any_of_the_rows_are_not_generated(host):
    with sealed(host, recording_of("kernel_rom")) as session:
        commit_all(session)
        open_rows(session, [100])
        counted = {
            chip for (chip, phase), count in session.generator.generations.items() if phase is Phase.OPENING and count
        }
        assert counted == {"pad", "rng"}


def test_rows_come_as_they_were_asked_for(host):
    rows = [50, 3, 3, 0, 63, 50]
    with sealed(host, recording_of("bitwise")) as session:
        commit_all(session)
        opened = open_rows(session, rows)
        assert opened.rows.tolist() == rows
        assert np.array_equal(opened.cells, recorded("bitwise")[:, rows])


@pytest.mark.parametrize("shards", [2, 3, 5])
def test_shards_open_a_trace_together(shards):
    trace, devices = recorded("memory_deltas"), [HostDevice() for _ in range(shards)]
    with sealed_shards(devices, recording_of("memory_deltas"), cache=Cache.FULL) as sessions:
        commitments = [commit_all(session)[0] for session in sessions]
        rows = notable_rows(sessions[-1].plans["sys"].extent)
        parts = [open_rows(session, rows, commitment=c) for session, c in zip(sessions, commitments, strict=True)]
        assert not any(part.complete for part in parts)
        assert np.array_equal(join(parts).cells, trace[:, rows])
        with pytest.raises(ShapeMismatch, match="no shard opened column"):
            join(parts[1:])
        with pytest.raises(InvariantBroken, match="INV-18: two shards opened column"):
            join([*parts, parts[0]])
        with pytest.raises(ShapeMismatch, match="not of the same rows"):
            join([parts[0], Opened(parts[0].rows + 1, parts[0].cells)])
    with pytest.raises(ShapeMismatch):
        join([])


def test_the_order_of_threads_and_the_size_of_blocks_do_not_show():
    rows = [0, 17, 51, 52, 63, 33]
    for order, block in itertools.product(range(3), (32, 100)):
        with (
            HostDevice(order=order, block=block) as device,
            sealed(device, recording_of("ace_two_circuits")) as session,
        ):
            commit_all(session)
            assert np.array_equal(open_rows(session, rows).cells, recorded("ace_two_circuits")[:, rows])


@pytest.mark.parametrize("rows", [[], [-1], [64], [0, 1000]])
def test_rows_outside_the_trace_are_refused_before_a_launch(host, rows):
    with sealed(host, recording_of("bitwise")) as session:
        commit_all(session)
        launches, live = len(host.log), host.arena.live
        with pytest.raises(ShapeMismatch, match="of a trace of 64 rows"):
            open_rows(session, rows)
        assert (len(host.log), host.arena.live, session.state) == (launches, live, State.COMMITTED)


def test_openings_come_after_the_commitment_and_before_the_release(host):
    with sealed(host, recording_of("bitwise")) as session:
        launches = len(host.log)
        with pytest.raises(WrongState):
            open_rows(session, [0])
        assert len(host.log) == launches
        commit_all(session)
        open_rows(session, [0])
        open_rows(session, [1])
    with pytest.raises((StalePlan, WrongState)):
        open_rows(session, [0])
    with HostDevice() as device, pytest.raises(WrongState, match="NEW has no plans"):
        open_rows(Session(device, session.chipset), [0])


def tampered(device: HostDevice, commitment: Commitment, chip: str, index: int) -> None:
    entry = commitment.chips[chip].rows[0]
    digests = device.download(entry.buffer)
    digests[index] ^= np.uint64(1)
    device.write(entry.buffer, digests)


@pytest.mark.parametrize(("chip", "row"), [("stk", 5), ("sys", 0), ("hsh", 9), ("mem", 34), ("rng", 60)])
def test_a_row_that_is_not_the_committed_one_is_refused(host, chip, row):
    with sealed(host, recording_of("memory_deltas"), cache=Cache.FULL) as session:
        commitment, _ = commit_all(session)
        tampered(host, commitment, chip, row - session.plans[chip].tiles[0].first_row)
        open_rows(session, [row - 1 if chip == "stk" else row + 1], commitment=commitment)
        with pytest.raises(InvariantBroken, match=f"INV-18: chip {chip}, row {row}: digest"):
            open_rows(session, [row], commitment=commitment)
        assert session.state is State.POISONED
        assert host.arena.live[Tag.SCRATCH] == 0


def test_row_digests_also_hold_for_fragments_that_are_generated_again(host):
    with sealed(host, recording_of("memory_deltas"), cache=Cache.FULL) as session:
        commitment, _ = commit_all(session)
        session.generator.free()
        open_rows(session, range(20, 40), commitment=commitment)
        tampered(host, commitment, "dec", 30)
        with pytest.raises(InvariantBroken, match="INV-18: chip dec, row 30: digest"):
            open_rows(session, [30], commitment=commitment)
        assert session.state is State.POISONED
        assert host.arena.live[Tag.TRACE] == host.arena.live[Tag.SCRATCH] == 0


class Lazy:
    """A core chip that leaves a fragment's last cell unwritten."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        return getattr(self._real, name)

    def generate_fragments(self, g, first, count, cells):
        self._real.generate_fragments(g, first, count, cells)
        array = g.device.download(cells.buffer)
        array[cells.tile.rows - 1] = UNOPENED
        g.device.write(cells.buffer, array)


def test_a_cell_that_a_fragment_leaves_unwritten_is_found(host):
    with sealed(host, recording_of("memory_deltas")) as session:
        commit_all(session)
        chipset = session.generator.chipset
        session.generator.chipset = chipset.with_chip(Lazy(chipset.chips["dec"]))
        with pytest.raises(UnwrittenCells, match="chip dec, from fragment 2"):
            open_rows(session, [15])
        assert session.state is State.POISONED
        assert host.arena.live[Tag.TRACE] == 0


def test_an_opening_takes_at_most_its_estimate_and_leaves_nothing_when_it_does_not_fit(host):
    with sealed(host, recording_of("memory_deltas"), check=False) as session:
        commit_all(session)
        rows = list(range(0, 128, 3))
        live = host.arena.live
        host.arena.reset_peaks()
        open_rows(session, rows)
        most = max(opening_bytes(session, plan, len(rows)) for plan in session.plans.values())
        assert host.arena.total_peak - host.arena.total <= most
        host.arena.budget = host.arena.total + 1000
        with pytest.raises(BudgetExceeded):
            open_rows(session, rows)
        host.arena.budget = None
        assert host.arena.live == live
