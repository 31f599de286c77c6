"""Operations for verifying STARK proofs (spec 01, section 8.7)."""

from __future__ import annotations

from reference.definition.errors import ExecutionFailure
from reference.definition.field import (
    Extension,
    P,
    extension_add,
    extension_multiply,
    extension_scale,
    extension_subtract,
    inverse_or_zero,
)
from reference.machine import NO_HELPERS, Helpers, Machine

HALF = 9223372034707292161
"""1/2 in the field."""

DOMAIN_OFFSET = 7
"""The generator of the field, by which the FRI domain is shifted."""

TAU_POWERS = (1, 18446462594437873665, 18446744069414584320, 281474976710656)
"""tau^-s for domain segment s; tau is a primitive fourth root of unity."""


def _fold2(a: Extension, b: Extension, c: Extension) -> Extension:
    """(a + b + (a - b) * c) / 2."""
    return extension_scale(extension_add(extension_add(a, b), extension_multiply(extension_subtract(a, b), c)), HALF)


def frie2f4(machine: Machine, _immediate: int) -> Helpers:
    """FRIE2F4: fold four query values of a FRI layer into one.

    Operands: q0 = (s7,s6), q1 = (s5,s4), q2 = (s3,s2), q3 = (s1,s0); f_pos s8, d_seg s9, poe s10, pe = (s12,s11),
        alpha = (s14,s13), cptr s15; extension elements as (c0,c1).
    Effect: with f = tau^-d_seg, x = 7 poe f, ev = alpha inv0(x), es = ev^2, t = fold2(q0, q2, ev),
        u = fold2(q1, q3, ev / tau), v = fold2(t, u, es): s0'..s14' = t1, t0, u1, u0, [d_seg=3], [d_seg=2], [d_seg=1],
        [d_seg=0], poe^2, f, cptr + 8, poe^4, f_pos, v1, v0; left from 16.
    Helpers: hlp0..5 = ev0, ev1, es0, es1, x, inv0(x).
    Lookups: none.
    Errors: d_seg > 3: InvalidFriDomainSegment; q[d_seg] differs from pe: InvalidFriLayerFolding.QuadExtension.
    """
    stack = machine.stack
    queries = ((stack[7], stack[6]), (stack[5], stack[4]), (stack[3], stack[2]), (stack[1], stack[0]))
    position, segment, poe = stack[8:11]
    previous = (stack[12], stack[11])
    alpha = (stack[14], stack[13])
    pointer = stack[15]
    if segment > 3:
        raise ExecutionFailure("InvalidFriDomainSegment", detail=f"segment {segment}")
    if queries[segment] != previous:
        detail = f"expected {previous}, found {queries[segment]}"
        raise ExecutionFailure("InvalidFriLayerFolding.QuadExtension", detail=detail)

    factor = TAU_POWERS[segment]
    x = poe * factor * DOMAIN_OFFSET % P
    x_inverse = inverse_or_zero(x)
    ev = extension_scale(alpha, x_inverse)
    es = extension_multiply(ev, ev)
    t = _fold2(queries[0], queries[2], ev)
    u = _fold2(queries[1], queries[3], extension_scale(ev, TAU_POWERS[1]))
    v = _fold2(t, u, es)
    flags = [int(segment == 3), int(segment == 2), int(segment == 1), int(segment == 0)]
    poe2 = poe * poe % P

    machine.drop()
    stack[:15] = (
        *(t[1], t[0], u[1], u[0]),
        *flags,
        *(poe2, factor, (pointer + 8) % P, poe2 * poe2 % P),
        *(position, v[1], v[0]),
    )
    return *ev, *es, x, x_inverse


def _horner(machine: Machine, coefficients: list[Extension]) -> Helpers:
    """acc' = (..(acc * alpha + k_n) * alpha + ..) * alpha + k_0, last coefficient first, and the value halfway."""
    stack = machine.stack
    word = machine.memory.read_word(machine.ctx, stack[13], machine.clk)
    alpha = (word[0], word[1])
    accumulator = (stack[15], stack[14])
    halfway = accumulator
    for number in reversed(range(len(coefficients))):
        accumulator = extension_add(extension_multiply(accumulator, alpha), coefficients[number])
        if number == len(coefficients) // 2:
            halfway = accumulator
    stack[15], stack[14] = accumulator
    return *word, *halfway


def hornerbase(machine: Machine, _immediate: int) -> Helpers:
    """HORNERBASE: eight steps of Horner's rule, coefficients in the base field.

    Operands: coefficients s0..s7, address s13, acc = (s15, s14) as (c0, c1).
    Effect: alpha = (mem[s13], mem[s13+1]); tmp = acc absorbs s7, s6, s5, s4; (s15', s14') = tmp absorbs s3, s2, s1, s0,
        each step times alpha plus coefficient; s0..s13 stay.
    Helpers: hlp0..3 = mem[s13..s13+3]; hlp4, hlp5 = tmp.
    Lookups: memory word(28, ctx, s13, clk, hlp0..3).
    Errors: s13 >= 2^32: MemoryError.AddressOutOfBounds; unaligned: MemoryError.UnalignedWordAccess with clk.
    """
    return _horner(machine, [(value, 0) for value in machine.stack[:8]])


def hornerext(machine: Machine, _immediate: int) -> Helpers:
    """HORNEREXT: four steps of Horner's rule, coefficients in the extension.

    Operands: k0 = (s1,s0), k1 = (s3,s2), k2 = (s5,s4), k3 = (s7,s6), address s13, acc = (s15,s14), each as (c0,c1).
    Effect: alpha = (mem[s13], mem[s13+1]); tmp = acc absorbs k3, k2; (s15', s14') = tmp absorbs k1, k0, each step times
        alpha plus coefficient; s0..s13 stay.
    Helpers: hlp0..3 = mem[s13..s13+3]; hlp4, hlp5 = tmp.
    Lookups: memory word(28, ctx, s13, clk, hlp0..3).
    Errors: s13 >= 2^32: MemoryError.AddressOutOfBounds; unaligned: MemoryError.UnalignedWordAccess with clk.
    """
    stack = machine.stack
    return _horner(machine, [(stack[position + 1], stack[position]) for position in (0, 2, 4, 6)])


def evalcircuit(machine: Machine, _immediate: int) -> Helpers:
    """EVALCIRCUIT: an arithmetic circuit in memory must evaluate to 0 (spec 01, section 10).

    Operands: address s0, number of variables s1, number of gates s2.
    Effect: none; none from 0.
    Helpers: none.
    Lookups: ACE(8, clk, ctx, s0, s1, s2); the memory reads belong to the chiplet's rows.
    Errors: those of the chiplet: AceChipError; MemoryError.AddressOutOfBounds; .UnalignedWordAccess with clk.
    """
    address, variables, gates = machine.stack[:3]
    machine.ace.evaluate(machine.memory, machine.ctx, machine.clk, address, variables, gates)
    return NO_HELPERS
