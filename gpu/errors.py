"""Named errors of the GPU engine (spec 09, B10), and the error word in which kernels report.

``poisons`` says what an error leaves behind: a session whose state can no longer be trusted, or one that may go on.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar, Final

from gpu.header import carry_name


class GpuError(Exception):
    """Base of all errors of this package."""

    poisons: ClassVar[bool] = True
    """Whether a session in which this was raised refuses everything except its release."""


class DeviceUnavailable(GpuError):
    """No device, no compiler, no library: this machine cannot run the back end, and the message says why."""

    poisons = False


class KernelBuildError(GpuError):
    """The kernels do not compile or do not follow the rules of the amalgamated source; the message is the compiler's."""

    poisons = False


class WrongState(GpuError):
    """A step of the life cycle, a buffer or a booking was used out of order; nothing was changed."""

    poisons = False


class StalePlan(GpuError):
    """A plan of another session, epoch, raw state or layout was refused before any launch or allocation (INV-10, INV-11)."""

    poisons = False


class BudgetExceeded(GpuError):
    """The bytes do not fit into the budget or the booking; nothing was allocated."""

    poisons = False


class BudgetDeadlock(GpuError):
    """Nothing is in flight and no pending task fits into the budget; the message lists the tasks."""

    poisons = False


class LeakDetected(GpuError):
    """Bytes are live that were not live before (INV-01); the message lists the buffers."""

    poisons = False


class SideEffectInReplay(GpuError):
    """A replay was given, or asked for, the side-effect buffers (INV-08)."""


class ShapeMismatch(GpuError):
    """What was regenerated has another shape than its plan (INV-09)."""


class UnwrittenCells(GpuError):
    """Cells were not written, or hold no canonical field element (INV-09)."""


class CapacityExceeded(GpuError):
    """A counter exceeds the capacity of the buffer that it counts (INV-19)."""


class LaneFailed(GpuError):
    """A lane raised; the others were drained and all bookings given back."""


class DeviceError(GpuError):
    """The device or its driver failed; the device context has to be rebuilt."""


class InvariantBroken(GpuError):
    """A numbered invariant of spec 09, B6 does not hold."""

    def __init__(self, invariant: str, reason: str) -> None:
        super().__init__(f"{invariant}: {reason}")
        self.invariant = invariant
        self.reason = reason


class RawStateError(GpuError):
    """The raw state is wrong at a place that a check or a kernel can name; a part that does not apply is None."""

    def __init__(self, name: str, fragment: int | None, row: int | None, field: str | None, reason: str) -> None:
        places = (("fragment", fragment), ("row", row), ("field", field))
        where = ", ".join(f"{word} {value}" for word, value in places if value is not None)
        super().__init__(f"{name}: {reason}" + (f" ({where})" if where else ""))
        self.name = name
        self.fragment = fragment
        self.row = row
        self.field = field
        self.reason = reason


class QueueUnderflow(RawStateError):
    """A fragment asks a queue for more than was recorded for it (INV-16)."""


class QueueLeftover(RawStateError):
    """A fragment ends with entries of a queue unread (INV-16)."""


class CarryMismatch(RawStateError):
    """The state after a fragment's last row is not the next fragment's header (INV-15)."""


class KernelCode(IntEnum):
    """What a kernel can report; the values are those of ``ErrorCode`` in ``kernels/layout.cuh``."""

    BAD_PC = 1
    NOT_BINARY = 2
    CONTINUATIONS = 3
    DEPTH = 4
    QUEUE_UNDERFLOW = 5
    QUEUE_LEFTOVER = 6
    CARRY = 7
    END_RECORD = 8
    ACCESS = 9
    TARGET = 10
    PATH = 11
    VALUE = 12
    SCATTER = 13
    SIDE_EFFECT = 14
    PERMUTATION = 15
    ENDED_EARLY = 16
    CIRCUIT = 17
    FRAME = 18
    KERNEL_INDEX = 19


KERNEL_ERRORS: Final[dict[KernelCode, str]] = {
    KernelCode.BAD_PC: "the row is none of the program's",
    KernelCode.NOT_BINARY: "the stack's top is not 0 or 1 where an operation needs it so",
    KernelCode.CONTINUATIONS: "the continuation stack is empty, too deep or names no row",
    KernelCode.DEPTH: "the stack depth is below 16 or beyond what was recorded",
    KernelCode.QUEUE_UNDERFLOW: "the queue has no entry left for the fragment",
    KernelCode.QUEUE_LEFTOVER: "the queue has unread entries at the fragment's end",
    KernelCode.CARRY: "the state after the last row is not the next header",
    KernelCode.END_RECORD: "the END record does not belong to the node that ends",
    KernelCode.ACCESS: "the recorded memory access is not the one that the operation makes",
    KernelCode.TARGET: "the recorded target is none of the program's",
    KernelCode.PATH: "the recorded Merkle path is not the one that the operation asks for",
    KernelCode.VALUE: "the value is outside the range that the operation allows",
    KernelCode.SCATTER: "a write would fall outside its buffer",
    KernelCode.SIDE_EFFECT: "side effects were asked for where none are allowed",
    KernelCode.PERMUTATION: "the recorded permutation is not the one that the operation asks for",
    KernelCode.ENDED_EARLY: "the program ends before the fragment does",
    KernelCode.CIRCUIT: "the recorded circuit is not the one that the operation evaluates",
    KernelCode.FRAME: "the call frame does not belong to the node that ends",
    KernelCode.KERNEL_INDEX: "the called procedure is none of the kernel's",
}
"""Reason by code."""

QUEUES: Final = (
    "ends",
    "pops",
    "restores",
    "accesses",
    "advice",
    "permutations",
    "targets",
    "bitwise",
    "hasher",
    "circuits",
    "continuations",
)
"""Name of each queue, by the number that kernels report."""

NO_ERROR: Final = (1 << 64) - 1
"""The error word when no kernel reported."""

_CLASS_OF_CODE: Final[dict[int, type[RawStateError]]] = {
    KernelCode.QUEUE_UNDERFLOW: QueueUnderflow,
    KernelCode.QUEUE_LEFTOVER: QueueLeftover,
    KernelCode.CARRY: CarryMismatch,
}
_QUEUE_CODES: Final = (KernelCode.QUEUE_UNDERFLOW, KernelCode.QUEUE_LEFTOVER)


def from_error_word(word: int, fragment_of_row: Callable[[int], int]) -> GpuError | None:
    """The error that kernels left in the word, None when they left none.

    ``word`` is ``row << 16 | code << 8 | detail``, the smallest that was reported: the earliest row wins.
    """
    if word == NO_ERROR:
        return None
    row, number, detail = word >> 16, word >> 8 & 0xFF, word & 0xFF
    if number == KernelCode.SIDE_EFFECT:
        return SideEffectInReplay(f"{KERNEL_ERRORS[KernelCode.SIDE_EFFECT]} (row {row})")
    try:
        code = KernelCode(number)
    except ValueError:
        return RawStateError("kernel", None, row, None, f"unknown code {number}, detail {detail}")
    if code is KernelCode.CARRY:
        field = carry_name(detail)
    else:
        field = QUEUES[detail] if code in _QUEUE_CODES and detail < len(QUEUES) else str(detail)
    raised = _CLASS_OF_CODE.get(code, RawStateError)
    return raised(code.name, fragment_of_row(row), row, field, KERNEL_ERRORS[code])
