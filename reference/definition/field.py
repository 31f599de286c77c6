"""The field of the trace: integers modulo p = 2^64 - 2^32 + 1, and its quadratic extension.

Every cell of a trace is a canonical element, an integer in 0..p-1. The extension is F_p[phi] / (phi^2 - phi + 2); an
extension element is a pair (c0, c1) that stands for c0 + c1*phi. Source: spec 01, section 1.
"""

from __future__ import annotations

from collections.abc import Iterable

P = 2**64 - 2**32 + 1
"""The modulus."""

U32_LIMIT = 2**32
"""The first value that is not a u32."""

Extension = tuple[int, int]
"""An extension element (c0, c1)."""

Word = tuple[int, int, int, int]
"""Four field elements, element 0 first."""

ZERO_WORD: Word = (0, 0, 0, 0)


def inverse_or_zero(a: int) -> int:
    """The inverse of a, and 0 for 0: ``inv0`` of spec 01, section 1."""
    return pow(a, P - 2, P)


def extension_multiply(a: Extension, b: Extension) -> Extension:
    """(a0 + a1*phi)(b0 + b1*phi) with phi^2 = phi - 2."""
    a0, a1 = a
    b0, b1 = b
    return (a0 * b0 - 2 * a1 * b1) % P, (a0 * b1 + a1 * b0 + a1 * b1) % P


def extension_add(a: Extension, b: Extension) -> Extension:
    """Sum of two extension elements."""
    return (a[0] + b[0]) % P, (a[1] + b[1]) % P


def extension_subtract(a: Extension, b: Extension) -> Extension:
    """Difference a - b of two extension elements."""
    return (a[0] - b[0]) % P, (a[1] - b[1]) % P


def extension_scale(a: Extension, k: int) -> Extension:
    """The extension element a times the base element k."""
    return a[0] * k % P, a[1] * k % P


def extension_inverse_or_zero(a: Extension) -> Extension:
    """Conjugate over norm; (0, 0) for (0, 0)."""
    a0, a1 = a
    norm_inverse = inverse_or_zero(a0 * a0 + a0 * a1 + 2 * a1 * a1)
    return (a0 + a1) * norm_inverse % P, -a1 * norm_inverse % P


def as_word(elements: Iterable[int]) -> Word:
    """The four elements as a word.

    Raises ValueError when there are not exactly four.
    """
    w0, w1, w2, w3 = elements
    return w0, w1, w2, w3


def word_to_hex(word: Word) -> str:
    """``0x`` and 64 digits: element 0 first, each element as 8 little-endian bytes (spec 02, section 1)."""
    return "0x" + b"".join(element.to_bytes(8, "little") for element in word).hex()


def word_from_hex(text: str) -> Word:
    """The word written as ``0x`` and 64 hexadecimal digits.

    Raises ValueError that says what is wrong: no prefix, wrong length, a digit that is none, an element >= p.
    """
    if not text.startswith("0x"):
        raise ValueError(f"a word starts with 0x, found {text[:12]!r}")
    digits = text[2:]
    if len(digits) != 64:
        raise ValueError(f"a word has 64 hexadecimal digits after 0x, found {len(digits)}")
    if not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise ValueError("a word has hexadecimal digits only")
    raw = bytes.fromhex(digits)
    elements = [int.from_bytes(raw[i : i + 8], "little") for i in range(0, 32, 8)]
    for index, element in enumerate(elements):
        if element >= P:
            raise ValueError(f"element {index} of the word is {element}, not below the modulus {P}")
    return as_word(elements)
