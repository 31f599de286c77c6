"""``fragdiff shrink --jobs``: several processes find what one finds, and none of them can spoil it or stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import slow_engines

from harness.backends import program
from harness.localise.signature import Signature
from harness.shrink import judges
from harness.shrink.judges import Answer, Judges
from harness.verdict import Kind
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

LONG = {
    "name": "long",
    "program": {
        "nodes": [
            "block SWAP INCR DUP0 DROP NEG",
            "block PUSH(3) MUL DROP SWAP",
            "block INCR SWAP NEG",
            "join 0 1",
            "join 3 2",
        ],
        "roots": [4],
        "entry": 4,
    },
    "stack": [5, 6, 7, 8],
    "cuts": [{"every": 2}],
}
SIGNATURE = Signature(Kind.CELL, ("reference", "slow-mul"), "any cuts", "MUL", "op", "stack items")


@pytest.fixture
def mark(tmp_path):
    """Where engines leave the ids of their processes."""
    folder = tmp_path / "mark"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path, mark, monkeypatch):
    """With the slow engines installed as a third party's would be, for this process's children too."""
    package = tmp_path / "installed" / "made_for_tests-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: made-for-tests\nVersion: 1.0\n", encoding="utf-8")
    names = "\n".join(f"{name} = slow_engines:{made.__name__}" for name, made in slow_engines.ENGINES.items())
    (package / "entry_points.txt").write_text(f"[fragdiff.engines]\n{names}\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parent), str(HERE), str(ROOT)]))
    monkeypatch.setenv(slow_engines.MARK, str(mark))
    return dict(os.environ)


@pytest.fixture
def start(tmp_path, environment):
    """Starts the command in a folder of its own; ``out`` says where the smallest case goes."""
    (tmp_path / "long.case.json").write_text(json.dumps(LONG), encoding="utf-8")

    def run(engine, jobs, *options, out="small.json"):
        command = [
            sys.executable,
            "-m",
            "harness.cli",
            "shrink",
            "long.case.json",
            "--no-audit",
            "--json",
            "--seconds=600",
        ]
        command += ["--engines", f"reference,{engine}", "--jobs", str(jobs), "--out", out, *options]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return run


def ended(process):
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 1, stderr
    return json.loads(stdout)


def workers(mark):
    return [int(path.stem.removesuffix("-worker")) for path in mark.glob("*-worker.pid")]


def is_alive(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def counts(found):
    return {name: (each["tried"], each["accepted"]) for name, each in found["passes"].items()}


def smallest(path):
    return json.loads(path.read_text("utf-8")) | {"about": "names the engines"}


def total(found, name):
    return sum(each[name] for each in found["passes"].values())


def test_three_processes_find_what_one_finds(start, tmp_path):
    alone, together = start("slow-seam", 1, out="1.json"), start("slow-seam", 3, out="3.json")
    expected, found = ended(alone), ended(together)
    assert (tmp_path / "3.json").read_bytes() == (tmp_path / "1.json").read_bytes()
    assert (found["after"], found["finished"]) == (expected["after"], True)
    assert counts(found) == counts(expected)
    assert (total(expected, "speculative"), total(found, "lost")) == (0, 0)
    assert total(found, "speculative") > 0


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(start, tmp_path, mark):
    alone, together = start("slow-mul", 1, out="1.json"), start("killed-once", 3, out="3.json")
    expected, found = ended(alone), ended(together)
    assert (mark / "killed").exists()
    assert found["after"] == expected["after"] == {"operations": 1, "nodes": 1, "cuts": 0}
    assert smallest(tmp_path / "3.json") == smallest(tmp_path / "1.json")
    assert counts(found) == counts(expected)
    assert total(found, "lost") == 0
    assert workers(mark)
    assert not any(map(is_alive, workers(mark)))


def wait_until(holds):
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_an_interruption_loses_nothing_and_leaves_nobody(start, tmp_path, mark):
    process = start("held", 2)
    wait_until(lambda: (mark / "holding").exists() or process.poll() is not None)
    begun = workers(mark)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=240)
    assert begun
    assert process.returncode == 130
    assert not any(map(is_alive, begun))
    kept = (tmp_path / "small.json").read_text("utf-8")
    assert read_case(kept).name == "long"
    (mark / "go").touch()
    found = ended(start("held", 2))
    assert found["finished"]
    assert found["after"] == {"operations": 1, "nodes": 1, "cuts": 0}


def test_a_search_that_is_killed_leaves_nobody_even_in_the_middle_of_a_candidate(start, mark):
    process = start("held", 2)
    wait_until(lambda: (mark / "holding").exists() or process.poll() is not None)
    begun = workers(mark)
    process.kill()
    process.communicate()
    assert begun
    wait_until(lambda: not any(map(is_alive, begun)))


def test_without_workers_there_is_a_reason(start):
    process = start("unopened", 2)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (2, "")
    assert "--jobs" in stderr
    assert "no worker can be started" in stderr


# ---- the judges by themselves ---------------------------------------------------------------------------------------


def case_of(*nodes):
    return read_case(
        json.dumps({"program": {"nodes": list(nodes), "roots": [len(nodes) - 1], "entry": len(nodes) - 1}})
    )


@pytest.fixture
def made(environment):
    """Makes judges, and ends them."""
    all_made = []

    def make(engine, jobs, **options):
        signature = Signature(Kind.CELL, ("reference", engine), "any cuts", "MUL", "op", "stack items")
        all_made.append(Judges(["reference", engine], signature, audit=False, jobs=jobs, **options))
        return all_made[-1]

    yield make
    for each in all_made:
        each.close()


def answers_of(panel, count):
    found = {}
    deadline = time.monotonic() + 120
    while len(found) < count and time.monotonic() < deadline:
        answer = panel.wait(0.1)
        if answer is not None:
            found[answer.ticket] = answer
    return found


def test_judges_say_which_candidates_are_the_same(made):
    panel = made("slow-mul", 2)
    assert panel.has_room()
    panel.give(5, case_of("block SWAP MUL"), 1000)
    panel.give(6, case_of("block SWAP NEG"), 1000)
    assert not panel.has_room()
    assert answers_of(panel, 2) == {5: Answer(5, True), 6: Answer(6, False)}
    assert panel.has_room()


def test_a_candidate_that_does_not_end_is_not_the_same(made):
    panel = made("slow-mul", 1)
    panel.give(0, case_of("block MUL PUSH(1)", "loop 0", "block PUSH(1)", "join 2 1"), 500)
    assert answers_of(panel, 1) == {0: Answer(0, False)}


def test_nobody_knows_about_a_candidate_that_ends_every_judge(made, mark):
    panel = made("deadly", 1)
    panel.give(0, case_of("block SWAP MUL"), 1000)
    assert answers_of(panel, 1) == {0: Answer(0, True)}
    panel.give(1, case_of("block MUL"), 1000)
    assert answers_of(panel, 1) == {1: Answer(1, None)}
    assert len(workers(mark)) == 2


def test_a_judge_that_hangs_is_replaced(made, mark, monkeypatch):
    panel = made("hanging-once", 1, hang_seconds=8.0)
    panel.give(0, case_of("block SWAP MUL"), 1000)
    assert answers_of(panel, 1) == {0: Answer(0, True)}
    assert (mark / "hung").exists()


def test_a_judge_that_is_killed_while_it_has_nothing_to_do_is_replaced(made, mark):
    panel = made("slow-mul", 1)
    panel.give(0, case_of("block SWAP MUL"), 1000)
    assert answers_of(panel, 1) == {0: Answer(0, True)}
    (pid,) = workers(mark)
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(0.01)
    panel.give(1, case_of("block MUL"), 1000)
    assert answers_of(panel, 1) == {1: Answer(1, True)}


def test_an_engine_that_is_not_there_is_told(made):
    panel = made("nobody", 1)
    panel.give(0, case_of("block MUL"), 1000)
    with pytest.raises(InputError, match="there is no engine called 'nobody'"):
        answers_of(panel, 1)


def test_closed_judges_leave_nobody_behind(made, mark):
    panel = made("slow-mul", 2)
    for ticket in range(2):
        panel.give(ticket, case_of("block SWAP MUL"), 1000)
    answers_of(panel, 2)
    begun = workers(mark)
    assert len(list(mark.glob("*.open"))) == 2
    panel.close()
    assert len(begun) == 2
    assert not any(map(is_alive, begun))
    assert not list(mark.glob("*.open"))


def test_a_hang_is_longer_than_any_engine_waits_for_its_program():
    assert judges.HANG_SECONDS > program.SECONDS
