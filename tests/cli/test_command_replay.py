"""``fragdiff replay``: a corpus or findings on all engines, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_cases import ADDING, FAILING, MULTIPLYING, json_lines

from harness.backend import Availability
from harness.backends.reference import ReferenceEngine
from harness.commands import replay as replay_command
from harness.corpus import Kept, Kind, keep
from harness.corpus.expecting import ask
from reference.definition.formats.case_json import read_case

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

ENTRY_POINTS = """[fragdiff.engines]
honest = faulty_engines:Honest
wrong-mul = faulty_engines:WrongMul
wrong-seam = faulty_engines:WrongSeam
refusing = faulty_engines:Refusing
unusable = faulty_engines:Unusable
aborting = breaking_engines:Aborting
dawdling = breaking_engines:Dawdling
talking = breaking_engines:Talking
"""


@pytest.fixture
def environment(tmp_path):
    """With engines installed as a third party's would be."""
    package = tmp_path / "installed" / "made_for_tests-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: made-for-tests\nVersion: 1.0\n", encoding="utf-8")
    (package / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    paths = [str(package.parent), str(HERE), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture
def fragdiff(tmp_path, environment):
    """Runs a command in an empty folder, in a process of its own."""
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*arguments):
        command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    run.folder = folder
    return run


@pytest.fixture
def replay(fragdiff):
    def run(*arguments, engines="reference,honest"):
        return fragdiff("replay", *arguments, "--engines", engines, "--no-audit", "--jobs", "2")

    return run


@pytest.fixture
def corpus(fragdiff):
    """A folder with three cases of which what the reference makes is expected."""
    folder = fragdiff.folder / "corpus"
    engine = ReferenceEngine()
    for document in (ADDING, FAILING, MULTIPLYING):
        case = read_case(json.dumps(document))
        keep(case, folder, Kept(Kind.FINDING, "a test", expect=ask(engine, case)))
    return folder


def file_of(corpus, name):
    (path,) = corpus.glob(f"{name}-*.case.json")
    return path


def altered(corpus, name, change):
    """Changes what is expected of a case; the file keeps its name."""
    path = file_of(corpus, name)
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["kept"]["expect"])
    path.write_text(json.dumps(document), encoding="utf-8")


def finding(folder, name, cases, engines):
    directory = folder / name
    (directory / "fragment").mkdir(parents=True)
    (directory / "finding.json").write_text(json.dumps({"engines": engines}), encoding="utf-8")
    for file, case in cases.items():
        (directory / f"{file}.case.json").write_text(json.dumps(case), encoding="utf-8")
    # A part of the program, which says nothing alone: it must not be replayed.
    (directory / "fragment" / "part.case.json").write_text("no case", encoding="utf-8")


def test_a_corpus_on_two_engines(replay, corpus):
    result = replay("corpus")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "replaying 3 cases on reference, honest"
    assert lines[1].startswith("3 cases: 3 agree, in ")
    assert "1 equal failures" in lines[2]
    assert lines[2].endswith("6 runs as expected of them")


def test_the_account_of_a_replay_as_json(replay, corpus):
    *cases, total = json_lines(replay("corpus", "--json").stdout)
    assert {case["name"]: case["answer"] for case in cases} == dict.fromkeys(
        ("adding", "failing", "multiplying"), "agree"
    )
    assert total["cases"] == {"agree": 3, "differ": 0, "not_comparable": 0, "crashed": 0, "refused": 0}
    assert (total["expected"], total["not_run"], total["exit_code"]) == (6, [], 0)
    assert total["total"]["rows"] == 2 * 64


def test_an_engine_that_is_wrong_is_found_and_the_report_names_case_and_column(replay, corpus):
    result = replay("corpus", engines="reference,wrong-mul")
    assert result.returncode == 1
    assert f"{file_of(corpus, 'multiplying').relative_to(corpus.parent)}: differ" in result.stdout
    assert "first wrong row" in result.stdout
    assert "stack_2" in result.stdout
    assert "every:3: wrong-mul, not as reference says: columns of the stack: stack_2 differ" in result.stdout
    assert "2 agree, 1 differ" in result.stdout


def test_engines_that_are_wrong_together_are_found_by_what_is_expected(replay, corpus):
    result = replay("corpus", engines="wrong-mul")
    assert result.returncode == 1
    assert "columns of the stack: stack_2 differ from what is expected" in result.stdout


