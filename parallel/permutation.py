"""RPO-256 for compiled code, emitted as one LLVM function.

Inside the permutation elements are in Montgomery form (x * 2^64 mod p, any 64-bit representative), because the reduction of
a product is then a shift, two additions and two selects. The 12 elements are held as three vectors of four lanes; LLVM
splits them on hosts whose registers are narrower, so the same IR is the portable path. As numba source the same arithmetic
takes ten times longer to compile (spec 13, section 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from parallel.jit import intrinsic, jit, plain_or_intrinsic
from reference.definition import rpo
from reference.definition.field import P as MODULUS
from reference.definition.rpo import ROUNDS, STATE_WIDTH
from reference.definition.rpo_constants import ARK1, ARK2, MDS_FIRST_ROW

LANES = 4
VECTORS = STATE_WIDTH // LANES

_MONTGOMERY = 2**64 % MODULUS
_TO_MONTGOMERY = _MONTGOMERY * _MONTGOMERY % MODULUS
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_VECTOR = ir.VectorType(_I64, LANES)

_CONSTANTS_PER_ROUND = 4 * STATE_WIDTH
"""Low halves of ARK1, high halves of ARK1, the same of ARK2, all in Montgomery form."""


def _round_constants() -> NDArray[np.uint64]:
    rows = []
    for first, second in zip(ARK1, ARK2, strict=True):
        for constants in (first, second):
            montgomery = [value * _MONTGOMERY % MODULUS for value in constants]
            rows += [value & 0xFFFFFFFF for value in montgomery] + [value >> 32 for value in montgomery]
    # The last word is the constant 1 of the reduction. Loaded from memory it stays an addition; as a literal LLVM turns
    # the select into a mask move and a subtraction on the critical path (3 % of a permutation).
    return np.array([*rows, 1], np.uint64)


ROUND_CONSTANTS = _round_constants()
_ONE_INDEX = len(ROUND_CONSTANTS) - 1


def _splat(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


class _Emitter:
    """Emits vector arithmetic on Montgomery representatives into one function."""

    def __init__(self, builder: Any, one: Any) -> None:
        self.b = builder
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, one, ir.Constant(_I32, 0))
        self.one = builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))

    def reduce(self, low: Any, high: Any, low_shifted: Any) -> Any:
        """(high * 2^64 + low) / 2^64 mod p; ``low_shifted`` is low << 32."""
        b = self.b
        total = b.add(low, low_shifted)
        carry = b.icmp_unsigned(">", low, b.not_(low_shifted))
        quotient = b.sub(total, b.lshr(total, _splat(32)))
        high = b.select(carry, b.add(high, self.one), high)
        result = b.sub(high, quotient)
        borrow = b.icmp_unsigned("<", high, quotient)
        return b.select(borrow, b.add(result, _splat(MODULUS)), result)

    def square(self, a: Any) -> Any:
        """Three 32x32 products; no intermediate sum overflows."""
        b = self.b
        a_low, a_high = b.and_(a, _splat(0xFFFFFFFF)), b.lshr(a, _splat(32))
        low_low, middle, high_high = b.mul(a_low, a_low), b.mul(a_low, a_high), b.mul(a_high, a_high)
        upper = b.add(middle, b.lshr(low_low, _splat(33)))
        high = b.add(high_high, b.lshr(upper, _splat(31)))
        low = b.add(low_low, b.shl(middle, _splat(33)))
        return self.reduce(low, high, b.shl(low_low, _splat(32)))

    def multiply(self, a: Any, c: Any) -> Any:
        """Four 32x32 products."""
        b = self.b
        mask = _splat(0xFFFFFFFF)
        a_low, a_high = b.and_(a, mask), b.lshr(a, _splat(32))
        c_low, c_high = b.and_(c, mask), b.lshr(c, _splat(32))
        low_low, low_high = b.mul(a_low, c_low), b.mul(a_low, c_high)
        high_low, high_high = b.mul(a_high, c_low), b.mul(a_high, c_high)
        t = b.add(high_low, b.lshr(low_low, _splat(32)))
        u = b.add(low_high, b.and_(t, mask))
        high = b.add(b.add(high_high, b.lshr(t, _splat(32))), b.lshr(u, _splat(32)))
        low = b.or_(b.shl(u, _splat(32)), b.and_(low_low, mask))
        return self.reduce(low, high, b.shl(low_low, _splat(32)))

    def multiply_all(self, xs: list[Any], ys: list[Any]) -> list[Any]:
        return [self.multiply(x, y) for x, y in zip(xs, ys, strict=True)]

    def square_all(self, xs: list[Any]) -> list[Any]:
        return [self.square(x) for x in xs]

    def square_times(self, xs: list[Any], count: int) -> list[Any]:
        """xs to the power 2^count, as a loop."""
        cells = [cgutils.alloca_once(self.b, _VECTOR) for _ in xs]
        for cell, x in zip(cells, xs, strict=True):
            self.b.store(x, cell)
        with cgutils.for_range(self.b, ir.Constant(_I64, count)):
            for cell, x in zip(cells, self.square_all([self.b.load(cell) for cell in cells]), strict=True):
                self.b.store(x, cell)
        return [self.b.load(cell) for cell in cells]

    def power_7(self, xs: list[Any]) -> list[Any]:
        x2 = self.square_all(xs)
        x4 = self.square_all(x2)
        return self.multiply_all(self.multiply_all(x4, x2), xs)

    def power_inverse_7(self, x: list[Any]) -> list[Any]:
        """x to the power 10540996611094048183, by 63 squarings and 9 products."""
        x2 = self.square_all(x)
        x4 = self.square_all(x2)
        x7 = self.multiply_all(self.multiply_all(x2, x4), x)
        t3 = self.multiply_all(self.square_times(x4, 3), x4)
        t6 = self.multiply_all(self.square_times(t3, 6), t3)
        t12 = self.multiply_all(self.square_times(t6, 12), t6)
        t30 = self.multiply_all(self.square_times(t12, 6), t3)
        t31 = self.multiply_all(self.square_times(t30, 31), t30)
        d = self.multiply_all(self.square_all(t31), t30)
        return self.multiply_all(self.square_all(self.square_all(d)), x7)

    def canonical(self, a: Any) -> Any:
        """Out of Montgomery form, below p."""
        plain = self.multiply(a, _splat(1))
        reduced = self.b.sub(plain, _splat(MODULUS))
        return self.b.select(self.b.icmp_unsigned(">=", plain, _splat(MODULUS)), reduced, plain)

    def fold_halves(self, low: Any, high: Any) -> Any:
        """low + high * 2^32 mod p, for sums of a few 32-bit products."""
        b = self.b
        top = b.lshr(high, _splat(32))
        folded = b.sub(b.add(low, b.shl(top, _splat(32))), top)
        total = b.add(b.shl(high, _splat(32)), folded)
        carry = b.icmp_unsigned("<", total, folded)
        return b.select(carry, b.add(total, _splat(0xFFFFFFFF)), total)

    def mix(self, xs: list[Any], scratch: tuple[Any, Any], constants: list[tuple[Any, Any]]) -> list[Any]:
        """MDS times the state plus the round constants; each word is broadcast and multiplied by its matrix column."""
        b = self.b
        words, halves = scratch
        for index, x in enumerate(xs):
            _store(b, x, words, ir.Constant(_I64, index * LANES))
            _store(b, b.lshr(x, _splat(32)), halves, ir.Constant(_I64, index * LANES))
        sums = [list(pair) for pair in constants]
        for column in range(STATE_WIDTH):
            for half, source in enumerate((words, halves)):
                word = b.and_(b.load(b.gep(source, [ir.Constant(_I64, column)])), ir.Constant(_I64, 0xFFFFFFFF))
                undefined = ir.Constant(_VECTOR, ir.Undefined)
                first = b.insert_element(undefined, word, ir.Constant(_I32, 0))
                spread = b.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))
                for vector in range(VECTORS):
                    rows = range(vector * LANES, (vector + 1) * LANES)
                    factors = [MDS_FIRST_ROW[(column - row) % STATE_WIDTH] for row in rows]
                    sums[vector][half] = b.add(sums[vector][half], b.mul(spread, ir.Constant(_VECTOR, factors)))
        return [self.fold_halves(low, high) for low, high in sums]


def _load(builder: Any, pointer: Any, offset: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(pointer, [offset]), _VECTOR.as_pointer()), align=8)


def _store(builder: Any, value: Any, pointer: Any, offset: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(pointer, [offset]), _VECTOR.as_pointer()), align=8)


def _emit_permutation(module: Any) -> Any:
    """The function (states, constants): reads 12 words at ``states``, writes the 7 following states, 12 words each."""
    name = "fragdiff_rpo_permutation"
    if name in module.globals:
        return module.globals[name]
    pointer = _I64.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    states, constants = function.args
    emit = _Emitter(builder, builder.load(builder.gep(constants, [ir.Constant(_I64, _ONE_INDEX)])))
    scratch = tuple(
        builder.bitcast(cgutils.alloca_once(builder, ir.ArrayType(_I64, STATE_WIDTH)), pointer) for _ in range(2)
    )
    cells = [cgutils.alloca_once(builder, _VECTOR) for _ in range(VECTORS)]
    for index, cell in enumerate(cells):
        start = _load(builder, states, ir.Constant(_I64, index * LANES))
        builder.store(emit.multiply(start, _splat(_TO_MONTGOMERY)), cell)
    with cgutils.for_range(builder, ir.Constant(_I64, ROUNDS)) as loop:
        base = builder.mul(loop.index, ir.Constant(_I64, _CONSTANTS_PER_ROUND))

        def constants_of(half_round: int) -> list[tuple[Any, Any]]:
            found = []
            for vector in range(VECTORS):
                low = 2 * half_round * STATE_WIDTH + vector * LANES
                offsets = (low, low + STATE_WIDTH)
                found.append(tuple(_load(builder, constants, builder.add(base, ir.Constant(_I64, o))) for o in offsets))
            return found

        xs = emit.mix([builder.load(cell) for cell in cells], scratch, constants_of(0))
        xs = emit.mix(emit.power_7(xs), scratch, constants_of(1))
        xs = emit.power_inverse_7(xs)
        out = builder.mul(builder.add(loop.index, ir.Constant(_I64, 1)), ir.Constant(_I64, STATE_WIDTH))
        for index, (cell, x) in enumerate(zip(cells, xs, strict=True)):
            builder.store(x, cell)
            _store(builder, emit.canonical(x), states, builder.add(out, ir.Constant(_I64, index * LANES)))
    builder.ret_void()
    return function


@intrinsic
def _emitted_permutation_states(typing_context: Any, states: Any, offset: Any, constants: Any) -> Any:
    """Fill states[offset + 12 k], k = 1..7, with the state after round k of the one at states[offset].

    ``states`` is a contiguous uint64 array with 96 words from ``offset``; ``constants`` is ROUND_CONSTANTS. No bounds are
    checked.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def data(index: int) -> Any:
            return cgutils.create_struct_proxy(signature.args[index])(context, builder, arguments[index]).data

        function = _emit_permutation(builder.module)
        builder.call(function, [builder.gep(data(0), [arguments[1]]), data(2)])
        return context.get_dummy_value()

    return types.void(states, types.int64, constants), generate


def _plain_permutation_states(states: Any, offset: int, _constants: Any) -> None:
    start = tuple(int(element) for element in states[offset : offset + STATE_WIDTH])
    for index, state in enumerate(rpo.permutation_states(start)):
        states[offset + index * STATE_WIDTH : offset + (index + 1) * STATE_WIDTH] = state


permutation_states = plain_or_intrinsic(_plain_permutation_states, _emitted_permutation_states)


@jit
def permute_rows(states: NDArray[np.uint64], constants: NDArray[np.uint64]) -> None:
    """states: (n, 8, 12) uint64; row 0 of each is the input, rows 1..7 are filled."""
    flat = states.reshape(-1)
    for i in range(states.shape[0]):
        permutation_states(flat, i * 96, constants)
