"""The bitwise chiplet answers in the order of execution (12 section 8.2): exchanging two answers shows nowhere else.

Requests wait until their answers come by: 40 bytes each, and a trace has at most one answer in eight rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.audit.field import ONE, ZERO
from harness.audit.jit import jit
from harness.audit.rule import Rule
from harness.audit.tile import Tile, Tiles
from harness.audit.violation import NotChecked, Violation
from reference.definition.columns import COLUMN
from reference.definition.isa import BY_NAME

ORDER: Final = Rule(
    "requests.bitwise.order",
    "requests",
    "operation, a, b, z of the n-th answer = those of the n-th U32AND or U32XOR",
    "12 section 8.2",
    ("stack_1", "stack_0", "stack_0'", "chip_2", "chip_3", "chip_4", "chip_14"),
)

_AND: Final = BY_NAME["U32AND"].opcode
_XOR: Final = BY_NAME["U32XOR"].opcode
_OPERANDS: Final = [COLUMN["stack_1"], COLUMN["stack_0"]]
_RESULT: Final = COLUMN["stack_0"]
_SELECTOR: Final = COLUMN["chip_0"]
_ANSWER: Final = [COLUMN["chip_2"], COLUMN["chip_3"], COLUMN["chip_4"], COLUMN["chip_14"]]
_CYCLE: Final = 8
_NAMES: Final = ("operation", "a", "b", "z")


class Listed(NamedTuple):
    """Requests or answers in row order."""

    rows: NDArray[np.int64]
    values: NDArray[np.uint64]
    """(n, 4): 0 for AND or 1 for XOR, a, b, z."""

    def part(self, start: int, end: int | None = None) -> Listed:
        """The entries ``start .. end - 1``."""
        return Listed(self.rows[start:end], self.values[start:end])


class BitwiseOrder:
    """Compares the n-th request with the n-th answer; a :class:`harness.audit.tile.TraceCheck`."""

    rules: Sequence[Rule] = (ORDER,)

    def __init__(self) -> None:
        self._asked: deque[Listed] = deque()
        self._answered: deque[Listed] = deque()
        self._wrong = 0
        self._first: Violation | None = None

    def partial(self, tile: Tile) -> tuple[Listed, Listed]:
        """The tile's requests and its answers."""
        rows, opcodes = tile.rows, tile.opcodes[:-1]
        at = np.flatnonzero((opcodes == _AND) | (opcodes == _XOR))
        asked = np.empty((at.size, 4), dtype=np.uint64)
        asked[:, 0] = opcodes[at] == _XOR
        asked[:, 1:3] = rows[at[:, None], _OPERANDS]
        asked[:, 3] = rows[at + 1, _RESULT]
        lasts = np.empty(tile.count, dtype=np.int64)
        lasts = lasts[: _last_rows(rows, -(tile.first_row + 1) % _CYCLE, lasts)]
        answered = rows[lasts[:, None], _ANSWER]
        return Listed(at + tile.first_row, asked), Listed(lasts + tile.first_row, answered)

    def add(self, partial: tuple[Listed, Listed]) -> None:
        """Takes the next tile's requests and answers, and compares what has met its partner."""
        for queue, listed in zip((self._asked, self._answered), partial, strict=True):
            if listed.rows.size:
                queue.append(listed)
        while self._asked and self._answered:
            asked, answered = self._asked[0], self._answered[0]
            count = min(asked.rows.size, answered.rows.size)
            self._compare(asked.part(0, count), answered.part(0, count))
            _drop(self._asked, count)
            _drop(self._answered, count)

    def _compare(self, asked: Listed, answered: Listed) -> None:
        wrong = np.flatnonzero((asked.values != answered.values).any(axis=1))
        self._wrong += wrong.size
        if wrong.size and self._first is None:
            at = wrong[0]
            row = int(asked.rows[at])
            mine, theirs = asked.values[at].tolist(), answered.values[at].tolist()
            operation = "U32XOR" if mine[0] else "U32AND"
            details = (f"the request is {_shown(mine)}, the answer on row {answered.rows[at]} is {_shown(theirs)}",)
            self._first = Violation(ORDER, row, 1, operation, details=details)

    def finish(self, tiles: Tiles) -> Sequence[Violation | NotChecked]:  # noqa: ARG002 - nothing to look up
        """The first answer that is another's, and requests or answers left over."""
        left = (("request", self._asked), ("answer", self._answered))
        details = tuple(
            f"{sum(listed.rows.size for listed in queue)} {name}s without a partner, the first on row {queue[0].rows[0]}"
            for name, queue in left
            if queue
        )
        if self._first is None and not details:
            return ()
        if self._first is None:
            row = int(min(queue[0].rows[0] for _, queue in left if queue))
            return (Violation(ORDER, row, details=details),)
        first = self._first
        return (Violation(ORDER, first.row, self._wrong, first.operation, details=(*first.details, *details)),)


@jit
def _last_rows(rows: Any, first: Any, lasts: Any) -> Any:
    """The last row of each answer among rows ``first``, ``first`` + 8, ...; how many there are."""
    count = 0
    for i in range(first, rows.shape[0] - 1, _CYCLE):
        if rows[i, _SELECTOR] == ONE and rows[i, _SELECTOR + 1] == ZERO:
            lasts[count] = i
            count += 1
    return count


def _drop(queue: deque[Listed], count: int) -> None:
    first = queue.popleft()
    if count < first.rows.size:
        queue.appendleft(first.part(count))


def _shown(values: Sequence[int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(_NAMES, values, strict=True))
