"""Whole cache lines for compiled code: copies, fills and 8 x 8 transposes of eight words, stored past the caches.

A trace is far larger than any cache and is written once, so a store that reads the line first wastes half the traffic:
non-temporal stores of whole, aligned lines are twice as fast on memory that is already mapped. Offsets are in words; the
destination of a line store is 64-byte aligned, or the program crashes: callers align the base and make column strides
multiples of 8. Nothing is bounds-checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from parallel.jit import intrinsic, plain_or_intrinsic

LINE = 8

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_WORDS = ir.VectorType(_I64, LINE)
_UNDEFINED = ir.Constant(_WORDS, ir.Undefined)


def _data(context: Any, builder: Any, signature: Any, arguments: Any, index: int) -> Any:
    return cgutils.create_struct_proxy(signature.args[index])(context, builder, arguments[index]).data


def _pointer(builder: Any, data: Any, offset: Any) -> Any:
    return builder.bitcast(builder.gep(data, [offset]), _WORDS.as_pointer())


def _load(builder: Any, data: Any, offset: Any) -> Any:
    return builder.load(_pointer(builder, data, offset), align=8)


def _store_line(builder: Any, value: Any, data: Any, offset: Any) -> None:
    store = builder.store(value, _pointer(builder, data, offset), align=64)
    store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(_I32, 1)]))


def _mask(*lanes: int) -> Any:
    return ir.Constant(ir.VectorType(_I32, LINE), list(lanes))


def _transpose(builder: Any, rows: list[Any]) -> list[Any]:
    """Eight vectors as the columns of an 8 x 8 matrix, by 24 shuffles."""
    shuffle = builder.shuffle_vector
    low, high = _mask(0, 8, 2, 10, 4, 12, 6, 14), _mask(1, 9, 3, 11, 5, 13, 7, 15)
    even, odd = _mask(0, 1, 4, 5, 8, 9, 12, 13), _mask(2, 3, 6, 7, 10, 11, 14, 15)
    columns: list[Any] = [None] * LINE
    for first, mask in ((0, low), (1, high)):
        pairs = [shuffle(rows[2 * i], rows[2 * i + 1], mask) for i in range(4)]
        near_even, near_odd = shuffle(pairs[0], pairs[1], even), shuffle(pairs[0], pairs[1], odd)
        far_even, far_odd = shuffle(pairs[2], pairs[3], even), shuffle(pairs[2], pairs[3], odd)
        columns[first] = shuffle(near_even, far_even, even)
        columns[first + 4] = shuffle(near_even, far_even, odd)
        columns[first + 2] = shuffle(near_odd, far_odd, even)
        columns[first + 6] = shuffle(near_odd, far_odd, odd)
    return columns


@intrinsic
def _emitted_transpose_to_lines(
    typing_context: Any, source: Any, start: Any, pitch: Any, out: Any, at: Any, stride: Any
) -> Any:
    """8 rows of 8 words at source[start + k * pitch] become 8 lines at out[at + c * stride]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source_data = _data(context, builder, signature, arguments, 0)
        out_data = _data(context, builder, signature, arguments, 3)
        _, start_, pitch_, _, at_, stride_ = arguments
        rows = [
            _load(builder, source_data, builder.add(start_, builder.mul(ir.Constant(_I64, k), pitch_)))
            for k in range(LINE)
        ]
        for column, value in enumerate(_transpose(builder, rows)):
            _store_line(builder, value, out_data, builder.add(at_, builder.mul(ir.Constant(_I64, column), stride_)))
        return context.get_dummy_value()

    return types.void(source, types.int64, types.int64, out, types.int64, types.int64), generate


@intrinsic
def _emitted_copy_line(typing_context: Any, out: Any, at: Any, source: Any, start: Any) -> Any:
    """out[at .. at + 7] = source[start .. start + 7], past the caches."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = _load(builder, _data(context, builder, signature, arguments, 2), arguments[3])
        _store_line(builder, value, _data(context, builder, signature, arguments, 0), arguments[1])
        return context.get_dummy_value()

    return types.void(out, types.int64, source, types.int64), generate


@intrinsic
def _emitted_copy_words(typing_context: Any, out: Any, at: Any, source: Any, start: Any) -> Any:
    """out[at .. at + 7] = source[start .. start + 7], any alignment, ordinary store."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = _load(builder, _data(context, builder, signature, arguments, 2), arguments[3])
        builder.store(value, _pointer(builder, _data(context, builder, signature, arguments, 0), arguments[1]), align=8)
        return context.get_dummy_value()

    return types.void(out, types.int64, source, types.int64), generate


@intrinsic
def _emitted_fill_line(typing_context: Any, out: Any, at: Any, value: Any) -> Any:
    """out[at .. at + 7] = value, past the caches."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.insert_element(_UNDEFINED, arguments[2], ir.Constant(_I32, 0))
        spread = builder.shuffle_vector(first, _UNDEFINED, _mask(*(0,) * LINE))
        _store_line(builder, spread, _data(context, builder, signature, arguments, 0), arguments[1])
        return context.get_dummy_value()

    return types.void(out, types.int64, types.uint64), generate


def _plain_transpose(source: Any, start: int, pitch: int, out: Any, at: int, stride: int) -> None:
    for column in range(LINE):
        for row in range(LINE):
            out[at + column * stride + row] = source[start + row * pitch + column]


def _plain_copy(out: Any, at: int, source: Any, start: int) -> None:
    out[at : at + LINE] = source[start : start + LINE]


def _plain_fill(out: Any, at: int, value: Any) -> None:
    out[at : at + LINE] = value


transpose_to_lines = plain_or_intrinsic(_plain_transpose, _emitted_transpose_to_lines)
copy_line = plain_or_intrinsic(_plain_copy, _emitted_copy_line)
copy_words = plain_or_intrinsic(_plain_copy, _emitted_copy_words)
fill_line = plain_or_intrinsic(_plain_fill, _emitted_fill_line)
