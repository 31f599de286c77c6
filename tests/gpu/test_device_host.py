"""The host device: arguments, buffers, order of threads, real atomics, the log; and the compiler behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gpu.device import Buffer, Event, Launch, Tag
from gpu.errors import DeviceUnavailable, KernelBuildError, WrongState
from gpu.host_device import HostDevice
from gpu.shim import HostKernels, find_compiler
from gpu.source import load

KERNELS = Path(__file__).parent / "device_kernels.cuh"


@pytest.fixture
def host(device: HostDevice) -> HostDevice:
    return HostDevice(extra=(KERNELS,))


def numbers(host: HostDevice, n: int = 4) -> Buffer:
    return host.upload(Tag.RAW, "numbers", np.arange(n, dtype=np.uint64))


def test_a_kernel_gets_its_arguments_and_every_thread_runs(host: HostDevice) -> None:
    out = host.full(Tag.SCRATCH, "out", (3, 1000), np.uint64, 7)
    small = host.upload(Tag.RAW, "bytes", np.array([1, 2, 255], np.uint8))
    words = host.upload(Tag.RAW, "words", np.array([2**32 - 1], np.uint32))
    host.launch("every_type", 1000, small.offset(2), words, out.offset(1000), 255, 2**32 - 1, 2**64 - 1, 1000)
    found = host.download(out)
    assert (found[0] == 7).all()
    assert (found[2] == 7).all()
    expected = [(255 + 2 * (2**32 - 1) + 255 + (2**64 - 1) + i) % 2**64 for i in range(1000)]
    assert found[1].tolist() == expected


def test_null_is_null(host: HostDevice) -> None:
    out = host.full(Tag.SCRATCH, "out", 1, np.uint64, 7)
    host.launch("is_null", 1, None, out)
    assert host.download(out).tolist() == [1]
    host.launch("is_null", 1, out, out)
    assert host.download(out).tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda b, w: (b,), TypeError, "last_writer takes 2 arguments, 1 were given"),
        (lambda b, w: (w, 1), TypeError, "last_writer: out points to u64, words holds u32"),
        (lambda b, w: (w.offset(0), 1), TypeError, "last_writer: out points to u64, words holds u32"),
        (lambda b, w: (3, 1), TypeError, "last_writer: out is a pointer, not int"),
        (lambda b, w: (b, b), TypeError, "last_writer: n is a u32, not Buffer"),
        (lambda b, w: (b, None), TypeError, "last_writer: n is a u32, not NoneType"),
        (lambda b, w: (b, 1.0), TypeError, "float"),
        (lambda b, w: (b, -1), ValueError, "last_writer: n is a u32, -1 does not fit"),
        (lambda b, w: (b, 2**32), ValueError, "does not fit"),
    ],
)
def test_wrong_arguments_are_refused_before_the_launch(
    host: HostDevice, arguments: Callable[[Buffer, Buffer], tuple[Buffer | int]], error: type[Exception], message: str
) -> None:
    words = host.upload(Tag.RAW, "words", np.zeros(4, np.uint32))
    with pytest.raises(error, match=message):
        host.launch("last_writer", 4, *arguments(numbers(host), words))
    assert host.log == []


def test_unknown_kernels_and_absurd_sizes_are_refused(host: HostDevice) -> None:
    with pytest.raises(TypeError, match="there is no kernel nothing"):
        host.launch("nothing", 1)
    with pytest.raises(ValueError, match="-1 threads"):
        host.launch("last_writer", -1, numbers(host), 1)
    with pytest.raises(ValueError, match="blocks"):
        host.launch("last_writer", 2**40, numbers(host), 1)


@pytest.mark.parametrize(
    "use",
    [
        lambda host, freed: host.launch("last_writer", 1, freed, 1),
        lambda host, freed: host.launch("last_writer", 1, freed.offset(1), 1),
        lambda host, freed: host.download(freed),
        lambda host, freed: host.write(freed, np.zeros(4, np.uint64)),
        lambda host, freed: host.copy(Tag.RAW, "copy", freed),
        lambda host, freed: host.argsort(freed, host.empty(Tag.PLAN, "order", 4, np.uint32)),
    ],
)
def test_a_freed_buffer_is_refused_everywhere(host: HostDevice, use: Callable[[HostDevice, Buffer], object]) -> None:
    freed = numbers(host)
    freed.free()
    freed.free()
    with pytest.raises(WrongState, match="freed"):
        use(host, freed)


def test_a_launch_of_no_threads_is_logged_and_runs_nothing(host: HostDevice) -> None:
    out = numbers(host)
    host.launch("last_writer", 0, out, 2**32 - 1)
    assert host.download(out).tolist() == [0, 1, 2, 3]
    assert [launch.kernel for launch in host.log] == ["last_writer"]


def test_buffers_are_copied_in_and_out(host: HostDevice) -> None:
    values = np.arange(6, dtype=np.uint32).reshape(2, 3)
    buffer = host.upload(Tag.PLAN, "plan", values)
    values[:] = 9
    out = host.download(buffer)
    assert out.tolist() == [[0, 1, 2], [3, 4, 5]]
    out[:] = 8
    copy = host.copy(Tag.SCRATCH, "copy", buffer)
    host.write(buffer, values)
    assert (host.download(copy).tolist(), host.download(buffer).tolist()) == ([[0, 1, 2], [3, 4, 5]], [[9, 9, 9]] * 2)
    assert (host.arena.live[Tag.PLAN], host.arena.live[Tag.SCRATCH], host.pool_bytes()) == (24, 24, 48)
    copy.free()
    assert (host.arena.live[Tag.SCRATCH], host.pool_bytes()) == (0, 24)


def test_contents_of_another_shape_or_type_are_refused(host: HostDevice) -> None:
    buffer = numbers(host)
    with pytest.raises(TypeError, match="numbers: holds uint64, not uint32"):
        host.write(buffer, np.zeros(4, np.uint32))
    with pytest.raises(ValueError, match="shape"):
        host.write(buffer, np.zeros(5, np.uint64))
    with pytest.raises(TypeError, match="uint8, uint32 or uint64, not int64"):
        host.upload(Tag.RAW, "signed", np.zeros(4, np.int64))
    with pytest.raises(ValueError, match="shape"):
        host.empty(Tag.RAW, "negative", (-1, 2), np.uint8)
    with pytest.raises(ValueError, match="element 5 of 4"):
        buffer.offset(5)
    assert host.arena.total == buffer.nbytes


def test_sorting_is_stable_and_counts_its_scratch(host: HostDevice) -> None:
    keys = np.array([5, 2**64 - 1, 5, 0, 2**63, 5], np.uint64)
    order = host.empty(Tag.PLAN, "order", 6, np.uint32)
    host.arena.reset_peaks()
    host.argsort(host.upload(Tag.SCRATCH, "keys", keys), order)
    assert host.download(order).tolist() == [3, 0, 2, 5, 4, 1]
    assert (host.arena.peak[Tag.SCRATCH], host.arena.live[Tag.SCRATCH]) == (96, 48)
    with pytest.raises(TypeError, match="keys are uint64"):
        host.argsort(order, order)
    with pytest.raises(ValueError, match="keys and"):
        host.argsort(numbers(host, 5), order)


def test_the_last_writer_tells_the_order_of_threads(device: HostDevice) -> None:
    def last(order: int, threads: int) -> int:
        host = HostDevice(order=order, block=8, extra=(KERNELS,))
        out = host.full(Tag.SCRATCH, "out", 1, np.uint64, 99)
        host.launch("last_writer", threads, out, threads)
        return int(host.download(out)[0])

    # Strided: even places before odd ones, in blocks and in threads; the last thread of block 1 of 2, of the only block.
    assert [last(order, 16) for order in range(3)] == [15, 0, 15]
    assert [last(order, 24) for order in range(3)] == [23, 0, 15]
    assert [last(order, 5) for order in range(3)] == [4, 0, 3]


@pytest.mark.parametrize("order", range(3))
@pytest.mark.parametrize(("threads", "block"), [(1, 1), (7, 3), (64, 64), (65, 64), (1000, 32)])
def test_every_order_runs_every_thread_once(device: HostDevice, order: int, threads: int, block: int) -> None:
    host = HostDevice(order=order, block=block, extra=(KERNELS,))
    out = host.full(Tag.SCRATCH, "out", threads, np.uint64, 0)
    host.launch("count_visits", threads, out, threads)
    assert host.download(out).tolist() == [1] * threads


def test_a_kernel_bounds_its_block(host: HostDevice) -> None:
    out = host.full(Tag.SCRATCH, "out", 1, np.uint64, 0)
    host.launch("block_size", 1000, out)
    assert host.download(out).tolist() == [32]


def test_lanes_in_threads_share_a_buffer_through_atomics(host: HostDevice) -> None:
    sums = host.full(Tag.SIDE, "sums", 1, np.uint64, 0)
    counts = host.full(Tag.SIDE, "counts", 1, np.uint32, 0)
    extremes = host.upload(Tag.SIDE, "extremes", np.array([2**64 - 1, 0, 0], np.uint64))

    def work(index: int) -> None:
        for _ in range(20):
            host.launch("atomics", 20_000, sums, counts, extremes, 20_000, index, lane=host.lane(index))

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(work, range(4)))
    assert host.download(sums).tolist() == [4 * 20 * sum(range(20_000))]
    assert host.download(counts).tolist() == [4 * 20 * 20_000]
    assert host.download(extremes).tolist() == [0, 19_999 + 3, 0b1111]


def test_the_log_says_what_ran_where_and_with_which_nulls(host: HostDevice) -> None:
    host.phase = "assign"
    out = host.full(Tag.SCRATCH, "out", 1, np.uint64, 0)
    host.launch("is_null", 1, None, out)
    host.phase = "commit"
    host.launch("last_writer", 1, out, 1, lane=host.lane(2))
    host.lane(2).finish()
    out.free()
    assert host.log == [Launch("is_null", 1, None, "assign", ("p",)), Launch("last_writer", 1, 2, "commit", ())]
    assert host.events == [Event("finish", "lane 2", 0, 2, "commit", 2), Event("free", "out", 8, None, "commit", 2)]
    assert host.lane(2) is host.lane(2)
    host.clear_log()
    assert (host.log, host.events) == ([], [])


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("__shared__ u32 shared[32];", "__shared__"),
        ("__syncthreads();", "__syncthreads"),
        ("out[0] = __shfl_sync(0xFFFFFFFF, 1, 0);", "__shfl_sync"),
        ("out[0] = atomicAdd(out, (u64)1);", "void"),
        ("out[0] = (u64)((double)n * 0.5);", "double"),
        ("out[0] = (unsigned __int128)n >> 64;", "__int128"),
        ('asm("nop");', "asm"),
        ('printf("%u", n);', "printf"),
        ("out[0] = nothing;", "nothing"),
    ],
)
def test_what_is_not_portable_does_not_build_and_is_named_with_file_and_line(
    tmp_path: Path, device: HostDevice, line: str, word: str
) -> None:
    (tmp_path / "wrong.cuh").write_text(f"GLOBAL wrong(u64* out, u32 n) {{\n    {line}\n}}\n")
    host = HostDevice(extra=(tmp_path / "wrong.cuh",))
    with pytest.raises(KernelBuildError, match=r"wrong\.cuh:2:") as raised:
        host.launch("wrong", 1, host.empty(Tag.SCRATCH, "out", 1, np.uint64), 1)
    assert word in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"PATH": ""}, "no C\\+\\+ compiler: neither g\\+\\+ nor clang\\+\\+ is on the path"),
        ({"CXX": "no-such-compiler -O3"}, "no C\\+\\+ compiler: CXX names no-such-compiler"),
        ({"CXX": "false"}, "no C\\+\\+ compiler: .*false --version fails"),
    ],
)
def test_without_a_compiler_the_device_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], reason: str
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    usable, said = HostDevice.probe()
    assert not usable
    with pytest.raises(DeviceUnavailable, match=reason):
        HostDevice()
    with pytest.raises(DeviceUnavailable) as raised:
        find_compiler()
    assert str(raised.value) == said


def test_a_cache_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: HostDevice
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FRAGDIFF_CACHE", str(tmp_path / "file"))
    host = HostDevice(extra=(KERNELS,))
    with pytest.raises(DeviceUnavailable, match=r"no place for built kernels, .*file/kernels-host: .*Not a directory"):
        host.launch("last_writer", 1, numbers(host), 1)


def test_a_sanitizer_build_without_its_library_says_what_to_preload(
    monkeypatch: pytest.MonkeyPatch, device: HostDevice
) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    with pytest.raises(DeviceUnavailable, match=r"sanitized kernels need LD_PRELOAD=|brings no address sanitizer"):
        HostDevice(sanitize=True)


def test_a_compiler_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, device: HostDevice) -> None:
    plain = find_compiler()
    monkeypatch.setenv("CXX", f"{plain.command[0]} -DCHOSEN")
    chosen = find_compiler()
    assert (chosen.command, chosen.version) == ((plain.command[0], "-DCHOSEN"), plain.version)
    assert chosen.identity != plain.identity


def test_wrong_launch_shapes_are_refused(device: HostDevice) -> None:
    with pytest.raises(ValueError, match="order 3"):
        HostDevice(order=3)
    with pytest.raises(ValueError, match="a block has 1 to 1024 threads, not 0"):
        HostDevice(block=0)


BUILD = """
import sys
from pathlib import Path
import numpy as np
from gpu.device import Tag
from gpu.host_device import HostDevice
host = HostDevice(extra=(Path(sys.argv[1]),))
out = host.full(Tag.SCRATCH, "out", 1, np.uint64, 0)
host.launch("last_writer", 8, out, 8)
print(host.download(out)[0])
"""


def test_processes_that_build_at_once_find_whole_libraries(tmp_path: Path, device: HostDevice) -> None:
    environment = {**os.environ, "FRAGDIFF_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", BUILD, str(KERNELS)]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in running] == ["7"] * 3
    left = sorted(path.suffix for path in (tmp_path / "kernels-host").iterdir())
    assert left == [".so"]


def test_building_ahead_builds_a_file_once(tmp_path: Path, device: HostDevice) -> None:
    kernels = HostKernels(load(extra=(KERNELS,)), find_compiler(), tmp_path)
    (built,) = kernels.build({KERNELS.name})
    stamp = built.stat().st_mtime_ns
    assert kernels.build({KERNELS.name}) == [built]
    assert built.stat().st_mtime_ns == stamp
