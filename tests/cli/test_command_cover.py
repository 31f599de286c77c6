"""``fragdiff cover``: what campaigns and cases have covered, gaps first; campaigns keep it and add to it."""

import json
from pathlib import Path

from harness.coverage import number, parse
from harness.coverage.saved import read_map

FUZZ = ("fuzz", "--engines", "reference,honest", "--quiet")


def total(text):
    return int(text.split(" of ")[0].replace(",", ""))


def test_a_campaign_keeps_its_map_and_cover_shows_it(fragdiff):
    fragdiff(*FUZZ, "--cases", 12, "--seed", 3)
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    result = fragdiff("cover")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert total(lines[0]) == summary["coverage"]["covered"] > 300
    assert lines[2].startswith("gaps: ")
    at = lines.index(next(line for line in lines if line.startswith("phase ")))
    assert "generated-3-" in lines[at + 1]
    assert lines[0].split(" of ")[1].startswith(f"{summary['coverage']['possible']:,} cells covered")


def test_campaigns_add_up(fragdiff):
    fragdiff(*FUZZ, "--cases", 8, "--seed", 3)
    first = read_map(Path("findings/coverage.json"))
    fragdiff(*FUZZ, "--cases", 8, "--seed", 4, "--fresh")
    both = read_map(Path("findings/coverage.json"))
    assert both.covered > first.covered
    assert (both.counts >= first.counts).all()
    smallest = {each.case.split("-")[1] for each in both.smallest.values()}
    assert smallest == {"3", "4"}


def test_a_campaign_cuts_what_the_map_lacks(fragdiff):
    """One case at one plan, and then at the plan that fills all its empty cells; the same case again has none."""
    fragdiff(*FUZZ, "--cases", 1, "--seed", 3, "--failing-rate", 0)
    once = json.loads(Path("findings/summary.json").read_text("utf-8"))
    fragdiff(*FUZZ, "--cases", 1, "--seed", 3, "--failing-rate", 0, "--fresh")
    again = json.loads(Path("findings/summary.json").read_text("utf-8"))
    assert sum(once["cuts"].values()) == 2
    assert sum(again["cuts"].values()) == 1
    whole = fragdiff("cover", "--json").stdout
    assert json.loads(whole)["covered"] == once["coverage"]["covered"]


def test_cases_are_covered_by_their_own_cuts(fragdiff, adding, case_file):
    other = case_file({"name": "other", "program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}, "cuts": [1]})
    result = fragdiff("cover", adding, other, "--cells")
    assert result.exit_code == 0
    # adding is cut at row 4, its ADD, and at row 8, its DROP; other at rows 1 and 2.
    cells = [line for line in result.stdout.splitlines() if "/" in line.split(" ")[0]]
    assert any(line.startswith("SWAP/first/16/shallow/taken/0") and "other, 3 rows, cut at 1" in line for line in cells)
    assert sum(int(line.split()[1]) for line in cells if "/before/" in line) == 2 + 2


def test_a_directory_of_cases_will_do(fragdiff, adding):
    direct, by_directory = fragdiff("cover", adding, "--json"), fragdiff("cover", adding.parent, "--json")
    assert direct.stdout == by_directory.stdout
    assert json.loads(direct.stdout)["covered"] > 0


def test_folders_below_are_counted_and_slow_ones_are_not(fragdiff, adding):
    direct = fragdiff("cover", adding, "--json")
    (below := Path("corpus/below")).mkdir(parents=True)
    (below / "adding.case.json").write_bytes(adding.read_bytes())
    quick = fragdiff("cover", "corpus", "--json")
    assert (quick.stdout, quick.stderr) == (direct.stdout, "")
    assert json.loads(quick.stdout)["covered"] > 0
    below.rename("corpus/bench")
    slow = fragdiff("cover", "corpus", "--json")
    assert json.loads(slow.stdout)["covered"] == 0
    assert "corpus: not counted: cases in folders called bench or slow" in slow.stderr
    assert fragdiff("cover", "corpus/bench/adding.case.json", "--json").stdout == direct.stdout


def test_json_is_the_whole_map(fragdiff, adding):
    value = json.loads(fragdiff("cover", adding, "--json").stdout)
    assert value["possible"] == value["covered"] + sum(len(gap["missing"]) for gap in value["gaps"])
    assert all(parse(text) for gap in value["gaps"] for text in gap["missing"])
    assert sum(value["impossible"].values()) > 0
    assert value["contradictions"] == []


def test_gaps_are_as_many_as_asked_for(fragdiff, adding):
    def gaps(*options):
        return sum(" missing " in line for line in fragdiff("cover", adding, *options).stdout.splitlines())

    assert gaps() == 20
    assert gaps("--gaps", 3) == 3
    assert gaps("--gaps", "all") > 300


def test_an_impossible_cell_that_was_met_fails(fragdiff):
    cell = "INV/first/16/shallow/taken/0"
    text = json.dumps({"format": "fragdiff-coverage/1", "cells": {cell: [2, 9, 1, "generated-1-1"]}})
    Path("coverage.json").write_text(text)
    result = fragdiff("cover", "coverage.json")
    assert result.exit_code == 1
    assert "INV/first/16/shallow/taken/0: the program would fail: 0 has no inverse; generated-1-1" in result.stdout
    assert number(parse(cell))


def test_bad_input_is_one_line(fragdiff, adding):
    (empty := Path("empty")).mkdir()
    Path("broken").mkdir()
    Path("broken/coverage.json").write_text("{")
    for arguments, said in (
        (("cover",), "findings"),
        (("cover", "missing.case.json"), "missing.case.json"),
        (("cover", empty), "expected a directory with coverage.json or with case files"),
        (("cover", "broken"), "expected JSON"),
        (("cover", adding, "--gaps", "many"), "neither a number nor 'all'"),
        ((*FUZZ, "--cases", 1, "--out", "broken"), "expected JSON"),
    ):
        result = fragdiff(*arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "Traceback" not in result.stderr


def test_a_program_that_fails_covers_nothing(fragdiff, failing):
    assert fragdiff("cover", failing).stdout.startswith("0 of ")
