"""Operations for verifying proofs: FRIE2F4, HORNERBASE, HORNEREXT (spec 12, section 8.1; formulas in spec 01, section 8.7).

Values of the extension field are pairs of names; intermediate ones are definitions, computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.audit.rule import Rule

Pair = tuple[str, str]
"""Texts of the two coefficients of an extension element."""

TAU_POWERS: Final = (1, 18446462594437873665, 18446744069414584320, 281474976710656)
HALF: Final = 9223372034707292161
_SOURCE: Final = "12 section 8.1, 01 section 8.7"

_ALPHA: Final = ("u0", "u1")
_START: Final = ("s15", "s14")
_MIDDLE: Final = ("u4", "u5")
_RESULT: Final = ("s15'", "s14'")

STARK_DEFINITIONS: Final[dict[str, str]] = {}
"""Intermediate values by name."""


def _named(name: str, value: Pair) -> Pair:
    """Names of the two coefficients, which are defined as the texts of ``value``."""
    names = f"{name}_0", f"{name}_1"
    STARK_DEFINITIONS.update(zip(names, value, strict=True))
    return names


def _times(left: Pair, right: Pair) -> Pair:
    arguments = ", ".join((*left, *right))
    return f"ext0({arguments})", f"ext1({arguments})"


def _plus(left: Pair, right: Pair) -> Pair:
    return f"({left[0]} + {right[0]})", f"({left[1]} + {right[1]})"


def _minus(left: Pair, right: Pair) -> Pair:
    return f"({left[0]} - {right[0]})", f"({left[1]} - {right[1]})"


def _scaled(factor: str, value: Pair) -> Pair:
    return f"{factor}*{value[0]}", f"{factor}*{value[1]}"


def _horner(name: str, start: Pair, coefficients: Sequence[Pair]) -> Pair:
    value = start
    for step, coefficient in enumerate(coefficients):
        value = _named(f"{name}_{step}", _plus(_times(value, _ALPHA), coefficient))
    return value


def _equal(name: str, found: Pair, expected: Pair, operation: str) -> list[Rule]:
    return [
        Rule(f"stack.{operation}.{name}.{i}", "stack", f"{found[i]} - {expected[i]}", _SOURCE, on=(operation,))
        for i in range(2)
    ]


def _base(*items: int) -> list[Pair]:
    return [(f"s{item}", "0") for item in items]


def _extension(*items: int) -> list[Pair]:
    return [(f"s{item}", f"s{item - 1}") for item in items]


HORNER: Final = (
    *_equal("middle", _MIDDLE, _horner("base_middle", _START, _base(7, 6, 5, 4)), "HORNERBASE"),
    *_equal("result", _RESULT, _horner("base_result", _MIDDLE, _base(3, 2, 1, 0)), "HORNERBASE"),
    *_equal("middle", _MIDDLE, _horner("extension_middle", _START, _extension(7, 5)), "HORNEREXT"),
    *_equal("result", _RESULT, _horner("extension_result", _MIDDLE, _extension(3, 1)), "HORNEREXT"),
)

_QUERIES: Final[tuple[Pair, ...]] = (("s7", "s6"), ("s5", "s4"), ("s3", "s2"), ("s1", "s0"))
_SEGMENTS: Final = ("s7'", "s6'", "s5'", "s4'")
"""By segment 0..3: the item that is 1 for it."""
_EVALUATION: Final = ("u0", "u1")
_SQUARE: Final = ("u2", "u3")


_TURNED: Final = _named("turned", _scaled(str(TAU_POWERS[1]), _EVALUATION))


def _fold(name: str, left: Pair, right: Pair, factor: Pair) -> Pair:
    difference = _named(f"{name}_difference", _minus(left, right))
    return _named(name, _scaled(str(HALF), _plus(_plus(left, right), _times(difference, factor))))


def _fri(name: str, zero: str) -> Rule:
    return Rule(f"stack.FRIE2F4.{name}", "stack", zero, _SOURCE, on=("FRIE2F4",))


FRI: Final = (
    *(_fri(f"segment.{j}", f"{item}^2 - {item}") for j, item in enumerate(_SEGMENTS)),
    _fri("one segment", f"{' + '.join(_SEGMENTS)} - 1"),
    _fri("which segment", "s6' + 2*s5' + 3*s4' - s9"),
    *(
        _fri(f"query.{j}.{i}", f"{item}*({_QUERIES[j][i]} - {('s12', 's11')[i]})")
        for j, item in enumerate(_SEGMENTS)
        for i in range(2)
    ),
    _fri("factor", f"s9' - ({' + '.join(f'{t}*{item}' for t, item in zip(TAU_POWERS, _SEGMENTS, strict=True))})"),
    _fri("point", "u4 - 7*(s10*s9')"),
    *_equal("evaluation", _EVALUATION, _scaled("u5", ("s14", "s13")), "FRIE2F4"),
    *_equal("square", _SQUARE, _times(_EVALUATION, _EVALUATION), "FRIE2F4"),
    *_equal("fold even", ("s1'", "s0'"), _fold("even", _QUERIES[0], _QUERIES[2], _EVALUATION), "FRIE2F4"),
    *_equal("fold odd", ("s3'", "s2'"), _fold("odd", _QUERIES[1], _QUERIES[3], _TURNED), "FRIE2F4"),
    *_equal("fold both", ("s14'", "s13'"), _fold("both", ("s1'", "s0'"), ("s3'", "s2'"), _SQUARE), "FRIE2F4"),
    _fri("power.2", "s8' - s10^2"),
    _fri("power.4", "s11' - s10^4"),
    _fri("pointer", "s10' - s15 - 8"),
    _fri("position", "s12' - s8"),
)
