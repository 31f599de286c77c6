"""An operation that is wrong everywhere makes a trace that is consistent but for that operation: the audit blames its rows.

The reference runs the recorded programs with one of its 80 operations changed, so that every later row, every chiplet and
the outputs follow from the wrong result. Engines that share the mistake agree on such a trace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from golden_traces import DATA

from harness.auditing import audit_run
from harness.backend import Completed
from harness.backends.reference import ReferenceEngine
from reference.definition.case import Case
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.errors import ExecutionFailure
from reference.definition.field import P
from reference.definition.formats.case_json import read_case
from reference.definition.isa import BLOCK_OPERATIONS, BY_NAME
from reference.machine import Helpers, Machine
from reference.operations import BLOCK_OPERATION, BlockOperation

Wrong = Callable[[Machine, Helpers], Helpers]
"""Changes what the operation has done; gives the helpers of its row."""


def item(position: int, amount: int) -> Wrong:
    def change(machine: Machine, helpers: Helpers) -> Helpers:
        machine.stack[position] = (machine.stack[position] + amount) % P
        return helpers

    return change


def helper(number: int) -> Wrong:
    def change(machine: Machine, helpers: Helpers) -> Helpers:
        return tuple((value + (each == number)) % P for each, value in enumerate(helpers))

    return change


def exchanged(machine: Machine, helpers: Helpers) -> Helpers:
    machine.stack[0], machine.stack[1] = machine.stack[1], machine.stack[0]
    return helpers


def overflow_address(machine: Machine, helpers: Helpers) -> Helpers:
    if machine.overflow:
        value, clk = machine.overflow[-1]
        machine.overflow[-1] = (value, clk + 1)
    return helpers


WRONG: dict[str, Wrong] = {
    **{f"item {position}": item(position, 1) for position in range(16)},
    "item 0 less": item(0, P - 1),
    **{f"helper {number}": helper(number) for number in range(6)},
    "items 0 and 1 exchanged": exchanged,
    "overflow address": overflow_address,
}
MOST_ROWS = 1000
ROW = re.compile(r"^row (\d+),")
QUICK = ("item 0", "item 3", "item 15", "helper 0", "helper 4")


@cache
def cases() -> dict[str, list[Case]]:
    """By name: the shortest two recorded programs that are about the operation."""
    found: dict[str, list[tuple[int, Case]]] = {}
    records, lines = (DATA / "vm" / name for name in ("records.jsonl", "cases.jsonl"))
    with records.open() as records_file, lines.open() as cases_file:
        for record, line in zip(map(json.loads, records_file), cases_file, strict=True):
            about = re.fullmatch(r"op_([a-z0-9]+)_\d+", record["name"])
            if about and record["outcome"]["status"] == "completed":
                case = replace(read_case(line, "cases.jsonl"), cuts=(ONE_FRAGMENT,))
                found.setdefault(about[1].upper(), []).append((record["lengths"]["rows"], case))
    return {name: [case for _, case in sorted(of, key=lambda each: each[0])[:2]] for name, of in found.items()}


def rows_of(columns: np.ndarray, name: str) -> set[int]:
    first = COLUMN["dec_op_bit_0"]
    codes = sum(columns[first + bit, :-1].astype(int) << bit for bit in range(7))
    return set(np.flatnonzero(codes == BY_NAME[name].opcode).tolist())


def ending(operation: BlockOperation) -> BlockOperation:
    """The operation; fails in a program that goes on and on because something in it is wrong."""

    def limited(machine: Machine, value: int) -> Helpers:
        if machine.clk > MOST_ROWS:
            raise ExecutionFailure("CycleLimitExceeded", clk=machine.clk)
        return operation(machine, value)

    return limited


def blamed(name: str, wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each program that still completes, and whose trace changed: whether the audit names a row of the operation."""
    verdicts = []
    opcode = BY_NAME[name].opcode
    right = BLOCK_OPERATION[opcode]
    limited = {code: ending(function) for code, function in BLOCK_OPERATION.items()}
    limited[opcode] = ending(lambda machine, value: wrong(machine, right(machine, value)))
    for case in cases()[name]:
        before = ReferenceEngine().run(case).execution.trace.columns
        with monkeypatch.context() as patch:
            for code, function in limited.items():
                patch.setitem(BLOCK_OPERATION, code, function)
            run = ReferenceEngine().run(case)
        if not isinstance(run.outcome, Completed):
            continue
        columns = run.execution.trace.columns
        if columns.shape == before.shape and (columns == before).all():
            continue
        result = audit_run("reference", case, run, 1)
        rows = rows_of(columns, name)
        # A table names the row that first sent a message without a partner, and in its lines all others.
        told = {int(row) for violation in result.violations for line in violation.details for row in ROW.findall(line)}
        verdicts.append(not rows.isdisjoint(told | {violation.row for violation in result.violations}))
    return verdicts


def test_there_is_a_program_about_every_operation() -> None:
    assert set(cases()) == {info.name for info in BLOCK_OPERATIONS}


@pytest.mark.parametrize("what", QUICK)
def test_an_operation_that_is_always_wrong_is_blamed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = {info.name: blamed(info.name, WRONG[what], monkeypatch) for info in BLOCK_OPERATIONS}
    assert [name for name, each in verdicts.items() if not all(each)] == []
    assert sum(bool(each) for each in verdicts.values()) > 60


@pytest.mark.slow
@pytest.mark.parametrize("what", [what for what in WRONG if what not in QUICK])
def test_every_way_to_be_wrong_is_blamed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = {info.name: blamed(info.name, WRONG[what], monkeypatch) for info in BLOCK_OPERATIONS}
    assert [name for name, each in verdicts.items() if not all(each)] == []
    assert sum(bool(each) for each in verdicts.values()) > 20
