"""What a device report is made of: the verdict, the clock, the bundle of cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reported_cases import DATA, WANTED

from gpu.device import Tag
from gpu.host_device import HostDevice
from gpu.report import bundle
from gpu.report.bundle import BENCH, SUITE, Bundle, Item
from gpu.report.clock import KernelClock, Times, copied, timed
from gpu.report.stages import Pace
from gpu.report.verdict import judge
from reference.definition.errors import InputError

pytestmark = pytest.mark.usefixtures("device")  # where no kernel can be built, every test is skipped with the reason

SUITE_HELD = {"state": "done", "equal": 3, "different": 0, "failed": 0}


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        ({"suite": SUITE_HELD}, 0),
        ({"suite": SUITE_HELD, "tools": {"state": "skipped", "reason": "none"}}, 0),
        ({"suite": {**SUITE_HELD, "failed": 1}}, 1),
        ({"suite": {**SUITE_HELD, "equal": 0}}, 1),
        ({"suite": {"state": "not reached"}}, 1),
        ({"suite": SUITE_HELD, "together": {"state": "done", "processes": [{}], "right": False}}, 1),
        ({"suite": SUITE_HELD, "tools": {"state": "done", "tools": {"memcheck": {"state": "found"}}}}, 1),
        ({"suite": SUITE_HELD, "tools": {"state": "done", "tools": {"memcheck": {"state": "failed"}}}}, 1),
        (
            {
                "suite": SUITE_HELD,
                "tools": {"state": "done", "tools": {"memcheck": {"state": "refused", "reason": ""}}},
            },
            0,
        ),
        ({"suite": SUITE_HELD, "bench": {"state": "failed", "reason": "InvariantBroken"}}, 3),
        ({"suite": SUITE_HELD, "bench": {"state": "interrupted"}}, 3),
    ],
)
def test_what_a_report_comes_to(stages: dict[str, Any], code: int) -> None:
    found = judge(stages)
    assert found.exit_code == code
    left_out = any(part["state"] in ("skipped", "not reached") for part in stages.values())
    assert bool(found.not_done) is (left_out or "refused" in str(stages))


def test_a_measurement_that_there_is_no_time_for_is_not_begun() -> None:
    expected = bundle.Expected("nobody", {}, ())
    fib, hashing = (Item(f"{name} 2^10", BENCH, "", {}, expected, "", 1024) for name in ("fib", "hash"))
    pace = Pace()
    assert pace.expected(fib) == 0
    pace.note(fib, 2.0)
    pace.note(fib, 1.0)
    assert pace.expected(hashing) == 2.0
    pace.note(hashing, 30.0)
    assert pace.expected(replace(fib, name="fib 2^12", rows=4096)) == 8.0
    assert pace.expected(replace(fib, name="u32 2^12", rows=4096)) == 120.0


def test_times_are_medians_of_the_rounds_that_count(device: HostDevice) -> None:
    assert Times.of([3.0, 1.0, 2.0, 9.0]) == Times(2.5, 1.0, 9.0, 4)
    with pytest.raises(ValueError, match="no round"):
        Times.of([])
    calls: list[int] = []
    found = timed(device, device.lane(0), 4, lambda: calls.append(len(calls)))
    assert (len(calls), found.rounds) == (5, 4)


def test_the_clock_times_every_launch_and_is_gone_afterwards(device: HostDevice) -> None:
    buffer = device.full(Tag.SCRATCH, "words", 1000, "u8", 0)
    try:
        with KernelClock(device) as clock:
            device.launch("fill", 1000, buffer, 1000, 5)
            device.launch("fill", 1000, buffer, 1000, 6)
            assert {kernel: len(seconds) for kernel, seconds in clock.take().items()} == {"fill": 2}
            assert clock.take() == {}
        assert device.watch is None
        assert device.download(buffer)[0] == 6
        before = device.arena.total
        assert copied(device, device.lane(0), [buffer], 2).least > 0
        assert device.arena.total == before
    finally:
        buffer.free()


def test_a_bundle_holds_what_the_real_vm_recorded(cases: Path) -> None:
    records = {item["name"]: item for item in map(json.loads, (DATA / "vm" / "records.jsonl").read_text().splitlines())}
    with Bundle(cases) as found:
        assert [item.name for item in found.of(BENCH)] == ["fib 2^10", "hash 2^10"]
        item = next(item for item in found.of(SUITE) if item.name == WANTED[0])
        assert list(item.expected.columns) == records["ctl_sys_many_703280"]["columns"]
        assert item.expected.lengths == records["ctl_sys_many_703280"]["lengths"]
        assert found.recording(item).core_rows == item.expected.lengths["core"]
        other = next(item for item in found.of(SUITE) if item.name == WANTED[3])
        assert (other.options.lanes, other.options.shards) == (1, 5)


def test_equal_cases_make_equal_bundles(cases: Path, tmp_path: Path) -> None:
    with Bundle(cases) as found:
        bundle.write(
            tmp_path / "again.zip", found.items, {item.member: found._read(item.member) for item in found.items}
        )
    assert (tmp_path / "again.zip").read_bytes() == cases.read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda item: replace(item, part="other"), "an index of cases"),
        (lambda item: replace(item, walk={"lanes": 99}), "lanes are 1 to 8"),
        (lambda item: replace(item, expected=replace(item.expected, columns=())), "0 columns"),
    ],
)
def test_a_bundle_that_is_none_is_refused(cases: Path, tmp_path: Path, change: Any, says: str) -> None:
    with Bundle(cases) as found:
        first: Item = found.items[0]
        bundle.write(tmp_path / "bad.zip", [change(first)], {first.member: found._read(first.member)})
    with pytest.raises(InputError, match=says):
        Bundle(tmp_path / "bad.zip")
