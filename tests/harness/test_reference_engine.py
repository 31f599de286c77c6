"""The reference behind the interface, and against the real VM on every recorded case."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backend import NotComparable
from harness.backends import reference as reference_backend
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.engines import find_engine
from harness.verdict import Counts, Verdict, describe
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case

DATA = Path(__file__).parents[1] / "data" / "vm" / "cases.jsonl"


def small_case(operations="SWAP ADD PUSH(7) DROP", plan=ONE_FRAGMENT):
    document = {"name": "small", "program": {"nodes": [f"block {operations}"], "roots": [0], "entry": 0}}
    return replace(read_case(json.dumps(document), "small"), cuts=(plan,))


@pytest.fixture
def executions(monkeypatch):
    """Counts how often the reference really executes."""
    seen = []
    execute = reference_backend.execute
    monkeypatch.setattr(reference_backend, "execute", lambda case: seen.append(case) or execute(case))
    return seen


def test_other_cuts_of_the_same_case_are_answered_from_the_same_execution(executions):
    engine = ReferenceEngine()
    case = small_case()
    for plan in (ONE_FRAGMENT, Every(2), At((3,))):
        engine.run(replace(case, cuts=(plan,)))
    assert len(executions) == 1


@pytest.mark.parametrize("change", [{"stack": (5,)}, {"host": "stdlib"}, {"libraries": (small_case().program.forest,)}])
def test_another_input_is_another_execution(executions, change):
    engine = ReferenceEngine()
    case = small_case()
    engine.run(case)
    engine.run(replace(case, **change))
    assert len(executions) == 2


def test_equal_programs_that_are_not_the_same_object_are_executed_again(executions):
    engine = ReferenceEngine()
    engine.run(small_case())
    engine.run(small_case())
    assert len(executions) == 2


def test_windows_are_fragments_and_padding():
    run = ReferenceEngine().run(small_case(plan=Every(3)))
    core = run.summary.core
    windows = list(run.windows())
    assert [window.first_row for window in windows] == [*range(0, core, 3), core]
    assert windows[-1].first_row + windows[-1].cells.shape[1] == run.summary.rows == 64
    assert [state.clk for state in run.boundaries()] == list(range(0, core, 3))
    assert [int(window.cells[COLUMN["clk"], 0]) for window in windows] == [window.first_row for window in windows]


def test_it_does_not_claim_to_build_fragments():
    assert not ReferenceEngine().run(small_case(plan=Every(3))).built_with_cuts


def test_a_failed_program_has_an_outcome_and_nothing_else():
    run = ReferenceEngine().run(small_case("PAD INV"))
    assert (run.outcome.error, run.outcome.clk) == ("DivideByZero", 2)
    assert run.summary is None
    for ask in (run.boundaries, lambda: list(run.windows()), run.column_digests):
        with pytest.raises(NotComparable):
            ask()


@pytest.mark.oracle
@pytest.mark.parametrize("plan", [ONE_FRAGMENT, Every(1), At((2, 3, 7, 40))], ids=["one", "rows", "free"])
def test_every_recorded_case_agrees_with_the_real_vm(plan):
    command = os.environ.get("FRAGDIFF_ORACLE")
    if not command:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    reference, real_vm = ReferenceEngine(), find_engine(f"exec:{command} run")
    total = Counts()
    try:
        for line in DATA.read_text("utf-8").splitlines():
            case = replace(read_case(line, str(DATA)), cuts=(plan,))
            comparison = compare(case, [reference, real_vm], known=())
            total += comparison.counts
            assert comparison.verdict is Verdict.AGREE, "\n".join([case.name, *map(describe, comparison.divergences)])
    finally:
        real_vm.close()
    assert (total.comparisons, total.failures) == (339, 99)
    assert total.boundaries >= 240
    assert not total.not_comparable
