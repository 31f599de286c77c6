"""``fragdiff fuzz``: faults are found, kept, shrunk, and can be had again."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from small_cases import json_lines

from harness.campaign import BatchBegun, BatchFinished, CampaignFinished, CampaignStarted, Totals, completing, loop
from harness.campaign.screen import LiveScreen
from harness.generate import generate_case
from reference.definition.formats.load import load_cases

FAKE_VM = Path(__file__).parents[1] / "harness" / "fake_vm.py"
SCRIPT = Path(sys.executable).with_name("fragdiff")


def finding_directories(folder):
    return sorted(path.parent for path in Path(folder).glob("*/found.case.json"))


def operations_of(case):
    blocks = [node for node in case.program.forest.nodes if hasattr(node, "operations")]
    return [operation.name for block in blocks for operation in block.operations]


def test_engines_that_agree(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cases", 12, "--seed", 3)
    assert result.exit_code == 0
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    assert summary["cases"] == summary["verdicts"]["agree"] == 12
    assert summary["completed"] + summary["failed"] == 12
    assert min(summary["counts"][key] for key in ("rows", "cells", "boundaries")) > 0
    assert summary["counts"]["cells"] == 72 * summary["counts"]["rows"]
    assert len(summary["operations_missed"]) + sum(name not in CONTROL for name in summary["operations"]) == 80
    assert "differences  0" in result.stdout


CONTROL = {"SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL", "END", "REPEAT", "RESPAN"}


def test_a_fault_is_found_kept_and_shrunk(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,wrong-mul", "--cases", 40, "--seed", 1, "--keep", 1)
    assert result.exit_code == 1
    (directory,) = finding_directories("findings")
    (found,) = load_cases(directory / "found.case.json")
    (smallest,) = load_cases(directory / "smallest.case.json")
    assert len(operations_of(smallest)) <= 3 < len(operations_of(found))
    assert "MUL" in operations_of(smallest)
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    assert summary["findings"]["cell reference|wrong-mul MUL stack"] == summary["verdicts"]["differ"] > 1
    assert directory.name.startswith("cell-reference-wrong-mul-mul-stack-")


def test_a_fault_at_a_seam_shrinks_to_one_cut(fragdiff):
    fragdiff("fuzz", "--engines", "reference,wrong-seam", "--cases", 30, "--seed", 1, "--keep", 1)
    (directory, *_) = finding_directories("findings")
    (smallest,) = load_cases(directory / "smallest.case.json")
    assert operations_of(smallest) == ["DROP"]
    # SPAN, DROP, END: the only cut is the one at fault.
    assert smallest.cut.starts(3) == (0, 1)
    assert "on the nearest cut at row 1" in (directory / "report.txt").read_text("utf-8")


def test_the_commands_of_a_report_show_the_finding_again(fragdiff):
    fragdiff("fuzz", "--engines", "reference,wrong-mul", "--cases", 40, "--seed", 1, "--keep", 1)
    (directory,) = finding_directories("findings")
    report = (directory / "report.txt").read_text("utf-8")
    commands = dict(re.findall(r"^(replay|as found|generated) +fragdiff (.*)$", report, re.MULTILINE))
    assert set(commands) == {"replay", "as found", "generated"}
    for command in commands.values():
        result = fragdiff(*shlex.split(command))
        assert result.exit_code == 1
        assert "cell: reference | wrong-mul" in result.stdout


def test_the_command_that_generates_a_case_again_has_the_options_of_its_generator(fragdiff):
    few = ("--keep", 1, "--shrink-seconds", 0, "--no-replay")
    options = ("--max-rows", 60, "--failing-rate", 0.25)
    fragdiff("fuzz", "--engines", "reference,wrong-mul", "--cases", 40, "--seed", 1, *few, *options)
    (directory,) = finding_directories("findings")
    report = (directory / "report.txt").read_text("utf-8")
    (command,) = re.findall(r"^generated +fragdiff (.*)$", report, re.MULTILINE)
    fragdiff(*shlex.split(command), *few, "--out", "again")
    (again,) = finding_directories("again")
    assert (again / "found.case.json").read_bytes() == (directory / "found.case.json").read_bytes()


def test_a_case_does_not_depend_on_those_before_it(fragdiff):
    def fuzz(*options):
        few = ("--keep", 99, "--shrink-seconds", 0, "--no-replay")
        fragdiff("fuzz", "--engines", "reference,wrong-mul", "--seed", 1, *few, *options)

    fuzz("--cases", 25, "--out", "all")
    number, found = max(
        (json.loads((each / "finding.json").read_text("utf-8"))["number"], each) for each in finding_directories("all")
    )
    assert number > 0
    fuzz("--cases", 1, "--first", number, "--out", "one")
    (again,) = finding_directories("one")
    assert again.name == found.name
    assert (again / "found.case.json").read_bytes() == (found / "found.case.json").read_bytes()


def test_the_case_is_on_disk_before_it_is_shrunk(fragdiff, monkeypatch):
    """A shrinker that breaks loses nothing."""

    def fail(*_, **__):
        raise RuntimeError("made for tests")

    monkeypatch.setattr(completing, "shrink", fail)
    result = fragdiff("fuzz", "--engines", "reference,wrong-mul", "--cases", 40, "--seed", 1)
    assert result.exit_code == 3
    (directory,) = finding_directories("findings")
    assert fragdiff("diff", directory / "found.case.json", "--engines", "reference,wrong-mul").exit_code == 1
    assert "not shrunk yet" in (directory / "report.txt").read_text("utf-8")
    assert json.loads(Path("findings/summary.json").read_text("utf-8"))["verdicts"]["differ"] == 1


def test_an_engine_that_raises_is_a_finding(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,crashing", "--cases", 20, "--seed", 2, "--keep", 1)
    assert result.exit_code == 1
    directories = finding_directories("findings")
    (smallest,) = load_cases(directories[0] / "smallest.case.json")
    assert operations_of(smallest) == ["SWAP"]
    assert "IndexError" in (directories[0] / "report.txt").read_text("utf-8")


def test_a_run_that_compared_nothing_fails(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,refusing", "--cases", 3)
    assert result.exit_code == 1
    assert "refusing: no such programs 3" in result.stdout
    assert result.stdout.splitlines()[-1] == "nothing was compared on all engines: this run has failed"


def test_equal_signatures_are_kept_a_few_times_and_counted(fragdiff):
    result = fragdiff(
        "fuzz",
        "--engines",
        "reference,wrong-mul",
        "--cases",
        60,
        "--seed",
        1,
        "--keep",
        2,
        "--shrink-seconds",
        0,
        "--no-replay",
        "--json",
    )
    events = json_lines(result.stdout)
    kept = [item["signature"] for item in events if item["event"] == "finding"]
    repeated = [item for item in events if item["event"] == "repeated"]
    signature = "cell reference|wrong-mul MUL stack"
    assert kept.count(signature) == 2
    assert repeated[-1] == {**repeated[-1], "signature": signature, "times": 2 + len(repeated)}
    assert events[-1]["findings"] == {signature: 2 + len(repeated)}


def test_json_lines_begin_and_end_with_the_campaign(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cases", 2, "--seed", 9, "--json")
    first, last = json_lines(result.stdout)
    assert first == {"event": "started", "engines": ["reference", "honest"], "seed": 9, "first": 0}
    assert (last["event"], last["cases"], last["stopped"]) == ("finished", 2, False)


def test_the_failing_rate_is_that_of_the_programs(fragdiff):
    fragdiff("fuzz", "--engines", "reference,honest", "--cases", 10, "--seed", 4, "--failing-rate", 1)
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    meant = [generate_case(4, number, loop.Profile(failing_rate=1)).intended for number in range(10)]
    assert summary["failed"] == sum(summary["errors"].values()) == 10
    assert set(summary["errors"]) == set(meant)


def test_time_ends_a_campaign(fragdiff):
    started = time.monotonic()
    assert fragdiff("fuzz", "--engines", "reference,honest", "--seconds", 1).exit_code == 0
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("options", [["--cases", "0"], ["--failing-rate", "2"], ["--seed", "-1"], ["--out", __file__]])
def test_bad_options_are_refused(fragdiff, options):
    assert fragdiff("fuzz", "--engines", "reference,honest", *options).exit_code == 2


def test_a_folder_that_cannot_be_written_is_known_at_once(fragdiff):
    Path("file").write_text("", encoding="utf-8")
    result = fragdiff("fuzz", "--engines", "reference,honest", "--seconds", 300, "--out", "file/findings")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_reader_that_goes_away_loses_nothing(tmp_path):
    """Another program that is always wrong; whoever reads the output leaves after the first line."""
    engine = f"exec:{shlex.join([sys.executable, str(FAKE_VM), 'good'])}"
    options = shlex.join(["--engine", "reference", "--engine", engine, "--cases", "5", "--shrink-seconds", "0"])
    command = f"'{SCRIPT}' fuzz {options} | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (141, "")
    summary = json.loads((tmp_path / "findings" / "summary.json").read_text("utf-8"))
    assert summary["finished"] is True
    assert len(finding_directories(tmp_path / "findings")) == summary["verdicts"]["differ"] >= 1


def test_a_terminal_gets_one_live_region(tmp_path):
    totals = Totals(("one", "two"), seed=1, first=0, cases=7)
    stream = io.StringIO()
    screen = LiveScreen(Console(file=stream, force_terminal=True, width=200))
    screen(CampaignStarted(("one", "two"), 1, 0))
    screen(BatchBegun("worker-1", 0, 7))
    screen(BatchBegun("worker-2", 7, 9))
    screen(BatchFinished("worker-1", 0, 7, 2.0, 5, totals))
    screen(CampaignFinished(totals, totals, stopped=False))
    assert "comparing one with two, seed 1" in stream.getvalue()
    assert "7 cases  0.0/s" in stream.getvalue()
    assert "worker-2  cases 7 to 15" in stream.getvalue()
    assert "3.5/s, 5 new cells" in stream.getvalue()
    assert stream.getvalue().rstrip().endswith("this run has failed")


@pytest.mark.oracle
def test_the_reference_agrees_with_the_real_vm(fragdiff):
    command = os.environ.get("FRAGDIFF_ORACLE")
    if not command:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    engine = f"exec:{command} run"
    result = fragdiff("fuzz", "--engine", "reference", "--engine", engine, "--cases", 60, "--seed", 6)
    assert result.exit_code == 0, result.stdout
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    assert summary["verdicts"]["agree"] >= 55
    assert summary["counts"]["seams"] > 500


@pytest.mark.parametrize("option", ["--seconds", "--failing-rate", "--shrink-seconds"])
def test_a_number_that_is_none_is_refused(fragdiff, option):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cases", 1, option, "nan")
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': 'nan' is not a valid number." in result.stderr


def test_ctrl_c_ends_with_totals_and_loses_nothing(tmp_path):
    """Another program that is always wrong: findings come with the first case."""
    engine = f"exec:{shlex.join([sys.executable, str(FAKE_VM), 'good'])}"
    command = [
        SCRIPT,
        "fuzz",
        "--engine",
        "reference",
        "--engine",
        engine,
        "--seconds",
        "300",
        "--shrink-seconds",
        "300",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "written to" in line:
                break
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (1, "")
    assert "stopped before the end" in stdout
    summary = json.loads((tmp_path / "findings" / "summary.json").read_text("utf-8"))
    assert summary["stopped"] is True
    assert summary["verdicts"]["differ"] == sum(summary["findings"].values()) >= 1
    for directory in finding_directories(tmp_path / "findings"):
        assert len(load_cases(directory / "found.case.json")) == 1


def test_families_are_listed_with_what_they_hunt(fragdiff):
    result = fragdiff("fuzz", "--list-families")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert any(line.startswith("nests ") and "lopsided" in line for line in lines)
    assert lines[-1] == "long needs --max-rows 65536"


def test_only_programs_of_the_families_asked_for_are_made(fragdiff):
    result = fragdiff("fuzz", "--engines", "reference,honest", "--cases", 6, "--seed", 3, "--families", "kernel,nests")
    assert result.exit_code == 0
    summary = json.loads(Path("findings/summary.json").read_text("utf-8"))
    assert set(summary["families"]) == {"kernel", "nests"}
    other = fragdiff("fuzz", "--engines", "reference,honest", "--cases", 8, "--seed", 3, "--families", "mixed")
    assert other.exit_code == 2
    assert "families kernel,nests there, mixed asked for" in other.stderr


def test_families_that_cannot_be_had_are_refused(fragdiff):
    for names, message in (("kernel,nope", "there is no family nope"), ("long", "family long needs max_rows of 65536")):
        result = fragdiff("fuzz", "--engines", "reference,honest", "--families", names)
        assert result.exit_code == 2
        assert message in result.stderr