def test_a_digest_that_was_altered_is_found(replay, corpus):
    altered(corpus, "adding", lambda expect: expect["columns"].update(pad="0" * 32))
    result = replay("corpus")
    assert result.returncode == 1
    assert "adding-" in result.stdout
    for engine in ("reference", "honest"):
        assert f"every:4: {engine}, not as reference says: columns of the pad: pad_0 differ" in result.stdout


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        ("adding", lambda expect: expect["lengths"].update(core=12), "length core: expected 12, found 11"),
        ("adding", lambda expect: expect["outcome"]["stack"].__setitem__(0, 8), "outcome: expected completed with 8 "),
        ("adding", lambda expect: expect.update(program_hash="0x" + "0" * 64), "program hash: expected 0x0000"),
        (
            "failing",
            lambda expect: expect["outcome"].update(clk=1),
            "outcome: expected FailedAssertion at clk 1, found",
        ),
        ("failing", lambda expect: expect["outcome"].update(error="Other"), "outcome: expected Other at clk"),
    ],
)
def test_everything_else_that_was_altered_is_found(fragdiff, corpus, name, change, line):
    altered(corpus, name, change)
    result = fragdiff("corpus", "check", "corpus")
    assert result.returncode == 1
    assert line in result.stdout


def test_without_expectations_the_plans_are_held_against_each_other(replay, fragdiff):
    (fragdiff.folder / "cases").mkdir()
    seam = {**ADDING, "cuts": [100, 8]}
    (fragdiff.folder / "cases" / "seam.case.json").write_text(json.dumps(seam), encoding="utf-8")
    result = replay("cases", engines="wrong-seam")
    assert result.returncode == 1
    assert (
        "every:8: wrong-seam, not as wrong-seam at every:100 says: columns of the decoder: dec_op_index"
        in result.stdout
    )


def test_a_crash_is_a_failure_of_one_case(replay, corpus):
    result = replay("corpus", engines="reference,aborting")
    assert result.returncode == 1
    assert "2 agree, 1 crashed" in result.stdout
    assert "the process that ran it ended by signal 6" in result.stdout


def test_an_engine_that_prints_disturbs_nothing(replay, corpus):
    assert replay("corpus", engines="reference,talking").returncode == 0


def test_a_hang_is_a_failure_of_one_case(fragdiff, corpus):
    options = ("--engines", "reference,dawdling", "--no-audit", "--seconds-per-case", "0.3", "--jobs", "3")
    result = fragdiff("replay", "corpus", *options)
    assert result.returncode == 1
    assert "gave no answer within 0.3 s" in result.stdout


def test_nothing_compared_is_no_agreement(replay, corpus):
    result = replay("corpus", engines="refusing")
    assert result.returncode == 1
    assert "nothing was compared" in result.stdout
    assert "3 not comparable" in result.stdout


def test_a_file_that_holds_no_case_is_refused_and_the_rest_goes_on(replay, corpus):
    (corpus / "broken.case.json").write_text('{"program": 3}', encoding="utf-8")
    result = replay("corpus")
    assert result.returncode == 2
    assert "corpus/broken.case.json: refused" in result.stdout
    assert "$.program" in result.stdout
    assert "3 agree, 1 refused" in result.stdout


def test_a_link_that_leads_to_itself_is_refused_and_the_rest_goes_on(replay, corpus):
    (corpus / "loop.case.json").symlink_to("loop.case.json")
    (corpus / "again").symlink_to(corpus)
    result = replay("corpus")
    assert result.returncode == 2
    assert "corpus/loop.case.json: refused" in result.stdout
    assert "3 agree, 1 refused" in result.stdout


@pytest.mark.parametrize("place", ["nowhere", "empty", "file.txt"])
def test_a_place_without_cases_is_refused(replay, fragdiff, place):
    (fragdiff.folder / "empty").mkdir()
    (fragdiff.folder / "file.txt").write_text("x", encoding="utf-8")
    result = replay(place)
    assert result.returncode == 2
    assert result.stderr.startswith(f"fragdiff: {place}: expected a directory")


def test_an_engine_that_is_not_usable_is_refused_when_it_was_asked_for(replay, corpus):
    result = replay("corpus", engines="reference,unusable")
    assert result.returncode == 2
    assert "unusable is not usable here: no device" in result.stderr


