"""Help answers at once, and mistakes of any kind are one clear line with the exit code that belongs to them."""

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import cli
from harness.commands import run as run_command

SCRIPT = Path(sys.executable).with_name("fragdiff")


def test_help_answers_within_a_fifth_of_a_second():
    """The best of several, in processor time: on a busy machine the clock on the wall measures the others."""
    seconds = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([SCRIPT, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.2, f"--help took {min(seconds):.2f} s of processor time; what does it import?"


def test_help_imports_no_engine_and_no_array_library():
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "fuzz" in result.stdout
    assert {"numpy", "numba", "rich", "hypothesis", "reference"}.isdisjoint(result.stderr.split())


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_help(fragdiff, command):
    result = fragdiff(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_an_unknown_command_is_bad_usage(fragdiff):
    assert fragdiff("frobnicate").exit_code == 2


def test_a_missing_file_is_one_line(fragdiff):
    result = fragdiff("run", "missing.case.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "fragdiff: missing.case.json: expected a readable file: No such file or directory\n"


def test_a_bad_case_names_file_and_place(fragdiff, case_file):
    path = case_file({"name": "bad", "program": {"nodes": ["block PUSH(-1)"], "roots": [0], "entry": 0}})
    result = fragdiff("diff", path, "--engines", "reference,honest")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"fragdiff: {path}: $.program.nodes[0]: ")
    assert len(result.stderr.splitlines()) == 1


def test_an_unknown_engine_lists_the_known_ones(fragdiff, adding):
    result = fragdiff("run", adding, "--engine", "refrence")
    assert result.exit_code == 2
    assert "there are: broken, crashing, honest, panicking-vm, reference, refusing, " in result.stderr


def test_an_engine_that_is_not_usable_says_why(fragdiff, adding):
    result = fragdiff("run", adding, "--engine", "unusable")
    assert result.exit_code == 2
    assert "no device" in result.stderr


@pytest.mark.parametrize("spec", ["0", "every:0", "at:", "at:1,x", "at:-1", "two", "", "7;", "9" * 30, "1.5", "٣"])
def test_a_bad_cut_plan_is_refused(fragdiff, adding, spec):
    result = fragdiff("run", adding, "--cuts", spec)
    assert result.exit_code == 2
    assert result.stderr.startswith("fragdiff: --cuts: expected N, every:N, at:ROW,ROW.. or one")


@pytest.fixture
def mistaken(monkeypatch):
    def fail(*_):
        raise KeyError("a mistake")

    monkeypatch.setattr(run_command, "timed_run", fail)


def test_a_mistake_of_our_own_is_a_short_message_with_a_hint(fragdiff, adding, mistaken):
    result = fragdiff("run", adding)
    assert result.exit_code == 3
    assert result.stderr.startswith("fragdiff: internal error: KeyError: 'a mistake'\n")
    assert "FRAGDIFF_DEBUG=1" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistake_of_our_own_can_be_seen_in_full(fragdiff, adding, mistaken, monkeypatch):
    monkeypatch.setenv("FRAGDIFF_DEBUG", "1")
    with pytest.raises(KeyError):
        fragdiff("run", adding)


def test_a_reader_that_goes_away_is_no_divergence(adding):
    command = f"'{SCRIPT}' show '{adding}' --rows : | head -n 1; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    assert result.stdout.splitlines()[0] == "adding, every:4, reference"
    # The writer may also have been done before the reader went.
    assert result.stdout.splitlines()[-1] in ("0", "141")
    assert result.stderr == ""


def test_a_folder_is_no_case(fragdiff, tmp_path):
    result = fragdiff("run", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"fragdiff: {tmp_path}: expected a regular file, found a directory\n"


def test_output_that_cannot_be_written_is_no_mistake_of_ours(adding):
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run([SCRIPT, "run", adding], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "fragdiff: the output: cannot be written: No space left on device\n"


def test_a_closed_standard_input_is_bad_input():
    command = ["bash", "-c", f"'{SCRIPT}' record - <&-"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "fragdiff: <stdin>: expected cases on standard input, found it closed\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_other_programs_too(adding, tmp_path, number):
    told = tmp_path / "told"
    code = (
        f"import os, sys, time; open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{sys.argv[-1]}}\\n'); time.sleep(600)"
    )
    engine = f"exec:{shlex.join([sys.executable, '-c', code])}"
    with subprocess.Popen([SCRIPT, "run", adding, "--engine", engine]) as process:
        while not (told.exists() and told.read_text("utf-8").endswith("\n")):
            assert process.poll() is None
            time.sleep(0.02)
        pid, folder = told.read_text("utf-8").split()
        assert Path(folder).is_dir()
        process.send_signal(number)
        assert process.wait(timeout=120) == 128 + number
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
