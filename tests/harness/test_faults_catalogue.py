"""The catalogue is complete: enough faults, in all places, each with a model and somebody who must catch it."""

import re
from collections import Counter

import pytest
from fault_witnesses import read_witnesses

from harness.faults import ENGINE_FAULTS, FAULTS, Check, FaultyEngine, engine, find_fault
from harness.faults.fault import PLACES

ASKED = 60

NEVER_TRACES = {"A10", "A14", "A15", "A16", "B2", "B3", "B7", "C18"}
"""Defects that are not of a trace's cells, states or outcome: cost, limits, sizes that overflow, hooks, no defect at all."""


def test_there_are_enough_faults_and_no_name_twice():
    assert len(FAULTS) >= ASKED
    assert [name for name, times in Counter(fault.name for fault in FAULTS).items() if times > 1] == []


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_faults(place):
    assert sum(fault.where == place for fault in FAULTS) >= 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_says_what_is_wrong_and_who_must_catch_it(fault):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.name)
    assert fault.wrong
    assert "\n" not in fault.wrong
    assert not fault.wrong.endswith(".")
    assert re.match(r"(class|[ABC]\d+(, [ABC]\d+)*): ", fault.model)
    assert fault.caught_by
    assert len(set(fault.caught_by)) == len(fault.caught_by)


def test_the_real_defects_that_a_trace_can_show_have_a_fault_modelled_on_them():
    modelled = {name for fault in FAULTS for name in re.findall(r"\b[ABC]\d+\b", fault.model)}
    real = {f"{group}{number}" for group, most in (("A", 16), ("B", 9), ("C", 18)) for number in range(1, most + 1)}
    # A13 is unreachable in 0.19.1.
    assert real - modelled - NEVER_TRACES == {"A13"}


def test_every_fault_of_an_engine_has_a_witness():
    assert set(read_witnesses()) == {fault.name for fault in ENGINE_FAULTS}


def test_engines_are_made_by_name():
    assert engine("stack-by-reference").name == "faulty:stack-by-reference"
    assert FaultyEngine().name == "faulty:none"
    assert "is not copied" in engine("stack-by-reference").probe().reason


def test_an_unknown_name_is_told_with_the_names_like_it():
    with pytest.raises(KeyError, match="no planted fault 'stack-by-value'; there are stack-by-reference"):
        find_fault("stack-by-value")


def test_a_fault_of_the_comparison_is_no_engine():
    with pytest.raises(ValueError, match="no-rows is a fault of the comparison"):
        engine("no-rows")


def test_what_checks_there_are_is_told_apart():
    guards = {Check.ACCOUNT, Check.CANARY}
    generator = {Check.INTENT, Check.COVERAGE, Check.REPEATABILITY}
    for fault in FAULTS:
        checks = set(fault.caught_by)
        if fault.where == "comparison":
            assert checks <= guards
        elif fault.where == "generator":
            assert checks <= generator
        else:
            assert not checks & (guards | generator)
