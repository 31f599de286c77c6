"""A finding whose shrinking was interrupted is shrunk on from the smallest case that was kept."""

import json

import pytest

from harness.backends.reference import ReferenceEngine
from harness.campaign import completing
from harness.campaign.completing import Completing
from harness.campaign.keeping import SMALLEST, Finding, keep_found, keep_smallest
from harness.compare import compare
from harness.faults import engine
from harness.shrink import Budget
from reference.definition.formats.case_json import read_case
from reference.definition.formats.load import load_cases

FAULT = "random-row-of-71-draws"
"""Shows in every program, so that the smallest case is known: a block that does nothing."""


def case_of(*nodes):
    program = {"nodes": list(nodes), "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    return read_case(json.dumps({"name": "found", "program": program, "cuts": [2**29]}))


FOUND = case_of("block SWAP INCR", "block NEG EQZ", "join 0 1")


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A kept finding; shrinks it, and says where each search began."""
    engines = [ReferenceEngine(), engine(FAULT)]
    comparison = compare(FOUND, engines)
    names = tuple(each.name for each in engines)
    finding = Finding(comparison.divergences[0].signature, FOUND, comparison, names, 1, 0)
    directory = keep_found(finding, tmp_path)
    begins = []
    original = completing.shrink

    def watched(case, is_same, **options):
        begins.append(case)
        return original(case, is_same, **options)

    monkeypatch.setattr(completing, "shrink", watched)

    def run():
        doing = Completing(
            engines, Budget(seconds=30), lambda case: compare(case, engines), lambda: False, replaying=False
        )
        doing.shrink(finding, directory, doing.replay(finding, directory))
        (smallest,) = load_cases(directory / SMALLEST)
        return begins[-1], smallest

    return finding, directory, run


def nodes_of(case):
    return len(case.program.forest.nodes), sum(len(node.operations) for node in case.program.forest.nodes)


def test_it_begins_with_what_was_found(begun):
    _, _, run = begun
    start, smallest = run()
    assert start == FOUND
    assert nodes_of(smallest) == (1, 1)


def test_it_goes_on_from_what_was_kept(begun):
    finding, directory, run = begun
    keep_smallest(finding, case_of("block SWAP INCR"), directory)
    start, smallest = run()
    assert nodes_of(start) == (1, 2)
    assert nodes_of(smallest) == (1, 1)


def test_what_was_kept_is_not_trusted(begun):
    """A file that does not differ, or is no smaller, is passed over."""
    finding, directory, run = begun
    keep_smallest(
        finding, case_of("block SWAP INCR", "block NEG EQZ", "block NEG EQZ", "join 0 1", "join 3 2"), directory
    )
    assert run()[0] == FOUND
    # This program fails on both engines alike.
    keep_smallest(finding, case_of("block ASSERT"), directory)
    assert run()[0] == FOUND
