"""``fragdiff gpu``."""

import json
import sys

import pytest
from small_cases import ADDING, json_lines

from gpu.errors import CapacityExceeded, CarryMismatch, DeviceError, InvariantBroken, UnwrittenCells
from gpu.host_device import HostDevice
from harness import walking

needs_compiler = pytest.mark.skipif(not HostDevice.probe()[0], reason="no C++ compiler: nothing can be walked")

CHIPS = ["sys", "dec", "stk", "rng", "hsh", "bit", "mem", "ace", "krm", "pad"]


@pytest.fixture
def sums(case_file):
    """49 rows in 13 fragments; memory, bitwise operations and a trace of 128 rows."""
    body = "PUSH(5) PUSH(40) MSTORE PUSH(40) MLOAD PUSH(3) U32AND DROP DROP " * 4
    program = {"nodes": [f"block {body.strip()}", "block PAD DROP", "join 0 1"], "roots": [2], "entry": 2}
    return case_file({"name": "sums", "program": program, "cuts": [4]})


def steps_of(walked, name):
    return [step for step in walked["steps"] if step["step"] == name]


# ---- what is shown --------------------------------------------------------------------------------------------------


@needs_compiler
def test_it_shows_bytes_invariants_and_digests(fragdiff, sums):
    result = fragdiff("gpu", sums)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"sums  ({sums}, every:4, host)"
    first = [" ".join(line.split()[:2]) for line in lines]
    wanted = ["step RAW", "open 0=", "commit sys", "proof dec", "opening pad", "released 0=", "INV-01 1"]
    assert [line for line in first if line in wanted] == wanted
    assert "!=" not in "".join(line for line in lines if line.startswith(("commit", "proof", "opening", "released")))
    assert [line.split()[0] for line in lines[-11:]] == [*CHIPS, "all"]


@needs_compiler
def test_bytes_are_those_of_the_table_in_every_step(fragdiff, sums):
    walked = json.loads(fragdiff("gpu", sums, "--json").stdout)
    assert walked["outcome"]["status"] == "completed"
    assert walked["lengths"]["core"] == 49
    raw = steps_of(walked, "upload")[0]["live"]["RAW"]
    tags = ("TRACE", "SEED", "SCRATCH", "COMMIT")
    for name in ("sealed", "committed", "proven", "opened"):
        (step,) = steps_of(walked, name)
        assert step["live"]["RAW"] == raw > 0
        assert step["wrong"] == []
        assert [step["live"][tag] for tag in tags] == [0, 0, 0, 0 if name == "sealed" else 16 * len(CHIPS)]
    assert set(steps_of(walked, "released")[0]["live"].values()) == {0}
    # With 8 rows that keep the columns apart: the core chips have 49 rows, stk one more.
    assert [steps_of(walked, f"commit {chip}")[0]["peak"]["TRACE"] for chip in ("sys", "dec", "stk")] == [
        8 * 6 * (49 + 8),
        8 * 24 * (49 + 8),
        8 * 19 * (50 + 8),
    ]
    assert walked["not_checked"] == ["INV-11"]


@needs_compiler
def test_kept_columns_are_live_at_level_trace(fragdiff, sums):
    none, trace, full = (
        json.loads(fragdiff("gpu", sums, "--json", "--cache", level).stdout) for level in ("none", "trace", "full")
    )
    assert none["digest"] == trace["digest"] == full["digest"]
    (kept,) = steps_of(trace, "committed")
    # 72 columns of 128 rows, and what keeps the columns apart.
    assert kept["live"]["TRACE"] > 72 * 128 * 8
    (also_digests,) = steps_of(full, "committed")
    assert also_digests["live"]["COMMIT"] > kept["live"]["COMMIT"] == 16 * len(CHIPS)


# ---- how it is walked -----------------------------------------------------------------------------------------------


@needs_compiler
def test_the_command_line_says_how(fragdiff, sums):
    given = ["--cache", "full", "--lanes", "2", "--budget", "64MiB", "--shards", "3", "--order", "pad,krm"]
    walked = json.loads(fragdiff("gpu", sums, *given, "--proofs", "2", "--openings", "0", "--json").stdout)
    options = walked["options"]
    assert (options["cache"], options["lanes"], options["budget"], options["shards"]) == ("full", 2, 64 * 2**20, 3)
    assert options["order"] == ["pad", "krm", *CHIPS[:8]]
    assert (options["proofs"], options["openings"]) == (2, 0)
    assert walked["shards"] == [[0, 4], [4, 8], [8, 13]]


@needs_compiler
def test_what_is_left_out_is_as_the_case_says(fragdiff, case_file, sums):
    case = {**json.loads(sums.read_text("utf-8")), "options": {"gpu": {"lanes": 3, "shards": {"at": [9, 40]}}}}
    path = case_file(case, "with-options")
    walked = json.loads(fragdiff("gpu", path, "--json").stdout)
    assert (walked["options"]["lanes"], walked["shards"]) == (3, [[0, 3], [3, 10], [10, 13]])
    walked = json.loads(fragdiff("gpu", path, "--shards", "at:45", "--json").stdout)
    assert (walked["options"]["lanes"], walked["shards"]) == (3, [[0, 12], [12, 13]])


