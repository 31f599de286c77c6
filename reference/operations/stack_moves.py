"""Stack manipulation (spec 01, section 8.4).

Moves inside positions 0..15 never touch the overflow table, whatever the depth.
"""

from __future__ import annotations

from collections.abc import Callable

from reference.machine import NO_HELPERS, Helpers, Machine
from reference.operations.operands import check_binary


def pad(machine: Machine, _immediate: int) -> Helpers:
    """PAD: push 0.

    Operands: none.
    Effect: s0' = 0; right from 0.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.push(0)
    return NO_HELPERS


def drop(machine: Machine, _immediate: int) -> Helpers:
    """DROP: remove the top.

    Operands: s0.
    Effect: drops s0; left from 1.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.drop()
    return NO_HELPERS


def _dup(n: int) -> Callable[[Machine, int], Helpers]:
    def dup(machine: Machine, _immediate: int) -> Helpers:
        machine.push(machine.stack[n])
        return NO_HELPERS

    dup.__name__ = dup.__qualname__ = f"dup{n}"
    dup.__doc__ = f"""DUP{n}: copy item {n} to the top.

    Operands: s{n}.
    Effect: s0' = s{n}; right from 0.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    return dup


dup0 = _dup(0)
dup1 = _dup(1)
dup2 = _dup(2)
dup3 = _dup(3)
dup4 = _dup(4)
dup5 = _dup(5)
dup6 = _dup(6)
dup7 = _dup(7)
dup9 = _dup(9)
dup11 = _dup(11)
dup13 = _dup(13)
dup15 = _dup(15)


def swap(machine: Machine, _immediate: int) -> Helpers:
    """SWAP: exchange the two top items.

    Operands: s0, s1.
    Effect: s0' = s1, s1' = s0; none from 2.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[0], stack[1] = stack[1], stack[0]
    return NO_HELPERS


def swapw(machine: Machine, _immediate: int) -> Helpers:
    """SWAPW: exchange words 0 and 1.

    Operands: s0..s7.
    Effect: positions 0-3 and 4-7 change places; none from 8.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[0:4], stack[4:8] = stack[4:8], stack[0:4]
    return NO_HELPERS


def swapw2(machine: Machine, _immediate: int) -> Helpers:
    """SWAPW2: exchange words 0 and 2.

    Operands: s0..s3, s8..s11.
    Effect: positions 0-3 and 8-11 change places; 4-7 and from 12 stay.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[0:4], stack[8:12] = stack[8:12], stack[0:4]
    return NO_HELPERS


def swapw3(machine: Machine, _immediate: int) -> Helpers:
    """SWAPW3: exchange words 0 and 3.

    Operands: s0..s3, s12..s15.
    Effect: positions 0-3 and 12-15 change places; 4-11 stay.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[0:4], stack[12:16] = stack[12:16], stack[0:4]
    return NO_HELPERS


def swapdw(machine: Machine, _immediate: int) -> Helpers:
    """SWAPDW: exchange the two double words.

    Operands: s0..s15.
    Effect: positions 0-7 and 8-15 change places; no shift.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[0:8], stack[8:16] = stack[8:16], stack[0:8]
    return NO_HELPERS


def _movup(n: int) -> Callable[[Machine, int], Helpers]:
    def movup(machine: Machine, _immediate: int) -> Helpers:
        stack = machine.stack
        stack.insert(0, stack.pop(n))
        return NO_HELPERS

    movup.__name__ = movup.__qualname__ = f"movup{n}"
    movup.__doc__ = f"""MOVUP{n}: move item {n} to the top.

    Operands: s0..s{n}.
    Effect: s0' = s{n}; s(i+1)' = si for i < {n}; none from {n + 1}.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    return movup


movup2 = _movup(2)
movup3 = _movup(3)
movup4 = _movup(4)
movup5 = _movup(5)
movup6 = _movup(6)
movup7 = _movup(7)
movup8 = _movup(8)


def _movdn(n: int) -> Callable[[Machine, int], Helpers]:
    def movdn(machine: Machine, _immediate: int) -> Helpers:
        stack = machine.stack
        stack.insert(n, stack.pop(0))
        return NO_HELPERS

    movdn.__name__ = movdn.__qualname__ = f"movdn{n}"
    movdn.__doc__ = f"""MOVDN{n}: move the top down to position {n}.

    Operands: s0..s{n}.
    Effect: s{n}' = s0; si' = s(i+1) for i < {n}; none from {n + 1}.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    return movdn


movdn2 = _movdn(2)
movdn3 = _movdn(3)
movdn4 = _movdn(4)
movdn5 = _movdn(5)
movdn6 = _movdn(6)
movdn7 = _movdn(7)
movdn8 = _movdn(8)


def cswap(machine: Machine, _immediate: int) -> Helpers:
    """CSWAP: exchange two items if the top is 1.

    Operands: condition s0; s1, s2.
    Effect: (s0', s1') = (s1, s2) for 0, (s2, s1) for 1; left from 3.
    Helpers: none.
    Lookups: none.
    Errors: s0 not binary: NotBinaryValueOp.
    """
    stack = machine.stack
    condition = stack[0]
    check_binary(condition)
    machine.drop()
    if condition:
        stack[0], stack[1] = stack[1], stack[0]
    return NO_HELPERS


def cswapw(machine: Machine, _immediate: int) -> Helpers:
    """CSWAPW: exchange two words if the top is 1.

    Operands: condition s0; s1..s8.
    Effect: (s0..s3', s4..s7') = (s1..s4, s5..s8) for 0, (s5..s8, s1..s4) for 1; left from 9.
    Helpers: none.
    Lookups: none.
    Errors: s0 not binary: NotBinaryValueOp.
    """
    stack = machine.stack
    condition = stack[0]
    check_binary(condition)
    machine.drop()
    if condition:
        stack[0:4], stack[4:8] = stack[4:8], stack[0:4]
    return NO_HELPERS
