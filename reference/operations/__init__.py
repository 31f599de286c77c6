"""The 80 operations of basic blocks: one function each, in one module per family of the specification.

An operation changes the machine and returns the six helper registers of its row. When it raises ExecutionFailure,
no row exists. Every docstring has the same five sections; positions are those before the operation, a prime marks the
row after it, W(k) is the word at position k, and "left from k" and the like are the shift rules of spec 01, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference.definition.isa import opcode
from reference.machine import Helpers, Machine
from reference.operations import arithmetic, hashing, input_output, stack_moves, stark, system, u32

__all__ = ["BLOCK_OPERATION", "BlockOperation"]

BlockOperation = Callable[[Machine, int], Helpers]
"""Machine and immediate (0 where there is none) to the helper registers hlp0..hlp5."""

_FUNCTIONS: Final[dict[str, BlockOperation]] = {
    "NOOP": system.noop,
    "EQZ": arithmetic.eqz,
    "NEG": arithmetic.neg,
    "INV": arithmetic.inv,
    "INCR": arithmetic.incr,
    "NOT": arithmetic.not_,
    "MLOAD": input_output.mload,
    "SWAP": stack_moves.swap,
    "CALLER": system.caller,
    "MOVUP2": stack_moves.movup2,
    "MOVDN2": stack_moves.movdn2,
    "MOVUP3": stack_moves.movup3,
    "MOVDN3": stack_moves.movdn3,
    "ADVPOPW": input_output.advpopw,
    "EXPACC": arithmetic.expacc,
    "MOVUP4": stack_moves.movup4,
    "MOVDN4": stack_moves.movdn4,
    "MOVUP5": stack_moves.movup5,
    "MOVDN5": stack_moves.movdn5,
    "MOVUP6": stack_moves.movup6,
    "MOVDN6": stack_moves.movdn6,
    "MOVUP7": stack_moves.movup7,
    "MOVDN7": stack_moves.movdn7,
    "SWAPW": stack_moves.swapw,
    "EXT2MUL": arithmetic.ext2mul,
    "MOVUP8": stack_moves.movup8,
    "MOVDN8": stack_moves.movdn8,
    "SWAPW2": stack_moves.swapw2,
    "SWAPW3": stack_moves.swapw3,
    "SWAPDW": stack_moves.swapdw,
    "EMIT": system.emit,
    "ASSERT": system.assert_,
    "EQ": arithmetic.eq,
    "ADD": arithmetic.add,
    "MUL": arithmetic.mul,
    "AND": arithmetic.and_,
    "OR": arithmetic.or_,
    "U32AND": u32.u32and,
    "U32XOR": u32.u32xor,
    "FRIE2F4": stark.frie2f4,
    "DROP": stack_moves.drop,
    "CSWAP": stack_moves.cswap,
    "CSWAPW": stack_moves.cswapw,
    "MLOADW": input_output.mloadw,
    "MSTORE": input_output.mstore,
    "MSTOREW": input_output.mstorew,
    "PAD": stack_moves.pad,
    "DUP0": stack_moves.dup0,
    "DUP1": stack_moves.dup1,
    "DUP2": stack_moves.dup2,
    "DUP3": stack_moves.dup3,
    "DUP4": stack_moves.dup4,
    "DUP5": stack_moves.dup5,
    "DUP6": stack_moves.dup6,
    "DUP7": stack_moves.dup7,
    "DUP9": stack_moves.dup9,
    "DUP11": stack_moves.dup11,
    "DUP13": stack_moves.dup13,
    "DUP15": stack_moves.dup15,
    "ADVPOP": input_output.advpop,
    "SDEPTH": system.sdepth,
    "CLK": system.clk,
    "U32ADD": u32.u32add,
    "U32SUB": u32.u32sub,
    "U32MUL": u32.u32mul,
    "U32DIV": u32.u32div,
    "U32SPLIT": u32.u32split,
    "U32ASSERT2": u32.u32assert2,
    "U32ADD3": u32.u32add3,
    "U32MADD": u32.u32madd,
    "HPERM": hashing.hperm,
    "MPVERIFY": hashing.mpverify,
    "PIPE": input_output.pipe,
    "MSTREAM": input_output.mstream,
    "HORNEREXT": stark.hornerext,
    "LOGPRECOMPILE": hashing.logprecompile,
    "PUSH": input_output.push,
    "EVALCIRCUIT": stark.evalcircuit,
    "MRUPDATE": hashing.mrupdate,
    "HORNERBASE": stark.hornerbase,
}

BLOCK_OPERATION: Final[dict[int, BlockOperation]] = {opcode(name): function for name, function in _FUNCTIONS.items()}
"""The function of each opcode that may stand in a basic block."""
