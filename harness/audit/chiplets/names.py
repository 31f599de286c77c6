"""Names of the chiplet columns in rules, and the kinds of rows that rules on them apply to (spec 05 section 1, 12 section 5).

The same column is called by what its chiplet keeps in it; ``c0`` to ``c19`` are the columns themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from harness.audit.compiled import Kinds
from harness.audit.field import ONE, ZERO
from harness.audit.jit import jit_part
from harness.audit.notation import Vocabulary
from harness.audit.rule import FIRST_ROW
from reference.definition.columns import CHIPLETS, COLUMN, COLUMN_NAMES

_BY_CHIPLET: Final[dict[int, Sequence[str]]] = {
    # By the number of the first column named: hasher, bitwise, memory, ACE, kernel ROM.
    1: ("t0", "t1", "t2", *(f"H{j}" for j in range(12)), "node"),
    2: ("sel", "A", "B", "a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3", "zp", "z"),
    3: ("rd", "wd", "mctx", "wa", "x0", "x1", "mclk", "v0", "v1", "v2", "v3", "d0", "d1", "dinv", "scw"),
    4: (
        *("s_start", "s_block", "actx", "ptr", "aclk", "gate", "id0", "out0", "out1"),
        *("id1", "left0", "left1", "id2", "right0", "right1", "m0"),
    ),
    5: ("s_first", "r0", "r1", "r2", "r3"),
}

_CHIPLET_COLUMNS: Final = COLUMN_NAMES[CHIPLETS]
_COLUMNS: Final = {
    **{f"c{number}": column for number, column in enumerate(_CHIPLET_COLUMNS)},
    **{
        name: _CHIPLET_COLUMNS[first + number]
        for first, names in _BY_CHIPLET.items()
        for number, name in enumerate(names)
    },
    # READ rows of the ACE table keep a count and a multiplicity where EVAL rows have their right operand.
    "evals": _CHIPLET_COLUMNS[16],
    "m1": _CHIPLET_COLUMNS[18],
    "range_m": "range_m",
    "range_v": "range_v",
}

CHIPLET_VOCABULARY: Final = Vocabulary(
    columns=_COLUMNS,
    definitions={
        # The selectors of a hasher row that begins or continues a Merkle path: verify, old root, new root.
        "path": "t0*(t1 + t2 - t1*t2)",
        "returns": "(1 - t0)*(1 - t1)",
        "bit": "node - 2*node'",
        "sum_a": "a0 + 2*a1 + 4*a2 + 8*a3",
        "sum_b": "b0 + 2*b1 + 4*b2 + 8*b3",
        "sum_and": "a0*b0 + 2*a1*b1 + 4*a2*b2 + 8*a3*b3",
        "n0": "(mctx' - mctx)*dinv'",
        "n1": "(wa' - wa)*dinv'",
        "delta": "65536*d1' + d0'",
        "element": "2*x1 + x0",
        # 1 for the elements of the next row's word that its access leaves as they are.
        **{
            f"kept{j}": f"rd' + (1 - rd')*(1 - wd')*(1 - {element})"
            for j, element in enumerate(("(1 - x1')*(1 - x0')", "(1 - x1')*x0'", "x1'*(1 - x0')", "x1'*x0'"))
        },
    },
    macros={
        "to_hasher": ((), "c0' == 0"),
        "to_bitwise": ((), "c0' == 1 and c1' == 0"),
        "to_memory": ((), "c0' == 1 and c1' == 1 and c2' == 0"),
        "to_ace": ((), "c0' == 1 and c1' == 1 and c2' == 1 and c3' == 0"),
        "to_kernel_rom": ((), "c0' == 1 and c1' == 1 and c2' == 1 and c3' == 1 and c4' == 0"),
    },
)

HASHER_ROWS: Final = ("hasher 0", "hasher 1-5", "hasher 6", "hasher 7")
"""By row in the cycle of eight."""
BITWISE_ROWS: Final = ("bitwise 0", "bitwise 1-6", "bitwise 7")
MEMORY_ROWS: Final = ("memory",)
ACE_ROWS: Final = ("ACE",)
KERNEL_ROM_ROWS: Final = ("kernel ROM",)
PADDING_ROWS: Final = ("chiplet padding",)
OTHER_ROWS: Final = ("no chiplet",)
"""Rows whose selectors are not those of any section."""

KIND_NAMES: Final = (
    *HASHER_ROWS,
    *BITWISE_ROWS,
    *MEMORY_ROWS,
    *ACE_ROWS,
    *KERNEL_ROM_ROWS,
    *PADDING_ROWS,
    *OTHER_ROWS,
)

_C0: Final = COLUMN["chip_0"]
_C1: Final = COLUMN["chip_1"]
_C2: Final = COLUMN["chip_2"]
_C3: Final = COLUMN["chip_3"]
_C4: Final = COLUMN["chip_4"]


@jit_part
def chiplet_kind(rows: Any, _: Any, i: Any, facts: Any) -> Any:
    """The position in :data:`KIND_NAMES` of the tile's row i, by its selectors and its number in the trace."""
    k = (facts[FIRST_ROW] + i) & 7
    if rows[i, _C0] == ZERO:
        if k == 0:
            return 0
        if k <= 5:
            return 1
        return 2 if k == 6 else 3
    if rows[i, _C0] != ONE:
        return 11
    if rows[i, _C1] == ZERO:
        if k == 0:
            return 4
        return 5 if k < 7 else 6
    if rows[i, _C1] != ONE:
        return 11
    if rows[i, _C2] == ZERO:
        return 7
    if rows[i, _C2] != ONE:
        return 11
    if rows[i, _C3] == ZERO:
        return 8
    if rows[i, _C3] != ONE:
        return 11
    if rows[i, _C4] == ZERO:
        return 9
    return 10 if rows[i, _C4] == ONE else 11


CHIPLET_KINDS: Final = Kinds(KIND_NAMES, chiplet_kind)
