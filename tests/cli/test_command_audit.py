"""``fragdiff audit``, and ``fragdiff run`` and ``fuzz`` with the audit."""

import json

import numpy as np
import pytest
from small_cases import json_lines

from reference.definition.columns import COLUMN


@pytest.fixture
def traces(data, tmp_path):
    """A folder with the traces of three golden cases, in three forms."""
    folder = tmp_path / "traces"
    folder.mkdir()
    for name in ("case_01", "case_20", "case_24"):
        cells = np.load(data / "fragment_boundaries" / f"{name}.npz")["trace"].T
        if name == "case_24":
            np.ascontiguousarray(cells).astype("<u8").tofile(folder / f"{name}.trace")
        else:
            np.savez(folder / f"{name}.npz", trace=cells if name == "case_01" else cells.T)
    return folder


def altered(traces, data, **cells):
    """Writes case_01 with other cells: ``column=(row, value)``."""
    trace = np.load(data / "fragment_boundaries" / "case_01.npz")["trace"].T.copy()
    for column, (row, value) in cells.items():
        trace[COLUMN[column], row] = value
    np.savez(traces / "altered.npz", trace=trace)
    return traces / "altered.npz"


def test_a_case_is_run_and_its_trace_judged(fragdiff, adding):
    result = fragdiff("audit", adding, "--cuts", "1;4")
    assert result.exit_code == 0
    assert result.stdout.count("accepted: ") == 2
    assert "not checked" not in result.stdout


def test_traces_in_a_folder_are_judged_with_their_cases(fragdiff, traces, data):
    result = fragdiff("audit", traces, "--case", data / "fragment_boundaries" / "cases.jsonl", "--json")
    judged = json_lines(result.stdout)
    assert [item["name"] for item in judged] == ["case_01", "case_20", "case_24"]
    assert [item["audit"]["rows"] for item in judged] == [64, 128, 64]
    assert all(item["audit"]["accepted"] for item in judged)
    assert all("ends.stack outputs" in item["audit"]["not_checked"] for item in judged)
    assert result.exit_code == 0


def test_without_a_case_it_says_what_it_could_not_check(fragdiff, traces):
    result = fragdiff("audit", traces / "case_01.npz")
    assert result.exit_code == 0
    assert "not checked: the program is not known (4 rules)" in result.stdout
    assert "not checked: the stack inputs are not known (1 rule)" in result.stdout


def test_a_wrong_trace_is_rejected_with_the_cells_that_the_rule_reads(fragdiff, traces, data):
    # Row 2 is MUL of 3 and 2.
    result = fragdiff("audit", altered(traces, data, stack_0=(3, 7)))
    assert result.exit_code == 1
    assert "rejected: 2 rules violated" in result.stdout
    lines = result.stdout.splitlines()
    at = lines.index("  row 2 (MUL): stack.MUL.result.0")
    assert lines[at + 1 : at + 5] == [
        "    spec 12 section 4.4: s0*s1 - s0' = 0",
        "    stack_0[2] = 3",
        "    stack_1[2] = 2",
        "    stack_0[3] = 7",
    ]


def test_a_wrong_trace_as_json(fragdiff, traces, data):
    # Row 5 is SPAN of one group.
    result = fragdiff("audit", altered(traces, data, dec_group_count=(5, 9)), "--json", "--limit", "1")
    (judged,) = json_lines(result.stdout)
    first = judged["audit"]["violations"][0]
    assert (first["row"], first["group"], first["source"]) == (5, "decoder", "12 section 8.1")
    assert {"column": "dec_group_count", "row": 5, "value": 9} in first["cells"]


def test_a_rule_can_be_left_out(fragdiff, traces, data):
    wrong = altered(traces, data, stack_h0=(2, 5))
    rejected = json_lines(fragdiff("audit", wrong, "--json").stdout)[0]["audit"]["violations"]
    assert [item["rule"] for item in rejected] == ["stack.depth.no inverse"]
    assert fragdiff("audit", wrong, "--without", "stack.depth.no inverse").exit_code == 0


def test_the_sequential_builders_traces_have_no_draw_in_the_pad_column(fragdiff, traces, data):
    sequential = altered(traces, data, pad_0=(63, 0))
    assert fragdiff("audit", sequential).exit_code == 1
    assert fragdiff("audit", sequential, "--variant", "sequential").exit_code == 0
    assert fragdiff("audit", traces / "case_01.npz", "--variant", "sequential").exit_code == 1


def test_a_failed_program_has_no_trace_and_that_is_no_acceptance(fragdiff, failing):
    result = fragdiff("audit", failing)
    assert result.exit_code == 1
    assert "no trace: failed: FailedAssertion" in result.stdout
    assert "no trace was judged" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.npz", None, "No such file"),
        ("broken.npz", b"PK\x03\x04 but no archive", "cannot be read as one"),
        ("text.npz", b"not an archive at all", "cannot be read as one"),
        ("short.trace", b"12345678", "8 bytes are not 72 columns"),
        ("empty.trace", b"", "0 bytes are not 72 columns"),
        ("one_row.trace", bytes(72 * 8), "a trace of 1 rows has no row to judge"),
    ],
)
def test_files_that_hold_no_trace_are_refused(fragdiff, tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = fragdiff("audit", name)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arrays", "said"),
    [({"other": np.zeros(3)}, "no archive with"), ({"trace": np.zeros((3, 4), np.uint64)}, "not 72 columns")],
)
def test_archives_without_a_trace_are_refused(fragdiff, tmp_path, arrays, said):
    np.savez(tmp_path / "other.npz", **arrays)
    result = fragdiff("audit", "other.npz")
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_empty_folder_and_an_unknown_rule_are_refused(fragdiff, tmp_path, traces):
    (tmp_path / "empty").mkdir()
    assert fragdiff("audit", "empty").exit_code == 2
    unknown = fragdiff("audit", traces, "--without", "no.such rule")
    assert unknown.exit_code == 2
    assert "no rule is called no.such rule" in unknown.stderr


def test_run_audits_what_it_ran(fragdiff, multiplying):
    assert "audit accepted" in fragdiff("run", multiplying).stdout
    rejected = fragdiff("run", multiplying, "--engine", "wrong-mul")
    assert rejected.exit_code == 1
    assert "audit rejected" in rejected.stdout
    assert fragdiff("run", multiplying, "--engine", "wrong-mul", "--no-audit").exit_code == 0
    assert json.loads(fragdiff("run", multiplying, "--json", "--no-audit").stdout)["audit"] is None


def test_a_campaign_finds_and_shrinks_what_engines_do_wrong_alike(fragdiff, tmp_path):
    arguments = ("--engines", "wrong-mul,wrong-mul-too", "--cases", "12", "--seed", "3", "--shrink-seconds", "5")
    result = fragdiff("fuzz", *arguments, "--keep", "1", "--quiet", "--out", "out")
    assert result.exit_code == 1
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["counts"]["audits"] == summary["completed"]
    assert all(signature.startswith("audit wrong-mul MUL violates stack.") for signature in summary["findings"])
    (directory,) = [path.parent for path in (tmp_path / "out").glob("*/finding.json")]
    smallest = json.loads((directory / "smallest.case.json").read_text())
    assert any("MUL" in node for node in smallest["program"]["nodes"])
    assert "2 engines agree on this trace" in (directory / "report.txt").read_text()
    assert fragdiff("fuzz", *arguments, "--no-audit", "--quiet", "--out", "unaudited").exit_code == 0
