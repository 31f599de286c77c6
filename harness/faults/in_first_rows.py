"""Faults of the builder at a cut: wrong on the first row of a fragment, or up to its last.

Nothing of them shows without a cut in the right place.
"""

from __future__ import annotations

from typing import Final

from harness.faults.fault import Check, Fault, InKernels
from harness.faults.planting import Change
from harness.faults.units import FRAGMENT_TASKS
from reference.definition.columns import COLUMN

_CELL: Final = (Check.CELL,)
_WRONG_QUEUE: Final = (Check.CELL, Check.ENGINE_FAILURE)
_SPAN_CELLS: Final = "if tile[o + IN_SPAN] == ONE:\n    tile[o + H0 + 1] = np.uint64(parent_addr)"
_GROUPS: Final = COLUMN["dec_group_count"]
_OP_INDEX: Final = COLUMN["dec_op_index"]


def _in_fragment(right: str, wrong: str, *within: str) -> InKernels:
    return InKernels((Change(FRAGMENT_TASKS, right, wrong, within),))


def _in_first_operation(wrong: str) -> InKernels:
    """Wrong where a fragment begins with an operation of a block."""
    return _in_fragment(_SPAN_CELLS, f"{_SPAN_CELLS}\n    if clk == snapshot.clk:\n        {wrong}")


