"""The state an operation sees: clock, context, operand stack, and the chiplets and host it may ask.

One :class:`Machine` lives as long as one run. Operations change it through the few verbs below; the processor writes the
rows. Sources: spec 01 section 3 (stack), 04 sections 3 and 4 (system columns, overflow).
"""

from __future__ import annotations

from reference.chiplets.ace import Ace
from reference.chiplets.bitwise import Bitwise
from reference.chiplets.hasher import Hasher
from reference.chiplets.kernel_rom import KernelRom
from reference.chiplets.memory import Memory
from reference.chiplets.range_checker import RangeChecker
from reference.definition.field import ZERO_WORD, Word
from reference.definition.program import Kernel
from reference.host import Host

STACK_DEPTH = 16
"""Items that are always visible; the depth is never below."""

Helpers = tuple[int, int, int, int, int, int]
"""The helper registers hlp0..hlp5 of an operation row (columns dec_h2..dec_h7)."""

NO_HELPERS: Helpers = (0, 0, 0, 0, 0, 0)


class Machine:
    """Everything that changes while a program runs."""

    def __init__(self, stack: tuple[int, ...], kernel: Kernel, host: Host) -> None:
        self.clk = 0
        self.ctx = 0
        self.fn_hash: Word = ZERO_WORD
        self.transcript_state: Word = ZERO_WORD
        self.stack: list[int] = [*stack, *(0,) * (STACK_DEPTH - len(stack))]
        """The 16 visible items, top first."""
        self.overflow: list[tuple[int, int]] = []
        """(value, clk of the pushing row) of the current context instance, newest last."""
        self.host = host
        self.hasher = Hasher()
        self.bitwise = Bitwise()
        self.memory = Memory()
        self.ace = Ace()
        self.kernel_rom = KernelRom(kernel)
        self.ranges = RangeChecker()

    @property
    def depth(self) -> int:
        """Items on the stack of the current context instance (column stack_b0)."""
        return STACK_DEPTH + len(self.overflow)

    @property
    def overflow_address(self) -> int:
        """clk at which the newest overflow entry was pushed, 0 without one (column stack_b1)."""
        return self.overflow[-1][1] if self.overflow else 0

    def push(self, value: int) -> None:
        """Shift right: ``value`` becomes the top, item 15 moves to the overflow table."""
        self.overflow.append((self.stack.pop(), self.clk))
        self.stack.insert(0, value)

    def drop(self) -> None:
        """Shift left: the top goes, item 15 comes from the overflow table (0 when that is empty)."""
        del self.stack[0]
        self.stack.append(self.overflow.pop()[0] if self.overflow else 0)

    def item(self, position: int) -> int:
        """The stack item at any position, overflow included; 0 beyond the depth (spec 06, section 2.2)."""
        if position < STACK_DEPTH:
            return self.stack[position]
        index = position - STACK_DEPTH
        return self.overflow[-1 - index][0] if index < len(self.overflow) else 0

    def word(self, position: int) -> Word:
        """W(position): the word whose element 3 is at ``position`` and element 0 three below (spec 01, section 1)."""
        return self.item(position + 3), self.item(position + 2), self.item(position + 1), self.item(position)

    def set_word(self, position: int, word: Word) -> None:
        """Overwrite W(position); ``position`` is at most 12."""
        self.stack[position : position + 4] = word[3], word[2], word[1], word[0]
