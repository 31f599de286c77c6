"""The cells of a row that follow from its opcode, by opcode: looked up once a row, so worked out once."""

from __future__ import annotations

from typing import Final

from reference.definition.isa import OPCODE_BITS, decoder_bits, extra_bits

BITS: Final = tuple(decoder_bits(code) for code in range(1 << OPCODE_BITS))
"""dec_op_bit_0..6."""

EXTRA: Final = tuple(extra_bits(code) for code in range(1 << OPCODE_BITS))
"""dec_bit_extra_0 and 1."""
