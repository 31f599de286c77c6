"""The compiled programs of the corpus: every engine of ours makes the trace that the real VM made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backend import Engine
from harness.engines import find_engine
from reference.definition.field import word_to_hex
from reference.definition.formats.load import load_cases

ROOT = Path(__file__).parent.parent.parent
RECORDS = [json.loads(line) for line in (ROOT / "tests/data/programs/records.jsonl").read_text().splitlines()]
FILES = {load_cases(path)[0].name: path for path in sorted((ROOT / "corpus").glob("*.case.json"))}


@pytest.fixture(params=["reference", "parallel", "gpu-host"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    found = find_engine(request.param)
    usable, reason = found.probe()
    if not usable:
        pytest.skip(reason)
    yield found
    found.close()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_a_compiled_program_has_the_real_vms_trace(engine: Engine, record: dict[str, object]) -> None:
    (case,) = load_cases(FILES[str(record["name"])])
    run = engine.run(case.runs()[0])
    assert run.summary is not None, run.outcome
    assert word_to_hex(run.summary.program_hash) == record["program_hash"]
    lengths = record["lengths"]
    assert isinstance(lengths, dict)
    assert {name: getattr(run.summary, name) for name in lengths} == lengths
    assert run.column_digests() == record["columns"]


def test_the_corpus_holds_the_seven_recorded_programs() -> None:
    assert {record["name"] for record in RECORDS} <= set(FILES)
    assert len(RECORDS) == 7
