"""Processes that judge files: one that crashes, hangs or rambles costs its file, and the rest goes on."""

import sys
import textwrap

import pytest

from harness.corpus.pool import Answer, judge_files

WORKER = """
import json, os, sys, time
print("this worker has begun", file=sys.stderr, flush=True)
for line in sys.stdin:
    name = os.path.basename(json.loads(line))
    if "crash" in name:
        print("something is broken", file=sys.stderr, flush=True)
        os.abort()
    if "hang" in name:
        time.sleep(60)
    if "leave" in name:
        sys.exit(7)
    if "refuse" in name:
        print(json.dumps({"refused": "no case"}), flush=True)
        continue
    counts = {"rows": 10, "not_comparable": {"why": 2}}
    print(json.dumps({"name": name, "kind": None, "verdict": "agree", "counts": counts, "plans": 1, "expected": 1,
                      "lines": [], "known": []}), flush=True)
"""


@pytest.fixture
def judged(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(WORKER), encoding="utf-8")

    def run(names, *, jobs=2, seconds=5.0):
        paths = [tmp_path / name for name in names]
        program = (sys.executable, str(script))
        results = judge_files(paths, ["any"], jobs=jobs, audit=False, seconds=seconds, program=program)
        return {result.path.name: result for result in results}

    return run


def test_every_file_gets_its_result(judged):
    names = [f"case-{number}" for number in range(9)]
    results = judged(names)
    assert sorted(results) == names
    assert {result.answer for result in results.values()} == {Answer.AGREE}
    assert all(result.counts.rows == 10 and result.counts.not_comparable == {"why": 2} for result in results.values())


def test_a_crash_costs_one_file(judged):
    results = judged(["a", "crash", "b", "c", "leave", "d"], jobs=1)
    assert {name: result.answer for name, result in results.items() if result.answer is not Answer.AGREE} == {
        "crash": Answer.CRASHED,
        "leave": Answer.CRASHED,
    }
    assert "signal 6" in results["crash"].lines[0]
    assert "something is broken" in results["crash"].lines[0].splitlines()[-1]
    assert "code 7" in results["leave"].lines[0]


def test_a_file_that_takes_too_long_is_given_up(judged):
    results = judged(["hang", "a", "b"], jobs=1, seconds=1.0)
    assert [result.answer for result in results.values()] == [Answer.CRASHED, Answer.AGREE, Answer.AGREE]
    assert "no answer within 1 s" in results["hang"].lines[0]


def test_a_file_that_holds_no_case_is_no_crash(judged):
    results = judged(["refuse", "a"])
    assert results["refuse"].answer is Answer.REFUSED
    assert results["refuse"].lines == ("no case",)


def test_stopping_in_the_middle_ends_all_processes(tmp_path, judged):
    script = tmp_path / "worker.py"
    names = [tmp_path / "a", *(tmp_path / f"hang-{number}" for number in range(20))]
    results = judge_files(names, ["any"], jobs=3, audit=False, seconds=60, program=(sys.executable, str(script)))
    assert next(results).path.name == "a"
    results.close()
    assert next(results, None) is None