FIRST_ROW_FAULTS: Final = (
    Fault(
        "skipped-loop-end-shifts",
        "builder",
        "a fragment that begins with the END of a loop that never ran takes a condition off the stack",
        "A1: the same, 0.20.x",
        _WRONG_QUEUE,
        _in_fragment("if flags & LOOP_ENTERED:", "if flags & LOOP_ENTERED or clk == snapshot.clk:", "END_LOOP"),
    ),
    Fault(
        "pop-not-taken-at-cut",
        "builder",
        "a DROP that begins a fragment reads its overflow pop and leaves it in the queue",
        "A11: a queue that is not advanced",
        _CELL,
        _in_fragment("n_pops += 1", "n_pops += 0 if clk == snapshot.clk else 1", "DROP"),
    ),
    Fault(
        "first-row-from-fragment-before",
        "builder",
        "the first row of a fragment shows the stack with which the fragment before began",
        "class: who writes the first row of a fragment (07, section 9)",
        _CELL,
        _in_fragment(
            "tile[o + ITEM_0 + 16] = np.uint64(depth)",
            "tile[o + ITEM_0 + 16] = np.uint64(depth)\n"
            "if clk == snapshot.clk and fragment_index > 0:\n"
            "    for i in range(16):\n"
            "        tile[o + ITEM_0 + i] = snapshots[fragment_index - 1].stack[i]",
        ),
    ),
    Fault(
        "overflow-address-lost-at-cut",
        "builder",
        "the first row of a fragment has no overflow address",
        "C4: b1 not carried to the next row, at a seam",
        _CELL,
        _in_fragment(
            "tile[o + ITEM_0 + 17] = np.uint64(overflow_addr)",
            "tile[o + ITEM_0 + 17] = np.uint64(0 if clk == snapshot.clk else overflow_addr)",
        ),
    ),
    Fault(
        "group-count-at-resume",
        "builder",
        "a fragment that begins inside a block counts one group too many on its first row",
        "C16: the resume formula and the running count disagree",
        _CELL,
        _in_first_operation(f"tile[o + {_GROUPS}] += ONE"),
    ),
    Fault(
        "op-index-begins-anew",
        "builder",
        "a fragment that begins inside a block counts its operations from 0",
        "class: the block cursor at resume (07, section 7.3)",
        _CELL,
        _in_first_operation(f"tile[o + {_OP_INDEX}] = ZERO"),
    ),
    Fault(
        "group-not-shifted-at-resume",
        "builder",
        "a fragment that begins inside a block still has the first operation in the rest of its group",
        "class: the block cursor at resume (07, section 7.3)",
        _CELL,
        _in_first_operation("tile[o + H0] = tile[o + H0] * np.uint64(128) + np.uint64(code)"),
    ),
    Fault(
        "respan-group-count-at-resume",
        "builder",
        "a fragment that begins with RESPAN counts the first group of the batch as consumed",
        "C16: group counts at RESPAN",
        _CELL,
        _in_fragment(
            "current_addr += 8",
            f"current_addr += 8\nif clk == snapshot.clk:\n    tile[o + {_GROUPS}] = tile[o + {_GROUPS}] - ONE",
            "RESPAN",
        ),
    ),
    Fault(
        "respan-address-at-resume",
        "builder",
        "a fragment that begins with RESPAN does not go on to the next batch's address",
        "A11: the decoder pair is trusted by fragments that begin inside a block",
        _CELL,
        _in_fragment("current_addr += 8", "current_addr += 0 if clk == snapshot.clk else 8", "RESPAN"),
    ),
    Fault(
        "body-flag-lost-at-cut",
        "builder",
        "a fragment that begins with an END does not know that the node was a loop's body",
        "A7: upper half of the hasher columns on END rows",
        _CELL,
        _in_fragment(
            "tile[o + H0 + 4] = np.uint64(flags & 1)",
            "tile[o + H0 + 4] = np.uint64(0 if clk == snapshot.clk else flags & 1)",
        ),
    ),
    Fault(
        "condition-taken-for-gone",
        "builder",
        "a fragment that begins with SPLIT takes its condition from the item below",
        "A1: whether the condition still stands on the stack of the snapshot",
        _WRONG_QUEUE,
        _in_fragment(
            "next_pc = first_target[pc] if stack[t] == ONE else second_target[pc]",
            "next_pc = first_target[pc] if stack[t + (1 if clk == snapshot.clk else 0)] == ONE else second_target[pc]",
            "SPLIT",
        ),
    ),
    Fault(
        "repeat-keeps-condition",
        "builder",
        "a fragment that begins with REPEAT leaves the condition on the stack",
        "A1: whether the condition still stands on the stack of the snapshot",
        _WRONG_QUEUE,
        _in_fragment(
            "next_pc = first_target[pc]\nLEFT",
            "next_pc = first_target[pc]\nif clk != snapshot.clk:\n    LEFT",
            "REPEAT",
        ),
    ),
    Fault(
        "entry-resolution-left-over",
        "builder",
        "an entry point that is external is resolved again at the next external node of fragment 0",
        "A6: the same, live in 0.19.1 to 0.25.8",
        _WRONG_QUEUE,
        _in_fragment(
            "pc, n_frames, continuations = resolve(pc, n_frames, continuations, kind, first_target)",
            "pc, n_frames, continuations = resolve(pc, n_frames, continuations, kind, first_target)\n"
            "if fragment_index == 0 and pc >= 0 and snapshot.continuation_count > 0:\n"
            "    pc = snapshot.pc",
        ),
    ),
    Fault(
        "last-row-not-stored",
        "builder",
        "the last row of every fragment but the final one is not written",
        "A3, A4: cells that nobody writes",
        (Check.ENGINE_FAILURE,),
        _in_fragment(
            "store_tile(tile, first, last, out, tile_row - first_row, stride, scratch)",
            "store_tile(tile, first, last - (1 if tile_row + last == row_end and fragment_index + 1 < snapshots.shape[0]"
            " else 0), out, tile_row - first_row, stride, scratch)",
        ),
    ),
    Fault(
        "last-inverse-lost-at-cut",
        "builder",
        "the last value to be inverted before a cut is left as it is",
        "A3: inversion over chunks that are not as long as the fragment",
        _CELL,
        _in_fragment(
            "invert_all(pend, n_pend, scratch)",
            "invert_all(pend, max(0, n_pend - 1) if tile_row + last == row_end and fragment_index + 1 <"
            " snapshots.shape[0] else n_pend, scratch)",
        ),
    ),
    Fault(
        "transcript-kept",
        "builder",
        "LOGPRECOMPILE does not update the transcript that the fragment carries along",
        "class: state that only the next operation of its kind reads, healed by a cut",
        _CELL,
        _in_fragment("for i in range(4):\n    transcript[i] = stack[t + 11 - i]", "", "LOGPRECOMPILE"),
    ),
)
"""Wrong at a cut only, or until the next one."""