@needs_compiler
def test_the_manifest_does_not_depend_on_how(fragdiff, sums, tmp_path):
    assert fragdiff("gpu", sums, "--manifest", "one.json").exit_code == 0
    other = ["--lanes", "4", "--cache", "full", "--order", ",".join(CHIPS[::-1]), "--threads", "reverse"]
    assert fragdiff("gpu", sums, "--manifest", "other.json", *other, "--fallback", "dec").exit_code == 0
    text = (tmp_path / "one.json").read_text("utf-8")
    assert (tmp_path / "other.json").read_text("utf-8") == text
    manifest = json.loads(text)
    assert manifest["program"]["lengths"]["core"] == 49
    assert [shard["kind"] for shard in manifest["shards"]] == ["shard"]
    assert fragdiff("gpu", sums, "--manifest", "cut.json", "--shards", "4", "--cuts", "3").exit_code == 0
    cut = json.loads((tmp_path / "cut.json").read_text("utf-8"))
    assert cut["program"] == manifest["program"]
    assert len(cut["shards"]) == 4


@needs_compiler
def test_each_case_and_plan_is_a_walk(fragdiff, sums):
    result = fragdiff("gpu", sums, "--cuts", "7;one", "--json")
    assert [walked["cut"] for walked in json_lines(result.stdout)] == [7, 2**29]
    assert len({walked["digest"] for walked in json_lines(result.stdout)}) == 1


@needs_compiler
def test_a_merkle_tree_and_fallbacks_are_shown(fragdiff, sums):
    result = fragdiff("gpu", sums, "--merkle", "8", "--fallback", "mem")
    assert result.exit_code == 0
    assert "Merkle root  " in result.stdout
    # Assigned, committed, proven, opened.
    assert result.stdout.splitlines()[-1] == "fallback mem, 4 times"


@needs_compiler
def test_without_checks_it_says_which_were_left_out(fragdiff, sums):
    result = fragdiff("gpu", sums, "--no-check")
    assert result.exit_code == 0
    (line,) = (line for line in result.stdout.splitlines() if "not checked in this walk" in line)
    assert "INV-03" in line
    assert "INV-14" in line


# ---- what does not end well -----------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvariantBroken("INV-03", "made"), 1),
        (CarryMismatch("CARRY", 3, 40, "clk", "made"), 1),
        (UnwrittenCells("made"), 1),
        (CapacityExceeded("made"), 1),
        (DeviceError("made"), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_walk_raises_has_its_exit_code(fragdiff, sums, monkeypatch, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(walking, "walk", fail)
    result = fragdiff("gpu", sums)
    assert result.exit_code == code
    assert f"{type(error).__name__}: {error}" in result.stdout
    said = json.loads(fragdiff("gpu", sums, "--json").stdout)
    assert (said["error"], said["reason"]) == (type(error).__name__, str(error))


@needs_compiler
@pytest.mark.parametrize("budget", ["1KiB", "300000", "560KiB"])
def test_a_budget_that_is_too_small_is_not_raised(fragdiff, sums, budget):
    result = fragdiff("gpu", sums, "--budget", budget)
    assert result.exit_code == 2
    assert "budget" in result.stdout
    assert "invariants" not in result.stdout


@needs_compiler
def test_a_failing_program_leaves_nothing_to_walk(fragdiff, failing):
    result = fragdiff("gpu", failing)
    assert result.exit_code == 1
    assert "FailedAssertion: a failed program has no trace to walk" in result.stdout


def test_without_a_device_it_says_so(fragdiff, adding, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    result = fragdiff("gpu", adding, "--device", "cuda")
    assert result.exit_code == 2
    assert "DeviceUnavailable: CuPy" in result.stdout


def test_without_a_compiler_it_says_so(fragdiff, adding, monkeypatch):
    monkeypatch.setenv("CXX", "/no/such/compiler")
    result = fragdiff("gpu", adding)
    assert result.exit_code == 2
    assert "DeviceUnavailable: no C++ compiler" in result.stdout


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (["--budget", "64MB"], "--budget"),
        (["--budget", "0"], "--budget"),
        (["--budget", "KiB"], "--budget"),
        (["--budget", "9" * 40], "--budget"),
        (["--shards", "0"], "--shards"),
        (["--shards", "65"], "--shards"),
        (["--shards", "at:"], "--shards"),
        (["--shards", "at:3,x"], "--shards"),
        (["--shards", "every:3"], "--shards"),
        (["--order", "sys,sys"], "--order"),
        (["--order", "sys,cpu"], "--order"),
        (["--merkle", "6"], "--merkle"),
        (["--merkle", "8", "--shards", "2"], "options"),
        (["--cuts", "3;4", "--manifest", "out.json"], "--manifest"),
        (["--device", "cuda", "--threads", "reverse"], "--threads"),
    ],
)
def test_bad_options_are_refused(fragdiff, adding, given, place):
    result = fragdiff("gpu", adding, *given)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"fragdiff: {place}: ")


def test_a_manifest_that_cannot_be_written_is_bad_input(fragdiff, case_file):
    if not HostDevice.probe()[0]:
        pytest.skip("no C++ compiler: nothing can be walked")
    result = fragdiff("gpu", case_file(ADDING), "--manifest", "/dev/null/out.json")
    assert result.exit_code == 2
    assert "/dev/null/out.json: cannot be written" in result.stderr
