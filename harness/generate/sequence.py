"""A sequence under construction: operations become blocks, nodes come in between, all is joined at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.generate.draft import Draft
from harness.generate.effects import EFFECTS
from harness.generate.forests import CONTROL, Cost, ForestDraft
from harness.generate.state import VISIBLE, State
from harness.generate.values import draw_element, is_bit, is_u32
from reference.definition.isa import BLOCK_OPERATIONS, Operation
from reference.definition.mast import Join

COPIED: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15)
"""Positions that a DUP copies."""

PLAIN: Final = {info.name: Operation(info.opcode) for info in BLOCK_OPERATIONS}
"""Operations without immediate, by name."""

STEPS: Final = {name: (operation, EFFECTS[name]) for name, operation in PLAIN.items()}
"""By name: the operation without immediate, and what it does to the model."""

SHRINKING: Final = ("DROP", "DROP", "ADD", "MUL", "EQ")
"""Operations that take an item off, whatever it is."""

GROWING: Final = ("PAD", "CLK", "SDEPTH", "DUP0", "DUP5", "DUP15")
"""Operations that add an item."""


class Sequence:
    """Code that runs in order in one context; ``state`` is what is certain behind its end."""

    def __init__(
        self, draft: Draft, forest: ForestDraft, state: State, *, level: int, scale: int = 1, live: bool = False
    ) -> None:
        self.draft = draft
        self.choices = draft.choices
        self.forest = forest
        self.state = state
        self.level = level
        self.scale = scale
        """How often this code runs, at most; rows are charged to the budget that often."""
        self.live = live
        """It certainly runs, unless the program fails before."""
        self.is_root = False
        self._nodes: list[int] = []
        self._operations: list[Operation] = []
        self._pops = 0

    def inner(
        self, state: State, *, forest: ForestDraft | None = None, times: int = 1, live: bool | None = None
    ) -> Sequence:
        """A sequence one level deeper, run ``times`` times for each run of this one."""
        self.draft.pristine = False
        self.spend(CONTROL.rows)
        return Sequence(
            self.draft,
            forest or self.forest,
            state,
            level=self.level + 1,
            scale=self.scale * times,
            live=self.live if live is None else live and self.live,
        )

    # ---- budget -----------------------------------------------------------------------------------------------------

    def spend(self, rows: int) -> None:
        """Charge rows to the budget."""
        self.draft.budget -= rows * self.scale

    def room(self, rows: int = 1) -> bool:
        """Are there rows left?"""
        return self.draft.budget >= rows * self.scale

    # ---- operations -------------------------------------------------------------------------------------------------

    def emit(self, name: str, immediate: int = 0) -> None:
        """Append an operation; the model follows."""
        if self.is_root:
            self.draft.pristine = False
        operation, effect = STEPS[name]
        self._operations.append(Operation(operation.code, immediate) if immediate else operation)
        effect(self.state, immediate)
        self.draft.budget -= self.scale

    def emit_all(self, names: str) -> None:
        """Append operations without immediate, given by name with blanks between."""
        for name in names.split():
            self.emit(name)

    def pop_advice(self, name: str, count: int) -> None:
        """Append an operation that pops elements of the initial advice stack."""
        self._pops += count
        self.emit(name)

    def push(self, value: int) -> None:
        """Append what pushes this value: PUSH, PAD, or a copy of an item that has it."""
        visible = self.state.items[:VISIBLE]
        copies = [at for at in COPIED if visible[at] == value] if value in visible else []
        if copies and self.choices.flag(60):
            self.emit(f"DUP{self.choices.pick(copies)}")
        elif value == 0 and self.choices.flag(50):
            self.emit("PAD")
        else:
            self.emit("PUSH", value)

    def prepare(self, values: Iterable[int], *, position: int = 0) -> None:
        """Put values on the stack, the first one at ``position``: 0, 12 or 13.

        When the program has no code yet, they become its inputs.
        """
        wanted = list(values)
        if self.is_root and self.draft.pristine:
            self.state.items[position : position + len(wanted)] = wanted
            self.draft.inputs[position : position + len(wanted)] = wanted
            return
        if position == 0:
            for value in reversed(wanted):
                self.push(value)
            return
        assert 12 <= position < 16, "only the last word is reached with one SWAPW3"
        for value in reversed(wanted):
            self.push(value)
        for _ in range(position - 12):
            self.emit("PAD")
        self.emit("SWAPW3")

    def allow_shrink(self, count: int = 1) -> None:
        """Make sure that ``count`` items may be taken off without reaching the caller's."""
        while not self.state.can_shrink(count):
            self.push(draw_element(self.choices))

    def settle(self, depth: int) -> None:
        """Take off or add items until the stack has this depth."""
        if self.state.depth == depth:
            return
        # One choice for all of them: a shrinker that has to settle each item on its own gives up before it is done.
        varied = self.draft.profile.varied_ends and self.choices.flag(80)
        while self.state.depth > depth:
            if not varied:
                self.emit("DROP")
            else:
                self.emit(self.choices.pick(SHRINKING) if self.choices.flag(60) else self._shrinking_that_fits())
        while self.state.depth < depth:
            self.emit(self.choices.pick(GROWING) if varied else "PAD")

    def _shrinking_that_fits(self) -> str:
        """An operation that takes an item off and asks something of its operands, DROP where none fits."""
        top = self.state.items[:3]
        if all(map(is_bit, top[:2])):
            return self.choices.pick(("DROP", "AND", "OR", "CSWAP", "CSWAPW"))
        if is_bit(top[0]):
            return self.choices.pick(("DROP", "CSWAP", "CSWAPW"))
        if all(map(is_u32, top)):
            return self.choices.pick(("DROP", "U32AND", "U32XOR", "U32ADD3", "U32MADD"))
        return "DROP"

    @property
    def open_operations(self) -> tuple[Operation, ...]:
        """The operations of the block that is open."""
        return tuple(self._operations)

    # ---- nodes ------------------------------------------------------------------------------------------------------

    def close_block(self) -> None:
        """End the block that is open, if any."""
        if self._operations:
            self._nodes.append(self.forest.add_block(self._operations, pops=self._pops))
            self._operations = []
            self._pops = 0
            self.spend(2)

    def add_node(self, node_id: int) -> None:
        """Append a node; the caller changes the state."""
        if self.is_root:
            self.draft.pristine = False
        self.close_block()
        self._nodes.append(node_id)

    def cost(self, node_id: int) -> Cost:
        """What one run of a node of this forest costs."""
        return self.forest.costs[node_id]

    def finish(self) -> int:
        """The node of the whole sequence, which is empty again; one NOOP when nothing was written."""
        if not self._nodes and not self._operations:
            self.emit("NOOP")
        self.close_block()
        return self._fold()

    def _fold(self) -> int:
        nodes = self._nodes
        shape = self.choices.pick(("right", "left", "balanced")) if len(nodes) > 2 else "right"
        while len(nodes) > 1:
            if shape == "right":
                nodes[-2:] = [self._join(nodes[-2], nodes[-1])]
            elif shape == "left":
                nodes[:2] = [self._join(nodes[0], nodes[1])]
            else:
                pairs = [self._join(*nodes[at : at + 2]) for at in range(0, len(nodes) - 1, 2)]
                nodes[:] = pairs + (nodes[-1:] if len(nodes) % 2 else [])
        return nodes.pop()

    def _join(self, first: int, second: int) -> int:
        self.spend(CONTROL.rows)
        (rows, pops), (more_rows, more_pops) = self.cost(first), self.cost(second)
        return self.forest.add(Join(first, second), Cost(CONTROL.rows + rows + more_rows, pops + more_pops))
