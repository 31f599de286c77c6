"""What an audit may know besides the trace. Whatever is missing leaves rules unchecked, and they are counted as such."""

from __future__ import annotations

from dataclasses import dataclass

from reference.definition.case import MAX_STACK_INPUTS, Case, Replies
from reference.definition.field import Word
from reference.definition.mast import Forest

STACK_ITEMS = 16


@dataclass(frozen=True, slots=True)
class Known:
    """Public data of a run and what its host told it; None where it is not known."""

    program_hash: Word | None = None
    kernel: tuple[Word, ...] | None = None
    """Digests of the kernel's procedures in kernel order."""
    stack_inputs: tuple[int, ...] | None = None
    """16 values, top first."""
    stack_outputs: tuple[int, ...] | None = None
    """16 values, top first."""
    forests: tuple[Forest, ...] | None = None
    """The program's forest and its libraries': every block that the run may have entered."""
    replies: Replies | None = None
    """Only of a case with replies: without them what the host said is free."""
    core_rows: int | None = None
    """Executed rows, when the engine says how many there are."""

    @staticmethod
    def of(case: Case, stack_outputs: tuple[int, ...] | None = None) -> Known:
        """All that a case tells, and the outputs of its run when they are known."""
        inputs = case.stack + (0,) * (MAX_STACK_INPUTS - len(case.stack))
        return Known(
            program_hash=case.program.hash,
            kernel=case.program.kernel.procedures,
            stack_inputs=inputs,
            stack_outputs=stack_outputs,
            forests=(case.program.forest, *case.libraries),
            replies=case.replies,
        )
