"""The bench command: what it measures, what it prints, what it refuses. Times themselves are not judged here."""

import json
import sys

import pytest

from harness.bench.measure import Bench
from harness.bench.peak import PeakFailed, peak_bytes
from harness.bench.programs import FULL_ROWS, ITERATIONS, LEAST_ROWS, programs
from parallel.executor import record
from parallel.jit import THREADS
from reference.definition.errors import InputError

KEYS = {
    "name",
    "rows",
    "core_rows",
    "threads",
    "fragment",
    "reps",
    "buffer",
    "execute_s",
    "record_s",
    "build_s",
    "total_s",
    "fill_s",
    "rows_per_second",
    "ratio_to_fill",
    "trace_bytes",
    "peak_bytes",
    "real_vm",
}

REAL_VM = """#!{python}
import json, sys
assert sys.argv[1] == "bench", sys.argv
case = json.load(open(sys.argv[2]))
assert sys.argv[3:] == ["--fragment", "4", "--threads", "1", "--reps", "2", "--seq", "0"], sys.argv
{answer}
"""
ANSWER = (
    'print(json.dumps({"name": case["name"], "rows": 64, "core_rows": 11, "fragment": 4, "threads": 1, '
    '"fast_execute_s": 2.0, "execute_for_trace_s": 3.0, "build_trace_s": 5.0, "process_execute_s": None}))'
)
QUICK = ("--threads", "1", "--reps", "2", "--fragment", "4")


@pytest.fixture
def real_vm(tmp_path):
    """Writes a program that answers as the real VM does, and gives its path."""

    def write(answer=ANSWER):
        path = tmp_path / "real_vm"
        path.write_text(REAL_VM.format(python=sys.executable, answer=answer))
        path.chmod(0o755)
        return path

    return write


def test_json_has_a_warm_and_a_fresh_result_for_each_case(fragdiff, adding):
    done = fragdiff("bench", adding, *QUICK, "--json")
    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert [(item["name"], item["buffer"]) for item in results] == [("adding", "warm"), ("adding", "fresh")]
    for item in results:
        assert set(item) == KEYS
        assert (item["rows"], item["core_rows"], item["trace_bytes"]) == (64, 11, 64 * 72 * 8)
        assert (item["threads"], item["fragment"], item["reps"], item["real_vm"]) == (1, 4, 2, None)
        assert all(item[key] > 0 for key in KEYS if key.endswith("_s"))
        assert item["record_s"] + item["build_s"] <= item["total_s"] * (1 + 1e-9)
        assert item["ratio_to_fill"] == pytest.approx(item["total_s"] / item["fill_s"])
        assert item["rows_per_second"] == pytest.approx(11 / item["total_s"], rel=1e-3)
        assert item["peak_bytes"] > 20e6


def test_progress_goes_to_standard_error(fragdiff, adding):
    done = fragdiff("bench", adding, *QUICK, "--json")
    assert "adding (1 of 1)" in done.stderr
    assert "bench:" not in done.stdout


def test_without_a_case_the_six_programs_are_measured(fragdiff):
    done = fragdiff("bench", "--rows", "2^10", "--reps", "1", "--threads", "1")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1 threads, fragments of 4096 rows, best of 1"
    assert [tuple(line.split()[:3]) for line in lines[2:]] == [
        (name, buffer, "1024") for name in ITERATIONS for buffer in ("warm", "fresh")
    ]


def test_the_real_vm_is_measured_on_the_same_case(fragdiff, adding, real_vm):
    done = fragdiff("bench", adding, *QUICK, "--against", real_vm(), "--json")
    assert done.exit_code == 0, done.stderr
    for item in json.loads(done.stdout)["results"]:
        real = item["real_vm"]
        assert (real["execute_s"], real["record_s"], real["build_s"], real["total_s"]) == (2, 3, 5, 8)
        assert real["ratio"] == pytest.approx(item["total_s"] / 8)
        assert real["record_ratio"] == pytest.approx(item["record_s"] / 3)
        assert real["build_ratio"] == pytest.approx(item["build_s"] / 5)
        assert real["execute_ratio"] == pytest.approx(item["execute_s"] / 2)


