"""The driver that reads bytes: any bytes are a valid case, where they end the simplest answers stand in; a target raises."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from ran_cases import run

from harness.backend import Availability
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.generate import COMPLETES, Profile
from harness.generate.bytes_driver import BytesChoices, case_of
from harness.generate.fuzz_target import EnginesDifferError, Target, case_with_cuts, one_input
from harness.shrink.order import measure
from reference.definition.case import Case
from reference.definition.cuts import At, Every
from reference.definition.field import P
from reference.definition.formats.case_json import read_case, write_case
from reference.definition.mast import Block


def inputs(count: int, length: int) -> Iterator[bytes]:
    source = random.Random(11)
    return (source.randbytes(source.randrange(length)) for _ in range(count))


# ---- choices --------------------------------------------------------------------------------------------------------


def test_answers_are_read_most_significant_byte_first() -> None:
    choices = BytesChoices(bytes((5, 1, 2, 255)))
    assert choices.integer(10, 30) == 15
    assert choices.integer(0, 1000) == 0x0102
    assert choices.pick("abc") == "abc"[255 % 3]
    assert choices.used == 4


def test_one_possible_answer_takes_no_byte() -> None:
    choices = BytesChoices(b"\x07")
    assert (choices.integer(3, 3), choices.pick("a"), choices.used) == (3, "a", 0)


def test_every_answer_can_be_had() -> None:
    assert {BytesChoices(bytes((byte,))).integer(0, 9) for byte in range(256)} == set(range(10))
    assert BytesChoices((P - 1).to_bytes(8, "big")).integer(0, P - 1) == P - 1
    assert {BytesChoices(bytes((byte,))).flag(100) for byte in range(256)} == {True}


@pytest.mark.parametrize("percent", [1, 12, 50, 97])
def test_flags_are_true_as_often_as_asked(percent: int) -> None:
    share = sum(BytesChoices(bytes((byte,))).flag(percent) for byte in range(256)) / 256
    assert abs(share - percent / 100) < 1 / 128
    assert not BytesChoices(b"").flag(percent)


def test_where_the_bytes_end_the_simplest_answer_stands() -> None:
    choices = BytesChoices(b"\x01")
    assert choices.integer(0, P - 1) == 1 << 56
    assert (choices.integer(7, 2**40), choices.pick("xyz"), choices.flag(99)) == (7, "x", False)


# ---- cases ----------------------------------------------------------------------------------------------------------


def test_any_bytes_are_a_case_that_ends_as_intended() -> None:
    ends = set()
    for data in (b"", b"\xff" * 3000, bytes(range(256)) * 8, *inputs(60, 1500)):
        generated = case_of(data)
        text = write_case(generated.case)
        assert write_case(read_case(text)) == text
        ran = run(generated)
        assert ran.ended == generated.intended
        ends.add(ran.ended)
    assert COMPLETES in ends
    assert len(ends) > 3


def test_the_same_bytes_are_the_same_case() -> None:
    for data in inputs(20, 600):
        assert write_case(case_of(data).case) == write_case(case_of(data).case)


def test_other_bytes_are_mostly_other_cases() -> None:
    assert len({write_case(case_of(data).case) for data in inputs(60, 600)}) > 50


def test_no_bytes_are_the_simplest_case() -> None:
    (block,) = case_of(b"").case.program.forest.nodes
    assert isinstance(block, Block)
    assert [operation.name for operation in block.operations] == ["NOOP"]


def test_a_prefix_is_a_simpler_case_mostly() -> None:
    shorter = simpler = 0
    for data in inputs(40, 1200):
        whole, prefix = measure(case_of(data).case), measure(case_of(data[:24]).case)
        shorter += whole != prefix
        simpler += prefix < whole
    assert shorter > 25
    assert simpler > 0.8 * shorter


def test_the_profile_is_obeyed() -> None:
    profile = Profile(families=("merkle",), failing_rate=0, swarm_percent=0)
    assert {case_of(data, profile).family for data in inputs(10, 300)} == {"merkle"}


# ---- the target -----------------------------------------------------------------------------------------------------


class Wrong:
    """Leaves out the cut: the reference at one fragment, with a clk off by one when the program has many rows."""

    name = "wrong"

    def __init__(self) -> None:
        self._reference = ReferenceEngine()

    def probe(self) -> Availability:
        return Availability(True, "made for tests")

    def run(self, case: Case) -> Any:
        found = self._reference.run(case)
        if found.execution.trace is not None and found.execution.core_rows > 20:
            found.execution.trace.columns[0, 7] += 1
        return found

    def close(self) -> None:
        self._reference.close()


def test_a_target_raises_where_engines_differ_and_says_on_which_case() -> None:
    target = Target([ReferenceEngine(), Wrong()])
    raised = []
    for data in inputs(30, 600):
        try:
            target(data)
        except EnginesDifferError as error:
            raised.append(error)
    assert 5 < len(raised) < 30
    for error in raised:
        text = str(error)
        assert "row 7" in text
        assert text.endswith(write_case(error.case))


def test_a_target_compares_what_it_is_given() -> None:
    with_engines = Target([ReferenceEngine(), ParallelEngine()])
    counts = [with_engines(data).counts for data in (b"", *inputs(10, 600))]
    assert sum(each.cells for each in counts) > 100_000
    one_input(b"\x01\x02")


def test_bytes_choose_the_cuts_too() -> None:
    plans = {type(case_with_cuts(data).cut) for data in inputs(60, 60)}
    assert plans == {Every, At}
