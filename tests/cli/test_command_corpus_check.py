"""``fragdiff corpus check``: whatever is not in order is named."""

import os
import re
from pathlib import Path

import pytest
from corpus_files import put_noise, rewritten
from small_cases import json_lines


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