def test_the_table_shows_the_real_vm(fragdiff, adding, real_vm):
    done = fragdiff("bench", adding, *QUICK, "--against", real_vm())
    heads, *lines = done.stdout.splitlines()[1:]
    assert "VM build ms" in heads
    assert all("3000.0" in line and "5000.0" in line for line in lines)
    assert len({len(line) for line in (heads, *lines)}) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('print("ready")', "ready"),
        ("print(json.dumps([]))", "[]"),
        ('sys.exit("no memory")', "no memory"),
        (ANSWER.replace('"build_trace_s": 5.0, ', ""), "build_trace_s"),
        (ANSWER.replace("64", "128"), "128 rows"),
    ],
)
def test_a_real_vm_that_fails_is_named(fragdiff, adding, real_vm, answer, said):
    done = fragdiff("bench", adding, *QUICK, "--against", real_vm(answer))
    assert done.exit_code == 3
    assert said in done.stderr
    assert "adding" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "1000"), "--rows: expected a power of two"),
        (("--rows", "2^40"), "--rows"),
        (("--rows", "3^4"), "--rows: expected a number or 2^K"),
        (("--rows", "2^"), "--rows: expected a number or 2^K"),
        (("--rows", "-1024"), "--rows: expected a number or 2^K"),
        (("--threads", "100000"), "--threads: expected 1 to"),
        (("--threads", "0"), "--threads"),
        (("--reps", "0"), "--reps"),
        (("--fragment", "0"), "--fragment"),
        (("missing.case.json",), "missing.case.json"),
        (("--against", "/no/such/program", "--rows", "1024", "--reps", "1"), "--against: /no/such/program cannot be"),
    ],
)
def test_bad_arguments_are_refused(fragdiff, arguments, said):
    done = fragdiff("bench", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_only_built_in_programs_change_their_length(fragdiff, adding):
    done = fragdiff("bench", adding, "--rows", "1024")
    assert done.exit_code == 2
    assert "only the built-in programs" in done.stderr


def test_a_program_that_fails_cannot_be_timed(fragdiff, failing):
    done = fragdiff("bench", failing, *QUICK)
    assert done.exit_code == 2
    assert "FailedAssertion" in done.stderr


@pytest.mark.parametrize("rows", [LEAST_ROWS, 2**13, 2**16])
def test_built_in_programs_have_traces_of_the_length_asked_for(rows):
    for case in programs(rows):
        core_rows = record(case).core_rows
        assert rows / 2 <= core_rows < rows, case.name


def test_built_in_programs_are_full_length_unless_asked(fragdiff):
    (fib, *_) = programs()
    assert fib.stack == (1, 1, 74885)
    assert FULL_ROWS == 2**20


def test_missing_built_in_programs_are_an_error_that_says_so(tmp_path):
    with pytest.raises(InputError, match="built-in programs are not here"):
        programs(directory=tmp_path / "nowhere")
    with pytest.raises(InputError, match="no program 'calls'"):
        programs(directory=tmp_path)


def test_a_process_that_fails_has_no_peak(monkeypatch):
    (case, *_) = programs(LEAST_ROWS)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(PeakFailed, match="exit code 1"):
        peak_bytes(case, fragment=4, threads=1)


def test_peak_memory_grows_with_the_trace():
    small, large = (programs(rows)[0] for rows in (2**10, 2**17))
    difference = peak_bytes(large, fragment=4096, threads=1) - peak_bytes(small, fragment=4096, threads=1)
    assert 0.9 < difference / (2**17 * 72 * 8) < 1.6


def test_threads_are_those_of_numba():
    with pytest.raises(InputError, match=f"expected 1 to {THREADS}"):
        Bench(threads=THREADS + 1, fragment=1, rounds=1)
