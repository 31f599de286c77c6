"""Faults of chiplets and range checker: the rows behind the requests, which no cut touches."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.faults.fault import Check, Fault, InKernels, InRecording
from harness.faults.planting import Change
from harness.faults.units import FRAGMENT_TASKS
from parallel.recording import Recording

_CELL: Final = (Check.CELL,)


def _in(unit: str, right: str, wrong: str, *within: str, switch: str = "fault") -> InKernels:
    return InKernels((Change(unit, right, wrong, within, switch),))


def _without_uses_of_last_wire(recording: Recording) -> Recording:
    ace = recording.ace.copy()
    ace[:, 15] = 0
    return replace(recording, ace=ace)


HASHER_FAULTS: Final = (
    Fault(
        "last-permutation-goes-on",
        "chiplets",
        "the last row of a Merkle path has the selectors of a path that goes on",
        "C11: labels of hash cycle rows",
        _CELL,
        _in(
            "chiplet_rows",
            "final_0 = _ONE if request != PERMUTATION and not is_last else _ZERO",
            "final_0 = _ONE if request != PERMUTATION else _ZERO",
        ),
    ),
    Fault(
        "every-level-starts-a-path",
        "chiplets",
        "every level of a Merkle path has the selectors of a first one",
        "C10: rows of a path taken for one another",
        _CELL,
        _in(
            "chiplet_rows",
            "_selector_line(out, base, _ONE if is_first else _ZERO, _ZERO, final_0, scratch)",
            "_selector_line(out, base, _ONE, _ZERO, final_0, scratch)",
        ),
    ),
    Fault(
        "node-index-one-row-late",
        "chiplets",
        "the node index of a Merkle path shifts at the second row of a level below the first",
        "C10: a table that reads the row before",
        _CELL,
        _in(
            "chiplet_rows",
            "first_index = index if level == 0 else rest",
            "first_index = index >> np.uint64(level)",
        ),
    ),
    Fault(
        "only-first-batch-hashed",
        "chiplets",
        "a block puts the hasher rows of its first batch into the trace and none of the others",
        "C5: re-execution of a block with several batches",
        (Check.ENGINE_FAILURE,),
        _in(
            FRAGMENT_TASKS,
            "node_rows(out, stride, i, hasher_rows, first_permutation[node[pc]], permutation_count[node[pc]])",
            "node_rows(out, stride, i, hasher_rows, first_permutation[node[pc]], 1)",
            "SPAN",
        ),
    ),
)

BITWISE_FAULTS: Final = (
    Fault(
        "nibbles-upside-down",
        "chiplets",
        "the rows of a bitwise request begin with the lowest four bits",
        "class: order of the rows of one request",
        _CELL,
        _in("chiplet_rows", "shift = np.uint64(28 - 4 * k)", "shift = np.uint64(4 * k)"),
    ),
    Fault(
        "bitwise-operands-swapped",
        "chiplets",
        "a and b of a bitwise request are exchanged",
        "class: operands of one request taken for one another",
        _CELL,
        _in("chiplet_rows", "x = a >> shift\ny = b >> shift", "x = b >> shift\ny = a >> shift"),
    ),
    Fault(
        "previous-result-of-same-row",
        "chiplets",
        "the previous result of a bitwise row is its own",
        "C10: a column that should show the row before",
        _CELL,
        _in(
            "chiplet_rows",
            "scratch[88 + k] = z\nz = x ^ y if is_xor else x & y",
            "z = x ^ y if is_xor else x & y\nscratch[88 + k] = z",
        ),
    ),
)

_ORDER: Final = 'return np.argsort(accesses["key"], kind="stable").astype(np.int64)'

MEMORY_FAULTS: Final = (
    Fault(
        "memory-sorted-by-address-only",
        "chiplets",
        "memory rows are sorted by address and clk, whatever their context",
        "class: contexts that share an address",
        (Check.CELL, Check.SUMMARY),
        _in(
            "chiplets",
            _ORDER,
            'return np.argsort(accesses["key"] & np.uint64(2**32 - 1), kind="stable").astype(np.int64)',
        ),
    ),
    Fault(
        "memory-ties-reversed",
        "chiplets",
        "accesses to one word stand in the order last first",
        "class: a merge that is not stable (07, section 6.1)",
        (Check.CELL, Check.SUMMARY),
        _in(
            "chiplets",
            _ORDER,
            'return np.lexsort((-np.arange(len(accesses)), accesses["key"])).astype(np.int64)',
        ),
    ),
    Fault(
        "first-memory-delta-zero",
        "chiplets",
        "the first memory row has a delta of 0",
        "B1: delta of the first memory row",
        (Check.CELL, Check.SUMMARY),
        _in("chiplets", "delta, same_word = _ONE, _ONE", "delta, same_word = _ZERO, _ONE"),
    ),
    Fault(
        "memory-delta-at-equal-clk",
        "chiplets",
        "two accesses to a word in one row are given a delta of 1",
        "C12: one word twice in one cycle",
        (Check.CELL, Check.SUMMARY),
        _in(
            "chiplets",
            "delta = np.uint64(access.clk - before.clk)",
            "delta = np.uint64(max(1, access.clk - before.clk))",
        ),
    ),
    Fault(
        "same-word-across-contexts",
        "chiplets",
        "the first memory row of a context counts as the same word as the row before",
        "class: contexts that share an address",
        _CELL,
        _in(
            "chiplets",
            "delta, same_word = (key >> _S32) - (before.key >> _S32), _ZERO",
            "delta, same_word = (key >> _S32) - (before.key >> _S32), _ONE",
        ),
    ),
    Fault(
        "element-index-bits-swapped",
        "chiplets",
        "the two bits of an element's place in its word are exchanged",
        "C11: half of a word",
        _CELL,
        _in(
            "chiplets",
            "out[at + 4 * stride] = np.uint64((kind >> 2) & 1)\nout[at + 5 * stride] = np.uint64((kind >> 3) & 1)",
            "out[at + 4 * stride] = np.uint64((kind >> 3) & 1)\nout[at + 5 * stride] = np.uint64((kind >> 2) & 1)",
        ),
    ),
    Fault(
        "upper-delta-limb-not-checked",
        "chiplets",
        "only the lower limb of a memory delta is looked up in the range table",
        "C3: as many range checks as the constraint consumes",
        (Check.CELL, Check.SUMMARY),
        _in("chiplets", "counts[limb] += np.uint32(1)", "if k == 0:\n    counts[limb] += np.uint32(1)"),
    ),
)

TABLE_FAULTS: Final = (
    Fault(
        "bridge-of-short-steps",
        "chiplets",
        "gaps of the range table are bridged by steps of 729 at most",
        "C1: rows between two values of the range table",
        (Check.SUMMARY,),
        _in("ranges", "step = _LARGEST_STEP", "step = 729"),
    ),
    Fault(
        "bridge-ends-at-any-gap",
        "chiplets",
        "a gap that is no power of 3 is not bridged when it is small enough",
        "C1: rows between two values of the range table",
        (Check.SUMMARY,),
        _in("ranges", "while gap > 0 and gap != step:", "while gap > step:"),
    ),
    Fault(
        "range-table-ends-early",
        "chiplets",
        "the range table lacks its second row of 65535",
        "C1: the last row of the range table",
        (Check.SUMMARY,),
        _in("ranges", "return rows + 1", "return rows"),
    ),
    Fault(
        "kernel-flag-on-every-row",
        "chiplets",
        "every row of a kernel procedure is marked as its first",
        "C6: first flag and multiplicity",
        _CELL,
        _in("chiplets", "columns[_KERNEL_FIRST, rows] = 0", "columns[_KERNEL_FIRST, rows] = 1"),
    ),
    Fault(
        "kernel-flag-on-last-row",
        "chiplets",
        "the last row of a kernel procedure is marked as its first",
        "C6: one row late",
        _CELL,
        _in("chiplets", "columns[_KERNEL_FIRST, row] = 1", "columns[_KERNEL_FIRST, rows.stop - 1] = 1"),
    ),
    Fault(
        "uncalled-procedure-missing",
        "chiplets",
        "a kernel procedure that is never called has no row",
        "C6: procedures called 0 times",
        (Check.CELL, Check.ENGINE_FAILURE),
        _in(
            "chiplets",
            "rows = slice(row, row + 1 + int(count))",
            "rows = slice(row, row + 1 + int(count) if count else row)",
        ),
    ),
    Fault(
        "circuit-rows-reversed",
        "chiplets",
        "the rows of all circuits stand in the trace last first",
        "class: order of the rows of one request",
        _CELL,
        _in(
            "chiplets",
            "columns[_ACE_FIRST : _ACE_FIRST + 16, row : row + len(ace)] = ace.T",
            "columns[_ACE_FIRST : _ACE_FIRST + 16, row : row + len(ace)] = ace[::-1].T",
        ),
    ),
    Fault(
        "last-wire-unused",
        "chiplets",
        "the last column of circuit rows, how often a wire is used, is 0",
        "C11: multiplicities",
        _CELL,
        InRecording(_without_uses_of_last_wire),
    ),
    Fault(
        "padding-looks-like-kernel",
        "chiplets",
        "padding rows of the chiplets have the selectors of the kernel ROM",
        "C9: rows taken for another kind",
        _CELL,
        _in(
            "chiplets",
            "value = _ONE if chip < section else _ZERO",
            "value = _ONE if chip < section and (section < 5 or chip < 4) else _ZERO",
        ),
    ),
    Fault(
        "circuit-rows-not-counted",
        "chiplets",
        "the summary's memory rows do not include those of circuits",
        "C17: lengths of the sections, as the real VM counts them",
        (Check.SUMMARY,),
        _in(
            "assemble",
            "return Built(buffer.columns(rows), sections.lengths(core, range_rows), buffer)",
            "import dataclasses\n"
            "lengths = sections.lengths(core, range_rows)\n"
            "lengths = dataclasses.replace(lengths, memory=sections.ace - sections.memory, rows=rows)\n"
            "return Built(buffer.columns(rows), lengths, buffer)",
            switch="self.fault",
        ),
    ),
)

CHIPLET_FAULTS: Final = (*HASHER_FAULTS, *BITWISE_FAULTS, *MEMORY_FAULTS, *TABLE_FAULTS)
