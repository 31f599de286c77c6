"""Commitments of sealed sessions: digests of recorded traces, row digests, the reference prover's roots, bytes and refusals."""

from __future__ import annotations

import itertools

import pytest
from commitment_data import RPO, trace_of
from recorded_chips import recorded
from sealed_session import MOST_CHIPS, noop_recording, recording_of, sealed, sealed_shards

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER
from gpu.columns import tile_rows
from gpu.commit import Commitment, commit_all, commit_bytes, commit_estimate
from gpu.digest import POISON, RHOS, host_digest
from gpu.errors import (
    BudgetDeadlock,
    CapacityExceeded,
    InvariantBroken,
    LeakDetected,
    StalePlan,
    UnwrittenCells,
    WrongState,
)
from gpu.host_device import HostDevice
from gpu.states import Cache, Phase, State
from reference.definition.cuts import Every
from reference.definition.field import P

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason


@pytest.mark.parametrize("cache", Cache)
@pytest.mark.parametrize("name", MOST_CHIPS)
def test_chips_add_up_to_the_digest_of_the_recorded_trace(host, name, cache):
    with sealed(host, recording_of(name), cache=cache) as session:
        commitment, _ = commit_all(session)
        assert session.state is State.COMMITTED
        assert set(commitment.chips) == set(CHIP_ORDER)
        assert commitment.digest == host_digest(recorded(name))
        for chip in commitment.chips.values():
            assert tuple(host.download(chip.digest).tolist()) == chip.columns.total


def test_lanes_orders_cuts_and_shards_do_not_show_in_the_digests(host):
    expected = host_digest(recorded("memory_deltas"))
    reverse = tuple(reversed(CHIP_ORDER))
    for cut, lanes, order in ((Every(1), 3, CHIP_ORDER), (Every(64), 1, reverse), (Every(5), 8, reverse)):
        with sealed(host, recording_of("memory_deltas", cut), lanes=lanes, order=order) as session:
            assert commit_all(session)[0].digest == expected
    for shards in (2, 5):
        devices = [HostDevice() for _ in range(shards)]
        with sealed_shards(devices, recording_of("memory_deltas", Every(4))) as sessions:
            digests = [commit_all(session)[0].digest for session in sessions]
        total = digests[0]
        for digest in digests[1:]:
            total = total + digest
        assert total == expected


def test_the_order_of_threads_and_the_size_of_blocks_do_not_show():
    for order, block in itertools.product(range(3), (32, 100)):
        recording = recording_of("ace_two_circuits")
        with HostDevice(order=order, block=block) as device, sealed(device, recording, cache=Cache.FULL) as session:
            assert commit_all(session)[0].digest == host_digest(recorded("ace_two_circuits"))


@pytest.mark.parametrize("cache", Cache)
def test_what_stays_are_the_bytes_of_the_formula(host, cache):
    with sealed(host, recording_of("kernel_rom"), cache=cache) as session:
        kept = 0
        commitment = Commitment(session)
        for plan in session.plans.values():
            before = host.arena.total - kept
            commitment.commit(plan)
            kept += commit_bytes(plan, cache)
            assert host.arena.live[Tag.COMMIT] == kept
            assert host.arena.total == before + kept
        rows = sum(tile.rows for plan in session.plans.values() for tile in plan.tiles)
        assert kept == 16 * 10 + (8 * rows if cache is Cache.FULL else 0)


@pytest.mark.parametrize("cache", [Cache.NONE, Cache.FULL])
def test_a_commitment_takes_at_most_its_estimate(host, cache):
    with sealed(host, recording_of("memory_deltas"), cache=cache) as session:
        commitment = Commitment(session)
        for plan in session.plans.values():
            before = host.arena.total
            host.arena.reset_peaks()
            commitment.commit(plan)
            assert host.arena.total_peak - before <= commit_estimate(session, plan)


@pytest.mark.parametrize("name", MOST_CHIPS)
def test_row_digests_are_those_of_the_recorded_rows(host, name):
    trace = recorded(name)
    weight = pow(RHOS[0], trace.shape[1], P)
    with sealed(host, recording_of(name), cache=Cache.FULL) as session:
        commitment, _ = commit_all(session)
        for chip in commitment.chips.values():
            for entry in chip.rows:
                tile, found = entry.tile, host.download(entry.buffer).tolist()
                where = tile_rows(host, tile, session.resident.plan)
                columns = range(tile.first_column, tile.first_column + tile.columns)
                assert len(found) == tile.rows
                for index in range(tile.rows):
                    row = trace[:, where.row(index)].tolist()
                    assert found[index] == sum(row[c] * pow(weight, c, P) for c in columns) % P


def test_rows_in_runs_have_their_digests_too():
    with sealed_shards(
        [HostDevice(), HostDevice(), HostDevice()], recording_of("memory_deltas"), cache=Cache.FULL
    ) as all_:
        assert max(session.resident.plan["run_start"].size for session in all_) > 1
        for session in all_:
            commit_all(session)


