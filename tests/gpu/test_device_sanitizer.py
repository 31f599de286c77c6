"""The sanitizer build: it sees what the plain one would not, and nothing in the field functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from sanitized import run_sanitized

from gpu.host_device import HostDevice

FIELD = """
import itertools, sys
from pathlib import Path
import numpy as np
from gpu.device import Tag
from gpu.host_device import ORDERS, HostDevice
P = 2**64 - 2**32 + 1
edges = [0, 1, 2, 2**32 - 1, 2**32, 2**63, P - 2, P - 1, P, 2**64 - 1]
a, b = (np.array(side, np.uint64) for side in zip(*itertools.product(edges, edges)))
for order, block in itertools.product(range(len(ORDERS)), (64, 7)):
    host = HostDevice(order=order, block=block, extra=(Path(sys.argv[1]),), sanitize=True)
    out = host.full(Tag.SCRATCH, "out", (4, a.size), np.uint64, 0)
    left, right = host.upload(Tag.RAW, "a", a), host.upload(Tag.RAW, "b", b)
    host.launch("field_lazy", a.size, left, right, out, a.size)
    assert host.download(out)[2].tolist() == [int(x) * int(y) % P for x, y in zip(a, b)]
    host.launch("field_unary", a.size, left, out, a.size, 3)
    assert host.download(out)[2].tolist() == [pow(int(x), P - 2, P) for x in a]
print("clean")
"""

WRONG = """
import sys
from pathlib import Path
import numpy as np
from gpu.device import Tag
from gpu.host_device import HostDevice
host = HostDevice(extra=(Path(sys.argv[1]),), sanitize=sys.argv[2] == "sanitize")
out = host.full(Tag.SCRATCH, "out", 1000, np.uint64, 0)
host.launch("wrong", 1000, out, 1000)
print("survived")
"""


def test_the_field_is_clean_in_every_order(device: HostDevice) -> None:
    done = run_sanitized(FIELD, str(Path(__file__).parent / "field_kernels.cuh"))
    assert (done.stdout, done.stderr, done.returncode) == ("clean\n", "", 0)


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("if (TID < n) out[TID + 1] = 1;", "heap-buffer-overflow"),
        ("if (TID < n) out[TID] = 1u << (n / 10);", "shift exponent 100 is too large"),
        ("if (TID < n) out[TID] = (u64)((i64)0x7FFFFFFFFFFFFFFF + (i64)n);", "signed integer overflow"),
        ("if (TID < n) *(u64*)((u8*)out + 1) = 1;", "misaligned address"),
        ("u64 few[4] = {n}; if (TID < n) out[TID] = few[n / 250];", "index 4 out of bounds"),
    ],
)
def test_wrong_kernels_end_the_process_with_a_report_of_file_and_line(
    tmp_path: Path, device: HostDevice, line: str, report: str
) -> None:
    (tmp_path / "wrong.cuh").write_text(f"GLOBAL wrong(u64* out, u32 n) {{\n    {line}\n}}\n")
    done = run_sanitized(WRONG, str(tmp_path / "wrong.cuh"), "sanitize")
    assert done.returncode != 0
    assert done.stdout == ""
    assert report in done.stderr
    assert "wrong.cuh:2" in done.stderr
    unseen = run_sanitized(WRONG, str(tmp_path / "wrong.cuh"), "plain")
    assert unseen.stdout == "survived\n"


def test_whole_life_cycles_of_recorded_cases_are_clean(device: HostDevice) -> None:
    done = run_sanitized("import sanitizer_run; sanitizer_run.as_recorded(every=7, stride=29, order=1, block=32)")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "clean 8\n"


@pytest.mark.parametrize("every", [1, 64])
def test_altered_recordings_are_refused_or_harmless_but_never_leave_their_arrays(
    device: HostDevice, every: int
) -> None:
    script = f"import sanitizer_run; sanitizer_run.altered(seed={every}, every={every}, stride=41, trials=20)"
    done = run_sanitized(script)
    assert (done.stderr, done.returncode) == ("", 0)
    ended = done.stdout.splitlines()[-1]
    assert ended.startswith("ended 120:")
    assert "CarryMismatch" in ended
