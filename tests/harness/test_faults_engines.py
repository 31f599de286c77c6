"""Every planted fault shows on its witness, is caught by a check that the catalogue names, and on no other engine."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fault_witnesses import read_witnesses

from harness.backend import EngineFailure, NotComparable
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.faults import ENGINE_FAULTS, FaultyEngine, engine
from harness.generate import SeededChoices, generate_case
from harness.guarded import GuardedEngine
from harness.verdict import Verdict
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case

RECORDED = Path(__file__).parent.parent / "data" / "vm" / "cases.jsonl"
EVERY_NTH = 6

LEAVES_SOMETHING_BEHIND = "range-counts-left-over"
"""The only fault that the first run of a process does not show."""


@pytest.fixture(scope="module")
def witnesses():
    return read_witnesses()


@pytest.fixture(scope="module")
def healthy():
    made = FaultyEngine()
    made.prepare(lambda line: None)
    yield made
    made.close()


@pytest.mark.parametrize("fault", ENGINE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_shows_on_its_witness_and_is_caught_as_the_catalogue_says(fault, witnesses):
    witness = witnesses[fault.name]
    faulty = GuardedEngine(FaultyEngine(fault))
    runs = 2 if fault.name == LEAVES_SOMETHING_BEHIND else 1
    for _ in range(runs):
        comparison = compare(witness.case, [ReferenceEngine(), faulty], known=())
    assert comparison.verdict is Verdict.DIFFER
    assert {divergence.signature for divergence in comparison.divergences} >= {witness.signature}
    assert comparison.divergences[0].kind.value in {check.value for check in fault.caught_by}


def test_the_engine_without_a_fault_agrees_on_every_witness(witnesses, healthy):
    for witness in witnesses.values():
        comparison = compare(witness.case, [ReferenceEngine(), ParallelEngine(), healthy], known=())
        assert comparison.verdict is Verdict.AGREE, (witness.fault, comparison.divergences)


def equal_runs(one, other):
    assert one.outcome == other.outcome
    if one.summary is None:
        return False
    assert one.summary == other.summary
    assert one.boundaries() == other.boundaries()
    mine, theirs = (np.concatenate([window.cells for window in run.windows()], axis=1) for run in (one, other))
    assert (mine == theirs).all()
    return True


def test_without_a_fault_the_planted_copy_is_the_parallel_engine_on_recorded_programs(healthy):
    parallel = ParallelEngine()
    completed = 0
    lines = RECORDED.read_text().splitlines()[::EVERY_NTH]
    for number, line in enumerate(lines):
        case = read_case(line, json.loads(line)["name"])
        for cut in (ONE_FRAGMENT, Every(1 + number % 9), At((1, 2, 7, 8, 9, 64, 65))):
            case = replace(case, cuts=(cut,))
            completed += equal_runs(parallel.run(case), healthy.run(case))
    assert completed > len(lines)


def test_without_a_fault_the_planted_copy_is_the_parallel_engine_on_generated_programs(healthy):
    parallel = ParallelEngine()
    choices = SeededChoices("planted copy")
    completed = 0
    for number in range(60):
        case = replace(generate_case(7, number).case, cuts=(Every(choices.integer(1, 20)),))
        completed += equal_runs(parallel.run(case), healthy.run(case))
    assert completed > 30


def test_a_faulty_engine_that_checks_its_contexts_refuses_most_wrong_recordings(witnesses):
    wrong = [fault.name for fault in ENGINE_FAULTS if fault.where == "contexts"]
    refused = set()
    for name in wrong:
        try:
            engine(name, checking=True).run(witnesses[name].case)
        except EngineFailure:
            refused.add(name)
    # The other engines are needed for the rest: a state that contradicts nothing within the recording.
    assert len(refused) >= len(wrong) - 3
    assert "top-continuation-lost" in refused


def test_a_failing_program_has_no_trace_on_a_faulty_engine_either():
    case = next(case for case in (generate_case(1, number).case for number in range(50)) if "fails" in case.about)
    run = engine("stack-by-reference").run(replace(case, cuts=(Every(3),)))
    assert run.summary is None
    with pytest.raises(NotComparable):
        run.boundaries()


def test_what_a_fault_leaves_behind_is_gone_after_closing(witnesses):
    faulty = FaultyEngine(next(fault for fault in ENGINE_FAULTS if fault.name == LEAVES_SOMETHING_BEHIND))
    case = witnesses[LEAVES_SOMETHING_BEHIND].case
    verdicts = [compare(case, [ReferenceEngine(), faulty], known=()).verdict for _ in range(2)]
    faulty.close()
    verdicts.append(compare(case, [ReferenceEngine(), faulty], known=()).verdict)
    assert verdicts == [Verdict.AGREE, Verdict.DIFFER, Verdict.AGREE]
