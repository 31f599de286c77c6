"""The pytest plugin as its users run it: what passes, what fails and what it says, what is skipped."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plugin_cases import ADDING, HONEST, MULTIPLYING

import harness
from harness.compare import VacuousComparison
from harness.verdict import Comparison, Counts, Verdict

KEPT = {
    "kind": "defect",
    "reason": "made for a test",
    "defect": "D04",
    "real_vm": "it panics",
}


@pytest.fixture
def verifying():
    """MPVERIFY of depth 0: the real VM panics (D04), every other engine fails with a named error."""
    lines = (Path(__file__).parents[1] / "data" / "vm" / "divergences.jsonl").read_text("utf-8").splitlines()
    case = next(item["case"] for item in map(json.loads, lines) if item["name"] == "d04_mpverify_depth0")
    return {**case, "name": "verifying", "cuts": [4]}


# ---- running --------------------------------------------------------------------------------------------------------


def test_engines_that_agree_pass_and_what_was_compared_is_summed_up(run_pytest, write, corpus, tmp_path):
    write(ADDING)
    run = run_pytest(corpus, HONEST, f"--junit-xml={tmp_path / 'x.xml'}")
    assert run.exit_code == 0
    assert run.outcomes == {"passed": 2}
    assert "fragdiff: reference with honest, 1 pair of engines" in run.output
    assert "  honest: usable, made for tests" in run.output
    # Two of the shortest traces, of 72 columns; 11 rows are executed: cuts at 0, 4 and 8, and at 0 and 3.
    assert "compared: 128 rows, 9,216 cells, 5 boundaries, 3 seams built" in run.output
    properties = ElementTree.parse(tmp_path / "x.xml").findall(".//property")
    assert [each.get("value") for each in properties if each.get("name") == "fragdiff_rows"] == ["64", "64"]


def test_a_lying_engine_fails_with_row_columns_cut_and_cause(run_pytest, write, corpus):
    write(MULTIPLYING)
    write(ADDING, cuts=[4])
    run = run_pytest(corpus, "--fragdiff-engines=reference,wrong-mul")
    assert run.exit_code == 1
    assert run.outcomes == {"failed": 1, "passed": 1}
    text = run.text("corpus/multiplying.case.json::every:3::reference-wrong-mul")
    assert text.startswith("multiplying, every:3: reference and wrong-mul differ")
    for word in ("first wrong row 3 (", "after MUL", "last equal row 2", "cut: in fragment 1", "stack_2", "7  |  8"):
        assert word in text, word
    assert "where it comes from:" in text
    assert "fragdiff diff" in text
    assert "every:3" in text.splitlines()[-1]
    assert "Traceback" not in text
    assert "harness/plugin" not in text


def test_an_engine_that_lies_at_seams_fails_only_where_there_is_one(run_pytest, write, corpus):
    write(ADDING, cuts=[1, {"at": []}])
    run = run_pytest(corpus, "--fragdiff-engines=reference,wrong-seam")
    outcomes = {nodeid.split("::")[1]: report.outcome for nodeid, report in run.reports.items()}
    assert outcomes["every:1"] == "failed"
    assert set(outcomes.values()) == {"failed", "passed"}


def test_an_engine_that_breaks_fails(run_pytest, write, corpus):
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines=reference,crashing")
    assert run.exit_code == 1
    assert "list index out of range" in run.text("corpus/multiplying.case.json::every:3::reference-crashing")


def test_a_pair_that_shares_a_mistake_fails_by_the_audit(run_pytest, write, corpus):
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines=wrong-mul,wrong-mul-too")
    assert run.outcomes == {"failed": 1}
    assert "audit: " in run.text("corpus/multiplying.case.json::every:3::wrong-mul-wrong-mul-too")


def test_what_is_not_comparable_is_skipped_with_the_reason_and_alone_it_is_a_failure(run_pytest, write, corpus):
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines=reference,honest,refusing")
    assert run.outcomes == {"passed": 1, "skipped": 2}
    assert "refusing: no such programs" in run.text("corpus/multiplying.case.json::every:3::reference-refusing")
    assert "not compared: 2 x refusing: no such programs" in run.output
    assert run.exit_code == 0
    alone = run_pytest(corpus, "--fragdiff-engines=reference,refusing")
    assert alone.outcomes == {"skipped": 1}
    assert alone.exit_code == 1
    assert "nothing was compared: this run has failed" in alone.output


def test_an_engine_that_is_not_usable_here_is_skipped_counted_and_named_in_the_header(run_pytest, write, corpus):
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines=reference,unusable")
    assert run.outcomes == {"skipped": 1}
    assert run.exit_code == 1
    assert "  unusable: not usable, no device" in run.output
    assert "not comparable: everything with unusable" in run.output
    assert "not compared: 1 x unusable is not usable here: no device" in run.output


def test_engines_are_opened_once_and_closed_at_the_end(run_pytest, write, corpus, monkeypatch):
    made, closed = [], []

    class Counting(pytest.importorskip("faulty_engines").Honest):
        def probe(self):
            made.append(self)
            return super().probe()

        def close(self):
            closed.append(self)
            super().close()

    monkeypatch.setattr("faulty_engines.Honest", Counting)
    write(ADDING)
    write(MULTIPLYING)
    assert run_pytest(corpus, HONEST).outcomes == {"passed": 3}
    assert len(made) == 1
    assert made[0] in closed


def test_agreement_after_less_was_compared_than_there_is_fails(run_pytest, write, corpus, monkeypatch):
    def vacuous(*given, **more):
        raise VacuousComparison("63 of 64 rows")

    monkeypatch.setattr("harness.plugin.items.compare", vacuous)
    write(MULTIPLYING)
    run = run_pytest(corpus, HONEST)
    assert run.outcomes == {"failed": 1}
    assert "less was compared than there is: 63 of 64 rows" in run.text(
        "corpus/multiplying.case.json::every:3::reference-honest"
    )


def test_agreement_about_nothing_fails(run_pytest, write, corpus, monkeypatch):
    nothing = Comparison("multiplying", Verdict.AGREE, (), (), Counts())
    monkeypatch.setattr("harness.plugin.items.compare", lambda *given, **more: nothing)
    write(MULTIPLYING)
    assert run_pytest(corpus, HONEST).outcomes == {"failed": 1}


def test_a_broken_engine_is_not_localised_in_every_case(run_pytest, write, corpus, monkeypatch):
    monkeypatch.setattr("harness.plugin.failure.MOST_LOCALISED", 1)
    write(MULTIPLYING)
    write(MULTIPLYING, "other", cuts=[2])
    run = run_pytest(corpus, "--fragdiff-engines=reference,wrong-mul")
    texts = [str(report.longrepr) for report in run.reports.values()]
    assert ["where it comes from:" in text for text in texts] == [True, False]
    assert "fragdiff locate" in texts[1]


# ---- known divergences ----------------------------------------------------------------------------------------------


def test_a_known_divergence_passes_and_is_reported(run_pytest, write, corpus, verifying):
    write(verifying)
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines=reference,panicking-vm")
    assert run.outcomes == {"passed": 2}
    assert "known divergence D04: in 1 items" in run.output
    assert run.exit_code == 0


def test_a_run_with_nothing_but_known_divergences_has_compared_nothing(run_pytest, write, corpus, verifying):
    write(verifying)
    run = run_pytest(corpus, "--fragdiff-engines=reference,panicking-vm")
    assert run.outcomes == {"passed": 1}
    assert run.exit_code == 1


def test_a_known_divergence_that_is_gone_fails(run_pytest, write, corpus):
    write(MULTIPLYING, kept=KEPT)
    run = run_pytest(corpus, "--fragdiff-engines=reference,panicking-vm")
    assert run.outcomes == {"failed": 1}
    text = run.text("corpus/multiplying.case.json::every:3::reference-panicking-vm")
    assert "known divergence D04, which is not there at any of its cut plans" in text
    assert run.exit_code == 1


def test_a_known_divergence_that_is_met_as_the_case_says_passes(run_pytest, write, corpus, verifying):
    write(verifying, kept=KEPT)
    write(MULTIPLYING)
    assert run_pytest(corpus, "--fragdiff-engines=reference,panicking-vm").outcomes == {"passed": 2}


def test_a_known_divergence_of_an_engine_that_is_not_there_is_not_missed(run_pytest, write, corpus):
    write(MULTIPLYING, kept=KEPT)
    assert run_pytest(corpus, HONEST).outcomes == {"passed": 1}


# ---- the campaign ---------------------------------------------------------------------------------------------------


def test_a_campaign_is_one_more_item_and_passes_when_the_engines_agree(run_pytest, tmp_path):
    run = run_pytest("--fragdiff-fuzz=0.4s", "--fragdiff-seed=3", HONEST)
    assert run.items == ["fragdiff-fuzz"]
    assert run.marks["fragdiff-fuzz"] == {"fragdiff_fuzz"}
    assert run.exit_code == 0
    assert not (tmp_path / "findings").exists()
    sections = dict(run.reports["fragdiff-fuzz"].sections)
    assert "cases (" in sections["Captured campaign call"]


def test_a_campaign_that_finds_a_difference_fails_with_seed_and_report(run_pytest, tmp_path):
    run = run_pytest(
        "--fragdiff-fuzz=0.5s", "--fragdiff-seed=3", "--fragdiff-engines=reference,broken", "--fragdiff-out=kept"
    )
    assert run.exit_code == 1
    text = run.text("fragdiff-fuzz")
    assert text.startswith("seed 3, engines reference, broken")
    assert "engine_failure broken" in text
    assert "ZeroDivisionError" in text
    assert list((tmp_path / "kept").glob("*/found.case.json"))


@pytest.mark.parametrize(("engine", "word"), [("refusing", "nothing was compared"), ("unusable", "not usable here")])
def test_a_campaign_that_compared_nothing_fails(run_pytest, engine, word):
    run = run_pytest("--fragdiff-fuzz=0.3s", "--fragdiff-seed=3", f"--fragdiff-engines=reference,{engine}")
    assert run.exit_code == 1
    assert word in run.text("fragdiff-fuzz")


def test_the_campaign_can_be_chosen_and_left_out(run_pytest, write, corpus):
    write(MULTIPLYING)
    arguments = (corpus, HONEST, "--fragdiff-fuzz=60s", "--collect-only")
    assert len(run_pytest(*arguments).items) == 2
    assert run_pytest(*arguments, "-m", "fragdiff_fuzz").items == ["fragdiff-fuzz"]
    assert "fragdiff-fuzz" not in run_pytest(*arguments, "-k", "not fuzz").items


# ---- in processes of their own --------------------------------------------------------------------------------------


def test_a_run_without_cases_loads_nothing_of_the_harness(tmp_path):
    (tmp_path / "test_own.py").write_text(
        "import sys\n\n\ndef test_own():\n"
        "    mine = {'numpy', 'numba', 'click', 'harness', 'reference', 'parallel', 'gpu'}\n"
        "    assert {name for name in sys.modules if name.split('.')[0] in mine} <= {'harness', 'harness.pytest_plugin'}\n"
        "    assert 'harness.pytest_plugin' in sys.modules\n"
    )
    done = _pytest(tmp_path, "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout


def test_workers_share_the_items_and_their_accounts_are_added_up(tmp_path, write, corpus):
    write(ADDING)
    write(MULTIPLYING)
    (tmp_path / "conftest.py").write_text(
        "def pytest_runtest_teardown(item):\n    import numba\n    assert numba.config.NUMBA_NUM_THREADS == 1\n"
    )
    arguments = ["corpus", "-n", "2", "--dist", "worksteal", "--fragdiff-engines=reference,parallel", "-v"]
    done = _pytest(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert "fragdiff: reference with parallel" in done.stdout
    assert done.stdout.count("compared: ") == 1
    assert "compared: 192 rows" in done.stdout


def _pytest(directory, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "NUMBA_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env=environment | {"PYTHONPATH": str(Path(harness.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
