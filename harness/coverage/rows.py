"""The cells of a run: for each row what a cut there stands for. Read off the columns of the trace, and where a node of another
forest begins, off the continuation stack.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.coverage.cells import DEPTHS, ITEMS, NESTS, OPERATIONS, PAIR, PHASES, QUEUES, SHALLOW, STARTS, Phase
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_OPCODE, OPCODE_BITS, opcode
from reference.execution import Execution, Frame

Codes = NDArray[np.int64]

NONE: Final = -1
"""In place of a cell's number where there is no cell: row 0 is no cut."""

QUEUE_OPERATIONS: Final = (
    *STARTS,
    *("MLOAD", "MLOADW", "MSTREAM", "HORNERBASE", "HORNEREXT", "EVALCIRCUIT"),
    *("ADVPOP", "ADVPOPW", "PIPE"),
    *("HPERM", "LOGPRECOMPILE", "MPVERIFY", "MRUPDATE"),
    "END",
)
"""Rows that take an entry of a replay queue whatever the depth (spec 07, section 6); left shifts also do above depth 16."""

_CALLS: Final = frozenset(("CALL", "SYSCALL", "DYNCALL"))
_END_WORDS: Final = {"SPAN": "END block", **{name: f"END {name.lower()}" for name in STARTS if name != "SPAN"}}
_BEHIND: Final[dict[str, Phase]] = {
    "LOOP": "body",
    "REPEAT": "body",
    "CALL": "call",
    "SYSCALL": "call",
    "DYN": "dynamic",
    "DYNCALL": "dynamic",
}
"""What a node's first row begins, by the row before it; a node behind any other row is a child."""

_OPERATION_OF_CODE: Final[Codes] = np.array(
    [OPERATIONS.index(name) if (name := BY_OPCODE[code].name if code in BY_OPCODE else "") in OPERATIONS else NONE
     for code in range(1 << OPCODE_BITS)]
)  # fmt: skip
_TAKES: Final = np.isin(np.arange(1 << OPCODE_BITS), [opcode(name) for name in QUEUE_OPERATIONS])
_IS_CONTROL: Final = np.isin(
    np.arange(1 << OPCODE_BITS), [opcode(name) for name in (*STARTS, "END", "REPEAT", "RESPAN")]
)
_PHASE: Final = {name: index for index, name in enumerate(PHASES)}
_OPERATION: Final = {name: index for index, name in enumerate(OPERATIONS)}
_PER_OPERATION: Final = len(PHASES) * PAIR
_ANY_NEST, _ANY_QUEUE = NESTS.index("any"), QUEUES.index("any")


class RowCells(NamedTuple):
    """Numbers of cells by row, each (core_rows,) int64: what a cut at the row stands for behind it and before it."""

    behind: Codes
    before: Codes

    @property
    def rows(self) -> int:
        """Executed rows."""
        return len(self.behind)


NO_ROWS: Final = RowCells(np.zeros(0, np.int64), np.zeros(0, np.int64))
"""Of a program that failed: nothing of it can be cut."""


class _Nodes(NamedTuple):
    """What the block stack tells of each row."""

    operations: Codes
    phases: Codes
    """Of control rows; 0 elsewhere."""
    nests: Codes


def row_cells(execution: Execution) -> RowCells:
    """The cells of a completed run; none for a program that failed."""
    if not execution.core_rows:
        return NO_ROWS
    core = execution.core
    bits = core[:, COLUMN["dec_op_bit_0"] : COLUMN["dec_op_bit_0"] + OPCODE_BITS].astype(np.int64)
    codes = bits @ (1 << np.arange(OPCODE_BITS))
    nodes = _walk(execution, codes)
    depth = core[:, COLUMN["stack_b0"]].astype(np.int64)
    depths = np.clip(depth - 16, 0, len(DEPTHS) - 1)
    items = np.minimum(core[:, COLUMN["stack_0"]], len(ITEMS) - 1).astype(np.int64)
    phases = np.where(_IS_CONTROL[codes], nodes.phases, _block_phases(core, codes))
    phases[-1] = _PHASE["last_row"]
    nests = nodes.nests.copy()
    queues = _previous(_takes(codes, depth))
    nests[-1], queues[-1] = _ANY_NEST, _ANY_QUEUE
    behind = _number(nodes.operations, phases, depths, nests, queues, items)
    before = _number(_previous(nodes.operations), _PHASE["before"], depths, _ANY_NEST, _ANY_QUEUE, items)
    behind[0] = before[0] = NONE
    return RowCells(behind, before)


