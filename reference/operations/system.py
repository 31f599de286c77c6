"""System operations (spec 01, section 8.1)."""

from __future__ import annotations

from reference.definition.errors import ExecutionFailure
from reference.machine import NO_HELPERS, Helpers, Machine


def noop(_machine: Machine, _immediate: int) -> Helpers:
    """NOOP: nothing.

    Operands: none.
    Effect: none; none from 0.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    return NO_HELPERS


def assert_(machine: Machine, immediate: int) -> Helpers:
    """ASSERT(code): the top must be 1.

    Operands: s0; the immediate is the error code.
    Effect: drops s0; left from 1.
    Helpers: none.
    Lookups: none.
    Errors: s0 is not 1: FailedAssertion with clk.
    """
    if machine.stack[0] != 1:
        raise ExecutionFailure("FailedAssertion", clk=machine.clk, detail=f"error code {immediate}")
    machine.drop()
    return NO_HELPERS


def sdepth(machine: Machine, _immediate: int) -> Helpers:
    """SDEPTH: the stack depth of the current context.

    Operands: none.
    Effect: s0' = b0, the depth before the push; right from 0.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.push(machine.depth)
    return NO_HELPERS


def caller(machine: Machine, _immediate: int) -> Helpers:
    """CALLER: the digest that opened the context; allowed outside of a syscall too.

    Operands: none.
    Effect: W(0)' = fn_hash, element 3 on top; overwrites s0..s3; none from 4.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.set_word(0, machine.fn_hash)
    return NO_HELPERS


def clk(machine: Machine, _immediate: int) -> Helpers:
    """CLK: the clock of this row.

    Operands: none.
    Effect: s0' = clk, the row index, control rows counted; right from 0.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.push(machine.clk)
    return NO_HELPERS


def emit(machine: Machine, _immediate: int) -> Helpers:
    """EMIT: tell the host that an event happened.

    Operands: s0, the event id, which stays; the event's own operands start at s1.
    Effect: none on stack and memory; the host may change what it answers later; none from 0.
    Helpers: none.
    Lookups: none.
    Errors: those of the event (spec 01, section 9); unknown id: EventError.
    """
    machine.host.emit(machine)
    return NO_HELPERS
