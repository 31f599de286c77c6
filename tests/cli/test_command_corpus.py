"""``fragdiff corpus add`` and ``ls``: files named by content, kept once, with a reason and with what is expected."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from corpus_files import only_file
from small_cases import ADDING, json_lines

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
