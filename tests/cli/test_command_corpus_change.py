"""``fragdiff corpus minimise``, ``merge`` and ``harvest``: what goes, what comes, and what stays as it is."""

import re
from pathlib import Path

import pytest
from corpus_files import only_file, put_noise
from small_cases import ADDING, FAILING, json_lines

# ---- minimise -------------------------------------------------------------------------------------------------------


@pytest.fixture
def coverage(fragdiff, case_file):
    """A case that another one makes superfluous, and one that fails like none."""
    cases = [case_file(ADDING), case_file({**ADDING, "name": "every-row", "cuts": [1]}), case_file(FAILING)]
    fragdiff("corpus", "add", *cases, "--to", "corpus", "--kind", "coverage", "--reason", "why")
    return Path("corpus")


def names_in(directory):
    return sorted(path.name.rpartition("-")[0] for path in directory.glob("*.case.json"))


def test_what_adds_nothing_is_listed_first_and_removed_when_that_is_asked_for(fragdiff, coverage):
    dry = fragdiff("corpus", "minimise", "corpus")
    assert dry.exit_code == 0
    assert re.fullmatch(r"adds nothing  corpus/adding-[0-9a-f]{12}\.case\.json", dry.stdout.splitlines()[0])
    assert "2 stay, 1 would go (--write removes them)" in dry.stdout
    assert names_in(coverage) == ["adding", "every-row", "failing"]
    assert "2 stay, 1 removed" in fragdiff("corpus", "minimise", "corpus", "--write").stdout
    assert names_in(coverage) == ["every-row", "failing"]
    assert "2 stay, 0 removed" in fragdiff("corpus", "minimise", "corpus", "--write").stdout


@pytest.mark.parametrize("kind", ["golden", "defect", "program", "finding"])
def test_a_case_that_is_kept_for_another_reason_stays(fragdiff, case_file, kind):
    cases = [case_file(ADDING), case_file({**ADDING, "name": "every-row", "cuts": [1]})]
    fragdiff("corpus", "add", *cases, "--to", "corpus", "--kind", kind, "--reason", "why")
    assert json_lines(fragdiff("corpus", "minimise", "corpus", "--json").stdout)[-1]["go"] == 0


def test_nothing_is_removed_while_a_file_cannot_be_read(fragdiff, coverage):
    put_noise(coverage)
    result = fragdiff("corpus", "minimise", "corpus", "--write")
    assert result.exit_code == 2
    assert "noise.case.json" in result.stderr
    assert len(list(coverage.iterdir())) == 4


# ---- merge ----------------------------------------------------------------------------------------------------------


def test_merging_twice_changes_nothing(fragdiff, corpus):
    (corpus / "deep").mkdir()
    path = next(corpus.glob("adding-*"))
    path.rename(corpus / "deep" / path.name)
    first = fragdiff("corpus", "merge", "all", "corpus")
    assert first.exit_code == 0
    assert first.stdout.splitlines()[-1] == "3 added, 0 there already, 0 conflict"
    before = {path: path.read_bytes() for path in Path("all").rglob("*.json")}
    assert {path.relative_to("all") for path in before} == {path.relative_to(corpus) for path in corpus.rglob("*.json")}
    assert {path.name: data for path, data in before.items()} == {
        path.name: path.read_bytes() for path in corpus.rglob("*.json")
    }
    again = json_lines(fragdiff("corpus", "merge", "all", "corpus", "corpus", "--json").stdout)[-1]
    assert again == {"added": 0, "there already": 6, "conflict": 0, "exit_code": 0}
    assert before == {path: path.read_bytes() for path in Path("all").rglob("*.json")}


def test_two_files_that_say_different_things_of_one_case_are_a_conflict(fragdiff, adding):
    fragdiff("corpus", "add", adding, "--to", "one", "--reason", "one")
    fragdiff("corpus", "add", adding, "--to", "two", "--reason", "two")
    before = only_file("one").read_bytes()
    result = fragdiff("corpus", "merge", "one", "two")
    assert result.exit_code == 1
    assert (
        result.stdout.splitlines()[0]
        == f"conflict  {only_file('two')} says something else of the case in {only_file('one')}"
    )
    assert only_file("one").read_bytes() == before


def test_a_source_that_holds_no_case_is_refused_and_nothing_is_written(fragdiff, corpus):
    Path("other").mkdir()
    put_noise(Path("other"))
    result = fragdiff("corpus", "merge", "all", "corpus", "other")
    assert result.exit_code == 2
    assert "noise.case.json" in result.stderr
    assert not Path("all").exists()


# ---- harvest --------------------------------------------------------------------------------------------------------


def test_a_harvest_reaches_what_was_not_reached_and_another_one_adds_nothing(fragdiff):
    options = ("--cases", "12", "--seed", "3", "--expect", "reference")
    first = fragdiff("corpus", "harvest", "corpus", *options)
    assert first.exit_code == 0, first.stderr
    kept = json_lines(fragdiff("corpus", "ls", "corpus", "--json").stdout)
    assert len(kept) >= 3
    assert all(line["only"] > 0 and line["kind"] == "coverage" and line["expected_by"] == "reference" for line in kept)
    assert fragdiff("corpus", "check", "corpus").exit_code == 0
    again = fragdiff("corpus", "harvest", "corpus", *options, "--json")
    assert json_lines(again.stdout)[-1]["kept"] == 0
    beside = fragdiff("corpus", "harvest", "other", *options, "--beside", "corpus", "--json")
    assert json_lines(beside.stdout)[-1]["kept"] == 0


def test_a_bounded_harvest_keeps_the_cases_that_add_most(fragdiff):
    fragdiff("corpus", "harvest", "corpus", "--cases", "12", "--seed", "3", "--at-most", "2", "--expect", "reference")
    assert len(list(Path("corpus").iterdir())) == 2


def test_a_case_on_which_the_engine_fails_is_not_harvested(fragdiff):
    result = fragdiff("corpus", "harvest", "corpus", "--cases", "5", "--expect", "broken")
    assert "0 kept" in result.stdout
    assert "not kept: broken: raised ZeroDivisionError" in result.stderr
    assert not Path("corpus").exists()
