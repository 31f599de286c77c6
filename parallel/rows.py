"""The static row table: every row that a program can show, once, with its decoder cells and its successors.

Lowering gives each such row an index, ``pc``. The rows of a block (SPAN, operations, RESPAN, ..., END) are consecutive, so
``pc + 1`` follows unless a control row says otherwise; a control node has its start row, for a loop its REPEAT row, and its
END row. A position in the program and an entry of the continuation stack are then one integer each.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reference.definition.batching import BATCH_FLAGS
from reference.definition.boundary import PositionTag
from reference.definition.field import ZERO_WORD, Word, as_word
from reference.definition.isa import OPCODE_BITS, PUSH, decoder_bits, extra_bits, opcode
from reference.definition.mast import Block

# Kinds of rows are opcodes, except that END is split by what it does, and three kinds have no row in the trace.
END: Final = opcode("END")
END_LOOP: Final = END + 1
END_CALL: Final = END + 2
"""END of CALL and DYNCALL."""
END_SYSCALL: Final = END + 3
REPEAT: Final = opcode("REPEAT")
RESPAN: Final = opcode("RESPAN")
HALT: Final = opcode("HALT")
EXTERNAL: Final = HALT + 1
ENTER_FOREST: Final = HALT + 2
FINISH_EXTERNAL: Final = HALT + 3

ENTER_FOREST_PC: Final = 1
"""The row before it, pc 0, is HALT."""

TAGS: Final[tuple[PositionTag, ...]] = ("start", "op", "respan", "repeat", "end")
_TAG: Final = {tag: number for number, tag in enumerate(TAGS)}
_OP: Final = _TAG["op"]

_BITS: Final = tuple(decoder_bits(code) for code in range(1 << OPCODE_BITS))
_EXTRA: Final = tuple(extra_bits(code) for code in range(1 << OPCODE_BITS))
"""Cells of a row by its opcode."""

_TEMPLATE_WORDS: Final = 24
_NUMBERS: Final = 7
"""Per row of the table under construction: those that are no field elements."""


@dataclass(frozen=True)
class RowTable:
    """One entry per pc.

    kind (n,) uint8; immediate (n,) uint64; first_target, second_target (n,) int64; node (n,) int64, the node's number over
    all forests; template (n, 24) uint64; tag, batch, operation (n,) int64: the position of spec 07, section 4.
    """

    kind: NDArray[np.uint8]
    immediate: NDArray[np.uint64]
    first_target: NDArray[np.int64]
    second_target: NDArray[np.int64]
    node: NDArray[np.int64]
    template: NDArray[np.uint64]
    tag: NDArray[np.int64]
    batch: NDArray[np.int64]
    operation: NDArray[np.int64]


def decoder_template(
    code: int,
    first: Word = ZERO_WORD,
    second: Word = ZERO_WORD,
    *,
    group_count: int = 0,
    flags: tuple[int, ...] = (0, 0, 0),
) -> tuple[int, ...]:
    """Decoder cells of a control row."""
    return (0, *_BITS[code], *first, *second, 0, group_count, 0, *flags, *_EXTRA[code])


class RowWriter:
    """Collects rows; targets are patched when all nodes have their place."""

    def __init__(self) -> None:
        self._numbers = array("q")
        """Kind, node, tag, batch, operation and two targets of each row."""
        self._immediates = array("Q")
        self._templates = array("Q")

    def __len__(self) -> int:
        return len(self._immediates)

    def add(
        self,
        kind: int,
        node: int,
        template: tuple[int, ...],
        *,
        tag: PositionTag = "start",
        batch: int = 0,
        operation: int = 0,
        immediate: int = 0,
        targets: tuple[int, int] = (0, 0),
    ) -> int:
        """Append a row and return its pc."""
        self._numbers.extend((kind, node, _TAG[tag], batch, operation, *targets))
        self._immediates.append(immediate)
        self._templates.extend(template)
        return len(self) - 1

    def add_block(self, node: int, block: Block, digest: Word) -> None:
        """SPAN, operations with RESPANs between the batches, END (spec 03, section 4)."""
        groups_left = block.group_count
        for number, batch in enumerate(block.batches):
            kind = RESPAN if number else opcode("SPAN")
            first, second = as_word(batch.groups[:4]), as_word(batch.groups[4:])
            flags = BATCH_FLAGS[min(groups_left, 8)]
            template = decoder_template(kind, first, second, group_count=groups_left, flags=flags)
            tag: PositionTag = "respan" if number else "start"
            self.add(kind, node, template, tag=tag, batch=number, targets=(len(block.batches), 0))
            groups_left -= 1
            running_slot = 0
            rest = batch.groups[0]
            for index, (operation, (slot, place)) in enumerate(zip(batch.operations, batch.places, strict=True)):
                if slot != running_slot:
                    running_slot, rest = slot, batch.groups[slot]
                    groups_left -= 1
                code, immediate = operation
                rest = (rest - code) >> OPCODE_BITS
                self._numbers.extend((code, node, _OP, number, index, 0, 0))
                self._immediates.append(immediate)
                self._templates.extend(
                    (0, *_BITS[code], rest, 0, 0, 0, 0, 0, 0, 0, 1, groups_left, place, 0, 0, 0, *_EXTRA[code])
                )
                if code == PUSH:
                    groups_left -= 1
        self.add(END, node, decoder_template(END, digest), tag="end")

    def retarget(self, pc: int, targets: tuple[int, int]) -> None:
        """Replace the targets of a row."""
        at = _NUMBERS * (pc + 1)
        self._numbers[at - 2 : at] = array("q", targets)

    def finish(self) -> RowTable:
        """The table of all rows so far."""
        columns = np.array(self._numbers, np.int64).reshape(-1, _NUMBERS).T.copy()
        return RowTable(
            kind=columns[0].astype(np.uint8),
            immediate=np.array(self._immediates, np.uint64),
            first_target=columns[5],
            second_target=columns[6],
            node=columns[1],
            template=np.array(self._templates, np.uint64).reshape(-1, _TEMPLATE_WORDS),
            tag=columns[2],
            batch=columns[3],
            operation=columns[4],
        )
