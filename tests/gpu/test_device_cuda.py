"""The CUDA device, as far as a machine without one can tell: probing, argument types, waiting in the right places."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from core_run import recording_of, vm_cases
from fake_cupy import CompileException, CUDARuntimeError, FakeCupy

from gpu.cuda_device import CudaDevice, compile_cache
from gpu.device import Tag
from gpu.errors import BudgetExceeded, DeviceError, DeviceUnavailable, KernelBuildError
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.shim import cache_directory
from gpu.source import load
from gpu.walk import Options
from reference.definition.cuts import Every

KERNELS = (Path(__file__).parent / "device_kernels.cuh",)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> FakeCupy:
    module = FakeCupy(load(extra=KERNELS), cache_directory())
    monkeypatch.setitem(sys.modules, "cupy", module)  # type: ignore[arg-type] - the fake is an object, not a module
    return module


@pytest.fixture
def cuda(fake: FakeCupy) -> CudaDevice:
    return CudaDevice(extra=KERNELS)


def without_device(reason: Exception) -> SimpleNamespace:
    def count() -> int:
        raise reason

    runtime = SimpleNamespace(CUDARuntimeError=CUDARuntimeError, getDeviceCount=count)
    return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))


def test_a_machine_without_cupy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert CudaDevice.probe() == (False, "CuPy is not installed")
    with pytest.raises(DeviceUnavailable, match="CuPy is not installed"):
        CudaDevice()


def test_a_broken_cupy_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cupy.py").write_text("import absent_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    assert CudaDevice.probe() == (False, "CuPy cannot be imported: No module named 'absent_library'")
    (tmp_path / "cupy.py").write_text("raise ImportError('libcudart.so.12: cannot open')\n")
    assert CudaDevice.probe() == (False, "CuPy cannot be imported: libcudart.so.12: cannot open")


def test_a_missing_driver_or_device_is_told_in_the_drivers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    error = CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")
    monkeypatch.setitem(sys.modules, "cupy", without_device(error))  # type: ignore[arg-type]
    assert CudaDevice.probe() == (False, f"no CUDA device: {error}")
    none = SimpleNamespace(
        cuda=SimpleNamespace(runtime=SimpleNamespace(CUDARuntimeError=CUDARuntimeError, getDeviceCount=lambda: 0))
    )
    monkeypatch.setitem(sys.modules, "cupy", none)  # type: ignore[arg-type]
    assert CudaDevice.probe() == (False, "no CUDA device: the driver knows none")


def test_a_device_is_described(fake: FakeCupy) -> None:
    assert CudaDevice.probe() == (True, "Fake, compute capability 9.0, driver 13.1, CuPy 0.0-fake")


def test_arguments_have_the_types_of_the_signature(cuda: CudaDevice, fake: FakeCupy) -> None:
    out = cuda.full(Tag.SCRATCH, "out", 300, np.uint64, 2**64 - 1)
    small = cuda.upload(Tag.RAW, "bytes", np.array([1, 2], np.uint8))
    words = cuda.upload(Tag.RAW, "words", np.array([5], np.uint32))
    cuda.launch("every_type", 300, small.offset(1), words, out, 3, 4, 2**63, 300)
    assert cuda.download(out).tolist() == [2 + 5 + 3 + 4 + 2**63 + i for i in range(300)]
    (name, arguments), *_ = fake.calls
    assert name == "every_type"
    assert arguments[0] == small.address + 1
    types = [np.uint64, np.uint64, np.uint64, np.uint8, np.uint32, np.uint64, np.uint64]
    assert [type(value) for value in arguments] == types
    cuda.launch("is_null", 1, None, out)
    assert cuda.download(out)[0] == 1
    with pytest.raises(TypeError, match="out points to u64, words holds u32"):
        cuda.launch("is_null", 1, None, words)


def test_uploads_are_over_when_they_return(cuda: CudaDevice) -> None:
    values = np.arange(4, dtype=np.uint64)
    buffer = cuda.upload(Tag.RAW, "numbers", values)
    values[:] = 99
    assert cuda.download(buffer).tolist() == [0, 1, 2, 3]
    cuda.write(buffer, values)
    values[:] = 7
    copy = cuda.copy(Tag.SCRATCH, "copy", buffer)
    buffer.free()
    assert cuda.download(copy).tolist() == [99] * 4


def test_lanes_wait_for_what_they_read_and_overwrite(cuda: CudaDevice) -> None:
    buffer = cuda.full(Tag.TRACE, "visits", 8, np.uint64, 0)
    null = cuda.full(Tag.SCRATCH, "null", 1, np.uint64, 9)
    for turn in range(6):
        cuda.launch("count_visits", 8, buffer, 8, lane=cuda.lane(turn % 3))
    cuda.launch("is_null", 1, buffer, null, lane=cuda.lane(4))
    assert cuda.download(buffer).tolist() == [6] * 8
    assert cuda.download(null).tolist() == [0]


def test_what_is_still_to_be_read_is_not_overwritten(cuda: CudaDevice) -> None:
    small = cuda.upload(Tag.RAW, "bytes", np.zeros(1, np.uint8))
    words = cuda.upload(Tag.RAW, "words", np.array([5], np.uint32))
    out = cuda.full(Tag.SCRATCH, "out", 1, np.uint64, 0)
    cuda.launch("every_type", 1, small, words, out, 0, 0, 0, 1, lane=cuda.lane(0))
    cuda.write(words, np.array([6], np.uint32))
    assert cuda.download(out).tolist() == [5]


def test_readers_do_not_wait_for_readers(cuda: CudaDevice, fake: FakeCupy) -> None:
    shared = cuda.upload(Tag.RAW, "shared", np.zeros(1, np.uint64))
    outs = [cuda.full(Tag.SCRATCH, f"out {i}", 1, np.uint64, 9) for i in range(2)]
    cuda.synchronise()
    for index, out in enumerate(outs):
        cuda.launch("is_null", 1, shared, out, lane=cuda.lane(index))
    cuda.lane(1).finish()
    # The fake runs what is waited for and nothing else: lane 1 is done, lane 0 has not begun.
    assert [int(out.array.memory[0]) for out in outs] == [9, 0]
    cuda.synchronise()
    assert [int(out.array.memory[0]) for out in outs] == [0, 0]


def test_bytes_are_given_back_after_the_last_use(cuda: CudaDevice, fake: FakeCupy) -> None:
    before = cuda.pool_bytes()
    out = cuda.full(Tag.TRACE, "out", 100, np.uint64, 0)
    keys = cuda.upload(Tag.RAW, "keys", np.zeros(1, np.uint64))
    assert (cuda.arena.total, cuda.pool_bytes() - before) == (808, 1024 + 512)
    cuda.launch("count_visits", 100, out, 100, lane=cuda.lane(1))
    cuda.launch("is_null", 1, keys.offset(0), out, lane=cuda.lane(2))
    keys.free()
    out.free()
    cuda.synchronise()
    assert fake.late == []
    assert (cuda.arena.total, cuda.pool_bytes()) == (0, before)


def test_the_fake_sees_a_kernel_that_outlives_its_memory(
    cuda: CudaDevice, fake: FakeCupy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CudaDevice, "_wait_for_uses", lambda *_: None)
    out = cuda.full(Tag.TRACE, "out", 100, np.uint64, 0)
    cuda.launch("count_visits", 100, out, 100, lane=cuda.lane(1))
    out.free()
    cuda.synchronise()
    assert fake.late == ["count_visits"]


def test_sorting_is_stable_and_leaves_nothing_in_the_pool(cuda: CudaDevice) -> None:
    keys = cuda.upload(Tag.SCRATCH, "keys", np.array([5, 2**64 - 1, 5, 0, 2**63, 5], np.uint64))
    order = cuda.empty(Tag.PLAN, "order", 6, np.uint32)
    before = cuda.pool_bytes()
    cuda.argsort(keys, order, lane=cuda.lane(0))
    assert cuda.download(order).tolist() == [3, 0, 2, 5, 4, 1]
    assert cuda.pool_bytes() == before
    cuda.argsort(cuda.empty(Tag.RAW, "none", 0, np.uint64), cuda.empty(Tag.RAW, "none", 0, np.uint32))


def test_failures_have_names(cuda: CudaDevice, fake: FakeCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BudgetExceeded, match="the device has no room: Out of memory"):
        cuda.empty(Tag.TRACE, "huge", (1 << 28) + 1, np.uint32)
    assert cuda.arena.total == 0

    def refuse(name: str) -> Any:
        raise CompileException("field.cuh(3): error: identifier")

    cuda._module.get_function = refuse
    with pytest.raises(KernelBuildError, match=r"field\.cuh\(3\)"):
        cuda.launch("is_null", 1, None, None)
    fake.broken = CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered")
    with pytest.raises(DeviceError, match="cudaErrorIllegalAddress"):
        cuda.lane(0).finish()


def test_a_lane_of_another_device_is_refused(cuda: CudaDevice, fake: FakeCupy) -> None:
    other = CudaDevice(extra=KERNELS)
    with pytest.raises(TypeError, match="lane 3 belongs to another device"):
        cuda.launch("is_null", 1, None, None, lane=other.lane(3))


def test_the_compile_cache_is_cupys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    assert compile_cache() == tmp_path
    monkeypatch.delenv("CUPY_CACHE_DIR")
    assert compile_cache() == Path.home() / ".cupy" / "kernel_cache"


def test_cupy_is_not_imported_before_a_device_is_asked_for() -> None:
    check = "import sys, gpu.cuda_device; print('cupy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize(
    "name", ["op_evalcircuit_700771", "event_merkle_node_merge_702000", "ctl_call_overflow_703240"]
)
@pytest.mark.parametrize(
    "options",
    [Options(), Options(cache="trace", lanes=3), Options(cache="full", lanes=2, merkle=8), Options(shards=2, lanes=8)],
    ids=["none", "trace", "full", "shards"],
)
def test_whole_life_cycles_wait_enough_and_find_what_the_host_finds(
    monkeypatch: pytest.MonkeyPatch, device: HostDevice, name: str, options: Options
) -> None:
    fake = FakeCupy(load(), cache_directory())
    monkeypatch.setitem(sys.modules, "cupy", fake)  # type: ignore[arg-type]
    recording = recording_of(vm_cases()[name], Every(7))
    with CudaDevice() as cuda, HostDevice() as host:
        found, expected = walk(recording, cuda, options), walk(recording, host, options)
    assert fake.late == []
    assert found.launches == expected.launches > 0
    assert found.manifests == expected.manifests
    assert (found.manifest, found.merkle_root) == (expected.manifest, expected.merkle_root)
    assert found.collected is not None
    assert (found.collected == expected.collected).all()
