"""Cases from files of every type, and files that cannot be read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from samples import DATA, EXAMPLE_PROGRAM
from test_package_binary import LIBRARY, package

from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.errors import InputError
from reference.definition.formats.load import MAX_FILE_BYTES, load_cases

BENCH = sorted((DATA / "bench").glob("*.json"))


def test_a_file_of_lines_holds_many_cases() -> None:
    cases = load_cases(DATA / "vm" / "cases.jsonl")
    assert len(cases) == 339
    assert cases[0].name == "op_noop_700000"


@pytest.mark.parametrize("path", BENCH, ids=lambda path: path.stem)
def test_a_json_file_holds_one_case(path: Path) -> None:
    (case,) = load_cases(str(path))
    assert case.name == path.stem.removesuffix("_20")


def test_a_binary_is_a_case_with_the_inputs_beside_it(tmp_path: Path) -> None:
    binary = tmp_path / "dispatch.masb"
    shutil.copy(DATA / "formats" / "dispatch.masb", binary)
    (bare,) = load_cases(binary)
    assert (bare.name, bare.stack, bare.host, bare.cuts) == ("dispatch", (), "stdlib", (ONE_FRAGMENT,))
    binary.with_suffix(".inputs").write_text('{"operand_stack": ["1", "2"], "advice_stack": ["9"]}')
    (case,) = load_cases(binary)
    assert (case.stack, case.advice.stack) == ((2, 1), (9,))
    (recorded,) = load_cases(DATA / "formats" / "dispatch.case.json")
    assert case.program.hash == recorded.program.hash


def test_a_package_with_a_program_is_a_case(tmp_path: Path) -> None:
    path = tmp_path / "p.masp"
    path.write_bytes(package(b"PRG\0", EXAMPLE_PROGRAM))
    (case,) = load_cases(path)
    assert case.program.hash[0] == 14002581231276936843


@pytest.mark.parametrize(
    ("name", "content", "place", "reason"),
    [
        ("a.case.json", b"{}", "$", "expected the key 'program'"),
        ("a.masb", EXAMPLE_PROGRAM[:20], "byte 8", "a count of 3"),
        ("a.masb", b"", "byte 0", "magic bytes"),
        ("a.masp", package(b"LIB\0", LIBRARY), "", "found one with a library"),
        ("a.jsonl", b"\n\n", "", "at least one case"),
        ("a.txt", b"", "", "expected a file of type .json, .jsonl, .masb, .masp, found '.txt'"),
        ("a", b"", "", "found ''"),
    ],
)
def test_files_that_hold_no_case_are_refused_by_name(
    tmp_path: Path, name: str, content: bytes, place: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_cases(path)
    assert (error.value.source, error.value.place) == (str(path), place)
    assert reason in error.value.reason


def test_the_line_of_a_wrong_case_is_told(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    good = json.dumps({"program": {"nodes": ["block ADD"], "roots": [0], "entry": 0}})
    path.write_text(f'{good}\n\n{{"program": 3}}\n')
    with pytest.raises(InputError) as error:
        load_cases(path)
    assert (error.value.source, error.value.place) == (f"{path}, line 3", "$.program")


def test_wrong_inputs_beside_a_binary_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.masb").write_bytes(EXAMPLE_PROGRAM)
    (tmp_path / "a.inputs").write_text("{}")
    with pytest.raises(InputError) as error:
        load_cases(tmp_path / "a.masb")
    assert error.value.source == str(tmp_path / "a.inputs")


def test_files_that_are_not_there_or_no_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "directory.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name, reason in (
        ("missing.json", "No such file"),
        ("directory.json", "regular file"),
        ("pipe.json", "regular file"),
        ("missing.json/x.json", "No such file"),
        ("x" * 300 + ".json", "too long"),
    ):
        with pytest.raises(InputError, match=reason) as error:
            load_cases(tmp_path / name)
        assert error.value.source == str(tmp_path / name)
    with pytest.raises(InputError, match="NUL"):
        load_cases("a\0b.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch(mode=0)
    with pytest.raises(InputError, match="Permission denied"):
        load_cases(path)


@pytest.mark.parametrize("name", ["huge.json", "huge.jsonl", "huge.masb", "huge.masp"])
def test_a_file_of_1_gb_is_refused_without_reading_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(InputError, match=f"at most {MAX_FILE_BYTES} bytes, found {2**30}"):
        load_cases(path)