@pytest.mark.parametrize("vector", RPO, ids=lambda vector: vector["file"])
def test_the_root_is_that_of_the_reference_proof(host, vector):
    with sealed(host, recording_of(f"case_{vector['golden_case']:02d}"), lanes=3) as session:
        commitment, _ = commit_all(session, blowup=vector["lde_length"] // 64)
        assert commitment.tree is not None
        assert commitment.tree.root == tuple(vector["main_trace_root"])
        rows = vector["lde_length"]
        assert host.arena.live[Tag.COMMIT] == 16 * 10 + 64 * rows
        assert commitment.digest == host_digest(trace_of(vector["golden_case"]))


def test_a_tree_needs_the_whole_trace_in_one_shard():
    with sealed_shards([HostDevice(), HostDevice()], recording_of("kernel_rom")) as sessions:
        for session in sessions:
            with pytest.raises(WrongState, match="one shard"):
                commit_all(session, blowup=8)
            assert session.device.arena.live[Tag.COMMIT] == 0


def test_a_trace_that_is_too_large_for_a_tree_is_refused_before_anything_is_committed(host):
    recording, _ = noop_recording(60, Every(16))
    with sealed(host, recording) as session:
        launches = len(host.log)
        with pytest.raises(CapacityExceeded, match="extends to 75497472 cells"):
            commit_all(session, blowup=1 << 14)
        assert len(host.log) == launches
        assert host.arena.live[Tag.COMMIT] == 0
        assert session.state is State.ASSIGNED


def test_a_chip_is_committed_to_once_and_in_its_phase(host):
    with sealed(host, recording_of("bitwise")) as session:
        commitment = Commitment(session)
        commitment.commit(session.plans["sys"])
        launches = len(host.log)
        with pytest.raises(WrongState, match="sys is committed to already"):
            commitment.commit(session.plans["sys"])
        with pytest.raises(WrongState, match="finished without dec, stk"):
            session.finish(Phase.COMMIT)
        assert len(host.log) == launches
        for chip in CHIP_ORDER[1:]:
            commitment.commit(session.plans[chip])
        session.finish(Phase.COMMIT)
        with pytest.raises(WrongState):
            commit_all(session)


def test_a_plan_of_another_session_is_refused_without_a_launch_or_a_byte(host):
    with sealed(host, recording_of("bitwise")) as session:
        stale = dict(session.plans)
    with sealed(host, recording_of("bitwise")) as session:
        commitment, launches, live = Commitment(session), len(host.log), host.arena.live
        for plan in stale.values():
            with pytest.raises(StalePlan):
                commitment.commit(plan)
        assert (len(host.log), host.arena.live) == (launches, live)
        assert session.state is State.ASSIGNED


@pytest.mark.parametrize(("value", "error"), [(5, InvariantBroken), (POISON, UnwrittenCells)])
def test_kept_columns_that_changed_are_not_committed_to(host, value, error):
    with sealed(host, recording_of("bitwise"), cache=Cache.TRACE) as session:
        (cell,) = session.generator.kept["sys"]
        array = host.download(cell.buffer)
        array[3] = value
        host.write(cell.buffer, array)
        with pytest.raises(error):
            Commitment(session).commit(session.plans["sys"])
        assert session.state is State.POISONED
        assert host.arena.live[Tag.COMMIT] == 0


def test_row_digests_that_do_not_add_up_are_an_error(host, monkeypatch):
    with sealed(host, recording_of("bitwise"), cache=Cache.FULL) as session:
        monkeypatch.setattr("gpu.commit.row_weight", lambda length: pow(RHOS[1], length, P))
        with pytest.raises(InvariantBroken, match=r"INV-17: chip dec: its row digests add up to"):
            Commitment(session).commit(session.plans["dec"])
        assert host.arena.live[Tag.COMMIT] == 0
        assert session.state is State.POISONED


@pytest.mark.parametrize("cache", Cache)
def test_the_smallest_budget_passes_and_a_byte_less_does_not(cache):
    for missing in (0, 1):
        with HostDevice() as device, sealed(device, recording_of("kernel_rom"), cache=cache) as session:
            resident, kept, most = device.arena.total, 0, 0
            for plan in session.plans.values():
                most = max(most, resident + kept + commit_estimate(session, plan))
                kept += commit_bytes(plan, cache)
            device.arena.budget = most - missing
            if missing:
                with pytest.raises(BudgetDeadlock):
                    commit_all(session)
            else:
                commit_all(session)
                assert device.arena.total_peak <= most
            device.arena.budget = None
        assert device.arena.total == device.arena.booked == 0


def test_an_error_on_a_lane_leaves_no_matrix_and_no_booking(host):
    class Broken:
        name = "krm"

        def __init__(self, real):
            self._real = real

        def __getattr__(self, name):
            return getattr(self._real, name)

        def generate(self, g, cells):
            self._real.generate(g, cells)
            if g.device.phase.endswith("commit"):
                raise RuntimeError("no row today")

    with sealed(host, recording_of("kernel_rom"), lanes=2) as session:
        session.generator.chipset = session.generator.chipset.with_chip(Broken(session.generator.chipset.chips["krm"]))
        with pytest.raises(Exception, match="krm"):
            commit_all(session, blowup=2)
        assert session.state is State.POISONED
        assert host.arena.booked == 0
        assert host.arena.live[Tag.TRACE] == host.arena.live[Tag.SCRATCH] == 0
        assert host.arena.live[Tag.COMMIT] <= 16 * 9


def test_a_commitment_that_is_not_released_is_a_leak():
    with HostDevice() as device:
        with sealed(device, recording_of("bitwise")) as session:
            extra = Commitment(session, blowup=1)
            with pytest.raises(LeakDetected, match="trace matrix"):
                session.release()
            extra.free_matrix()
        assert device.arena.total == 0
