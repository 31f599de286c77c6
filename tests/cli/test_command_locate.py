"""``fragdiff locate``: where a difference comes from, as text, as JSON and as a page; what is no difference; wrong inputs."""

import html
import json
import shlex

from small_cases import json_lines

ENGINES = ("--engines", "reference,wrong-mul")


def test_a_difference_is_located(fragdiff, multiplying):
    result = fragdiff("locate", multiplying, *ENGINES)
    assert result.exit_code == 1
    title, *lines = result.stdout.splitlines()
    assert title == f"multiplying  ({multiplying}, every:3)"
    # Row 2 is the MUL: SPAN, PUSH, MUL. Item 2 after it is what was item 3 before: 7.
    assert lines[0] == "cell reference|wrong-mul any cuts MUL op stack items"
    assert "  first wrong row 3 of the stack items, last equal row 2" in lines
    assert [line for line in lines if line.startswith("  made by row ")] == [
        "  made by row 2: MUL, inside, op of node 0, batch 0, operation 1"
    ]
    assert "  stack_2: 7 | 8   (item 2 before the operation)" in lines
    assert any(line.startswith("  odd one out: wrong-mul (") for line in lines)
    assert "  cuts: does not depend on cuts" in lines


def test_it_says_what_to_run_when_that_is_mended(fragdiff, multiplying, monkeypatch):
    shown = fragdiff("locate", multiplying, *ENGINES, "--cuts", "at:2").stdout.splitlines()[-1]
    head, command = shown.split(": ", 1)
    assert head == "  when that is mended"
    again = shlex.split(command)
    assert again == ["fragdiff", "diff", str(multiplying), "--engines=reference,wrong-mul", "--cuts=at:2"]
    assert fragdiff(*again[1:]).exit_code == 1


def test_what_depends_on_a_cut_says_so(fragdiff, multiplying):
    result = fragdiff("locate", multiplying, "--engines", "reference,wrong-seam", "--json", "--no-audit")
    (found,) = json_lines(result.stdout)
    # DROP is row 3, and the cut lies there.
    assert (found["row"], found["site"]["operation"], found["site"]["cut_distance"]) == (3, "DROP", 0)
    assert found["cuts"]["cuts"] == [3]
    assert found["cuts"]["class"] == "vanishes without the cut"
    gone = [each["shows"] for each in found["cuts"]["experiments"] if each["change"] == "the cuts removed"]
    assert gone == [False]


def test_json_has_all_keys(fragdiff, multiplying):
    result = fragdiff("locate", multiplying, *ENGINES, "--json")
    assert result.exit_code == 1
    (found,) = json_lines(result.stdout)
    assert (found["file"], found["name"], found["cut"], found["agree"]) == (str(multiplying), "multiplying", 3, False)
    keys = {"signature", "row", "site", "cells", "extent", "odd", "vote", "at_fault", "cuts", "fragment", "divergence"}
    assert keys <= set(found)
    assert found["odd"] == ["wrong-mul"]
    assert [(cell["name"], cell["left"], cell["right"]) for cell in found["cells"]] == [("stack_2", 7, 8)]


def test_engines_that_agree_are_said_to(fragdiff, adding):
    result = fragdiff("locate", adding, "--engines", "reference,honest")
    assert result.exit_code == 0
    assert result.stdout == f"adding  ({adding}, every:4): the engines agree\n"
    (found,) = json_lines(fragdiff("locate", adding, "--engines", "reference,honest", "--json").stdout)
    assert found == {"file": str(adding), "name": "adding", "cut": 4, "agree": True}


def test_of_several_plans_each_is_located(fragdiff, multiplying):
    result = fragdiff(
        "locate", multiplying, "--engines", "reference,wrong-seam", "--cuts", "one;at:3", "--json", "--no-audit"
    )
    assert result.exit_code == 1
    assert [found["agree"] for found in json_lines(result.stdout)] == [True, False]


def test_engines_of_which_none_can_say_anything_do_not_agree(fragdiff, adding):
    """Nothing was compared: that is neither agreement nor a difference that could be located."""
    result = fragdiff("locate", adding, "--engines", "reference,refusing")
    assert result.exit_code == 1
    assert "the engines agree" not in result.stdout
    assert "nothing was compared: refusing: no such programs" in result.stdout
    (found,) = json_lines(fragdiff("locate", adding, "--engines", "reference,refusing", "--json").stdout)
    assert (found["agree"], found["not_comparable"]) == (False, ["refusing: no such programs"])


