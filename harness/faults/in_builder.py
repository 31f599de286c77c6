"""Faults of the builder: what a fragment makes of its context, and what is made of the fragments.

Most of them are wrong on the first row of a fragment only, or up to its last: nothing shows without a cut in the right place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.altered import AlteredRun
from harness.backend import Run
from harness.faults.fault import Check, Fault, InKernels, InRun
from harness.faults.planting import Change
from harness.faults.units import FRAGMENT_TASKS
from reference.definition.columns import COLUMN

_CELL: Final = (Check.CELL,)
_WRONG_QUEUE: Final = (Check.CELL, Check.ENGINE_FAILURE)
_SPAN_CELLS: Final = "if tile[o + IN_SPAN] == ONE:\n    tile[o + H0 + 1] = np.uint64(parent_addr)"
_GROUPS: Final = COLUMN["dec_group_count"]
_OP_INDEX: Final = COLUMN["dec_op_index"]

DEPTH_NOT_INVERTED: Final = 19


def _in_fragment(right: str, wrong: str, *within: str) -> InKernels:
    return InKernels((Change(FRAGMENT_TASKS, right, wrong, within),))


def _in_first_operation(wrong: str) -> InKernels:
    """Wrong where a fragment begins with an operation of a block."""
    return _in_fragment(_SPAN_CELLS, f"{_SPAN_CELLS}\n    if clk == snapshot.clk:\n        {wrong}")


def _in_assembly(right: str, wrong: str, unit: str = "assemble", *, switch: str = "self.fault") -> InKernels:
    return InKernels((Change(unit, right, wrong, switch=switch),))


def _one_row_less(run: Run) -> Run:
    summary = run.summary
    return run if summary is None else AlteredRun(run, other_summary=replace(summary, core=summary.core - 1))


def _without_second_fragment(run: Run) -> Run:
    fragments = len(run.boundaries()) if run.summary is not None else 0
    return AlteredRun(run, skipped_window=1) if fragments > 1 else run


def _without_last_context(run: Run) -> Run:
    states = run.boundaries() if run.summary is not None else ()
    return AlteredRun(run, other_boundaries=states[:-1]) if len(states) > 1 else run


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

ASSEMBLY_FAULTS: Final = (
    Fault(
        "halt-row-reserved",
        "builder",
        "the trace's length makes room for a HALT row",
        "A5: the other rule, 0.21 and later",
        (Check.SUMMARY,),
        InKernels(
            (
                Change(
                    "assemble",
                    "lower_bound = trace_rows(max(core, chiplets))",
                    "lower_bound = trace_rows(max(core + 1, chiplets))",
                    switch="self.fault",
                ),
                Change(
                    "assemble",
                    "rows = trace_rows(max(core, chiplets, range_rows))",
                    "rows = trace_rows(max(core + 1, chiplets, range_rows))",
                    switch="self.fault",
                ),
            )
        ),
    ),
    Fault(
        "padding-without-hash",
        "builder",
        "HALT rows do not show the program's hash",
        "A8: where the program hash is taken from",
        _CELL,
        _in_assembly(
            "halt = halt_cells(recording.lowered.program_hash, recording.final_stack)",
            "halt = halt_cells((0, 0, 0, 0), recording.final_stack)",
        ),
    ),
    Fault(
        "padding-clk-one-late",
        "builder",
        "clk is one too large on padding rows",
        "C1: an index off by one behind the program",
        _CELL,
        _in_assembly(
            "out[base + row] = np.uint64(row)", "out[base + row] = np.uint64(row + 1)", "chiplets", switch="fault"
        ),
    ),
    Fault(
        "random-row-of-71-draws",
        "builder",
        "the pad column is 0 on the last row",
        "A9: the same, in the sequential builder of 0.19",
        _CELL,
        _in_assembly(
            "columns[:, rows - 1] = last_row(recording.lowered.program_hash)",
            "columns[:71, rows - 1] = last_row(recording.lowered.program_hash)[:71]\ncolumns[71, rows - 1] = 0",
        ),
    ),
    Fault(
        "random-row-without-seed",
        "builder",
        "the last row does not depend on the program",
        "A8: the last row is drawn from the program's hash",
        _CELL,
        _in_assembly("states[0, 7, 4:8] = seed", "", "last_row", switch="fault"),
    ),
    Fault(
        "range-counts-left-over",
        "builder",
        "range lookups are not cleared between two builds",
        "class: state that a build leaves to the next one",
        (Check.CELL, Check.SUMMARY),
        _in_assembly("counts[thread, value] = 0", "", "ranges", switch="fault"),
    ),
    Fault(
        "core-one-row-short",
        "builder",
        "the summary counts one program row too few",
        "A8: last program row N or N - 1",
        (Check.SUMMARY, Check.BOUNDARY),
        InRun(_one_row_less),
    ),
    Fault(
        "second-fragment-missing",
        "builder",
        "the rows of the second fragment are not given out",
        "A11: missing entries; and an engine that must not agree by giving nothing",
        (Check.ENGINE_FAILURE,),
        InRun(_without_second_fragment),
    ),
    Fault(
        "last-context-missing",
        "builder",
        "the context of the last fragment is not given out",
        "A11: missing entries",
        (Check.BOUNDARY,),
        InRun(_without_last_context),
    ),
)
"""Around the fragments: lengths, padding, last row, what is given out."""

BUILDER_FAULTS: Final = (*FIRST_ROW_FAULTS, *STEP_FAULTS, *ASSEMBLY_FAULTS)
