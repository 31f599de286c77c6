"""The parallel engine in the harness: recorded programs, cell by cell and boundary by boundary, against the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backend import Preparable
from harness.backends import parallel
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.compare import compare
from harness.verdict import Verdict
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.case_json import read_case

DATA = Path(__file__).parent.parent / "data" / "vm"
LINES = (DATA / "cases.jsonl").read_text().splitlines()
RECORDS = {record["name"]: record for record in map(json.loads, (DATA / "records.jsonl").read_text().splitlines())}
PLANS = (Every(1), Every(2), Every(3), Every(7), Every(64), ONE_FRAGMENT, At((0, 5, 6, 40, 40, 10**6)))


@pytest.fixture(scope="module")
def engine() -> Iterator[ParallelEngine]:
    made = ParallelEngine()
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference() -> Iterator[ReferenceEngine]:
    made = ReferenceEngine()
    yield made
    made.close()


@pytest.mark.parametrize("line", LINES, ids=lambda line: json.loads(line)["name"])
def test_recorded_programs_agree_at_every_plan(engine: ParallelEngine, reference: ReferenceEngine, line: str) -> None:
    case = read_case(line, "cases.jsonl")
    completed = RECORDS[case.name]["outcome"]["status"] == "completed"
    for plan in PLANS:
        comparison = compare(replace(case, cuts=(plan,)), [reference, engine], known=())
        assert comparison.verdict is Verdict.AGREE, (case.name, plan, comparison.divergences)
        assert (comparison.counts.cells > 0) == completed


@pytest.mark.parametrize("line", LINES, ids=lambda line: json.loads(line)["name"])
def test_recorded_programs_are_those_of_the_real_vm(engine: ParallelEngine, line: str) -> None:
    case = read_case(line, "cases.jsonl")
    expected = RECORDS[case.name]
    for plan in (Every(7), ONE_FRAGMENT):
        run = engine.run(replace(case, cuts=(plan,)))
        if expected["outcome"]["status"] == "completed":
            assert run.summary is not None, run.outcome
            assert {name: getattr(run.summary, name) for name in expected["lengths"]} == expected["lengths"]
            assert run.column_digests() == expected["columns"]
        else:
            assert run.summary is None
            assert (run.outcome.error, run.outcome.clk) == (expected["outcome"]["error"], expected["outcome"]["clk"])


def test_replies_replace_the_host(engine: ParallelEngine) -> None:
    with_replies = [case for case in (read_case(line, "cases.jsonl") for line in LINES) if case.replies is not None]
    assert len(with_replies) == 48
    for case in with_replies:
        scripted = engine.run(case.runs()[0]).column_digests()
        assert scripted == RECORDS[case.name]["columns"], case.name
        live = engine.run(replace(case.runs()[0], replies=None)).column_digests()
        assert live == scripted, case.name


def test_compiling_for_the_first_time_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ParallelEngine()
    assert isinstance(made, Preparable)
    said: list[str] = []
    monkeypatch.setattr(parallel, "is_compiled", lambda: True)
    made.prepare(said.append)
    assert said == []
    monkeypatch.setattr(parallel, "is_compiled", lambda: False)
    made.prepare(said.append)
    assert len(said) == 1
    assert "compiling" in said[0]
    made.close()


def test_a_long_fragment_is_rebuilt_by_several_threads_and_seen_as_one() -> None:
    case = read_case((DATA.parent / "bench" / "fib_20.json").read_text(), "fib")
    case = replace(case, stack=(1, 1, 12000), cuts=(ONE_FRAGMENT,))
    engine = ParallelEngine()
    run = engine.run(case)
    assert run.summary is not None
    assert run.summary.core > 2 * parallel.LARGEST_FRAGMENT
    assert [state.clk for state in run.boundaries()] == [0]
    assert [window.first_row for window in run.windows()] == [0, run.summary.core]
    digests = run.column_digests()
    cut = replace(case, cuts=(At((5, 100_000, 100_001)),))
    assert [state.clk for state in engine.run(cut).boundaries()] == [0, 5, 100_000, 100_001]
    assert engine.run(cut).column_digests() == digests
    assert ReferenceEngine().run(case).column_digests() == digests
    engine.close()