def test_a_crash_is_located(fragdiff, adding, case_file):
    swapping = case_file({"name": "swapping", "program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}})
    result = fragdiff("locate", swapping, "--engines", "reference,crashing")
    assert result.exit_code == 1
    assert "engine_failure" in result.stdout.splitlines()[1]
    assert "odd one out: crashing (crashing is named by itself)" in result.stdout


def test_the_page_of_a_difference_is_written(fragdiff, multiplying, tmp_path):
    result = fragdiff("locate", multiplying, *ENGINES, "--html", "new/page.html")
    assert result.exit_code == 1
    text = (tmp_path / "new" / "page.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "cell reference|wrong-mul any cuts MUL op stack items" in text


def test_a_page_shows_one_case_at_one_plan(fragdiff, multiplying, adding):
    for arguments in ((multiplying, adding), (multiplying, "--cuts", "2;3")):
        result = fragdiff("locate", *arguments, *ENGINES, "--html", "page.html")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("fragdiff: --html: a page shows one case at one cut plan")


def test_a_page_that_cannot_be_written_is_bad_input(fragdiff, multiplying, tmp_path):
    (tmp_path / "file").write_text("")
    result = fragdiff("locate", multiplying, *ENGINES, "--html", "file/page.html")
    assert result.exit_code == 2
    assert result.stderr.startswith("fragdiff: file/page.html: cannot be written: ")


def test_wrong_inputs_are_one_line(fragdiff, adding, case_file):
    broken = case_file({"name": "bad", "program": {"nodes": ["block PUSH(-1)"], "roots": [0], "entry": 0}})
    for arguments, said in (
        (("missing.json", *ENGINES), "missing.json: expected a readable file"),
        ((broken, *ENGINES), f"{broken}: $.program.nodes[0]: "),
        ((adding,), "--engines: a comparison needs two engines, found 0"),
        ((adding, "--engines", "reference"), "--engines: a comparison needs two engines, found 1"),
        ((adding, "--engines", "reference,reference"), "--engines: engine 'reference' is named twice"),
        ((adding, "--engines", "reference,refrence"), ""),
        ((adding, "--engines", "reference,unusable"), "engine: unusable is not usable here: no device"),
        ((adding, "--engines", "reference,faulty:nonsense"), ""),
        ((adding, *ENGINES, "--cuts", "two"), "--cuts: expected N, every:N, at:ROW,ROW.. or one"),
    ):
        result = fragdiff("locate", *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert result.stderr.startswith(f"fragdiff: {said}"), result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_program_that_fails_alike_agrees(fragdiff, failing):
    result = fragdiff("locate", failing, "--engines", "reference,honest")
    assert (result.exit_code, result.stdout.split("): ")[1]) == (0, "the engines agree\n")


def test_json_is_one_object_a_line(fragdiff, multiplying, adding):
    lines = fragdiff("locate", adding, multiplying, *ENGINES, "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["adding", "multiplying"]


def test_lines_of_the_engine_are_named_in_text_and_page(fragdiff, case_file, tmp_path, monkeypatch):
    """The second push and pop above 16 items: the entry of the pop names the popped item's address."""
    monkeypatch.undo()
    nodes = ["block PAD PAD SWAP DROP DROP"]
    case = case_file({"name": "popping", "program": {"nodes": nodes, "roots": [0], "entry": 0}})
    engines = ("--engines", "reference,faulty:pop-with-own-address", "--no-audit")
    result = fragdiff("locate", case, *engines, "--html", tmp_path / "page.html")
    assert result.exit_code == 1
    named = [line.split(": ", 1) for line in result.stdout.splitlines() if line.startswith("    look at ")]
    ((place, text),) = named
    assert place.startswith("    look at parallel/executor_macros.py:")
    assert text == "pop.overflow_addr = pushed[t - 17] if depth > 16 else 0"
    assert text in html.unescape((tmp_path / "page.html").read_text("utf-8"))
