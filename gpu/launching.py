"""Arguments of a launch, checked against the kernel's own declaration before anything runs, and what the log says of it.

A kernel gets raw addresses; an array of another element type or a scalar that does not fit would read foreign bytes without
a word. So both devices pass arguments through ``bound_arguments``.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpu.buffer import Buffer, Pointer, View
from gpu.errors import WrongState
from gpu.source import BITS_OF_TYPE, Parameter, Signature

Argument = Pointer | int

_LARGEST: Final = {name: (1 << bits) - 1 for name, bits in BITS_OF_TYPE.items()}


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel launch."""

    kernel: str
    threads: int
    lane: int | None
    phase: str
    nulls: tuple[str, ...]
    """Names of the pointer parameters that were null."""


@dataclass(frozen=True, slots=True)
class Event:
    """A copy, a wait or a release."""

    kind: str
    """upload, download, copy, fill, sort, finish, synchronise or free."""
    name: str
    """Of the buffer, if it concerns one."""
    nbytes: int
    lane: int | None
    phase: str
    at: int
    """Number of launches that were logged before it."""


def bound_arguments(signature: Signature, threads: int, arguments: Sequence[Argument]) -> list[int]:
    """The arguments as integers: addresses (0 for null) and scalars.

    Raises TypeError for a wrong count, kind or element type, ValueError for a number out of range, WrongState for a freed
    buffer.
    """
    parameters = signature.parameters
    if len(arguments) != len(parameters):
        raise TypeError(f"{signature.name} takes {len(parameters)} arguments, {len(arguments)} were given")
    if threads < 0:
        raise ValueError(f"{signature.name}: {threads} threads")
    bound: list[int] = []
    # Every launch passes here, with up to seventy arguments: the ordinary ones are told by their exact type.
    value: Any
    for parameter, value in zip(parameters, arguments, strict=True):
        kind = type(value)
        if kind is Buffer and parameter.pointer and value.type == parameter.type and value.array is not None:
            bound.append(value.address)
        elif kind is int and not parameter.pointer and 0 <= value <= _LARGEST[parameter.type]:
            bound.append(value)
        else:
            bound.append(_bound(signature, parameter, value))
    return bound


def _bound(signature: Signature, parameter: Parameter, value: Argument) -> int:
    if not parameter.pointer:
        return _scalar(signature, parameter, value)
    if value is None:
        return 0
    if not isinstance(value, Buffer | View):
        raise TypeError(f"{signature.name}: {parameter.name} is a pointer, not {type(value).__name__}")
    buffer = value if isinstance(value, Buffer) else value.buffer
    if buffer.type != parameter.type or buffer.array is None:
        raise _refusal(signature, parameter, buffer)
    return value.address


def nulls_of(signature: Signature, arguments: Sequence[Argument]) -> tuple[str, ...]:
    """Names of the parameters that were given None."""
    if None not in arguments:
        return ()
    pairs = zip(signature.parameters, arguments, strict=True)
    return tuple(parameter.name for parameter, value in pairs if value is None)


def _scalar(signature: Signature, parameter: Parameter, value: Argument) -> int:
    if value is None or isinstance(value, Buffer | View):
        raise TypeError(f"{signature.name}: {parameter.name} is a {parameter.type}, not {type(value).__name__}")
    number = operator.index(value)
    if not 0 <= number < 1 << BITS_OF_TYPE[parameter.type]:
        raise ValueError(f"{signature.name}: {parameter.name} is a {parameter.type}, {number} does not fit")
    return number


def _refusal(signature: Signature, parameter: Parameter, buffer: Buffer) -> Exception:
    if buffer.array is None:
        return WrongState(f"{signature.name}: {parameter.name} is given {buffer.name}, which was freed")
    return TypeError(
        f"{signature.name}: {parameter.name} points to {parameter.type}, {buffer.name} holds {buffer.type}"
    )
