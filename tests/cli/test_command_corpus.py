"""``fragdiff corpus``: files named by content, kept once, with a reason."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest
from small_cases import ADDING, FAILING, json_lines

from harness.corpus import Kept, Kind, read_entry
from reference.definition.formats.load import load_cases
from reference.definition.outcome import Completed


def test_a_case_is_kept_under_its_content(fragdiff, adding):
    result = fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "adds two numbers")
    assert result.exit_code == 0
    (path,) = Path("corpus").iterdir()
    assert path.name == f"adding-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.case.json"
    assert result.stdout == f"added  {path}\n"
    (case,) = load_cases(path)
    assert case.about == ""
    assert case.stack == (9,)
    assert read_entry(path).kept == Kept(Kind.FINDING, "adds two numbers", "adding.case.json")


def test_a_kept_case_runs(fragdiff, adding):
    fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "why")
    (path,) = Path("corpus").iterdir()
    assert fragdiff("diff", path, "--engines", "reference,honest").exit_code == 0


def test_the_same_case_is_kept_once_whatever_it_is_called(fragdiff, adding, case_file):
    other = case_file({**ADDING, "name": "other", "about": "something"})
    fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "one")
    result = fragdiff("corpus", "add", other, "--to", "corpus", "--reason", "two")
    assert result.stdout.startswith("there already  corpus/adding-")
    assert len(list(Path("corpus").iterdir())) == 1


def test_other_cuts_are_another_case(fragdiff, adding, case_file):
    other = case_file({**ADDING, "cuts": [5]}, name="other")
    fragdiff("corpus", "add", adding, other, "--to", "corpus", "--reason", "one")
    assert len(list(Path("corpus").iterdir())) == 2


def test_a_list_of_the_corpus(fragdiff, adding, failing):
    fragdiff("corpus", "add", adding, failing, "--to", "corpus", "--reason", "why not")
    result = fragdiff("corpus", "ls", "corpus")
    assert result.exit_code == 0
    _, first, second, total = result.stdout.splitlines()
    assert re.fullmatch(r"finding +11 +[0-9]+  - +adding-[0-9a-f]{12}\.case\.json: why not", first)
    assert re.fullmatch(r"finding +fails +1  - +failing-[0-9a-f]{12}\.case\.json: why not", second)
    assert total == "2 cases: 2 finding"


def test_a_changed_file_is_noticed(fragdiff, adding):
    fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "why")
    (path,) = Path("corpus").iterdir()
    path.write_text(json.dumps({**ADDING, "stack": [8]}), encoding="utf-8")
    result = fragdiff("corpus", "ls", "corpus")
    assert result.exit_code == 2
    assert "not the one that the name promises" in result.stderr


def test_a_reason_is_needed(fragdiff, adding):
    assert fragdiff("corpus", "add", adding, "--to", "corpus").exit_code == 2
    assert fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", " ").exit_code == 2
    assert not Path("corpus").exists()


def test_a_folder_that_is_none_is_refused(fragdiff, adding):
    assert fragdiff("corpus", "ls", "nowhere").exit_code == 2
    result = fragdiff("corpus", "add", adding, "--to", adding, "--reason", "why")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"fragdiff: {adding}")


# ---- what is expected -----------------------------------------------------------------------------------------------


def only_file(directory="corpus"):
    (path,) = Path(directory).glob("*.case.json")
    return path


def rewritten(path, change):
    """Changes a file and gives it the name that its content promises."""
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    text = json.dumps(document)
    path.unlink()
    path = path.with_name(f"case-{hashlib.sha256(text.encode()).hexdigest()[:12]}.case.json")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def corpus(fragdiff, adding, failing, multiplying):
    """Three cases with what the reference makes of them."""
    result = fragdiff("corpus", "add", adding, failing, multiplying, "--to", "corpus", "--reason", "why", "--expect")
    assert result.exit_code == 0, result.stderr
    return Path("corpus")


def test_what_an_engine_makes_of_a_case_is_kept_with_who_said_it(fragdiff, adding):
    fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "why", "--expect", "--engine", "wrong-mul")
    expect = read_entry(only_file()).kept.expect
    assert expect.by == "wrong-mul"
    assert expect.outcome == Completed((9, *[0] * 15))
    assert expect.lengths["core"] == 11
    assert len(expect.columns) == 72


def test_a_recorded_program_keeps_what_the_real_vm_said(fragdiff, data):
    records = data / "programs" / "records.jsonl"
    record = json.loads(records.read_text(encoding="utf-8").splitlines()[0])
    (source,) = (data.parents[1] / "corpus").glob(f"{record['name'].replace('_', '-')}-*.case.json")
    result = fragdiff(
        "corpus", "add", source, "--to", "corpus", "--kind", "golden", "--reason", "r", "--records", records
    )
    assert result.exit_code == 0, result.stderr
    kept = read_entry(only_file()).kept
    assert kept.kind is Kind.GOLDEN
    assert kept.expect.by == "miden-vm 0.19.1"
    assert list(kept.expect.columns) == record["columns"]
    assert kept.expect.outcome == Completed(tuple(record["outcome"]["stack"]))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("", "expected a record of 'adding', found none"),
        ("no json", "line 1: expected JSON"),
        ("[]", "line 1: expected a record with a name"),
        ('{"name": "adding"}', "adding: expected a record: no field 'outcome'"),
        ('{"name": "adding", "outcome": {"status": "panicked", "message": "ouch"}}', "found a panic: ouch"),
        ('{"name": "adding", "outcome": {"status": "completed", "stack": [1]}}', "'stack'"),
    ],
)
def test_records_that_say_nothing_of_the_case_are_refused(fragdiff, adding, record, said):
    Path("records.jsonl").write_text(record, encoding="utf-8")
    result = fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "r", "--records", "records.jsonl")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not Path("corpus").exists()


def test_nothing_is_expected_of_a_case_that_the_engine_cannot_run(fragdiff, adding):
    options = ("--to", "corpus", "--reason", "r", "--expect", "--engine")
    assert "ZeroDivisionError" in fragdiff("corpus", "add", adding, *options, "broken").stderr
    assert "no such programs" in fragdiff("corpus", "add", adding, *options, "refusing").stderr
    assert not Path("corpus").exists()


def test_nothing_is_expected_of_an_engine_that_contradicts_itself(fragdiff, case_file):
    two = case_file({**ADDING, "cuts": [100, 8]})
    result = fragdiff("corpus", "add", two, "--to", "corpus", "--reason", "r", "--expect", "--engine", "wrong-seam")
    assert result.exit_code == 2
    assert "contradicts itself: columns of the decoder: dec_op_index" in result.stderr


# ---- check ----------------------------------------------------------------------------------------------------------


def test_a_corpus_in_order(fragdiff, corpus):
    result = fragdiff("corpus", "check", "corpus")
    assert result.exit_code == 0
    assert result.stdout == "3 cases, 3 runs were as expected, 0 problems\n"


def test_an_engine_that_makes_something_else_is_named_with_case_and_column(fragdiff, corpus):
    result = fragdiff("corpus", "check", "corpus", "--engines", "reference,wrong-mul")
    assert result.exit_code == 1
    (line, total) = result.stdout.splitlines()
    assert re.match(
        r"corpus/multiplying-.*: every:3: wrong-mul, not as reference says: columns of the stack: stack_2 ", line
    )
    assert total == "3 cases, 5 runs were as expected, 1 problem"


def test_the_problems_as_json(fragdiff, corpus):
    only = next(iter(sorted(corpus.iterdir())))
    only.rename(corpus / "lying-000000000000.case.json")
    problem, total = json_lines(fragdiff("corpus", "check", "corpus", "--json").stdout)
    assert problem["path"] == "corpus/lying-000000000000.case.json"
    assert total == {"cases": 3, "expectations": 3, "left_out": 0, "problems": 1, "exit_code": 1}


def lie(corpus):
    next(corpus.glob("adding-*")).rename(corpus / "adding-0123456789ab.case.json")


def rename_without_hash(corpus):
    next(corpus.glob("adding-*")).rename(corpus / "adding.case.json")


def copy_under_another_name(corpus):
    path = next(corpus.glob("adding-*"))
    (corpus / path.name.replace("adding", "other")).write_bytes(path.read_bytes())


def keep_the_same_case_twice(corpus):
    path = next(corpus.glob("adding-*"))
    data = path.read_bytes()
    rewritten(path, lambda document: document.update(about="another text"))
    path.write_bytes(data)


def lose_a_digest(corpus):
    columns = ("kept", "expect", "columns")
    rewritten(next(corpus.glob("adding-*")), lambda document: _at(document, columns).update(range="0" * 32))


def lose_the_reason(corpus):
    rewritten(next(corpus.glob("adding-*")), lambda document: document.pop("kept"))


def lose_the_expectation(corpus):
    rewritten(next(corpus.glob("adding-*")), lambda document: document["kept"].pop("expect"))


def lose_the_columns(corpus):
    rewritten(next(corpus.glob("adding-*")), lambda document: document["kept"]["expect"].pop("columns"))


def leave_a_note(corpus):
    (corpus / "notes.txt").write_text("x", encoding="utf-8")


def link_a_file(corpus):
    (corpus / "link.case.json").symlink_to("/etc/passwd")


def link_a_folder(corpus):
    (corpus / "folder").symlink_to("/etc")


def put_a_folder_for_a_file(corpus):
    (corpus / "folder.case.json").mkdir()


def put_a_huge_file(corpus):
    with (corpus / "huge.case.json").open("wb") as file:
        file.truncate(2**30)


def put_a_pipe(corpus):
    os.mkfifo(corpus / "pipe.case.json")


def put_noise(corpus):
    (corpus / "noise.case.json").write_bytes(bytes(range(256)))


def alter_a_digest(corpus):
    columns = ("kept", "expect", "columns")
    rewritten(next(corpus.glob("adding-*")), lambda document: _at(document, columns).update(pad="0" * 32))


def _at(document, keys):
    for key in keys:
        document = document[key]
    return document


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lie, "the content is not the one that the name promises"),
        (rename_without_hash, "the content is not the one that the name promises"),
        (copy_under_another_name, "the same case as corpus/adding-"),
        (keep_the_same_case_twice, "the same case as corpus/adding-"),
        (lose_a_digest, r"\$\.kept\.expect\.columns\.range: expected 2 digests, found 1"),
        (lose_the_reason, "there is no reason for it"),
        (lose_the_expectation, "nothing is expected of it"),
        (lose_the_columns, "no columns are expected, and nothing says why"),
        (leave_a_note, "notes.txt: no case file"),
        (link_a_file, "link.case.json: a link"),
        (link_a_folder, "folder: a link to a folder"),
        (put_a_folder_for_a_file, "folder.case.json: expected a regular file"),
        (put_a_huge_file, "huge.case.json: expected at most [0-9]+ bytes, found 1073741824"),
        (put_a_pipe, "pipe.case.json: expected a regular file"),
        (put_noise, "noise.case.json: byte 128: expected UTF-8"),
        (alter_a_digest, "every:4: reference, not as reference says: columns of the pad: pad_0 differ"),
    ],
)
def test_whatever_is_not_in_order_is_named(fragdiff, corpus, mistake, said):
    mistake(corpus)
    result = fragdiff("corpus", "check", "corpus")
    assert result.exit_code == 1
    assert re.search(said, result.stdout)
    assert result.stdout.splitlines()[-1].endswith(", 1 problem")


def test_nothing_expected_is_not_in_order(fragdiff, adding):
    fragdiff("corpus", "add", adding, "--to", "corpus", "--reason", "why")
    result = fragdiff("corpus", "check", "corpus")
    assert result.exit_code == 1
    assert "0 runs were as expected" in result.stdout


def test_slow_cases_are_run_when_that_is_asked_for(fragdiff, corpus):
    (corpus / "slow").mkdir()
    path = next(corpus.glob("adding-*"))
    path.rename(corpus / "slow" / path.name)
    assert "2 runs were as expected, 1 case not run (--slow runs them)" in fragdiff("corpus", "check", "corpus").stdout
    assert "3 runs were as expected, 0 problems" in fragdiff("corpus", "check", "corpus", "--slow").stdout
    assert "nothing was run" in fragdiff("corpus", "check", "corpus", "--files-only").stdout


@pytest.mark.parametrize("command", ["ls", "check", "minimise"])
def test_a_directory_without_cases_is_refused(fragdiff, command):
    Path("empty").mkdir()
    assert fragdiff("corpus", command, "empty").exit_code == 2
    assert fragdiff("corpus", command, "nowhere").exit_code == 2


# ---- ls -------------------------------------------------------------------------------------------------------------


def test_a_list_as_json(fragdiff, corpus):
    found = {line["name"]: line for line in json_lines(fragdiff("corpus", "ls", "corpus", "--json").stdout)}
    assert set(found) == {"adding", "failing", "multiplying"}
    assert found["adding"]["rows"] == 11
    assert found["adding"]["cuts"] == ["every:4"]
    assert found["failing"]["cells"] == found["failing"]["only"] == 1
    assert all(line["expected_by"] == "reference" and line["unchanged"] for line in found.values())
    quick = json_lines(fragdiff("corpus", "ls", "corpus", "--json", "--no-cells").stdout)
    assert [line["rows"] for line in quick] == [None] * 3


def test_a_case_that_another_case_covers_has_no_cells_of_its_own(fragdiff, case_file):
    small, large = case_file(ADDING), case_file({**ADDING, "name": "every-row", "cuts": [1]})
    fragdiff("corpus", "add", small, large, "--to", "corpus", "--reason", "why")
    only = {line["name"]: line["only"] for line in json_lines(fragdiff("corpus", "ls", "corpus", "--json").stdout)}
    assert only["adding"] == 0
    assert only["every-row"] > 0


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
