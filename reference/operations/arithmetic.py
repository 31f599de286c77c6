"""Field and extension field operations (spec 01, section 8.2)."""

from __future__ import annotations

from reference.definition.errors import ExecutionFailure
from reference.definition.field import P, extension_multiply, inverse_or_zero
from reference.machine import NO_HELPERS, Helpers, Machine
from reference.operations.operands import check_binary


def add(machine: Machine, _immediate: int) -> Helpers:
    """ADD: sum.

    Operands: s1, s0.
    Effect: s0' = s1 + s0; left from 2.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    total = (stack[1] + stack[0]) % P
    machine.drop()
    stack[0] = total
    return NO_HELPERS


def neg(machine: Machine, _immediate: int) -> Helpers:
    """NEG: additive inverse.

    Operands: s0.
    Effect: s0' = -s0; none from 1.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.stack[0] = -machine.stack[0] % P
    return NO_HELPERS


def mul(machine: Machine, _immediate: int) -> Helpers:
    """MUL: product.

    Operands: s1, s0.
    Effect: s0' = s1 * s0; left from 2.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    product = stack[1] * stack[0] % P
    machine.drop()
    stack[0] = product
    return NO_HELPERS


def inv(machine: Machine, _immediate: int) -> Helpers:
    """INV: multiplicative inverse.

    Operands: s0.
    Effect: s0' = s0^-1; none from 1.
    Helpers: none.
    Lookups: none.
    Errors: s0 = 0: DivideByZero with clk.
    """
    stack = machine.stack
    if stack[0] == 0:
        raise ExecutionFailure("DivideByZero", clk=machine.clk)
    stack[0] = inverse_or_zero(stack[0])
    return NO_HELPERS


def incr(machine: Machine, _immediate: int) -> Helpers:
    """INCR: add 1.

    Operands: s0.
    Effect: s0' = s0 + 1; none from 1.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    machine.stack[0] = (machine.stack[0] + 1) % P
    return NO_HELPERS


def not_(machine: Machine, _immediate: int) -> Helpers:
    """NOT: Boolean negation.

    Operands: s0.
    Effect: s0' = 1 - s0; none from 1.
    Helpers: none.
    Lookups: none.
    Errors: s0 not binary: NotBinaryValueOp.
    """
    stack = machine.stack
    check_binary(stack[0])
    stack[0] = 1 - stack[0]
    return NO_HELPERS


def and_(machine: Machine, _immediate: int) -> Helpers:
    """AND: Boolean product.

    Operands: s1, s0.
    Effect: s0' = s0 * s1; left from 2.
    Helpers: none.
    Lookups: none.
    Errors: s0, then s1 not binary: NotBinaryValueOp.
    """
    stack = machine.stack
    check_binary(stack[0])
    check_binary(stack[1])
    both = stack[0] * stack[1]
    machine.drop()
    stack[0] = both
    return NO_HELPERS


def or_(machine: Machine, _immediate: int) -> Helpers:
    """OR: Boolean sum.

    Operands: s1, s0.
    Effect: s0' = s0 + s1 - s0 * s1; left from 2.
    Helpers: none.
    Lookups: none.
    Errors: s0, then s1 not binary: NotBinaryValueOp.
    """
    stack = machine.stack
    check_binary(stack[0])
    check_binary(stack[1])
    either = stack[0] + stack[1] - stack[0] * stack[1]
    machine.drop()
    stack[0] = either
    return NO_HELPERS


def eq(machine: Machine, _immediate: int) -> Helpers:
    """EQ: are two elements equal?

    Operands: s1, s0.
    Effect: s0' = 1 if s0 = s1 else 0; left from 2.
    Helpers: hlp0 = inv0(s0 - s1).
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    difference = (stack[0] - stack[1]) % P
    machine.drop()
    stack[0] = int(difference == 0)
    return inverse_or_zero(difference), 0, 0, 0, 0, 0


def eqz(machine: Machine, _immediate: int) -> Helpers:
    """EQZ: is the top 0?

    Operands: s0.
    Effect: s0' = 1 if s0 = 0 else 0; none from 1.
    Helpers: hlp0 = inv0(s0).
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    value = stack[0]
    stack[0] = int(value == 0)
    return inverse_or_zero(value), 0, 0, 0, 0, 0


def expacc(machine: Machine, _immediate: int) -> Helpers:
    """EXPACC: one step of exponentiation by squaring.

    Operands: base = s1, accumulator = s2, exponent = s3; s0 is ignored.
    Effect: s0' = s3 & 1; s1' = s1^2; s2' = s2 * hlp0; s3' = s3 >> 1; none from 4.
    Helpers: hlp0 = s1 if s3 is odd, else 1.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    _, base, accumulator, exponent = stack[:4]
    bit = exponent & 1
    factor = base if bit else 1
    stack[:4] = bit, base * base % P, accumulator * factor % P, exponent >> 1
    return factor, 0, 0, 0, 0, 0


def ext2mul(machine: Machine, _immediate: int) -> Helpers:
    """EXT2MUL: product in the quadratic extension.

    Operands: b = (s1, s0), a = (s3, s2), each as (c0, c1).
    Effect: (s3', s2') = a * b; s0 and s1 stay; none from 4.
    Helpers: none.
    Lookups: none.
    Errors: none.
    """
    stack = machine.stack
    stack[3], stack[2] = extension_multiply((stack[3], stack[2]), (stack[1], stack[0]))
    return NO_HELPERS
