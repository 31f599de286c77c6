"""Faults of executor and builder alike: what is recorded is what is rebuilt, at every cut, and both are wrong.

Only an independent engine sees them (A2).
"""

from __future__ import annotations

from typing import Final

from harness.faults.fault import Check, Fault, InKernels
from harness.faults.planting import Change
from harness.faults.units import EXECUTOR_LOOP, FRAGMENT_TASKS

_BOTH_ENGINES: Final = (Check.OUTCOME, Check.BOUNDARY, Check.CELL, Check.SUMMARY)


def _executor(right: str, wrong: str, *within: str) -> Change:
    return Change(EXECUTOR_LOOP, right, wrong, within)


def _fragment(right: str, wrong: str, *within: str) -> Change:
    return Change(FRAGMENT_TASKS, right, wrong, within)


SHARED_FAULTS: Final = (
    Fault(
        "madd-loses-carry",
        "executor",
        "U32MADD adds in 32 bits: the carry into the high half is lost, in executor and builder",
        "A2, C2: wrong at every cut alike, and only for operands that carry",
        _BOTH_ENGINES,
        InKernels(
            (
                _executor(
                    "value = stack[t] * stack[t - 1] + stack[t - 2]",
                    "value = stack[t] * stack[t - 1]\nvalue = (value & ~U32_MAX) | ((value + stack[t - 2]) & U32_MAX)",
                    "U32MADD",
                ),
                _fragment(
                    "value = stack[t] * stack[t + 1] + stack[t + 2]",
                    "value = stack[t] * stack[t + 1]\nvalue = (value & ~U32_MAX) | ((value + stack[t + 2]) & U32_MAX)",
                    "U32MADD",
                ),
            )
        ),
    ),
    Fault(
        "expacc-squares-zero-to-one",
        "executor",
        "EXPACC takes the square of base 0 for 1, in executor and builder",
        "C13: EXPACC with base 0",
        _BOTH_ENGINES,
        InKernels(
            (
                _executor(
                    "stack[t - 1] = multiply(stack[t - 1], stack[t - 1])",
                    "stack[t - 1] = multiply(stack[t - 1], stack[t - 1]) if stack[t - 1] != ZERO else ONE",
                    "EXPACC",
                ),
                _fragment(
                    "stack[t + 1] = multiply(stack[t + 1], stack[t + 1])",
                    "stack[t + 1] = multiply(stack[t + 1], stack[t + 1]) if stack[t + 1] != ZERO else ONE",
                    "EXPACC",
                ),
            )
        ),
    ),
    Fault(
        "dup15-copies-item-14",
        "executor",
        "DUP15 copies item 14, in executor and builder",
        "A2: a generator wrong everywhere agrees with itself at every cut",
        _BOTH_ENGINES,
        InKernels(
            (
                _executor("value = stack[t - 15]", "value = stack[t - 14]", "DUP15"),
                _fragment("value = stack[t + 15]", "value = stack[t + 14]", "DUP15"),
            )
        ),
    ),
    Fault(
        "caller-reversed",
        "executor",
        "CALLER puts the hash on the stack in the other order, in executor and builder",
        "B8: a word in the wrong order",
        _BOTH_ENGINES,
        InKernels(
            (
                _executor("stack[t - i] = fn_hash[3 - i]", "stack[t - i] = fn_hash[i]", "CALLER"),
                _fragment("stack[t + i] = fn_hash[3 - i]", "stack[t + i] = fn_hash[i]", "CALLER"),
            )
        ),
    ),
)
