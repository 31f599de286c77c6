"""States of a session: every step in its place works, every step out of place is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from walked_cases import recording_of

from gpu.arena import Tag
from gpu.chips import CHIP_ORDER
from gpu.chipset import standard
from gpu.commit import commit_all
from gpu.errors import BudgetDeadlock, BudgetExceeded, GpuError, LeakDetected, StalePlan, WrongState
from gpu.host_device import HostDevice
from gpu.layout import extents
from gpu.opening import open_rows
from gpu.plans import Plan
from gpu.proof import prove_all
from gpu.raw import pack
from gpu.runs import whole_section
from gpu.session import Session
from gpu.sides import Sides
from gpu.states import Cache, Phase, State
from gpu.survey import kernel_rows
from gpu.tables import ProgramTables

pytestmark = pytest.mark.usefixtures("device")

NAME = "op_u32and_700370"


def tables() -> ProgramTables:
    return ProgramTables.of(recording_of(NAME).lowered)


def upload(session: Session) -> None:
    session.upload(pack(recording_of(NAME), tables()), tables())


def count(session: Session) -> None:
    session.count()


def seal(session: Session) -> None:
    session.count_memory(whole_section())
    sides = session.take_sides()
    session.seal(*layout(session, sides))


def layout(session: Session, sides: Sides) -> tuple[Any, Sides]:
    rows, kernel = session.range_rows(), kernel_rows(len(sides.kernel_calls), sides)
    (extent,) = extents([session.shard_counts], kernel_rows=kernel, range_rows=rows)
    return extent, sides


def commit(session: Session) -> None:
    commit_all(session)


def prove(session: Session) -> None:
    for plan in session.plans.values():
        with session.regenerate(plan, Phase.PROOF):
            pass
    session.finish(Phase.PROOF)


def open_(session: Session) -> None:
    open_rows(session, [0, 1])


def release(session: Session) -> None:
    session.release()


def poison(session: Session) -> None:
    """An error that leaves doubt, in any state that holds something."""
    with pytest.raises(ZeroDivisionError), session._guard("test"):
        raise ZeroDivisionError


LIFE: tuple[tuple[Callable[[Session], None], State], ...] = (
    (upload, State.UPLOADED),
    (count, State.COUNTED),
    (seal, State.ASSIGNED),
    (commit, State.COMMITTED),
    (prove, State.PROVING),
    (open_, State.OPENED),
)
STATES = (State.NEW, *(state for _, state in LIFE), State.POISONED, State.RELEASED)
ALLOWED: dict[Callable[[Session], None], set[State]] = {
    upload: {State.NEW},
    count: {State.UPLOADED},
    seal: {State.COUNTED},
    commit: {State.ASSIGNED},
    prove: {State.COMMITTED, State.PROVING},
    open_: {State.COMMITTED, State.PROVING, State.OPENED},
}


def session_in(host: HostDevice, state: State, **options: Any) -> Session:
    session = Session(host, standard(), **options)
    if state is State.POISONED:
        upload(session)
        poison(session)
    elif state is State.RELEASED:
        upload(session)
        session.release()
    else:
        for step, reached in LIFE:
            if session.state is not state:
                step(session)
                assert session.state is reached
    assert session.state is state
    return session


@pytest.mark.parametrize("cache", Cache)
def test_a_whole_life(host, cache):
    with session_in(host, State.OPENED, cache=cache) as session:
        pass
    assert session.state is State.RELEASED


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("step", list(ALLOWED), ids=lambda step: step.__name__)
def test_steps_in_every_state(host, state, step):
    with session_in(host, state) as session:
        live = dict(host.arena.live)
        if state in ALLOWED[step]:
            step(session)
        else:
            with pytest.raises((WrongState, StalePlan)):
                step(session)
            assert session.state is state
            assert dict(host.arena.live) == live


@pytest.mark.parametrize("state", STATES, ids=str)
def test_release_is_possible_from_every_state_and_twice(host, state):
    session = session_in(host, state)
    session.release()
    session.release()
    assert session.state is State.RELEASED
    assert host.arena.total == 0


@pytest.mark.parametrize("phase", [Phase.COMMIT, Phase.PROOF, Phase.OPENING])
def test_a_phase_is_not_finished_without_its_chips(host, phase):
    before = {Phase.COMMIT: State.ASSIGNED, Phase.PROOF: State.COMMITTED, Phase.OPENING: State.COMMITTED}
    with session_in(host, before[phase]) as session:
        if phase is Phase.OPENING:
            session.finish(phase)  # an opening may concern no chip of a shard
            return
        *most, last = session.plans.values()
        for plan in most:
            with session.regenerate(plan, phase):
                pass
        with pytest.raises(WrongState, match=f"without {last.chip}"):
            session.finish(phase)
        assert session.state is before[phase]
        with session.regenerate(last, phase):
            pass
        session.finish(phase)


def test_rounds_repeat_in_one_direction(host):
    with session_in(host, State.COMMITTED) as session:
        prove(session)
        prove(session)
        open_(session)
        open_(session)
        with pytest.raises(WrongState):
            prove(session)


def test_side_effects_are_taken_once_and_before_sealing(host):
    with session_in(host, State.COUNTED) as session:
        session.count_memory(whole_section())
        with pytest.raises(WrongState, match="counted already"):
            session.count_memory(whole_section())
        extent, sides = layout(session, session.resident.read_sides())
        with pytest.raises(WrongState, match="taken before"):
            session.seal(extent, sides)
        taken = session.take_sides()
        with pytest.raises(WrongState, match="taken already"):
            session.take_sides()
        session.seal(extent, taken)


def test_a_device_holds_one_session_at_a_time(host):
    first, second = session_in(host, State.UPLOADED), Session(host, standard())
    with pytest.raises(WrongState, match="release it first"):
        upload(second)
    assert second.state is State.NEW
    with HostDevice() as other, session_in(other, State.UPLOADED):
        pass
    first.release()
    upload(second)
    second.release()


def test_a_session_that_never_uploaded_holds_nothing(host):
    session = Session(host, standard())
    with pytest.raises(WrongState, match="holds nothing"):
        _ = session.resident
    session.release()
    assert session.state is State.RELEASED


def test_a_released_session_is_not_used_again(host):
    session = session_in(host, State.ASSIGNED)
    plan = session.plans["sys"]
    session.release()
    launches = len(host.log)
    with pytest.raises(StalePlan, match="no session"), session.regenerate(plan, Phase.COMMIT):
        pass
    with pytest.raises(WrongState):
        upload(session)
    assert len(host.log) == launches


# ---- ids and plans --------------------------------------------------------------------------------------------------


def test_the_epoch_grows_with_every_upload_and_release(host):
    epochs = []
    for _ in range(3):
        session = session_in(host, State.UPLOADED)
        assert session.id is not None
        epochs.append(session.id.epoch)
        session.release()
    assert epochs[1] >= epochs[0] + 2
    assert epochs[2] >= epochs[1] + 2


def test_a_session_of_equal_content_refuses_the_plans_of_another(host):
    first = session_in(host, State.ASSIGNED)
    old = dict(first.plans)
    first.release()
    with session_in(host, State.ASSIGNED) as second:
        assert second.plans["sys"].session.fingerprint == old["sys"].session.fingerprint
        launches, events, live = len(host.log), len(host.events), host.arena.total
        for plan in old.values():
            with pytest.raises(StalePlan, match="epoch"), second.regenerate(plan, Phase.COMMIT):
                pass
        assert (len(host.log), len(host.events), host.arena.total) == (launches, events, live)
        assert second.state is State.ASSIGNED
        commit(second)


@pytest.mark.parametrize(
    ("part", "value"),
    [("uuid", "0" * 32), ("epoch", 0), ("fingerprint", (1, 2)), ("layout_version", 99)],
)
def test_every_part_of_the_id_is_compared(host, part, value):
    with session_in(host, State.ASSIGNED) as session:
        plan = session.plans["mem"]
        altered = replace(plan, session=replace(plan.session, **{part: value}))
        launches = len(host.log)
        with pytest.raises(StalePlan, match=part), session.regenerate(altered, Phase.COMMIT):
            pass
        assert len(host.log) == launches


def test_plans_are_data(host):
    with session_in(host, State.ASSIGNED) as session:
        plan: Plan = session.plans["hsh"]
        with pytest.raises(AttributeError):
            plan.chip = "bit"  # type: ignore[misc]
        assert plan == replace(plan)
        assert {array.name for array in plan.arrays} == {"psrc", "pinfo", "pidx"}
        assert hash(plan) == hash(replace(plan))
        assert plan.estimate == plan.trace_bytes + max(plan.verify_bytes, sum(nbytes for _, nbytes in plan.extra))
        assert tuple(session.plans) == CHIP_ORDER


@pytest.mark.parametrize("order", [CHIP_ORDER[1:], (*CHIP_ORDER, "sys"), (*CHIP_ORDER[:-1], "sys")])
def test_an_order_names_every_chip_once(host, order):
    with pytest.raises(ValueError, match="each of"):
        Session(host, standard(), order=order)


# ---- poison ---------------------------------------------------------------------------------------------------------


def test_an_error_of_whoever_reads_columns_poisons_the_session(host):
    with session_in(host, State.ASSIGNED) as session:
        with pytest.raises(KeyError), session.regenerate(session.plans["dec"], Phase.COMMIT):
            raise KeyError("consumer")
        assert session.state is State.POISONED
        assert host.arena.live[Tag.TRACE] == 0


@pytest.mark.parametrize("kind", [WrongState, StalePlan, BudgetExceeded])
def test_errors_that_leave_no_doubt_do_not_poison(host, kind: type[GpuError]):
    with session_in(host, State.ASSIGNED) as session:
        with pytest.raises(kind), session.regenerate(session.plans["dec"], Phase.COMMIT):
            raise kind("nothing was changed")
        assert session.state is State.ASSIGNED
        commit(session)


def test_an_upload_that_does_not_fit_leaves_nothing():
    with HostDevice(budget=10_000) as small:
        with Session(small, standard()) as session, pytest.raises(BudgetExceeded):
            upload(session)
        assert small.arena.total == 0
        with Session(small, standard()) as session:  # the device is free for another session
            assert session.state is State.NEW


def test_two_uses_of_one_chip_at_once_are_refused(host):
    with session_in(host, State.ASSIGNED, lanes=2) as session:
        plan = session.plans["stk"]
        with (
            session.regenerate(plan, Phase.COMMIT, host.lane(0)),
            pytest.raises(WrongState, match="two lanes"),
            session.regenerate(plan, Phase.COMMIT, host.lane(1)),
        ):
            pass


@pytest.mark.parametrize(("step", "state"), [(upload, State.NEW), (count, State.UPLOADED), (seal, State.COUNTED)])
def test_a_budget_that_ends_an_assignment_poisons(host, step, state):
    """Part of it was uploaded or counted; nothing is left after the release."""
    with session_in(host, state) as session:
        host.arena.budget = host.arena.total + 100
        with pytest.raises((BudgetExceeded, BudgetDeadlock)):
            step(session)
        assert session.state is State.POISONED
    host.arena.budget = None
    assert host.arena.total == 0


def test_a_budget_that_ends_a_commitment_does_not(host):
    with session_in(host, State.ASSIGNED) as session:
        host.arena.budget = host.arena.total + 100
        with pytest.raises(BudgetDeadlock):
            commit(session)
        assert session.state is State.ASSIGNED
        host.arena.budget = None
        commit(session)


# ---- leaks ----------------------------------------------------------------------------------------------------------


def test_bytes_that_were_live_before_stay_and_are_no_leak(host):
    theirs = host.upload(Tag.SCRATCH, "of someone else", np.zeros(7, np.uint64))
    session = session_in(host, State.OPENED)
    session.release()
    assert host.arena.total == 56
    theirs.free()


def test_what_is_left_at_the_release_is_named(host):
    session = session_in(host, State.ASSIGNED)
    left = host.upload(Tag.TRACE, "forgotten", np.zeros(3, np.uint64))
    with pytest.raises(LeakDetected, match="forgotten 24"):
        session.release()
    left.free()
    assert session.state is State.RELEASED


def test_prove_all_is_a_round(host):
    with session_in(host, State.ASSIGNED) as session:
        commitment, _ = commit_all(session)
        prove_all(session, commitment, [])
        assert session.rounds == {Phase.COMMIT: 1, Phase.PROOF: 1}
        assert session.uses == 2 * len(CHIP_ORDER)
