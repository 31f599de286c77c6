"""The generator is held to what a batch of its cases always has; faults in it are noticed."""

from dataclasses import replace

import pytest

from harness.faults import Check, generation
from harness.faults.generation import _EDGES, FLOORS, Observed, Writer, complaints, judge
from harness.faults.in_generator import GENERATOR_FAULTS
from harness.generate import COMPLETES
from reference.definition.case import Case
from reference.definition.isa import BLOCK_OPERATIONS, Operation, opcode
from reference.definition.mast import Block, Forest, Loop
from reference.definition.program import Program

CONTROL = ("SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")
ALL_CODES = frozenset((*(info.opcode for info in BLOCK_OPERATIONS), *(opcode(name) for name in CONTROL)))

QUICKLY_NOTICED = {
    "item-left-behind",
    "failures-said-to-complete",
    "not-repeatable",
    "zeros-everywhere",
    "every-case-the-same",
    "driver-never-says-yes",
}

GOOD = Observed(
    text="",
    family="",
    intended=COMPLETES,
    ended=COMPLETES,
    cut="every row",
    cuts=10,
    deep_cuts=5,
    rows=80,
    operations=ALL_CODES,
    skipped_loops=1,
    deepest=20,
    nonzero_share=0.9,
    edges=frozenset(_EDGES),
    has_full_limb=True,
)


def good_batch(count=120):
    """Everything that a batch is asked for, made by hand."""
    kinds = ("one fragment", "every row", "every n rows", "free")
    errors = [f"error {number}" for number in range(12)]
    batch = [
        replace(GOOD, text=str(number), family=f"family {number % 19}", cut=kinds[number % 4])
        for number in range(count)
    ]
    return [replace(item, ended=error) for item, error in zip(batch, errors, strict=False)] + batch[len(errors) :]


SPOILED = {
    "share of cases that differ from all others": lambda item: replace(item, text="same"),
    "families": lambda item: replace(item, family="one"),
    "block operations executed": lambda item: replace(item, operations=frozenset(map(opcode, CONTROL))),
    "kinds of nodes executed": lambda item: replace(item, operations=item.operations - {opcode("SYSCALL")}),
    "share of programs that fail": lambda item: replace(item, ended=COMPLETES),
    "different errors": lambda item: item if item.ended == COMPLETES else replace(item, ended="the same"),
    "share of programs that complete": lambda item: replace(item, ended=f"error {item.text}"),
    "loops that are not entered": lambda item: replace(item, skipped_loops=0),
    "share of programs deeper than 16": lambda item: replace(item, deepest=16),
    "cuts at a depth above 16": lambda item: replace(item, deep_cuts=0),
    "median share of items that are not 0": lambda item: replace(item, nonzero_share=0.1),
    "awkward values among inputs and immediates": lambda item: replace(item, edges=frozenset()),
    "share of programs that look up 65535": lambda item: replace(item, has_full_limb=False),
    "kinds of cut plans": lambda item: replace(item, cut="every row"),
    "share of programs that are cut": lambda item: replace(item, cuts=0),
    "share of programs of 60 rows and more": lambda item: replace(item, rows=10),
}


def test_a_varied_batch_is_accepted():
    assert list(complaints(good_batch())) == []


def test_every_floor_has_a_batch_that_is_below_it():
    assert set(SPOILED) == {floor.what for floor in FLOORS}


@pytest.mark.parametrize("floor", SPOILED)
def test_a_batch_that_lacks_something_is_refused(floor):
    found = [complaint.what for complaint in complaints([SPOILED[floor](item) for item in good_batch()])]
    assert any(what.startswith(floor) for what in found)


def test_the_generator_is_accepted():
    judged = judge(Writer(), seed=11)
    assert judged.complaint is None
    assert judged.cases == 120


@pytest.mark.parametrize(
    "fault",
    [fault for fault in GENERATOR_FAULTS if fault.name in QUICKLY_NOTICED],
    ids=lambda fault: fault.name,
)
def test_a_fault_of_the_generator_is_noticed(fault):
    complaint = judge(fault.plant.writer(), seed=11).complaint
    assert complaint is not None
    assert complaint.check in fault.caught_by


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [fault for fault in GENERATOR_FAULTS if fault.name not in QUICKLY_NOTICED],
    ids=lambda fault: fault.name,
)
def test_a_fault_that_takes_a_batch_to_see_is_noticed(fault):
    complaint = judge(fault.plant.writer(), seed=11).complaint
    assert complaint is not None
    assert complaint.check is Check.COVERAGE


class _Endless(Writer):
    """A loop whose condition is always 1."""

    def generated(self, seed, number):
        found = super().generated(seed, number)
        forest = Forest((Block((Operation(opcode("PAD")), Operation(opcode("INCR")))), Loop(0)), (1,))
        return replace(found, case=Case("endless", Program(forest, 1), stack=(1,)))


def test_a_program_without_an_end_is_complained_about_and_not_run(monkeypatch):
    monkeypatch.setattr(generation, "MOST_ROWS", 2000)
    judged = judge(_Endless(), 1)
    assert judged.cases == 1
    assert judged.complaint.check is Check.INTENT
    assert judged.complaint.what.endswith("still runs after 2,000 rows")
