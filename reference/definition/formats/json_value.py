"""JSON that knows where it is: parsing without surprises, and values that refuse with their path in the document.

The parser accepts any JSON text but turns what no case file may hold (floats, NaN, huge integers, repeated keys) into
marks; the refusal happens where the mark is met, because only there the path is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reference.definition.errors import InputError
from reference.definition.field import P, Word, word_from_hex

MAX_DOCUMENT_BYTES = 32 * 2**20
"""The largest JSON text that is parsed. Parsed JSON needs up to 30 times its text (``[],[],...``), so this bounds
memory at 1 GB; the largest recorded case has 45 KB."""

MAX_INTEGER_DIGITS = 20
"""2^64 has 20 digits; a longer number is never valid, and converting very long ones is slow."""

SHOWN = 40
"""Characters of a wrong value that a message repeats."""


class Members(dict[str, Any]):
    """A JSON object that remembers the first key that came twice."""

    repeated: str | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A JSON number that no case file may hold, as written."""

    text: str


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                members.repeated = key
                break
            seen.add(key)
    return members


def _integer(text: str) -> int | Unusable:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else Unusable(text)


def decode_text(data: bytes) -> str:
    """The bytes as UTF-8; InputError with the place ``byte N``."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"expected UTF-8 text, found byte 0x{data[error.start]:02x}", place=f"byte {error.start}"
        ) from None


def parse_json(text: str | bytes) -> Value:
    """The document's root.

    Raises InputError for text that is too large, no UTF-8, no JSON, or nested beyond Python's recursion limit.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InputError(f"expected at most {MAX_DOCUMENT_BYTES} bytes of JSON, found {len(text)}")
    try:
        root = json.loads(
            decode_text(text) if isinstance(text, bytes) else text,
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=Unusable,
            parse_constant=Unusable,
        )
    except json.JSONDecodeError as error:
        raise InputError(
            f"expected JSON, found: {error.msg}", place=f"line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise InputError("expected a case file, found JSON nested too deeply to read") from None
    return Value(root, "$")


def described(value: object) -> str:
    """A JSON value for a message: its kind and how it begins."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"the number {value}"
        case Unusable(text):
            return f"the number {shortened(text)}"
        case str():
            return f"the string {shortened(ascii(value))}"
        case list():
            return f"an array of {len(value)}"
        case _:
            return "an object"


def shortened(text: str) -> str:
    """The text, cut when it is long."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value and its path (``$.program.nodes[3]``); every method raises InputError with that path."""

    value: Any
    place: str

    def refuse(self, reason: str) -> InputError:
        """The error to raise."""
        return InputError(reason, place=self.place)

    def expected(self, what: str) -> InputError:
        """The error to raise when the value is of the wrong kind."""
        return self.refuse(f"expected {what}, found {described(self.value)}")

    def entries(self) -> Iterator[tuple[str, Value]]:
        """Keys and values of an object without repeated keys."""
        if not isinstance(self.value, Members):
            raise self.expected("an object")
        if self.value.repeated is not None:
            raise self.refuse(f"expected every key once, found {shortened(ascii(self.value.repeated))} twice")
        for key, value in self.value.items():
            yield key, Value(value, f"{self.place}.{key if key.isidentifier() else shortened(ascii(key))}")

    def members(self, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, Value]:
        """An object with these keys and no others."""
        found = dict(self.entries())
        for key in found:
            if key not in required and key not in optional:
                known = ", ".join((*required, *optional))
                raise self.refuse(f"expected the keys {known}; found {shortened(ascii(key))}")
        for key in required:
            if key not in found:
                raise self.refuse(f"expected the key {key!r}, found none")
        return found

    def items(self) -> list[Value]:
        """The items of an array."""
        if not isinstance(self.value, list):
            raise self.expected("an array")
        return [Value(item, f"{self.place}[{index}]") for index, item in enumerate(self.value)]

    def integer(self, low: int, high: int) -> int:
        """An integer ``low <= x < high``; true and false are none."""
        if type(self.value) is not int or not low <= self.value < high:
            raise self.expected(f"an integer from {low} to {high - 1}")
        return self.value

    def element(self) -> int:
        """A canonical field element."""
        return self.integer(0, P)

    def elements(self) -> tuple[int, ...]:
        """An array of canonical field elements."""
        return tuple(item.element() for item in self.items())

    def text(self) -> str:
        """A string that is valid Unicode (JSON can write half a surrogate pair, which no file can hold)."""
        if not isinstance(self.value, str):
            raise self.expected("a string")
        if any("\ud800" <= character <= "\udfff" for character in self.value):
            raise self.expected("a string without lone surrogates")
        return self.value

    def word(self) -> Word:
        """A word in hex form."""
        text = self.text()
        try:
            return word_from_hex(text)
        except ValueError as error:
            raise self.refuse(str(error)) from None

    def map_of_elements(self) -> dict[Word, tuple[int, ...]]:
        """An object from words in hex form to arrays of field elements, as advice maps are written."""
        found: dict[Word, tuple[int, ...]] = {}
        for key, value in self.entries():
            word = Value(key, value.place).word()
            if word in found:
                raise value.refuse("expected every word once, found it in two spellings")
            found[word] = value.elements()
        return found
