"""``fragdiff show``: rows of a program whose run is known by hand."""

import pytest


def rows(text):
    """The lines of rows: clk, operation, depth and what follows."""
    return [line.split() for line in text.splitlines() if line.lstrip()[:1].isdigit()]


def test_rows_show_operation_depth_change_and_stack(fragdiff, adding):
    result = fragdiff("show", adding, "--items", "3")
    assert result.exit_code == 0
    assert rows(result.stdout)[:8] == [
        ["0", "JOIN", "16", "9", "0", "0"],
        ["1", "SPAN", "16", "9", "0", "0"],
        ["2", "PUSH(3)", "16", "push", "3", "9", "0", "0"],
        ["3", "PUSH(4)", "17", "push", "4", "3", "9", "0"],
        ["4", "ADD", "18", "pop", "s0=7", "4", "3", "9"],
        ["5", "NOOP", "17", "7", "9", "0"],
        ["6", "END", "17", "7", "9", "0"],
        ["7", "SPAN", "17", "7", "9", "0"],
    ]
    assert len(rows(result.stdout)) == 11


def test_boundaries_are_marked_above_their_rows(fragdiff, adding):
    lines = fragdiff("show", adding).stdout.splitlines()
    marks = [(line, lines[index + 1].split()[0]) for index, line in enumerate(lines) if line.startswith("--- ")]
    assert [line for line, _ in marks] == [
        "--- fragment 0 begins at row 0: start of node 2; 0 continuations",
        "--- fragment 1 begins at row 4: op of node 0, batch 0, operation 2; 2 continuations",
        "--- fragment 2 begins at row 8: op of node 1, batch 0, operation 0; 1 continuations",
    ]
    assert [row for _, row in marks[1:]] == ["4", "8"]


@pytest.mark.parametrize(
    ("wanted", "clks"), [("3:5", ["3", "4"]), ("9", ["9"]), (":2", ["0", "1"]), ("62:", ["62", "63"])]
)
def test_a_range_of_rows(fragdiff, adding, wanted, clks):
    shown = rows(fragdiff("show", adding, "--rows", wanted).stdout)
    # The last row of a trace is random: its clk is no row number.
    assert [row[0] for row in shown][: len(clks) - (wanted == "62:")] == clks[: len(clks) - (wanted == "62:")]
    assert len(shown) == len(clks)


def test_rows_after_the_program_are_halt(fragdiff, adding):
    assert [row[1] for row in rows(fragdiff("show", adding, "--rows", "10:13").stdout)] == ["END", "HALT", "HALT"]


@pytest.mark.parametrize("wanted", ["5:5", "7:3", "x", "", "-1:", "99999"])
def test_a_bad_range_is_refused(fragdiff, adding, wanted):
    result = fragdiff("show", adding, "--rows", wanted)
    assert result.exit_code == 2
    assert result.stderr.startswith("fragdiff: --rows: ")


def test_a_new_context_is_shown(fragdiff, case_file):
    path = case_file(
        {"name": "calling", "program": {"nodes": ["block NOOP", "call 0"], "roots": [1], "entry": 1}},
    )
    lines = fragdiff("show", path).stdout.splitlines()
    call = next(line for line in lines if " CALL " in line)
    assert "ctx 0 -> 1, fn_hash" in call
    assert [line for line in lines if line.startswith("ctx ")] == ["ctx 0", "ctx 1"]


def test_a_failed_program_says_so(fragdiff, failing):
    result = fragdiff("show", failing)
    assert result.exit_code == 0
    assert "FailedAssertion at clk 2" in result.stdout


def test_a_long_program_is_shown_in_part_with_a_notice(fragdiff, case_file):
    nodes = ["block " + "NOOP " * 1500]
    path = case_file({"name": "long", "program": {"nodes": [nodes[0].strip()], "roots": [0], "entry": 0}})
    result = fragdiff("show", path)
    assert len(rows(result.stdout)) == 1000
    assert "--rows 1000: shows the rest" in result.stdout.splitlines()[-1]
