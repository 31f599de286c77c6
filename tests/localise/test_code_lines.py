"""The lines that a localisation names are those where the fault was planted."""

import json
from pathlib import Path

import pytest

from harness.backends.reference import ReferenceEngine
from harness.faults import engine, find_fault
from harness.faults.fault import InKernels
from harness.faults.units import EXECUTOR_LOOP
from harness.localise.blame import Step
from harness.localise.code_lines import _BUILDER, _EXECUTOR, _step_regions, recording_lines
from harness.localise.localisation import localise
from harness.localise.recorded import WrongItem
from harness.localise.rows import ProgramRows
from harness.localise.words import localisation_json, localisation_lines
from parallel.recording import QUEUES, SNAPSHOT
from reference.definition.formats.case_json import read_case
from reference.definition.formats.load import load_cases
from reference.definition.isa import OPERATIONS
from reference.processor import execute

ROOT = Path(__file__).parents[2]
JUDGED = json.loads((ROOT / "tests" / "data" / "localise" / "judged_faults.json").read_text("utf-8"))
RECORDED_WRONGLY = [
    judged
    for judged in JUDGED
    if judged["expected"]["at"] == Step.RECORDING.value and isinstance(find_fault(judged["fault"]).plant, InKernels)
    # Counted for the whole program: no snapshot or queue has it.
    if judged["fault"] != "kernel-calls-counted-once"
]


def localised(judged):
    case = read_case(json.dumps({"name": judged["fault"], "stack": list(range(3, 19)), **judged["case"]}))
    return localise(case, [ReferenceEngine(), engine(judged["fault"])], audit=False)


def text_of(line):
    return (ROOT / line.file).read_text("utf-8").splitlines()[line.line - 1].strip()


@pytest.mark.parametrize("judged", RECORDED_WRONGLY, ids=lambda judged: judged["fault"])
def test_what_was_recorded_wrongly_is_named_by_the_line_that_was_changed(judged):
    (change,) = find_fault(judged["fault"]).plant.changes
    assert change.unit == EXECUTOR_LOOP
    (blame,) = localised(judged).blames
    assert change.right in [text_of(line) for line in blame.code]


def test_there_are_many_of_them():
    assert len(RECORDED_WRONGLY) >= 15


@pytest.mark.parametrize(
    ("fault", "file", "start"),
    [
        ("mstream-words-swapped", "parallel/fragment_steps.py", '"MSTREAM"'),
        ("return-keeps-overflow-address", "parallel/fragment_control.py", '"END_CALL"'),
        ("op-index-begins-anew", "parallel/fragment_source.py", "snapshot = snapshots["),
        ("memory-ties-reversed", "parallel/chiplets.py", '"""'),
        ("largest-limb-not-counted", "parallel/ranges.py", '"""'),
    ],
)
def test_a_wrong_rebuild_is_named_by_step_prologue_or_module(fault, file, start):
    (blame,) = localised(next(judged for judged in JUDGED if judged["fault"] == fault)).blames
    line = blame.code[0]
    assert line.file == file
    assert text_of(line).startswith(start)


@pytest.mark.parametrize(
    "fault", ["overflow-address-lost-at-cut", "body-flag-lost-at-cut", "largest-limb-not-counted", "depth-not-inverted"]
)
def test_a_line_of_the_builder_that_was_changed_is_among_those_named(fault):
    (change,) = find_fault(fault).plant.changes
    (blame,) = localised(next(judged for judged in JUDGED if judged["fault"] == fault)).blames
    assert change.right in [text_of(line) for line in blame.code]


def test_the_line_that_writes_a_register_is_named():
    (path,) = (ROOT / "corpus").glob("dispatch-*.case.json")
    (case,) = load_cases(str(path))
    fault = find_fault("dyncall-depth-of-callee")
    (change,) = fault.plant.changes
    (blame,) = localise(case, [ReferenceEngine(), engine(fault.name)], audit=False).blames
    (line,) = blame.code
    assert (line.file, text_of(line)) == ("parallel/fragment_control.py", change.right)


def test_a_wrong_run_is_named_in_executor_and_builder():
    found = localised(next(judged for judged in JUDGED if judged["fault"] == "madd-loses-carry"))
    (blame,) = found.blames
    assert [(line.file, text_of(line)[:9]) for line in blame.code] == [
        ("parallel/executor_steps.py", '"U32MADD"'),
        ("parallel/fragment_steps.py", '"U32MADD"'),
    ]
    line = blame.code[0]
    assert f"    look at {line.file}:{line.line}: {line.text}" in localisation_lines(found)
    named = localisation_json(found)["at_fault"][0]["code"][0]
    assert named == {"file": line.file, "line": line.line, "text": line.text}


def test_every_step_has_its_lines():
    names = [info.name for info in OPERATIONS if info.name != "HALT"]
    for modules in (_EXECUTOR, _BUILDER):
        missing = [name for name in (*names, "END_CALL", "END_LOOP") if not list(_step_regions(modules, name))]
        assert missing == []


PUSHING = read_case(json.dumps({"program": {"nodes": ["block PAD DROP"], "roots": [0], "entry": 0}}))


@pytest.mark.parametrize("field", [name for name in SNAPSHOT.names if name != "continuations"])
def test_every_field_of_a_snapshot_has_its_line(field):
    rows = ProgramRows(execute(PUSHING))
    name = f"first entry of {field}" if field in QUEUES else field
    (line,) = recording_lines(WrongItem(1, f"snapshot 0: {name}", 1, 2), rows)
    assert text_of(line).startswith(f"snapshot.{field}")


def test_an_engine_of_somebody_else_has_no_lines():
    class Foreign(type(engine("madd-loses-carry"))):
        """The same engine, written elsewhere."""

    judged = next(judged for judged in JUDGED if judged["fault"] == "pop-with-own-address")
    case = read_case(json.dumps({"name": "foreign", "stack": list(range(3, 19)), **judged["case"]}))
    (blame,) = localise(case, [ReferenceEngine(), Foreign(find_fault(judged["fault"]))], audit=False).blames
    assert (blame.at, blame.code) == (Step.RECORDING, ())
