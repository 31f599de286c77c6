"""A CUDA device in trouble, as far as a CuPy that is no CuPy can make it: full, lost, refused, shared, of the wrong driver.

Whatever happens, the error has a name and says the driver's words, the accounts are empty afterwards, and the harness goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from core_run import recording_of, vm_cases
from fake_cupy import CUDADriverError, CUDARuntimeError, FakeCupy

from gpu.chipset import standard
from gpu.cuda_device import CudaDevice
from gpu.device import Tag
from gpu.errors import BudgetExceeded, DeviceError, DeviceUnavailable, KernelBuildError, WrongState
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.raw import pack
from gpu.session import Session
from gpu.shim import cache_directory
from gpu.source import load
from gpu.states import State
from gpu.tables import ProgramTables
from gpu.walk import Options
from harness.backend import EngineFailure, NotComparable
from harness.backends.gpu import CudaEngine
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.verdict import Kind, Verdict
from reference.definition.cuts import Every

pytestmark = pytest.mark.usefixtures("device")  # where no kernel can be built, every test is skipped with the reason

CASE = replace(vm_cases()["event_merkle_node_merge_702000"], cuts=(Every(7),))
RECORDING = recording_of(CASE, Every(7))
KINDS_OF_WALK = (Options(), Options(cache="full", shards=2), Options(merkle=2))
ILLEGAL = "cudaErrorIllegalAddress: an illegal memory access"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> Iterator[FakeCupy]:
    module = FakeCupy(load(), cache_directory())
    monkeypatch.setitem(sys.modules, "cupy", module)  # type: ignore[arg-type] - the fake is an object, not a module
    yield module
    assert module.late == []


def demand_nothing_left(cuda: CudaDevice) -> None:
    assert (cuda.arena.total, cuda.arena.booked, cuda.pool_bytes()) == (0, 0, 0)


# ---- full -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [Options(), Options(lanes=3, cache="full"), Options(shards=2)], ids=["plain", "lanes", "shards"]
)
def test_a_device_that_fills_up_anywhere_is_told_and_serves_the_next_walk(fake: FakeCupy, options: Options) -> None:
    """Every amount of memory between none and enough, in steps that meet each phase of a walk."""
    with CudaDevice() as cuda:
        expected = walk(RECORDING, cuda, options)
        fake.room, refused, step = 0, 0, 16_384
        while True:
            try:
                found = walk(RECORDING, cuda, options)
                break
            except BudgetExceeded as error:
                assert "the device has no room: Out of memory allocating" in str(error)
                demand_nothing_left(cuda)
                refused += 1
                fake.room += step
        assert refused > 8
        assert found.manifest == expected.manifest
        demand_nothing_left(cuda)


def test_an_allocation_refused_at_any_place_leaves_nothing_in_the_accounts(fake: FakeCupy) -> None:
    """Once for every place of the engine that allocates; the next walk is served."""
    tried: set[tuple[str, ...]] = set()
    with CudaDevice() as cuda:
        for options in KINDS_OF_WALK:
            fake.allocations, fake.allocated_from = 0, {}
            expected = walk(RECORDING, cuda, options)
            places, fake.allocated_from = fake.allocated_from, None
            for number in (places[place] for place in places.keys() - tried):
                fake.allocations, fake.refused_allocation = 0, number
                with pytest.raises(BudgetExceeded, match="the one that was refused"):
                    walk(RECORDING, cuda, options)
                demand_nothing_left(cuda)
            fake.refused_allocation = None
            assert walk(RECORDING, cuda, options).manifest == expected.manifest
            tried.update(places)
    assert len(tried) > 40


def test_more_than_there_is_in_a_comparison_is_not_comparable(fake: FakeCupy) -> None:
    engine = CudaEngine()
    fake.room = 100_000
    comparison = compare(CASE, [ReferenceEngine(), engine], known=())
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert any("the device has not enough memory" in said for said in comparison.counts.not_comparable)
    fake.room = None
    assert compare(CASE, [ReferenceEngine(), engine], known=()).verdict is Verdict.AGREE
    engine.close()


# ---- lost -----------------------------------------------------------------------------------------------------------


def loss_after(fake: FakeCupy, options: Options, k: int) -> DeviceError | None:
    """What a walk says when the driver fails after k calls and ever after; None when it needs no more than k."""
    cuda = CudaDevice()
    fake.driver_calls, fake.breaks_after = 0, k
    said = None
    try:
        walk(RECORDING, cuda, options)
        assert fake.driver_calls <= k
    except DeviceError as error:
        said = error
        assert ILLEGAL in str(error)
        assert cuda.lost
    demand_nothing_left(cuda)
    cuda.synchronise()
    cuda.close()
    fake.breaks_after = fake.broken = None
    return said


def test_a_device_that_is_lost_at_any_place_leaves_nothing_in_the_accounts(fake: FakeCupy) -> None:
    """Once for every place of the engine from which a walk calls the driver: launches, waits, frees."""
    tried: set[tuple[str, ...]] = set()
    for options in KINDS_OF_WALK:
        with CudaDevice() as cuda:
            fake.driver_calls, fake.called_from = 0, {}
            walk(RECORDING, cuda, options)
            places, fake.called_from = fake.called_from, None
        for place in places.keys() - tried:
            assert loss_after(fake, options, places[place]), place
        tried.update(places)
    assert len(tried) > 150


def test_a_device_that_is_lost_under_several_lanes_leaves_nothing_in_the_accounts(fake: FakeCupy) -> None:
    """Who meets the loss first, and where, differs from walk to walk; so does the number of calls."""
    options = Options(lanes=3)
    with CudaDevice() as cuda:
        fake.driver_calls = 0
        walk(RECORDING, cuda, options)
        needed = fake.driver_calls
    losses = [loss_after(fake, options, k) for k in (0, 1, 2, 3, 5, 8, *range(12, needed, needed // 50))]
    assert all(losses[:30])


def test_a_loss_that_shows_only_while_memory_is_given_back_is_told_by_the_release(fake: FakeCupy) -> None:
    cuda = CudaDevice()
    tables = ProgramTables.of(RECORDING.lowered)
    session = Session(cuda, standard())
    session.upload(pack(RECORDING, tables), tables)
    # Work that nobody waits for before the bytes go back.
    session.adopt(cuda.full(Tag.SCRATCH, "late", 8, "u8", 0))
    fake.broken = CUDARuntimeError(ILLEGAL)
    with pytest.raises(DeviceError, match=f"was lost before the session ended: the device failed: {ILLEGAL}"):
        session.release()
    assert session.state is State.RELEASED
    demand_nothing_left(cuda)
    session.release()


def test_a_session_on_a_lost_device_is_poisoned_and_can_be_released(fake: FakeCupy) -> None:
    cuda = CudaDevice()
    tables = ProgramTables.of(RECORDING.lowered)
    session = Session(cuda, standard())
    session.upload(pack(RECORDING, tables), tables)
    held = cuda.arena.live[Tag.RAW]
    fake.broken = CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure")
    with pytest.raises(DeviceError, match="unspecified launch failure"):
        session.count()
    assert session.state is State.POISONED
    assert cuda.arena.live[Tag.RAW] == held > 0
    with pytest.raises(WrongState, match="POISONED"):
        session.count()
    with pytest.raises(DeviceError, match=r"was lost before: the device failed: .*unspecified launch failure"):
        cuda.empty(Tag.SCRATCH, "more", 1, "u8")
    session.release()
    assert session.state is State.RELEASED
    demand_nothing_left(cuda)


def test_the_harness_names_the_case_that_lost_the_device_and_goes_on_without_it(fake: FakeCupy) -> None:
    engine = CudaEngine()
    good = engine.run(CASE).column_digests()
    assert good == ReferenceEngine().run(CASE).column_digests()
    fake.driver_calls, fake.breaks_after = 0, 500
    with pytest.raises(EngineFailure, match=f"DeviceError: the device failed: {ILLEGAL}"):
        engine.run(CASE)
    # CUDA does not forgive a process: a new device is refused for the same reason.
    for _ in range(2):
        comparison = compare(CASE, [ReferenceEngine(), engine], known=())
        assert comparison.verdict is Verdict.NOT_COMPARABLE
        (said,) = comparison.counts.not_comparable
        assert "cannot be used" in said
        assert ILLEGAL in said
    engine.close()


def test_the_case_that_loses_the_device_is_a_failure_of_the_engine(fake: FakeCupy) -> None:
    engine = CudaEngine()
    fake.breaks_after = 500
    comparison = compare(CASE, [ReferenceEngine(), engine], known=())
    assert [divergence.kind for divergence in comparison.divergences] == [Kind.ENGINE_FAILURE]
    engine.close()


def test_a_device_that_is_lost_behind_another_error_is_not_the_next_case_s_fault(
    fake: FakeCupy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room, and the device is lost before that is told: the first error stays the one that is told."""
    engine = CudaEngine()
    assert engine.run(CASE).column_digests()
    first = engine._device(CASE.gpu.threads)

    def full(*arguments: object) -> object:
        fake.broken = CUDARuntimeError(ILLEGAL)
        with pytest.raises(DeviceError):
            first.mark()
        raise BudgetExceeded("the device has no room: made for the test")

    monkeypatch.setattr(first, "_allocate", full)
    with pytest.raises(NotComparable, match="not enough memory"):
        engine.run(CASE)
    assert first.lost
    fake.broken = None
    # A driver that forgives, unlike CUDA's, shows whether the lost device is asked again.
    assert engine.run(CASE).column_digests() == ReferenceEngine().run(CASE).column_digests()
    engine.close()


