"""What the pytest plugin collects: case files, where they are named, by which engines, and what is no use."""

import json

import pytest
from plugin_cases import ADDING, HONEST, MULTIPLYING


def test_a_case_is_an_item_for_each_cut_plan_and_each_pair_of_engines(run_pytest, write, corpus):
    write(ADDING)
    write(MULTIPLYING)
    run = run_pytest(corpus, "--fragdiff-engines", "reference,honest,wrong-seam", "--collect-only")
    plans = ["adding.case.json::every:4", "adding.case.json::at:3", "multiplying.case.json::every:3"]
    pairs = ["reference-honest", "reference-wrong-seam", "honest-wrong-seam"]
    assert run.items == [f"corpus/{plan}::{pair}" for plan in plans for pair in pairs]
    assert run.exit_code == 0


def test_one_item_can_be_run_by_its_node_id(run_pytest, write, corpus):
    write(ADDING)
    run = run_pytest("corpus/adding.case.json::at:3::reference-honest", HONEST)
    assert run.items == ["corpus/adding.case.json::at:3::reference-honest"]
    assert run.exit_code == 0
    assert run_pytest("corpus/adding.case.json::every:4", HONEST).items == [
        "corpus/adding.case.json::every:4::reference-honest"
    ]


def test_a_long_free_plan_has_a_short_name_and_equal_plans_are_told_apart(run_pytest, write, corpus):
    rows = list(range(1, 60))
    write(ADDING, cuts=[{"at": rows}, {"at": rows[:-1]}, 4, 4])
    names = [item.split("::")[1] for item in run_pytest(corpus, HONEST, "--collect-only").items]
    assert [name.rpartition("-")[0] for name in names[:2]] == ["at:1,2,3,4,5,6+53", "at:1,2,3,4,5,6+52"]
    assert names[2:] == ["every:4", "every:4#2"]
    assert len(set(names)) == 4


def test_case_files_are_left_alone_unless_their_directory_is_named(run_pytest, write, corpus, tmp_path):
    write(ADDING)
    write({"nothing": "of ours"}, "foreign", tmp_path / "tests" / "data")
    (tmp_path / "tests" / "test_own.py").write_text("def test_own():\n    pass\n")
    for arguments in ((), ("tests",), (".",)):
        run = run_pytest(*arguments, ini="testpaths = tests\n")
        assert run.items == ["tests/test_own.py::test_own"]
        assert run.exit_code == 0
        assert "fragdiff:" not in run.output


def test_a_directory_below_a_named_one_belongs_to_the_corpus(run_pytest, write, corpus):
    write(ADDING, cuts=[4])
    write(MULTIPLYING, directory=corpus / "slow")
    run = run_pytest(corpus, HONEST, "--collect-only")
    slow = "corpus/slow/multiplying.case.json::every:3::reference-honest"
    fast = "corpus/adding.case.json::every:4::reference-honest"
    assert sorted(run.items) == [fast, slow]
    assert (run.marks[fast], run.marks[slow]) == (set(), {"fragdiff_slow"})
    assert run_pytest(corpus, HONEST, "--collect-only", "-m", "not fragdiff_slow").items == [fast]


def test_links_neither_break_a_run_nor_count_a_case_twice(run_pytest, write, corpus):
    write(ADDING, cuts=[4])
    loop = corpus / "loop.case.json"
    loop.symlink_to(loop.name)
    (corpus / "again").symlink_to(corpus)
    run = run_pytest(corpus, HONEST, "--collect-only")
    assert [item.partition("::")[0] for item in run.items] == ["corpus/adding.case.json"]
    named = run_pytest(loop, HONEST)
    assert named.exit_code == 4
    assert "INTERNALERROR" not in named.output


def test_the_ini_file_names_corpus_engines_and_slow_cases(run_pytest, write, corpus):
    write(ADDING, cuts=[4], directory=corpus / "deep")
    ini = "fragdiff_corpus = corpus\nfragdiff_engines =\n  honest\n  reference\nfragdiff_slow = deep/*\n"
    run = run_pytest(ini=ini)
    (item,) = run.items
    assert item == "corpus/deep/adding.case.json::every:4::honest-reference"
    assert run.marks[item] == {"fragdiff_slow"}
    assert run.outcomes == {"passed": 1}
    beaten = run_pytest("--fragdiff-engines=reference,wrong-seam", "--collect-only", ini=ini)
    assert beaten.items == ["corpus/deep/adding.case.json::every:4::reference-wrong-seam"]


def test_comparisons_with_an_engine_that_needs_a_device_are_marked(run_pytest, write, corpus, monkeypatch):
    monkeypatch.setattr("harness.plugin.items.DEVICE_ENGINES", frozenset({"honest"}))
    write(MULTIPLYING)
    run = run_pytest(
        corpus, "--fragdiff-engines=reference,honest,wrong-seam", "--collect-only", "-m", "not fragdiff_device"
    )
    assert run.items == ["corpus/multiplying.case.json::every:3::reference-wrong-seam"]


@pytest.mark.parametrize(
    "text", ["{", json.dumps(ADDING | {"cuts": [0]}), json.dumps(ADDING | {"kept": {"kind": "x"}})]
)
def test_a_file_that_is_no_case_is_an_error_with_file_and_place(run_pytest, write, corpus, text):
    write(MULTIPLYING)
    (corpus / "broken.case.json").write_text(text)
    run = run_pytest(corpus, HONEST)
    assert run.exit_code == 2
    (error,) = run.errors
    assert "broken.case.json" in error
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--fragdiff-engines=reference"], "two engines"),
        (["--fragdiff-engines=reference,nobody"], "no engine called 'nobody'"),
        (["--fragdiff-engines=reference,reference"], "named twice"),
        ([HONEST, "--fragdiff-fuzz=soon"], "expected a time"),
        ([HONEST, "--fragdiff-fuzz=0s"], "expected a time"),
        ([HONEST, "--fragdiff-seed=-1"], "expected a number from 0"),
        ([HONEST, "--fragdiff-out="], "--fragdiff-out: the name is empty"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(run_pytest, write, corpus, arguments, word):
    write(ADDING)
    run = run_pytest(corpus, *arguments)
    assert run.exit_code == 4
    assert word in run.output
    assert run.items == []


def test_a_corpus_that_is_missing_is_a_usage_error(run_pytest):
    run = run_pytest(ini="fragdiff_corpus = nowhere\n")
    assert run.exit_code == 4
    assert "nowhere is no directory" in run.output
