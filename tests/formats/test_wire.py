"""The primitives of the binary formats."""

from __future__ import annotations

import pytest

from reference.definition.errors import InputError
from reference.definition.formats.wire import Reader, Writer

# Spec 02, section 8.
VINTS = {
    0: "01",
    1: "03",
    127: "ff",
    128: "02 02",
    16383: "fe ff",
    16384: "04 00 02",
    2**56 - 1: "80 ff ff ff ff ff ff ff",
    2**56: "00 00 00 00 00 00 00 00 01",
    2**64 - 1: "00 ff ff ff ff ff ff ff ff",
}


@pytest.mark.parametrize("value", VINTS)
def test_vints_of_the_specification(value: int) -> None:
    raw = bytes.fromhex(VINTS[value])
    assert Writer().vint(value).written() == raw
    reader = Reader(raw)
    assert reader.vint("a number") == value
    assert reader.remaining == 0


@pytest.mark.parametrize("length", range(1, 10))
def test_vints_at_both_ends_of_every_length_survive(length: int) -> None:
    low, high = (0 if length == 1 else 2 ** (7 * (length - 1))), (2 ** (7 * length) if length < 9 else 2**64) - 1
    for value in (low, high):
        raw = Writer().vint(value).written()
        assert len(raw) == length
        assert Reader(raw).vint("a number") == value


@pytest.mark.parametrize("value", VINTS)
def test_a_vint_cut_short_is_refused(value: int) -> None:
    raw = bytes.fromhex(VINTS[value])
    for length in range(len(raw)):
        with pytest.raises(InputError, match="found only"):
            Reader(raw[:length]).vint("a number")


def test_little_endian_integers() -> None:
    reader = Reader(bytes.fromhex("01 0200 03000000 0400000000000000"))
    assert (reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.felt("d")) == (1, 2, 3, 4)
    reader.finish()


def test_elements_are_canonical() -> None:
    largest = 2**64 - 2**32
    assert Reader(largest.to_bytes(8, "little")).felt("an element") == largest
    reader = Reader(b"\0" + (largest + 1).to_bytes(8, "little"))
    reader.u8("a byte")
    with pytest.raises(InputError, match="expected an element, below 18446744069414584321") as error:
        reader.felt("an element")
    assert error.value.place == "byte 1"


def test_a_truth_value_is_0_or_1() -> None:
    assert [Reader(bytes([value])).boolean("a flag") for value in (0, 1)] == [False, True]
    with pytest.raises(InputError, match="below 2, found 2"):
        Reader(b"\2").boolean("a flag")


@pytest.mark.parametrize("count", [3, 2**20, 2**40, 2**64 - 1])
def test_a_count_beyond_the_file_is_refused_at_once(count: int) -> None:
    raw = Writer().vint(count).raw(bytes(16)).written()
    with pytest.raises(InputError, match=f"at most 2 items in the 16 bytes left, found a count of {count}") as error:
        Reader(raw).count(8, "items")
    assert error.value.place == "byte 0"


def test_a_window_ends_where_it_was_promised_to() -> None:
    reader = Reader(b"abcdef")
    window = reader.window(2, "a section")
    assert (window.take(2, "letters"), reader.take(4, "letters")) == (b"ab", b"cdef")
    with pytest.raises(InputError) as error:
        window.u8("a letter")
    assert error.value.place == "byte 2"


def test_broken_text_is_refused_at_the_byte_that_breaks_it() -> None:
    with pytest.raises(InputError, match="expected a name in UTF-8, found byte 0xff") as error:
        Reader(b"\x07a\xffb").string("a name")
    assert error.value.place == "byte 2"


def test_bytes_left_over_are_refused() -> None:
    with pytest.raises(InputError, match="expected the end of the file, found 2 more bytes"):
        Reader(b"\0\0").finish()
