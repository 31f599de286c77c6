"""Faults of the builder's steps: wrong wherever the operation or control row stands."""

from __future__ import annotations

from typing import Final

from harness.faults.fault import Check, Fault, InKernels
from harness.faults.planting import Change
from harness.faults.units import FRAGMENT_TASKS

_CELL: Final = (Check.CELL,)
_WRONG_QUEUE: Final = (Check.CELL, Check.ENGINE_FAILURE)

DEPTH_NOT_INVERTED: Final = 19


def _in_fragment(right: str, wrong: str, *within: str) -> InKernels:
    return InKernels((Change(FRAGMENT_TASKS, right, wrong, within),))


STEP_FAULTS: Final = (
    Fault(
        "skipped-loop-repeats",
        "builder",
        "a loop that is not entered repeats when the item below its condition is 1",
        "A2: the same, 0.21.0 to 0.23.3",
        _WRONG_QUEUE,
        _in_fragment("next_pc = pc + 2", "next_pc = pc + 1 if stack[t + 1] == ONE else pc + 2", "LOOP"),
    ),
    Fault(
        "repeat-carries-body-flags",
        "builder",
        "REPEAT shows the flags of the body's END",
        "A7: the same, in the sequential builder of 0.19 and 0.20",
        _CELL,
        _in_fragment(
            "FRAME(pc)",
            "FRAME(pc)\n"
            "tile[o + H0 + 5] = np.uint64((flags >> 2) & 1)\n"
            "tile[o + H0 + 6] = np.uint64((flags >> 3) & 1)\n"
            "tile[o + H0 + 7] = np.uint64((flags >> 4) & 1)",
            "REPEAT",
        ),
    ),
    Fault(
        "dyncall-depth-of-callee",
        "builder",
        "DYNCALL shows the callee's depth instead of the caller's",
        "A12: DYNCALL bookkeeping",
        _CELL,
        _in_fragment("tile[o + H0 + 4] = np.uint64(depth)", "tile[o + H0 + 4] = np.uint64(16)", "DYNCALL"),
    ),
    Fault(
        "dyncall-address-before-pop",
        "builder",
        "DYNCALL shows the overflow address from before its address is popped",
        "A12: DYNCALL bookkeeping",
        _CELL,
        _in_fragment(
            "tile[o + H0 + 5] = np.uint64(overflow_addr)", "tile[o + H0 + 5] = tile[o + ITEM_0 + 17]", "DYNCALL"
        ),
    ),
    Fault(
        "return-keeps-overflow-address",
        "builder",
        "the END of a call does not bring back the caller's overflow address",
        "C15: what a call sets and its END does not restore",
        _CELL,
        _in_fragment("overflow_addr = restores[n_restores].overflow_addr", "", "END_CALL", "END_SYSCALL"),
    ),
    Fault(
        "syscall-return-keeps-context",
        "builder",
        "the END of a SYSCALL stays in context 0",
        "C15: SYSCALL from a call",
        _WRONG_QUEUE,
        _in_fragment("ctx = restores[n_restores].ctx", "", "END_SYSCALL"),
    ),
    Fault(
        "syscall-keeps-depth",
        "builder",
        "SYSCALL does not reset depth and overflow address",
        "C15: the same",
        _WRONG_QUEUE,
        _in_fragment("CALLEE", "", "SYSCALL"),
    ),
    Fault(
        "swapw2-loses-overflow-address",
        "builder",
        "SWAPW2 writes the items and no overflow address",
        "C4: the same",
        _CELL,
        _in_fragment("stack[t + i + 8] = value", "stack[t + i + 8] = value\noverflow_addr = 0", "SWAPW2"),
    ),
    Fault(
        "depth-not-inverted",
        "builder",
        f"stack_h0 at depth {DEPTH_NOT_INVERTED} is the number of overflow items, not its inverse",
        "A3: inversion of the helper column",
        _CELL,
        _in_fragment(
            "tile[o + ITEM_0 + 18] = inverses[depth - 16]",
            f"tile[o + ITEM_0 + 18] = np.uint64(depth - 16) if depth == {DEPTH_NOT_INVERTED} else inverses[depth - 16]",
        ),
    ),
    Fault(
        "window-moved-in-wrong-order",
        "builder",
        "a stack that has grown in its buffer is moved back from the top, over itself",
        "B4: re-centring the buffer must not show",
        _CELL,
        _in_fragment(
            "for i in range(15, -1, -1):\n    stack[TOP + i] = stack[t + i]",
            "for i in range(16):\n    stack[TOP + i] = stack[t + i]",
        ),
    ),
    Fault(
        "u32add-carry-limbs",
        "builder",
        "U32ADD checks and shows 0 for the limbs of its carry",
        "C2: the same",
        (Check.CELL, Check.SUMMARY),
        _in_fragment(
            "limb = (value >> np.uint64(16 * i)) & U16_MAX",
            "limb = (value >> np.uint64(16 * i)) & U16_MAX if i < 2 else ZERO",
            "U32ADD",
        ),
    ),
    Fault(
        "u32assert2-checks-twice",
        "builder",
        "U32ASSERT2 requests its range checks twice",
        "C3: the same",
        _CELL,
        _in_fragment("counts[limb] += COUNT_ONE", "counts[limb] += COUNT_ONE + COUNT_ONE", "U32ASSERT2"),
    ),
    Fault(
        "largest-limb-not-counted",
        "builder",
        "lookups of 65535 by u32 operations are dropped",
        "C1: the same",
        (Check.CELL, Check.SUMMARY),
        _in_fragment("counts[limb] += COUNT_ONE", "if limb != U16_MAX:\n    counts[limb] += COUNT_ONE"),
    ),
    Fault(
        "eqz-helper-not-inverted",
        "builder",
        "the helper of EQZ is its operand instead of the inverse",
        "class: helper values",
        _CELL,
        _in_fragment("PEND(value, HELPER)", "tile[o + HELPER] = value", "EQZ"),
    ),
    Fault(
        "expacc-helper-is-base",
        "builder",
        "the helper of EXPACC is the base whatever the bit is",
        "C13: EXPACC, helper values",
        _CELL,
        _in_fragment("tile[o + HELPER] = other", "tile[o + HELPER] = stack[t + 1]", "EXPACC"),
    ),
    Fault(
        "horner-half-a-word",
        "builder",
        "Horner operations show half of the word they read",
        "C11: the same",
        _CELL,
        _in_fragment(
            "tile[o + HELPER + i] = word[i]",
            "tile[o + HELPER + i] = word[i] if i < 2 else ZERO",
            "HORNERBASE",
            "HORNEREXT",
        ),
    ),
    Fault(
        "mstream-words-swapped",
        "builder",
        "MSTREAM puts its two words on the stack in the other order",
        "C12: two accesses of one row taken for one another",
        _WRONG_QUEUE,
        _in_fragment(
            "stack[t + i] = accesses[n_accesses - 1].word[3 - i]\nstack[t + 4 + i] = accesses[n_accesses - 2].word[3 - i]",
            "stack[t + i] = accesses[n_accesses - 2].word[3 - i]\nstack[t + 4 + i] = accesses[n_accesses - 1].word[3 - i]",
            "MSTREAM",
        ),
    ),
    Fault(
        "mrupdate-keeps-old-root",
        "builder",
        "MRUPDATE leaves the root of the old path on the stack",
        "C10: the second path of MRUPDATE",
        _CELL,
        _in_fragment(
            "stack[t + 3 - i] = words[n_permutations * 96 - 8 + i]",
            "stack[t + 3 - i] = words[(n_permutations - levels) * 96 - 8 + i]",
            "MRUPDATE",
        ),
    ),
)
"""Wrong wherever the operation stands."""
