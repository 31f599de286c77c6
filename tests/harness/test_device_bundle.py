"""What is carried to a machine with a device, and what is timed beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpu.report.bundle import BENCH, SUITE, Bundle
from harness import device_bundle
from harness.bench import beside
from harness.bench.programs import ITERATIONS
from harness.device_bundle import PLANS, VARIED, WALKS

DATA = Path(__file__).parent.parent / "data"
RECORDS = [json.loads(line) for line in (DATA / "vm" / "records.jsonl").read_text().splitlines()]


def test_the_suite_is_all_that_was_recorded() -> None:
    asked = list(device_bundle.suite(DATA))
    names = [one.name for one in asked]
    completed = {record["name"] for record in RECORDS if record["outcome"]["status"] == "completed"}
    assert completed <= set(names)
    assert not {record["name"] for record in RECORDS} - completed & set(names)
    assert len([name for name in names if name.startswith("case_")]) == 27 * len(PLANS) + 3
    assert len([one for one in asked if one.walk.get("merkle")]) == 3
    # Programs of every kind come first, at every kind of walk.
    assert [name.rpartition(" walk ")[0] for name in names[: len(WALKS)]] == [
        VARIED[number % len(VARIED)] for number in range(len(WALKS))
    ]
    assert len({(one.case.name, one.case.cut, str(one.case.gpu), str(one.walk)) for one in asked[: len(WALKS)]}) == len(
        WALKS
    )
    assert all(one.expected.by == "the real VM" and len(one.expected.columns) == 72 for one in asked)


def test_the_bench_programs_expect_what_the_parallel_engine_builds() -> None:
    asked = list(device_bundle.bench([2**10, 2**11], large=("fib",)))
    assert [one.name for one in asked] == [*(f"{name} 2^10" for name in ITERATIONS), "fib 2^11"]
    assert {one.expected.by for one in asked} == {"the parallel engine"}
    assert [one.expected.lengths["rows"] for one in asked] == [1024] * 6 + [2048]


def test_the_command_writes_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cases.zip"
    assert device_bundle.main(["--out", str(path), "--most", "2", "--rows", "2^10"]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 8 cases, ")
    with Bundle(path) as found:
        assert (len(found.of(SUITE)), len(found.of(BENCH))) == (2, 6)
        assert {item.cut for item in found.of(BENCH)} == {"every:64"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "OUT/none/cases.zip", "--most", "1", "--rows"], "cannot be written"),
        (["--out", "OUT/cases.zip", "--data", "OUT/nothing"], "no recorded data here"),
        (["--out", "OUT/cases.zip", "--most", "0", "--rows"], "no case is left"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert device_bundle.main([each.replace("OUT", str(tmp_path)) for each in arguments]) == 2
    assert says in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("rows", ["1000", "2^40", "2^3"])
def test_sizes_are_powers_of_two(rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        device_bundle.main(["--out", str(tmp_path / "x.zip"), "--rows", rows])
    assert "expected a power of two from 1024" in capsys.readouterr().err


def test_the_parallel_engine_is_timed_on_the_same_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert beside.main(["--rows", "1024", "--rounds", "1"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["name"] for each in found] == [f"{name} 2^10" for name in ITERATIONS]
    assert all(each["parallel"]["rows"] == 1024 and each["parallel"]["build_s"] > 0 for each in found)
    assert all(each["real_vm"] is None for each in found)
    assert beside.main(["--rows", "1024", "--rounds", "1", "--against", "/no/such/vm"]) == 2
    assert "cannot be started" in capsys.readouterr().err
    assert beside.main(["--rows", "1000"]) == 2
