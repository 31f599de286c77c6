"""What the reference says about every executed row: its operation, where it stands in the program, and what it takes.

A fragment's rows consume every queue in order, so the number of entries that rows before a row have taken is all that is
needed to name the entry which a row takes, and the offset with which a fragment must begin (spec 07, section 6).
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.cuts import Situation, row_situations
from reference.definition.boundary import Position
from reference.definition.columns import CHIPLETS, COLUMN
from reference.definition.isa import BY_OPCODE, OPCODE_BITS, OPERATIONS, opcode
from reference.definition.outcome import Completed
from reference.execution import Execution
from reference.trace import Trace

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Cells = NDArray[np.uint64]

HALT: Final = "HALT"
RANDOM: Final = "random row"
"""What stands for the operation on the last row of a trace."""

_BIT_0: Final = COLUMN["dec_op_bit_0"]
_H: Final = COLUMN["dec_h0"]
_ITEM: Final = COLUMN["stack_0"]
_CHIP: Final = CHIPLETS.start
_END: Final = opcode("END")

LEFT_SHIFTS: Final = frozenset(
    (
        *(info.name for info in OPERATIONS if info.shift_class == "left"),
        *("U32ADD3", "U32MADD", "SPLIT", "LOOP", "REPEAT", "DYN", "DYNCALL"),
    )
)
"""Operations that take one item off the stack; the END of a loop that ran does too."""

RIGHT_SHIFTS: Final = frozenset(
    (*(info.name for info in OPERATIONS if info.shift_class == "right"), "PUSH", "U32SPLIT")
)

_ADVICE: Final = {"ADVPOP": 1, "ADVPOPW": 4, "PIPE": 8}
_CONTROL_STARTS: Final = ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")
_GROUPS_PER_BATCH: Final = 8


class ProgramRows:
    """The executed rows of one completed run. All arrays are int64 and as long as there are rows, unless said otherwise."""

    def __init__(self, execution: Execution) -> None:
        if execution.trace is None or not isinstance(execution.outcome, Completed):
            raise ValueError("a failed program has no rows")
        self.execution = execution
        self.trace: Trace = execution.trace
        self.outcome: Completed = execution.outcome
        self.count = execution.core_rows

    # ---- operations and positions -----------------------------------------------------------------------------------

    @cached_property
    def codes(self) -> Rows:
        """Opcodes."""
        bits = self.execution.core[:, _BIT_0 : _BIT_0 + OPCODE_BITS].astype(np.int64)
        return bits @ (1 << np.arange(OPCODE_BITS))

    def operation(self, row: int) -> str:
        """The operation of a trace row, executed or not."""
        if row < self.count:
            return BY_OPCODE[int(self.codes[row])].name
        return RANDOM if row == self.trace.lengths.rows - 1 else HALT

    def position(self, row: int) -> Position | None:
        """Where the program stands on a row; None behind its end."""
        return self.execution.marks[row].position if row < self.count else None

    def tag(self, row: int) -> str:
        """The position tag of a row; ``return`` for the END of CALL, SYSCALL and DYNCALL, ``padding`` behind the end.

        It does not change when a program loses rows that have nothing to do with this one.
        """
        position = self.position(row)
        if position is None:
            return "padding"
        return "return" if self.is_return[row] else position.tag

    @cached_property
    def situations(self) -> list[tuple[Situation, ...]]:
        """What :func:`harness.cuts.row_situations` says of the rows."""
        return row_situations(self.execution)

    def phase(self, row: int) -> str:
        """The phase of a row in the words of :data:`harness.cuts.Phase`; ``padding`` behind the end."""
        if row >= self.count:
            return "padding"
        return self.situations[row][0].phase if row else "start"

    def is_operation(self, *names: str) -> Mask:
        """Which rows execute one of these."""
        return np.isin(self.codes, [opcode(name) for name in names])

    @cached_property
    def is_return(self) -> Mask:
        """Which rows are the END of a CALL, SYSCALL or DYNCALL."""
        core = self.execution.core
        found: Mask = (self.codes == _END) & ((core[:, _H + 6] == 1) | (core[:, _H + 7] == 1))
        return found

    @cached_property
    def shifts_left(self) -> Mask:
        """Which rows take an item off the stack."""
        ended_loop = (self.codes == _END) & (self.execution.core[:, _H + 5] == 1)
        found: Mask = self.is_operation(*LEFT_SHIFTS) | ended_loop
        return found

    def after(self, row: int) -> Cells:
        """The 49 core cells of the row after an executed one, (49,) uint64; behind the last row only system and stack."""
        cells: Cells = np.zeros_like(self.execution.core[0])
        if row + 1 < self.count:
            cells[:] = self.execution.core[row + 1]
            return cells
        cells[_ITEM : _ITEM + 16] = self.outcome.stack
        cells[COLUMN["stack_b0"]] = 16
        cells[COLUMN["clk"]] = self.count
        return cells

    @cached_property
    def state_after(self) -> Cells:
        """:meth:`after` of all rows, (n, 49)."""
        return np.vstack((self.execution.core[1:], self.after(self.count - 1)[np.newaxis]))

    # ---- what rows take ---------------------------------------------------------------------------------------------

    @cached_property
    def memory(self) -> Cells:
        """The memory rows of the trace in the order of execution, (n, 20): all chiplet columns."""
        lengths = self.trace.lengths
        first = lengths.hasher + lengths.bitwise
        rows = self.trace.columns[CHIPLETS, first : first + lengths.memory].T
        rows = rows[rows[:, 2] == 0]
        found: Cells = rows[np.argsort(rows[:, COLUMN["chip_9"] - _CHIP], kind="stable")]
        return found

    @cached_property
    def ace(self) -> Cells:
        """The circuit rows of the trace, (n, 20): all chiplet columns."""
        lengths = self.trace.lengths
        first = lengths.hasher + lengths.bitwise
        rows = self.trace.columns[CHIPLETS, first : first + lengths.memory].T
        found: Cells = rows[rows[:, 2] == 1]
        return found

    @cached_property
    def takes(self) -> dict[str, Rows]:
        """How many entries of each queue a row takes, by the names of :data:`parallel.recording.QUEUES`; ``hasher`` counts
        permutations of any kind and ``bitwise`` requests, of which no queue is needed."""
        core, codes = self.execution.core, self.codes
        deep = core[:, COLUMN["stack_b0"]] > 16
        levels = core[:, _ITEM + 4].astype(np.int64)
        advice = sum((codes == opcode(name)) * count for name, count in _ADVICE.items())
        paths = np.where(self.is_operation("MPVERIFY"), levels, np.where(self.is_operation("MRUPDATE"), 2 * levels, 0))
        permutations = self.is_operation("HPERM", "LOGPRECOMPILE") + paths
        groups = core[:, COLUMN["dec_group_count"]].astype(np.int64)
        batches = np.where(self.is_operation("SPAN"), -(-groups // _GROUPS_PER_BATCH), 0)
        return {
            "ends": (codes == _END).astype(np.int64),
            "pops": (self.shifts_left & deep).astype(np.int64),
            "restores": self.is_return.astype(np.int64),
            "accesses": np.bincount(self.memory[:, COLUMN["chip_9"] - _CHIP].astype(np.int64), minlength=self.count),
            "advice": np.asarray(advice, np.int64),
            "permutations": permutations,
            "targets": self.is_operation("DYN", "DYNCALL").astype(np.int64),
            "bitwise": self.is_operation("U32AND", "U32XOR").astype(np.int64),
            "hasher": self.is_operation(*_CONTROL_STARTS) + batches + permutations,
        }

    @cached_property
    def taken(self) -> dict[str, Rows]:
        """Entries of each queue taken before a row, (n + 1,): what a fragment that begins there finds gone."""
        return {name: np.concatenate(([0], np.cumsum(counts))) for name, counts in self.takes.items()}

    def hasher_address(self, row: int) -> int:
        """The address that the next hasher request gets when the row begins, 0 <= row <= count."""
        return 1 + 8 * int(self.taken["hasher"][row])

    def row_of_entry(self, queue: str, index: int) -> int | None:
        """The row that takes entry ``index`` of a queue; None when no row does."""
        taken = self.taken[queue]
        return int(np.searchsorted(taken, index, side="right")) - 1 if 0 <= index < taken[-1] else None
