"""``fragdiff corpus``: files named by content, kept once, with a reason."""

import hashlib
import json
import re
from pathlib import Path

from conftest import ADDING

from harness.corpus import Kept, Kind, read_entry
from reference.definition.formats.load import load_cases


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
