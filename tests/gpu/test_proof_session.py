"""Proofs of sealed sessions: recorded traces satisfy every consumer, and what reads is held to reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from recorded_chips import recorded
from sanitized import run_sanitized
from sealed_session import MOST_CHIPS, recording_of, sealed, sealed_shards

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER, Tile
from gpu.columns import Columns
from gpu.commit import commit_all
from gpu.comparison import Comparison, Windows
from gpu.errors import BudgetDeadlock, InvariantBroken, LaneFailed, WrongState
from gpu.header import FIELD
from gpu.host_device import HostDevice
from gpu.proof import ColumnSums, Findings, proof_estimate, prove_all, prove_chip
from gpu.session import Session
from gpu.states import Cache, Phase, State
from gpu.transitions import Transitions
from reference.definition.columns import COLUMN, COLUMN_NAMES
from reference.definition.cuts import Every
from reference.definition.field import P

pytestmark = pytest.mark.usefixtures("device")  # where no device can be built, every test is skipped with the reason


def windows_of(trace: np.ndarray) -> Windows:
    """The other engine: a recorded trace, five rows at a time."""
    return lambda: ((row, trace[:, row : row + 5]) for row in range(0, trace.shape[1], 5))


def fragments_of(session: Session) -> list[int]:
    rows: list[int] = session.resident.host.arrays["hdr"][FIELD["clk"]][:-1].tolist()
    return rows


@pytest.mark.parametrize("cache", Cache)
@pytest.mark.parametrize("name", MOST_CHIPS)
def test_recorded_programs_satisfy_every_consumer(host, name, cache):
    trace, findings, sums = recorded(name), Findings(), ColumnSums()
    with sealed(host, recording_of(name), cache=cache) as session:
        commitment, _ = commit_all(session)
        comparison = Comparison(findings, windows_of(trace), block_rows=16, fragments=fragments_of(session))
        prove_all(session, commitment, [sums, Transitions(findings), comparison])
        assert session.state is State.PROVING
    assert findings.table() == []
    assert findings.passed
    assert sum(count for (_, check), count in findings.checked.items() if check == "comparison") == trace.size
    for column, label in enumerate(COLUMN_NAMES):
        assert sum(entry.get(label, 0) for entry in sums.sums.values()) % P == sum(trace[column].tolist()) % P


@pytest.mark.parametrize(("shards", "lanes"), [(1, 3), (2, 1), (3, 8), (5, 2)])
def test_shards_and_lanes_do_not_show(shards, lanes):
    trace, findings = recorded("memory_deltas"), Findings()
    devices = [HostDevice() for _ in range(shards)]
    with sealed_shards(devices, recording_of("memory_deltas"), lanes=lanes) as sessions:
        for session in sessions:
            commitment, _ = commit_all(session)
            consumers = [
                Transitions(findings),
                Comparison(findings, windows_of(trace), fragments=fragments_of(session)),
            ]
            prove_all(session, commitment, consumers)
    assert findings.table() == []
    assert sum(count for (_, check), count in findings.checked.items() if check == "comparison") == trace.size
    assert findings.checked["mem", "memory"] == 13


def test_every_cell_that_the_other_engine_has_otherwise_is_found_in_its_shard_and_fragment():
    theirs = recorded("memory_deltas").copy()
    places = [("stack_2", 3), ("clk", 20), ("dec_h0", 37), ("chip_12", 38), ("range_m", 70), ("pad_0", 127)]
    for column, row in places:
        theirs[COLUMN[column], row] += np.uint64(1)
    findings = Findings()
    with sealed_shards([HostDevice(), HostDevice()], recording_of("memory_deltas", Every(7))) as sessions:
        for session in sessions:
            commitment, _ = commit_all(session)
            comparison = Comparison(findings, windows_of(theirs), fragments=fragments_of(session))
            prove_all(session, commitment, [comparison])
    found = [line.split("comparison: ") for line in findings.table()]
    assert [chip for chip, _ in found] == [
        "shard 0  stk  proof  ", "shard 0  sys  proof  ", "shard 1  dec  proof  ", "shard 1  mem  proof  ",
        "shard 1  pad  proof  ", "shard 1  rng  proof  ",
    ]  # fmt: skip
    differing = {detail.split(":")[0] for _, detail in found}
    assert {place.split(" (")[0] for place in differing} == {f"row {row}, {column}" for column, row in places}
    assert "row 37, dec_h0 (fragment 2, step 2, END)" in differing


def test_a_proof_needs_a_commitment_and_can_be_repeated(host):
    with sealed(host, recording_of("bitwise")) as session:
        with pytest.raises(WrongState, match="proof in a session that is ASSIGNED"):
            prove_chip(session, session.plans["sys"], None, [])
        commitment, _ = commit_all(session)
        for _ in range(2):
            prove_all(session, commitment, [Transitions(Findings())])
        counts = {chip: session.generator.generations[chip, Phase.PROOF] for chip in CHIP_ORDER}
        assert counts == dict.fromkeys(CHIP_ORDER, 2)
        with pytest.raises(WrongState, match="finished without"):
            session.finish(Phase.PROOF)


class Writer:
    """A consumer that changes one cell."""

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        return 0

    def consume(self, columns: Columns) -> None:
        if columns.chip == "stk":
            (cell,) = columns.cells
            array = columns.device.download(cell.buffer)
            array[2] ^= np.uint64(1)
            columns.device.write(cell.buffer, array)


@pytest.mark.parametrize("cache", Cache)
def test_a_consumer_that_writes_is_caught(host, cache):
    with sealed(host, recording_of("bitwise"), cache=cache) as session:
        commitment, _ = commit_all(session)
        with pytest.raises(InvariantBroken, match="INV-06: chip stk: columns after Writer have digest"):
            prove_all(session, commitment, [Writer()])
        assert session.state is State.POISONED


def test_columns_that_are_not_the_committed_ones_are_not_proved(host):
    with sealed(host, recording_of("bitwise")) as session:
        commitment, _ = commit_all(session)
        digest = commitment.chips["dec"].digest
        host.write(digest, np.array([1, 2], np.uint64))
        sums = ColumnSums()
        with pytest.raises(InvariantBroken, match="INV-06: chip dec: regenerated columns have digest"):
            prove_all(session, commitment, [sums])
        assert "dec" not in sums.sums


class Keeper(Writer):
    """A consumer that keeps what it was lent."""

    def __init__(self) -> None:
        self.kept: list[Columns] = []

    def consume(self, columns: Columns) -> None:
        assert columns.cells is not None
        self.kept.append(columns)


def test_columns_that_are_kept_are_of_no_use(host):
    keeper = Keeper()
    with sealed(host, recording_of("bitwise")) as session:
        commitment, _ = commit_all(session)
        prove_all(session, commitment, [keeper])
        assert len(keeper.kept) == 10
        for columns in keeper.kept:
            with pytest.raises(WrongState, match="were dropped with the task"):
                _ = columns.cells


class Failing(Writer):
    """A consumer that fails while it holds memory of its own."""

    def scratch_bytes(self, tiles: Sequence[Tile]) -> int:
        return 800

    def consume(self, columns: Columns) -> None:
        buffer = columns.device.empty(Tag.SCRATCH, "own", 100, "u8")
        try:
            if columns.chip == "hsh":
                raise ArithmeticError("cannot read this")
        finally:
            buffer.free()


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_consumer_that_fails_leaves_nothing_behind(host, lanes):
    with sealed(host, recording_of("bitwise"), lanes=lanes) as session:
        commitment, _ = commit_all(session)
        live = host.arena.live
        with pytest.raises(LaneFailed, match=r"task hsh: ArithmeticError: cannot read this"):
            prove_all(session, commitment, [Failing()])
        assert host.arena.live == live
        assert host.arena.booked == 0
        assert session.state is State.POISONED


@pytest.mark.parametrize("cache", Cache)
def test_consumers_fit_into_the_estimate_of_their_task_and_not_into_a_byte_less(cache):
    trace = recorded("memory_deltas")
    for missing in (0, 1):
        with HostDevice() as device, sealed(device, recording_of("memory_deltas"), cache=cache) as session:
            commitment, _ = commit_all(session)
            consumers = [ColumnSums(), Transitions(Findings()), Comparison(Findings(), windows_of(trace))]
            most = max(proof_estimate(session, plan, consumers) for plan in session.plans.values())
            device.arena.budget = device.arena.total + most - missing
            if missing:
                with pytest.raises(BudgetDeadlock):
                    prove_all(session, commitment, consumers)
            else:
                prove_all(session, commitment, consumers)
                assert device.arena.booked == 0
            device.arena.budget = None


SANITIZED = """
from sanitized import run_sanitized
from sealed_session import recording_of, sealed
from recorded_chips import recorded
from gpu.columns import Columns
from gpu.commit import commit_all
from gpu.comparison import Comparison
from gpu.host_device import HostDevice
from gpu.opening import open_rows
from gpu.proof import ColumnSums, Findings, prove_all
from gpu.states import Cache
from gpu.transitions import Transitions
for order in range(3):
    with HostDevice(sanitize=True, order=order, block=100) as device:
        for name in ("memory_deltas", "ace_two_circuits"):
            trace, findings = recorded(name), Findings()
            with sealed(device, recording_of(name), cache=Cache.FULL) as session:
                commitment, _ = commit_all(session, blowup=2)
                comparison = Comparison(findings, lambda: [(0, trace)], block_rows=9)
                prove_all(session, commitment, [ColumnSums(), Transitions(findings), comparison])
                opened = open_rows(session, range(trace.shape[1]), commitment=commitment)
            assert findings.passed and (opened.cells == trace).all()
print("clean")
"""


def test_kernels_stay_inside_their_buffers():
    """A process with the address sanitizer: commitment with a tree, every consumer, openings, in three thread orders."""
    finished = run_sanitized(SANITIZED)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert finished.stdout.strip() == "clean"
