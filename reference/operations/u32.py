"""Operations on 32-bit integers (spec 01, section 8.3; helper registers: section 5).

Except U32AND and U32XOR, each books four 16-bit limbs with the range checker. m = inv0(2^32 - 1 - hi) proves that a
result (hi, lo) is a canonical element.
"""

from __future__ import annotations

from reference.definition.errors import ExecutionFailure
from reference.definition.field import U32_LIMIT, inverse_or_zero
from reference.machine import NO_HELPERS, Helpers, Machine
from reference.operations.operands import check_u32


def _canonical_proof(hi: int) -> int:
    """The helper m of a result whose upper half is ``hi``."""
    return inverse_or_zero(U32_LIMIT - 1 - hi)


def u32split(machine: Machine, _immediate: int) -> Helpers:
    """U32SPLIT: both halves of an element.

    Operands: t = s0, any element.
    Effect: s0' = hi, s1' = lo with t = hi * 2^32 + lo; right from 1.
    Helpers: hlp0..3 = lo.lo, lo.hi, hi.lo, hi.hi; hlp4 = m.
    Lookups: range checks of hlp0..3.
    Errors: none.
    """
    hi, lo = divmod(machine.stack[0], U32_LIMIT)
    machine.push(hi)
    machine.stack[1] = lo
    return *machine.ranges.add_u32_pair(lo, hi), _canonical_proof(hi), 0


def u32assert2(machine: Machine, immediate: int) -> Helpers:
    """U32ASSERT2(code): the two top elements must be u32.

    Operands: s0, s1; the immediate is the error code.
    Effect: none; none from 0.
    Helpers: hlp0..3 = s1.lo, s1.hi, s0.lo, s0.hi.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1 not u32: NotU32Values.
    """
    s0, s1 = machine.stack[:2]
    check_u32((s0, s1), immediate)
    return *machine.ranges.add_u32_pair(s1, s0), 0, 0


def u32add(machine: Machine, _immediate: int) -> Helpers:
    """U32ADD: sum with carry.

    Operands: s1, s0.
    Effect: t = s1 + s0; s0' = hi (the carry), s1' = lo; none from 2.
    Helpers: hlp0..3 = lo.lo, lo.hi, hi.lo, hi.hi.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    hi, lo = divmod(s1 + s0, U32_LIMIT)
    stack[:2] = hi, lo
    return *machine.ranges.add_u32_pair(lo, hi), 0, 0


def u32add3(machine: Machine, _immediate: int) -> Helpers:
    """U32ADD3: sum of three with carry.

    Operands: s2, s1, s0.
    Effect: t = s2 + s1 + s0; s0' = hi (0..2), s1' = lo; left from 3.
    Helpers: hlp0..3 = lo.lo, lo.hi, hi.lo, hi.hi.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1, s2 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1, s2 = stack[:3]
    check_u32((s0, s1, s2))
    hi, lo = divmod(s2 + s1 + s0, U32_LIMIT)
    machine.drop()
    stack[:2] = hi, lo
    return *machine.ranges.add_u32_pair(lo, hi), 0, 0


def u32sub(machine: Machine, _immediate: int) -> Helpers:
    """U32SUB: difference with borrow.

    Operands: s1, s0.
    Effect: s0' = 1 if s1 < s0 else 0; s1' = c = (s1 - s0) mod 2^32; none from 2.
    Helpers: hlp0..3 = c.lo, c.hi, 0, 0.
    Lookups: range checks of hlp0..3, the two zeros included.
    Errors: s0, s1 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    difference = (s1 - s0) % U32_LIMIT
    stack[:2] = int(s1 < s0), difference
    return *machine.ranges.add_u32_pair(difference, 0), 0, 0


def u32mul(machine: Machine, _immediate: int) -> Helpers:
    """U32MUL: product.

    Operands: s1, s0.
    Effect: t = s1 * s0; s0' = hi, s1' = lo; none from 2.
    Helpers: hlp0..3 = lo.lo, lo.hi, hi.lo, hi.hi; hlp4 = m.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    hi, lo = divmod(s1 * s0, U32_LIMIT)
    stack[:2] = hi, lo
    return *machine.ranges.add_u32_pair(lo, hi), _canonical_proof(hi), 0


def u32madd(machine: Machine, _immediate: int) -> Helpers:
    """U32MADD: product and sum.

    Operands: s2, s1, s0.
    Effect: t = s0 * s1 + s2 (at most p - 1); s0' = hi, s1' = lo; left from 3.
    Helpers: hlp0..3 = lo.lo, lo.hi, hi.lo, hi.hi; hlp4 = m.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1, s2 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1, s2 = stack[:3]
    check_u32((s0, s1, s2))
    hi, lo = divmod(s0 * s1 + s2, U32_LIMIT)
    machine.drop()
    stack[:2] = hi, lo
    return *machine.ranges.add_u32_pair(lo, hi), _canonical_proof(hi), 0


def u32div(machine: Machine, _immediate: int) -> Helpers:
    """U32DIV: quotient and remainder.

    Operands: dividend s1, divisor s0.
    Effect: q = s1 div s0, r = s1 mod s0; s0' = r, s1' = q; none from 2.
    Helpers: hlp0..3 = (s1 - q).lo, (s1 - q).hi, (s0 - r - 1).lo, (s0 - r - 1).hi.
    Lookups: range checks of hlp0..3.
    Errors: s0, s1 not u32: NotU32Values; then s0 = 0: DivideByZero with clk.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    if s0 == 0:
        raise ExecutionFailure("DivideByZero", clk=machine.clk)
    quotient, remainder = divmod(s1, s0)
    stack[:2] = remainder, quotient
    return *machine.ranges.add_u32_pair(s1 - quotient, s0 - remainder - 1), 0, 0


def u32and(machine: Machine, _immediate: int) -> Helpers:
    """U32AND: bitwise and.

    Operands: a = s1, b = s0.
    Effect: s0' = a & b; left from 2.
    Helpers: none.
    Lookups: bitwise(2, a, b, s0'); 8 bitwise rows.
    Errors: s0, s1 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    machine.drop()
    stack[0] = machine.bitwise.and_(s1, s0)
    return NO_HELPERS


def u32xor(machine: Machine, _immediate: int) -> Helpers:
    """U32XOR: bitwise exclusive or.

    Operands: a = s1, b = s0.
    Effect: s0' = a xor b; left from 2.
    Helpers: none.
    Lookups: bitwise(6, a, b, s0'); 8 bitwise rows.
    Errors: s0, s1 not u32: NotU32Values.
    """
    stack = machine.stack
    s0, s1 = stack[:2]
    check_u32((s0, s1))
    machine.drop()
    stack[0] = machine.bitwise.xor(s1, s0)
    return NO_HELPERS
