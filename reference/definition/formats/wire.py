"""The primitives of the binary formats, read from a bounded piece of a file and written (spec 02, section 8).

Every refusal names the byte where the wrong value begins. A count is believed only as far as the bytes that are left
could hold that many items, so no file makes the reader reserve more memory than a small multiple of its own size.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from reference.definition.errors import InputError
from reference.definition.field import P, Word, as_word

WORD_BYTES = 32


class Reader:
    """A cursor over ``data[start:end]``; every method raises InputError with the place ``byte N`` of the whole file."""

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._end = len(data) if end is None else end
        self.position = start

    @property
    def remaining(self) -> int:
        """Bytes that are left."""
        return self._end - self.position

    def refuse(self, reason: str, at: int | None = None) -> InputError:
        """The error to raise about the byte ``at``, by default the next one."""
        return InputError(reason, place=f"byte {self.position if at is None else at}")

    def take(self, length: int, what: str) -> bytes:
        """The next ``length`` bytes."""
        if length > self.remaining:
            raise self.refuse(f"expected {what}, {length} bytes, found only {self.remaining} more")
        start = self.position
        self.position += length
        return self._data[start : self.position]

    def window(self, length: int, what: str) -> Reader:
        """A reader of the next ``length`` bytes alone, which are skipped here."""
        if length > self.remaining:
            raise self.refuse(f"expected {what}, {length} bytes, found only {self.remaining} more")
        start = self.position
        self.position += length
        return Reader(self._data, start, self.position)

    def at(self, offset: int, what: str) -> Reader:
        """A reader of the same bytes, from ``offset`` bytes after this reader's position."""
        if offset >= self.remaining:
            raise self.refuse(f"expected the offset of {what}, below {self.remaining}, found {offset}")
        return Reader(self._data, self.position + offset, self._end)

    def expect(self, wanted: bytes, what: str) -> None:
        """Steps over exactly these bytes."""
        start = self.position
        found = self.take(len(wanted), what)
        if found != wanted:
            raise self.refuse(f"expected {what}, {wanted.hex(' ')}, found {found.hex(' ')}", start)

    def finish(self) -> None:
        """Nothing may be left. (The real VM ignores what follows; here it is a sign of a damaged file.)"""
        if self.remaining:
            raise self.refuse(f"expected the end of the file, found {self.remaining} more bytes")

    def unsigned(self, length: int, what: str) -> int:
        """A little-endian integer of ``length`` bytes."""
        return int.from_bytes(self.take(length, what), "little")

    def u8(self, what: str) -> int:
        """One byte."""
        return self.unsigned(1, what)

    def u16(self, what: str) -> int:
        """Two bytes."""
        return self.unsigned(2, what)

    def u32(self, what: str) -> int:
        """Four bytes."""
        return self.unsigned(4, what)

    def below(self, limit: int, length: int, what: str) -> int:
        """An integer of ``length`` bytes that is smaller than ``limit``."""
        start = self.position
        value = self.unsigned(length, what)
        if value >= limit:
            raise self.refuse(f"expected {what}, below {limit}, found {value}", start)
        return value

    def boolean(self, what: str) -> bool:
        """One byte, 0 or 1."""
        return self.below(2, 1, what) == 1

    def felt(self, what: str) -> int:
        """A canonical field element."""
        return self.below(P, 8, what)

    def word(self, what: str) -> Word:
        """Four canonical field elements."""
        return as_word(self.felt(what) for _ in range(4))

    def vint(self, what: str) -> int:
        """An integer below 2^64 in the variable-length form: the first byte's trailing zeros tell the length."""
        first = self.u8(what)
        if first == 0:
            return self.unsigned(8, what)
        extra = (first & -first).bit_length() - 1
        return (first | self.unsigned(extra, what) << 8) >> (extra + 1)

    def count(self, item_bytes: int, what: str) -> int:
        """How many items of at least ``item_bytes`` bytes each follow."""
        start = self.position
        count = self.vint(f"the number of {what}")
        if count * item_bytes > self.remaining:
            raise self.refuse(
                f"expected at most {self.remaining // item_bytes} {what} in the {self.remaining} bytes left, "
                f"found a count of {count}",
                start,
            )
        return count

    def felts(self, what: str) -> tuple[int, ...]:
        """A list of field elements."""
        return tuple(self.felt(what) for _ in range(self.count(8, what)))

    def data(self, what: str) -> bytes:
        """Bytes behind their count."""
        return self.take(self.count(1, f"bytes of {what}"), what)

    def string(self, what: str) -> str:
        """UTF-8 text behind its number of bytes."""
        return self.text(self.count(1, f"bytes of {what}"), what)

    def text(self, length: int, what: str) -> str:
        """UTF-8 text of ``length`` bytes."""
        start = self.position
        raw = self.take(length, what)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            at = start + error.start
            raise self.refuse(f"expected {what} in UTF-8, found byte 0x{raw[error.start]:02x}", at) from None


class Writer:
    """Collects the bytes of a file; every method returns the writer."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def written(self) -> bytes:
        """What was written."""
        return bytes(self._parts)

    @property
    def length(self) -> int:
        """Bytes written so far."""
        return len(self._parts)

    def raw(self, data: bytes) -> Self:
        """The bytes as they are."""
        self._parts += data
        return self

    def unsigned(self, value: int, length: int) -> Self:
        """A little-endian integer of ``length`` bytes."""
        return self.raw(value.to_bytes(length, "little"))

    def word(self, word: Word) -> Self:
        """Four field elements."""
        return self.elements(word)

    def elements(self, values: Iterable[int]) -> Self:
        """Field elements without a count."""
        for value in values:
            self.unsigned(value, 8)
        return self

    def vint(self, value: int) -> Self:
        """An integer below 2^64 in the shortest variable-length form."""
        length = max(1, (value.bit_length() + 6) // 7)
        if length > 8:
            return self.unsigned(0, 1).unsigned(value, 8)
        return self.unsigned((2 * value + 1) << (length - 1), length)

    def data(self, data: bytes) -> Self:
        """Bytes behind their count."""
        return self.vint(len(data)).raw(data)

    def string(self, text: str) -> Self:
        """UTF-8 text behind its number of bytes."""
        return self.data(text.encode("utf-8"))
