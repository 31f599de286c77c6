"""How the localisation is judged: planted faults of which it is known beforehand where they lie and how they depend on cuts.

``tests/data/localise/judged_faults.json`` says for each fault, on a small case written for it: the class of its dependence on
cuts, the step that is wrong, the part of the trace, the operation, what fed the first wrong cell on the faulty side, and the
first field or queue that was recorded wrongly, with the reason. It was written from what each fault does, not from what the
localisation says of it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.backends.reference import ReferenceEngine
from harness.faults import ENGINE_FAULTS, engine, find_fault
from harness.localise.experiments import FaultClass
from harness.localise.localisation import Localisation, localise
from harness.localise.words import localisation_json, localisation_lines
from reference.definition.formats.case_json import read_case

JUDGED = json.loads((Path(__file__).parents[1] / "data" / "localise" / "judged_faults.json").read_text("utf-8"))
STACK = list(range(3, 19))


def localised(judged) -> Localisation:
    case = read_case(json.dumps({"name": judged["fault"], "stack": STACK, **judged["case"]}))
    found = localise(case, [ReferenceEngine(), engine(judged["fault"])], audit=False)
    assert found is not None, "the engines agree on this case"
    return found


@pytest.mark.parametrize("judged", JUDGED, ids=lambda judged: judged["fault"])
def test_class_step_and_provenance_are_right(judged):
    found = localised(judged)
    (blame,) = found.blames
    source = found.cells[0].sources[1] if found.cells else None
    said = {
        "class": found.dependence.fault_class.name,
        "at": blame.at.value,
        "kind": found.cause.kind.value,
        "part": found.cause.part,
        "operation": found.cause.operation,
        "source": None if source is None else [source.kind.value, source.name],
        "wrong": blame.wrong[0].field if blame.wrong else None,
    }
    expected = judged["expected"]
    assert {name: said[name] for name in expected} == expected, "\n".join((judged["why"], *localisation_lines(found)))


def test_the_table_is_spread_over_the_catalogue():
    places = Counter(find_fault(judged["fault"]).where for judged in JUDGED)
    classes = Counter(judged["expected"]["class"] for judged in JUDGED)
    assert len({judged["fault"] for judged in JUDGED}) == len(JUDGED) >= 40
    assert set(places) == {fault.where for fault in ENGINE_FAULTS}
    assert min(places.values()) >= 6
    # What needs several fragments and what is not stable is judged with engines made for it: no planted fault is like that.
    assert {FaultClass[name] for name in classes} == set(FaultClass) - {FaultClass.SEVERAL, FaultClass.UNSTABLE}
    assert min(classes.values()) >= 2


def test_recorded_faults_say_what_must_be_there():
    judged = next(each for each in JUDGED if each["fault"] == "pop-with-own-address")
    found = localised(judged)
    source = found.cells[0].sources[1]
    assert (source.row, source.operation, source.index, source.origin_row) == (4, "DROP", 0, 2)
    assert (source.expected, source.recorded) == (1, 2)
    assert "it must be 1, and is 2" in "\n".join(localisation_lines(found))


def test_json_says_the_same_as_the_lines():
    for judged in JUDGED[::8]:
        found = localised(judged)
        value = json.loads(json.dumps(localisation_json(found)))
        assert value["signature"]["text"] == found.signature.text == localisation_lines(found)[0]
        assert value["cuts"]["class"] == found.dependence.fault_class.value
        assert [each["at"] for each in value["at_fault"]] == [blame.at.value for blame in found.blames]
        assert len(value["cells"]) == len(found.cells)