def test_slow_cases_are_left_out_and_counted(replay, corpus):
    (corpus / "slow").mkdir()
    file_of(corpus, "adding").rename(corpus / "slow" / "adding.case.json")
    assert "left out: 1 slow cases" in replay("corpus").stdout
    assert replay("corpus", "--slow").stdout.splitlines()[1].startswith("3 cases: 3 agree")
    assert replay("corpus/slow").stdout.splitlines()[1].startswith("1 cases: 1 agree")


def test_findings_are_said_to_be_fixed_or_not(replay, fragdiff):
    folder = fragdiff.folder / "findings"
    finding(folder, "one", {"found": ADDING, "smallest": FAILING}, ["reference", "honest"])
    finding(folder, "two", {"found": ADDING, "smallest": MULTIPLYING}, ["reference", "wrong-mul"])
    finding(folder, "three", {"found": ADDING}, ["reference", "exec:rm everything"])
    right = replay("findings")
    assert right.returncode == 1, right.stdout + right.stderr
    assert "findings: 1 fixed, 2 undecided; undecided is no agreement\n" in right.stdout
    assert "findings/one: fixed" in right.stdout
    assert "findings/two: undecided: found with wrong-mul; replay it with" in right.stdout
    assert "'--engine=exec:rm everything'" in right.stdout
    wrong = replay("findings", engines="reference,wrong-mul")
    assert wrong.returncode == 1
    assert "findings/two: still there" in wrong.stdout


def test_findings_that_are_fixed_are_agreement(replay, fragdiff):
    finding(fragdiff.folder / "findings", "one", {"found": ADDING, "smallest": FAILING}, ["reference", "honest"])
    result = replay("findings")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "findings: 1 fixed\n" in result.stdout


def test_findings_that_stay_undecided_are_no_agreement(replay, fragdiff):
    finding(fragdiff.folder / "findings", "one", {"found": ADDING}, ["reference", "wrong-mul"])
    finding(fragdiff.folder / "findings", "two", {"found": ADDING}, "reference")
    result = replay("findings", "--junit", "out.xml")
    assert result.returncode == 1
    assert "2 cases: 2 agree" in result.stdout
    assert "findings: 2 undecided; undecided is no agreement\n" in result.stdout
    assert "findings/two: undecided: expected the engines of a finding" in result.stdout
    suite = ElementTree.parse(fragdiff.folder / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    assert [each.get("message") for each in suite.iter("failure")] == ["undecided"] * 2
    *_, total = json_lines(replay("findings", "--json").stdout)
    assert (total["cases"]["agree"], total["exit_code"]) == (2, 1)


def test_results_as_junit_xml(replay, corpus):
    altered(corpus, "adding", lambda expect: expect["columns"].update(pad="0" * 32))
    replay("corpus", "--junit", "out.xml")
    suite = ElementTree.parse(corpus.parent / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "3",
        "1",
        "0",
        "0",
    )
    (failure,) = suite.iter("failure")
    assert "pad_0 differ" in failure.text


def test_an_interrupt_says_what_was_not_run(corpus, environment):
    for number in range(20):
        case = {**ADDING, "name": f"more-{number}", "stack": [number]}
        (corpus / f"more-{number}.case.json").write_text(json.dumps(case), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "replay", "corpus", "--engines", "reference,dawdling", "--no-audit"]
    command += ["--jobs", "1", "--json"]
    with subprocess.Popen(
        command, cwd=corpus.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        first = process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        *_, total = json_lines(first + process.communicate(timeout=120)[0])
    assert process.returncode == 130
    assert total["exit_code"] == 130
    assert 0 < len(total["not_run"]) < 23
    assert sum(total["cases"].values()) + len(total["not_run"]) == 23


def test_without_engines_all_installed_and_usable_ones_are_taken(monkeypatch, capsys):
    found = {"one": (True, "here"), "two": (False, "no device"), "three": (True, "here")}
    monkeypatch.setattr(
        replay_command,
        "available_engines",
        lambda: {name: Availability(*said) for name, said in found.items()},
    )
    assert replay_command.engines_to_replay((), ()) == ["one", "three"]
    assert "two is left out: no device" in capsys.readouterr().err
