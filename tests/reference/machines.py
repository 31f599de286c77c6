"""Machines in a given state, for tests of single operations and events."""

from __future__ import annotations

from collections.abc import Sequence

from reference.definition.case import Advice
from reference.definition.isa import opcode
from reference.definition.program import Kernel
from reference.host import AdviceHost, Host
from reference.machine import Helpers, Machine
from reference.operations import BLOCK_OPERATION

CLK = 77
"""The clock of every machine made here: no operation can mistake it for another number of a test."""


def machine_with(stack: Sequence[int] = (), *, host: Host | None = None) -> Machine:
    """A machine with this stack, top first; more than 16 items go to the overflow table, pushed at clocks 5, 6, ..."""
    machine = Machine(tuple(stack[:16]), Kernel(), host or AdviceHost(Advice(), stdlib=False))
    machine.overflow = [(value, 5 + number) for number, value in enumerate(reversed(stack[16:]))]
    machine.clk = CLK
    return machine


def run(machine: Machine, name: str, immediate: int = 0) -> Helpers:
    """Execute one operation."""
    return BLOCK_OPERATION[opcode(name)](machine, immediate)