# ---- refused --------------------------------------------------------------------------------------------------------


def test_a_device_that_belongs_to_another_process_is_unavailable(fake: FakeCupy) -> None:
    fake.broken = CUDARuntimeError("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable")
    with pytest.raises(DeviceUnavailable, match=r"Fake, .*, cannot be used: .*busy or unavailable"):
        CudaDevice()
    with pytest.raises(NotComparable, match="busy or unavailable"):
        CudaEngine().run(CASE)


def test_two_devices_of_one_process_do_not_disturb_one_another(fake: FakeCupy) -> None:
    with CudaDevice() as one, CudaDevice() as other:
        assert walk(RECORDING, one).manifest == walk(RECORDING, other).manifest
        demand_nothing_left(one)
        demand_nothing_left(other)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            CUDADriverError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain."),
            "the driver does not load the kernels: CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
        ),
        (RuntimeError("CuPy failed to load libnvrtc.so.13: OSError"), "cannot be compiled here: CuPy failed to load libnvrtc"),
        (ImportError("libnvrtc-builtins.so.13.0"), "cannot be compiled here: libnvrtc-builtins"),
    ],
)  # fmt: skip
def test_a_driver_that_does_not_fit_is_told_at_the_first_kernel(fake: FakeCupy, error: Exception, says: str) -> None:
    def refuse(name: str) -> None:
        raise error

    cuda = CudaDevice()
    cuda._module.get_function = refuse
    with pytest.raises(KernelBuildError, match=says):
        walk(RECORDING, cuda)
    assert not cuda.lost
    demand_nothing_left(cuda)


def test_an_error_of_the_driver_at_a_later_kernel_is_a_lost_device(fake: FakeCupy) -> None:
    cuda = CudaDevice()
    real = cuda._module.get_function

    def refuse_later(name: str) -> object:
        if name == "replay_sides":
            raise CUDADriverError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered")
        return real(name)

    cuda._module.get_function = refuse_later
    with pytest.raises(DeviceError, match="CUDA_ERROR_ILLEGAL_ADDRESS"):
        walk(RECORDING, cuda)
    assert cuda.lost
    demand_nothing_left(cuda)
