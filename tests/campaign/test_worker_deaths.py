"""A worker that crashes, hangs or hoards is a finding, and the campaign goes on."""

import json

import pytest
from dying_engines import DEADLY, seed_and_number

from reference.definition.formats.load import load_cases

CASES = 6


def operations_of(case):
    forests = (case.program.forest, *case.libraries)
    return [op.name for forest in forests for node in forest.nodes for op in getattr(node, "operations", ())]


@pytest.mark.parametrize(
    ("engine", "options", "signature"),
    [
        ("segfault", (), "crash: SIGSEGV"),
        pytest.param("killed", (), "crash: SIGKILL", marks=pytest.mark.slow),
        pytest.param("exiting", (), "crash: exit code N", marks=pytest.mark.slow),
        ("hanging", ("--hang-seconds", 1.5, "--no-replay"), "hang: nothing begun or ended for N.N seconds"),
        ("hoarding", ("--memory", "500MiB", "--no-replay"), "memory: more than N MiB"),
    ],
)
def test_a_death_is_a_finding(fuzz, engine, options, signature):
    seed, number = seed_and_number()
    done = fuzz(
        "--engines", f"reference,{engine}", "--jobs", 1, "--cases", CASES, "--seed", seed, "--keep", 1, *options
    )
    assert done.returncode == 1, done.stderr
    signature = f"engine_failure worker {signature}"
    summary = fuzz.summary()
    assert summary["findings"] == {signature: 1}
    assert summary["cases"] == CASES == 1 + summary["verdicts"]["agree"]
    state = "not replayed" if "--no-replay" in options else "confirmed"
    assert summary["states"] == {state: 1}
    (data,) = (json.loads(path.read_text("utf-8")) for path in (fuzz.folder / "findings").glob("*/finding.json"))
    assert (data["signature"], data["state"]) == (signature, state)
    directory = next((fuzz.folder / "findings").glob("*/finding.json")).parent
    (case,) = load_cases(directory / "found.case.json")
    assert DEADLY in operations_of(case)
    assert data["number"] == number
    assert len(case.cuts) == 1
    if engine in {"segfault", "hanging", "hoarding"}:
        # Where it stood, from the worker's last words.
        assert "dying_engines.py" in (directory / "report.txt").read_text("utf-8")
