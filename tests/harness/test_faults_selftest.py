"""``fragdiff selftest``: what it tries, what it prints, and that a fault which is not caught fails it."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.commands import selftest as command
from harness.faults import FAULTS, Check, find_fault
from harness.faults.catalogue import AREAS
from harness.faults.selftest import QUICK, Plan, Result, results, run_selftest
from harness.faults.tables import area_lines, as_json, fault_lines, summary_line
from harness.faults.trial import Trial, try_engine
from harness.faults.trial_files import append_trial, read_trials
from harness.shrink import Budget
from harness.shrink.size import Size, size_of
from reference.definition.case import Case
from reference.definition.cuts import At, Every
from reference.definition.formats.case_json import case_line
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Forest, Join
from reference.definition.program import Program

FAULT = "random-row-of-71-draws"
"""Shows in every program, whatever the generator writes."""

SIZE = Size(4, 1, 1)
KEYS = {"name", "caught", "by", "cases", "seconds", "operations"}


def fragdiff(*arguments):
    return CliRunner().invoke(main, ["selftest", *map(str, arguments)], catch_exceptions=False)


def trial(name=FAULT, seed=1, by=Check.CELL, size=SIZE, **numbers):
    return Trial(name, seed, by, **{"cases": 3, "seconds": 0.5, "cpu_seconds": 0.2, **numbers}, size=size)


def result_of(*trials):
    return Result(find_fault(trials[0].fault), trials)


def test_a_fault_is_caught_when_every_seed_catches_it():
    assert result_of(trial(), trial(seed=2)).caught
    assert not result_of(trial(), trial(seed=2, by=None)).caught
    assert not Result(find_fault(FAULT), ()).caught


def test_numbers_are_medians_over_the_seeds():
    found = result_of(*(trial(seed=seed, cases=seed, seconds=2.0 * seed, size=Size(seed, 1, 0)) for seed in (1, 2, 9)))
    assert (found.cases, found.seconds, found.operations, found.cuts) == (2, 4.0, 2, 0)


def test_the_check_of_most_seeds_is_named():
    found = result_of(trial(), trial(seed=2, by=Check.ENGINE_FAILURE), trial(seed=3))
    assert found.by is Check.CELL
    assert not found.as_expected


def test_a_fault_of_the_harness_has_no_size():
    found = result_of(trial("no-rows", by=Check.CANARY, size=None))
    assert (found.operations, found.cuts) == (None, None)
    assert as_json([found])["faults"][0]["operations"] is None


def test_results_come_in_the_order_of_the_catalogue():
    plan = Plan(faults=(find_fault("no-rows"), find_fault(FAULT)), seeds=(1, 2))
    trials = [trial(seed=2), trial("no-rows", seed=2, by=Check.CANARY), trial(), trial("no-rows", by=Check.CANARY)]
    assert [(found.fault.name, [t.seed for t in found.trials]) for found in results(plan, trials)] == [
        ("no-rows", [1, 2]),
        (FAULT, [1, 2]),
    ]


def test_the_table_has_a_row_a_fault_and_the_sum():
    found = [result_of(trial()), result_of(trial("no-rows", by=None, size=None))]
    lines = fault_lines(found)
    assert lines[2] == "| `random-row-of-71-draws` | builder | cell | 3 | 0.5 | 0.2 | 4 | 1 |"
    assert lines[3] == "| `no-rows` | comparison | **not caught** | 3 | 0.5 | 0.2 | - | - |"
    assert lines[-1] == summary_line(found)
    assert summary_line(found).startswith("1 of 2 faults caught; median 3 cases and 0.5 s")


def test_the_table_by_area_has_median_and_worst_and_the_slowest_faults():
    slow, fast = (
        result_of(trial(fault.name, cases=cases, cpu_seconds=seconds, size=Size(operations, 1, cuts)))
        for fault, cases, seconds, operations, cuts in zip(
            AREAS["assembly"], (10, 4), (7.5, 2.5), (5, 1), (2, 0), strict=False
        )
    )
    missed = result_of(trial("no-rows", by=None, size=None, cpu_seconds=1))
    lines = area_lines([fast, slow, missed])
    assert lines[2] == "| assembly | 2 | cell 100 % | 7 / 10 | 5 / 7.5 | 3 / 5 | 1 / 2 |"
    assert lines[3] == "| comparison | 1 | **nothing 100 %** | 3 / 3 | 1 / 1 | - | - |"
    assert lines[4] == "| all | 3 | cell 67 %, **nothing 33 %** | 4 / 10 | 2.5 / 7.5 | 3 / 5 | 1 / 2 |"
    worst = [line.split("`")[1] for line in lines if line.startswith("| `")]
    # What nothing caught is the worst, however soon the hunt was over.
    assert worst == ["no-rows", slow.fault.name, fast.fault.name]


def test_every_fault_has_an_area():
    assert sorted(fault.name for faults in AREAS.values() for fault in faults) == sorted(f.name for f in FAULTS)


CASE = Case("kept", Program(Forest((Block((Operation(opcode("PAD")),)),), (0,)), 0), cuts=(At((1,)),))


def test_trials_are_kept_and_read_again(tmp_path):
    path = tmp_path / "new" / "trials.jsonl"
    kept = [trial(signature="cell a|b", found=CASE, smallest=CASE, shrinking_seconds=2.0), trial("no-rows", by=None)]
    assert read_trials(path) == []
    for each in kept:
        append_trial(path, each)
    first, second = read_trials(path)
    # What a program is made of is read in another order; what is written is the same.
    assert (case_line(first.found), case_line(first.smallest)) == (case_line(CASE), case_line(CASE))
    assert [replace(first, found=CASE, smallest=CASE), second] == kept


def test_half_a_last_line_is_tried_again(tmp_path):
    path = tmp_path / "trials.jsonl"
    append_trial(path, trial())
    whole = path.read_text()
    path.write_text(whole + whole[:30])
    assert read_trials(path) == [trial()]
    append_trial(path, trial(seed=2))
    assert read_trials(path) == [trial(), trial(seed=2)]


@pytest.mark.parametrize("line", ["{}", "[]", "7", "nonsense", '{"fault": "no-rows", "seed": 1, "by": "luck"}'])
def test_another_file_is_refused(tmp_path, line):
    path = tmp_path / "trials.jsonl"
    append_trial(path, trial())
    path.write_text(path.read_text() + line + "\n")
    done = fragdiff("--trials", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fragdiff: {path}: line 2: is no trial of a self-test (")


def test_kept_trials_are_not_tried_again(tmp_path, monkeypatch):
    path = tmp_path / "trials.jsonl"
    append_trial(path, trial(cases=77))
    append_trial(path, trial("no-rows", by=Check.CANARY, size=None))
    asked = []

    def rest(plan, jobs, said, done):
        asked.append(done)
        yield trial(seed=2, cases=79)

    monkeypatch.setattr(command, "run_selftest", rest)
    done = fragdiff("--fault", FAULT, "--seeds", "2", "--trials", path, "--json")
    assert asked == [{(FAULT, 1)}]
    assert json.loads(done.stdout)["faults"][0]["cases"] == 78
    assert [(each.fault, each.seed) for each in read_trials(path)] == [(FAULT, 1), ("no-rows", 1), (FAULT, 2)]


def test_nothing_is_tried_when_everything_is_done():
    assert list(run_selftest(Plan(faults=(find_fault(FAULT),), seeds=(1,)), 2, pytest.fail, {(FAULT, 1)})) == []


def test_the_quick_plan_tries_everything_with_one_seed():
    assert QUICK.faults == FAULTS
    assert len(QUICK.seeds) == 1
    assert len(Plan().seeds) == 5


def test_the_size_of_a_case_leaves_out_what_stands_for_nothing():
    block = Block((Operation(opcode("PAD")), Operation(opcode("NOOP")), Operation(opcode("DROP"))))
    case = Case("sized", Program(Forest((block, Join(0, 0)), (1,)), 1), cuts=(At((3, 5)),))
    assert size_of(case) == Size(operations=2, nodes=2, cuts=2)
    assert size_of(replace(case, cuts=(Every(4),))).cuts == 2


def test_a_hunt_that_has_no_time_catches_nothing():
    found = try_engine(find_fault(FAULT), 1, shrinking=Budget(seconds=1), seconds=0)
    assert (found.caught, found.cases) == (False, 0)


def test_trials_run_in_other_processes():
    plan = Plan(faults=(find_fault("no-rows"), find_fault("silence-is-agreement")), seeds=(1,))
    found = list(run_selftest(plan, 2, lambda line: None))
    assert sorted((each.fault, each.caught) for each in found) == [("no-rows", True), ("silence-is-agreement", True)]


def test_one_fault_from_end_to_end():
    done = fragdiff("--quick", "--fault", FAULT, "--fault", "no-rows", "--jobs", "1", "--json")
    assert done.exit_code == 0
    first, second = json.loads(done.stdout)["faults"]
    assert set(first) >= KEYS
    assert (first["name"], first["caught"], first["by"]) == (FAULT, True, "cell")
    assert (first["cases"], first["operations"], first["cuts"]) == (1, 0, 0)
    assert (second["name"], second["caught"], second["operations"]) == ("no-rows", True, None)


def test_text_has_progress_and_a_table():
    done = fragdiff("--quick", "--fault", FAULT, "--jobs", "1")
    assert done.exit_code == 0
    assert f"1/1  {FAULT}, seed 2: cell, " in done.stdout
    assert "1 of 1 faults caught" in done.stdout


def test_a_fault_that_is_not_caught_fails_the_selftest(monkeypatch):
    def nothing_caught(plan, jobs, said, done):
        yield from (trial(fault.name, by=None, size=None) for fault in plan.faults)

    monkeypatch.setattr(command, "run_selftest", nothing_caught)
    done = fragdiff("--fault", FAULT)
    assert done.exit_code == 1
    assert "NOT CAUGHT" in done.stdout
    assert json.loads(fragdiff("--fault", FAULT, "--json").stdout)["faults"][0]["caught"] is False


def test_markdown_is_the_table_alone(monkeypatch):
    monkeypatch.setattr(command, "run_selftest", lambda plan, jobs, said, done: (t for t in [trial()]))
    short, full = (fragdiff("--fault", FAULT, *options) for options in (["--markdown"], ["--markdown", "full"]))
    assert short.stdout.splitlines() == area_lines([result_of(trial())])
    assert full.stdout.splitlines() == fault_lines([result_of(trial())])


def test_the_catalogue_can_be_listed():
    lines = fragdiff("--list").stdout.splitlines()
    assert lines[-1] == f"{len(FAULTS)} faults"
    listed = json.loads(fragdiff("--list", "--json").stdout)["faults"]
    assert [item["name"] for item in listed] == [fault.name for fault in FAULTS]


def test_an_unknown_fault_is_one_line():
    done = fragdiff("--fault", "nonsense")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "fragdiff: --fault: there is no planted fault 'nonsense'\n"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_everything_is_caught():
    done = fragdiff("--quick", "--json", "--jobs", "2")
    found = json.loads(done.stdout)["faults"]
    assert [item["name"] for item in found if not item["caught"]] == []
    assert [item["name"] for item in found if not item["as_expected"]] == []
    assert done.exit_code == 0
