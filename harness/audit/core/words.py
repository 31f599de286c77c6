"""Names in the rules of the core columns, and the kinds of core rows: the 92 operations, with END told apart by its flags."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from harness.audit.compiled import Kinds
from harness.audit.core.stark import STARK_DEFINITIONS
from harness.audit.field import ONE
from harness.audit.jit import jit_inline
from harness.audit.notation import Vocabulary
from harness.audit.rule import NO_OPERATION
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_NAME, BY_OPCODE, OPERATIONS

CORE: Final = Vocabulary(
    columns={
        "clk": "clk",
        "ctx": "ctx",
        **{f"fn{i}": f"fn_hash_{i}" for i in range(4)},
        "a": "dec_addr",
        **{f"b{i}": f"dec_op_bit_{i}" for i in range(7)},
        "e0": "dec_bit_extra_0",
        "e1": "dec_bit_extra_1",
        **{f"h{i}": f"dec_h{i}" for i in range(8)},
        **{f"u{i}": f"dec_h{i + 2}" for i in range(6)},
        "sp": "dec_in_span",
        "gc": "dec_group_count",
        "ox": "dec_op_index",
        **{f"bc{i}": f"dec_batch_flag_{i}" for i in range(3)},
        **{f"s{i}": f"stack_{i}" for i in range(16)},
        "B0": "stack_b0",
        "B1": "stack_b1",
        "H0": "stack_h0",
        "pad": "pad_0",
    },
    definitions={
        "ov": "(B0 - 16)*H0",
        "lo": "u0 + 65536*u1",
        "hi": "u2 + 65536*u3",
        "v48": "lo + 4294967296*u2",
        "v64": "v48 + 281474976710656*u3",
        "D": "gc - gc'",
        "g8": "bc0",
        "g4": "(1 - bc0)*bc1*(1 - bc2)",
        "g2": "(1 - bc0)*(1 - bc1)*bc2",
        "g1": "(1 - bc0)*bc1*bc2",
        **STARK_DEFINITIONS,
    },
    macros={
        # F_p[x]/(x^2 - x + 2): spec 01 section 1.
        "ext0": (("p0", "p1", "q0", "q1"), "p0*q0 - 2*(p1*q1)"),
        "ext1": (("p0", "p1", "q0", "q1"), "p0*q1 + p1*q0 + p1*q1"),
    },
    constants={info.name: info.opcode for info in OPERATIONS},
)
"""The page's names (spec 12, sections 2 and 4.1)."""

NO_KIND: Final = "no operation"
END_LOOP: Final = "END of an entered loop"
END_CALL: Final = "END of a call"
_KIND_END_LOOP: Final = NO_OPERATION + 1
_KIND_END_CALL: Final = NO_OPERATION + 2

CONTROL: Final = (*(info.name for info in OPERATIONS if info.control), END_LOOP, END_CALL)
BLOCK: Final = tuple(info.name for info in OPERATIONS if not info.control)
"""Operations of basic blocks."""
EVERY: Final = CONTROL + BLOCK
ENDS: Final = ("END", END_LOOP, END_CALL)
UNUSED: Final = tuple(f"opcode {code}" for code in range(NO_OPERATION) if code not in BY_OPCODE)

_KIND_NAMES: Final = (
    *(BY_OPCODE[code].name if code in BY_OPCODE else f"opcode {code}" for code in range(NO_OPERATION)),
    NO_KIND,
    END_LOOP,
    END_CALL,
)


def without(kinds: tuple[str, ...], *left_out: str) -> tuple[str, ...]:
    """The kinds in order, but for some."""
    return tuple(kind for kind in kinds if kind not in left_out)


_END = BY_NAME["END"].opcode
_LOOP_ENTERED = COLUMN["dec_h5"]
_IS_CALL = COLUMN["dec_h6"]
_IS_SYSCALL = COLUMN["dec_h7"]


@jit_inline
def core_kind(rows: Any, opcodes: Any, i: Any, facts: Any) -> Any:  # noqa: ARG001 - the same for all sets of rules
    """Compiled: the row's opcode; an END with one of its flags set is a kind of its own."""
    kind = np.int64(opcodes[i])
    if kind == _END:
        if rows[i, _LOOP_ENTERED] == ONE:
            kind = np.int64(_KIND_END_LOOP)
        elif rows[i, _IS_CALL] == ONE or rows[i, _IS_SYSCALL] == ONE:
            kind = np.int64(_KIND_END_CALL)
    return kind


CORE_KINDS: Final = Kinds(_KIND_NAMES, core_kind)
