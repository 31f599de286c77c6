"""The instruction set: 92 operations with opcode, printed name, immediate and derived decoder bits.

Control operations never stand in a basic block; they only label trace rows. Sources: spec 01 section 4, 02 section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple


class Immediate(Enum):
    """What follows an opcode."""

    NONE = "none"
    GROUP = "group"
    """A field element that occupies an op group of its own and is hashed (PUSH)."""
    CODE = "code"
    """An error code: stored and printed, but in no hash and in no cell."""


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """One line of the opcode map."""

    name: str
    opcode: int
    printed: str
    """Name in the text format (spec 02, section 10)."""
    control: bool
    immediate: Immediate

    @property
    def shift_class(self) -> str:
        """Class by opcode prefix (spec 01, section 4): plain, left, right, u32, high, very-high."""
        if self.opcode < 32:
            return "plain"
        if self.opcode < 48:
            return "left"
        if self.opcode < 64:
            return "right"
        if self.opcode < 80:
            return "u32"
        return "high" if self.opcode < 96 else "very-high"


def _row(
    name: str, opcode: int, printed: str, *, control: bool = False, immediate: Immediate = Immediate.NONE
) -> OperationInfo:
    return OperationInfo(name, opcode, printed, control, immediate)


OPERATIONS: Final[tuple[OperationInfo, ...]] = (
    _row("NOOP", 0, "noop"),
    _row("EQZ", 1, "eqz"),
    _row("NEG", 2, "neg"),
    _row("INV", 3, "inv"),
    _row("INCR", 4, "incr"),
    _row("NOT", 5, "not"),
    _row("MLOAD", 7, "mload"),
    _row("SWAP", 8, "swap"),
    _row("CALLER", 9, "caller"),
    _row("MOVUP2", 10, "movup2"),
    _row("MOVDN2", 11, "movdn2"),
    _row("MOVUP3", 12, "movup3"),
    _row("MOVDN3", 13, "movdn3"),
    _row("ADVPOPW", 14, "advpopw"),
    _row("EXPACC", 15, "expacc"),
    _row("MOVUP4", 16, "movup4"),
    _row("MOVDN4", 17, "movdn4"),
    _row("MOVUP5", 18, "movup5"),
    _row("MOVDN5", 19, "movdn5"),
    _row("MOVUP6", 20, "movup6"),
    _row("MOVDN6", 21, "movdn6"),
    _row("MOVUP7", 22, "movup7"),
    _row("MOVDN7", 23, "movdn7"),
    _row("SWAPW", 24, "swapw"),
    _row("EXT2MUL", 25, "ext2mul"),
    _row("MOVUP8", 26, "movup8"),
    _row("MOVDN8", 27, "movdn8"),
    _row("SWAPW2", 28, "swapw2"),
    _row("SWAPW3", 29, "swapw3"),
    _row("SWAPDW", 30, "swapdw"),
    _row("EMIT", 31, "emit"),
    _row("ASSERT", 32, "assert", immediate=Immediate.CODE),
    _row("EQ", 33, "eq"),
    _row("ADD", 34, "add"),
    _row("MUL", 35, "mul"),
    _row("AND", 36, "and"),
    _row("OR", 37, "or"),
    _row("U32AND", 38, "u32and"),
    _row("U32XOR", 39, "u32xor"),
    _row("FRIE2F4", 40, "frie2f4"),
    _row("DROP", 41, "drop"),
    _row("CSWAP", 42, "cswap"),
    _row("CSWAPW", 43, "cswapw"),
    _row("MLOADW", 44, "mloadw"),
    _row("MSTORE", 45, "mstore"),
    _row("MSTOREW", 46, "mstorew"),
    _row("PAD", 48, "pad"),
    _row("DUP0", 49, "dup0"),
    _row("DUP1", 50, "dup1"),
    _row("DUP2", 51, "dup2"),
    _row("DUP3", 52, "dup3"),
    _row("DUP4", 53, "dup4"),
    _row("DUP5", 54, "dup5"),
    _row("DUP6", 55, "dup6"),
    _row("DUP7", 56, "dup7"),
    _row("DUP9", 57, "dup9"),
    _row("DUP11", 58, "dup11"),
    _row("DUP13", 59, "dup13"),
    _row("DUP15", 60, "dup15"),
    _row("ADVPOP", 61, "advpop"),
    _row("SDEPTH", 62, "sdepth"),
    _row("CLK", 63, "clk"),
    _row("U32ADD", 64, "u32add"),
    _row("U32SUB", 66, "u32sub"),
    _row("U32MUL", 68, "u32mul"),
    _row("U32DIV", 70, "u32div"),
    _row("U32SPLIT", 72, "u32split"),
    _row("U32ASSERT2", 74, "u32assert2", immediate=Immediate.CODE),
    _row("U32ADD3", 76, "u32add3"),
    _row("U32MADD", 78, "u32madd"),
    _row("HPERM", 80, "hperm"),
    _row("MPVERIFY", 81, "mpverify", immediate=Immediate.CODE),
    _row("PIPE", 82, "pipe"),
    _row("MSTREAM", 83, "mstream"),
    _row("SPLIT", 84, "split", control=True),
    _row("LOOP", 85, "loop", control=True),
    _row("SPAN", 86, "span", control=True),
    _row("JOIN", 87, "join", control=True),
    _row("DYN", 88, "dyn", control=True),
    _row("HORNEREXT", 89, "horner_eval_ext"),
    _row("LOGPRECOMPILE", 90, "log_precompile"),
    _row("PUSH", 91, "push", immediate=Immediate.GROUP),
    _row("DYNCALL", 92, "dyncall", control=True),
    _row("EVALCIRCUIT", 93, "eval_circuit"),
    _row("MRUPDATE", 96, "mrupdate"),
    _row("HORNERBASE", 100, "horner_eval_base"),
    _row("SYSCALL", 104, "syscall", control=True),
    _row("CALL", 108, "call", control=True),
    _row("END", 112, "end", control=True),
    _row("REPEAT", 116, "repeat", control=True),
    _row("RESPAN", 120, "respan", control=True),
    _row("HALT", 124, "halt", control=True),
)
"""All 92 operations, ascending by opcode."""

BY_NAME: Final[dict[str, OperationInfo]] = {info.name: info for info in OPERATIONS}
BY_OPCODE: Final[dict[int, OperationInfo]] = {info.opcode: info for info in OPERATIONS}

BLOCK_OPERATIONS: Final[tuple[OperationInfo, ...]] = tuple(info for info in OPERATIONS if not info.control)
"""The 80 operations that may stand in a basic block."""

OPCODE_BITS: Final = 7


def opcode(name: str) -> int:
    """The opcode of the operation called ``name``; KeyError when there is none."""
    return BY_NAME[name].opcode


def decoder_bits(code: int) -> tuple[int, ...]:
    """The 7 opcode bits of a row, least significant first (columns dec_op_bit_0..6)."""
    return tuple(code >> bit & 1 for bit in range(OPCODE_BITS))


def extra_bits(code: int) -> tuple[int, int]:
    """dec_bit_extra_0 = b6 (1 - b5) b4 and dec_bit_extra_1 = b6 b5 (spec 03, section 1)."""
    b4, b5, b6 = code >> 4 & 1, code >> 5 & 1, code >> 6 & 1
    return b6 * (1 - b5) * b4, b6 * b5


NOOP: Final = opcode("NOOP")
PUSH: Final = opcode("PUSH")


class Operation(NamedTuple):
    """An operation of a basic block: opcode and immediate (0 where it has none)."""

    code: int
    immediate: int = 0

    @property
    def name(self) -> str:
        """The name of the opcode map."""
        return BY_OPCODE[self.code].name

    @property
    def text(self) -> str:
        """As in case files: ``PUSH(42)``, ``ASSERT(7)``, ``ADD``; an error code of 0 is left out."""
        info = BY_OPCODE[self.code]
        if info.immediate is Immediate.GROUP or (info.immediate is Immediate.CODE and self.immediate):
            return f"{info.name}({self.immediate})"
        return info.name


NOOP_OPERATION: Final = Operation(NOOP)
