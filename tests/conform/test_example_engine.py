"""The example engine, which is no part of the packages, conforms; made wrong in four ways it fails, and it is told where."""

import shlex
import sys
from pathlib import Path

import pytest

from harness.compiled_hash import compiled_hash
from harness.conform.examination import Examination, Wish
from harness.conform.part import Grade
from harness.conform.table import conforms, verdict_line
from harness.engines import find_engine
from harness.guarded import GuardedEngine
from harness.laws.subjects import open_subject

TESTS = Path(__file__).parents[1]
ENGINE = TESTS / "example_engines" / "line_engine.py"
CORPUS = TESTS / "data" / "conform"
"""One case of 600 rows, cut every 64 rows."""

PARTS = ["corpus", "operations", "errors", "cuts", "laws", "fuzz", "boundary states"]


def examined(*arguments, seconds=0.5):
    name = "exec:" + shlex.join([sys.executable, str(ENGINE), *arguments])
    engine = GuardedEngine(find_engine(name))
    with open_subject(name) as subject, compiled_hash():
        try:
            return list(Examination(engine, subject, Wish(CORPUS, seconds, seed=1)).parts())
        finally:
            engine.close()


def failed(parts):
    return {part.name for part in parts if part.grade is Grade.FAIL}


def test_it_has_fewer_than_60_lines():
    assert len(ENGINE.read_text().splitlines()) < 60


@pytest.fixture(scope="module")
def honest():
    return examined()


def test_it_conforms(honest):
    assert [part.name for part in honest] == PARTS
    assert failed(honest) == set()
    assert conforms(honest)
    assert verdict_line("it", honest) == "it conforms"


def test_every_part_compared_what_it_asks_for(honest):
    parts = {part.name: part for part in honest}
    assert parts["corpus"].counts.seams == 9
    assert parts["operations"].cases >= 60
    assert parts["errors"].counts.failures == parts["errors"].cases >= 90
    assert parts["cuts"].counts.boundaries > 500
    assert parts["cuts"].counts.seams > 400
    assert parts["laws"].judged["law 1"] > 100
    assert parts["boundary states"].counts.boundaries == sum(p.counts.boundaries for p in honest[:-1])
    assert parts["laws"].not_judged == {"constraints: it does not check its own traces": parts["laws"].cases}


def test_a_wrong_cell_fails_everything_that_compares_traces():
    parts = examined("--sabotage", "cell")
    # Its builds are wrong in the same way wherever they are cut, so the laws have nothing to say.
    assert failed(parts) == {"corpus", "operations", "cuts", "fuzz"}
    assert not conforms(parts)
    assert "stack_0" in parts[0].failures[0].text


def test_a_wrong_seam_fails_the_cuts_and_the_laws():
    parts = examined("--sabotage", "seam")
    assert {"cuts", "laws"} <= failed(parts)
    assert not failed(parts) & {"corpus", "errors", "boundary states"}
    assert verdict_line("it", parts).startswith("it does not conform: ")


def test_a_wrong_error_fails_the_errors():
    parts = examined("--sabotage", "error", seconds=0.01)
    assert failed(parts) == {"errors"}
    assert parts[2].failures[0].signature.endswith("FailedAssertion SomeError")


def test_a_wrong_boundary_state_fails_nothing_else():
    parts = examined("--sabotage", "state", seconds=0.01)
    assert failed(parts) == {"boundary states"}
    assert "depth" in parts[-1].failures[0].signature
    assert verdict_line("it", parts) == "it does not conform: boundary states failed"