def row_operations(cells: RowCells) -> list[str]:
    """The operation of every row, in the words of :data:`harness.coverage.cells.OPERATIONS`; of a program of several rows."""
    # The rows before row 1 .. n-1, and the last row, are all rows.
    numbers = np.concatenate((cells.before[1:], cells.behind[-1:]))
    return [OPERATIONS[at] for at in (numbers // _PER_OPERATION).tolist()]


def _number(
    operation: Codes, phase: Codes | int, depth: Codes, nest: Codes | int, queue: Codes | int, item: Codes
) -> Codes:
    found = operation * len(PHASES) + phase
    found = found * len(DEPTHS) + depth
    found = found * len(NESTS) + nest
    found = found * len(QUEUES) + queue
    numbers: Codes = found * len(ITEMS) + item
    return numbers


def _previous(values: Codes) -> Codes:
    """The value of the row before; row 0 has its own."""
    return np.concatenate((values[:1], values[:-1]))


def _takes(codes: Codes, depth: Codes) -> Codes:
    """1 for rows that take an entry of a queue: by their operation, or because they pop from the overflow table."""
    pops = np.zeros(len(codes), bool)
    pops[:-1] = (depth[:-1] > 16) & (depth[1:] == depth[:-1] - 1)
    return (_TAKES[codes] | pops).astype(np.int64)


def _block_phases(core: NDArray[np.uint64], codes: Codes) -> Codes:
    """Phases of the operations of blocks; meaningless on control rows."""
    before = _previous(codes)
    is_first, is_switch = before == opcode("SPAN"), before == opcode("RESPAN")
    is_last_of_group = core[:, COLUMN["dec_h0"]] == 0
    fills = (core[:, COLUMN["dec_op_index"]] == 0) | (before == opcode("PUSH"))
    is_padding = (codes == opcode("NOOP")) & is_last_of_group & fills
    choices = [_PHASE["first"], _PHASE["batch_switch"], _PHASE["padding"]]
    return np.select([is_first, is_switch, is_padding], choices, _PHASE["inside"]).astype(np.int64)


def _walk(execution: Execution, codes: Codes) -> _Nodes:
    """Follows the block stack over the control rows."""
    rows = len(codes)
    operations = _OPERATION_OF_CODE[codes]
    phases, nests = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    entered = execution.core[:, COLUMN["dec_h5"]]
    open_nodes: list[str] = []
    callers = 0
    previous_row, previous = 0, ""
    for row in np.flatnonzero(_IS_CONTROL[codes]).tolist():
        nests[previous_row + 1 : row + 1] = _nest(len(open_nodes), callers)
        name = BY_OPCODE[int(codes[row])].name
        if name == "END":
            kind = open_nodes.pop()
            callers -= kind in _CALLS
            word = "END skipped loop" if kind == "LOOP" and not entered[row] else _END_WORDS[kind]
            operations[row] = _OPERATION[word]
            phases[row] = _PHASE["return" if kind in _CALLS else "end"]
        elif name in ("REPEAT", "RESPAN"):
            phases[row] = _PHASE["repeat" if name == "REPEAT" else "batch_switch"]
        else:
            is_behind = previous if row == previous_row + 1 else ""
            phases[row] = _PHASE[_start_phase(execution.marks[row].frames, is_behind)]
            open_nodes.append(name)
            callers += name in _CALLS
        previous_row, previous = row, name
    return _Nodes(operations, phases, nests)


def _nest(nodes: int, callers: int) -> int:
    if callers:
        return NESTS.index("called" if callers == 1 else "called twice")
    return NESTS.index("shallow" if nodes <= SHALLOW else "deep")


def _start_phase(frames: Frame | None, previous: str) -> Phase:
    if frames is not None and frames.kind == "EnterForest":
        below = frames.below
        return "external" if below is not None and below.kind == "FinishExternal" else "foreign"
    return _BEHIND.get(previous, "start")
