"""Programs written for given cells: what a campaign meets by chance is aimed at here, to see that it can be met at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.coverage import Cell
from harness.generate.choices import SeededChoices
from harness.generate.draft import Draft
from harness.generate.entries import Entry, Via, ending_at_16, write_entry
from harness.generate.places import Item, Place, Where, within_calls, write_place
from harness.generate.profile import Profile
from harness.generate.sequence import Sequence as Written
from harness.generate.state import State
from reference.definition.case import Advice, Case
from reference.definition.program import Kernel, Program

WHERE: Final[dict[str, Where]] = {"inside": "inside", "first": "first", "batch_switch": "behind RESPAN"}
CALLS: Final = {"shallow": 0, "deep": 0, "called": 1, "called twice": 2}
ENTERED: Final[dict[str, tuple[Via, ...]]] = {
    "body": ("LOOP",),
    "call": ("CALL", "SYSCALL"),
    "dynamic": ("DYN", "DYNCALL"),
    "foreign": ("DYN", "DYNCALL"),
    "external": ("external", "LOOP", "CALL", "SYSCALL"),
    "start": ("DYN", "CALL", "DYNCALL", "external"),
}
"""Which nodes lead to a phase."""


def program_with(cells: Sequence[Cell], seed: str) -> Case:
    """Operations of blocks at these cells, which share a nest, in one program."""
    draft, root = _begin(seed)
    nest = cells[0].nest

    def write(sequence: Written) -> None:
        for cell in cells:
            if nest != "shallow" and draft.choices.flag(30):
                sequence.close_block()
            place = Place(WHERE[cell.phase], _depth(draft, cell), _item(cell), cell.queue == "taken")
            write_place(sequence, cell.operation, place)

    _nested(root, nest)
    within_calls(root, CALLS[nest], write)
    return _finished(draft, root, nest)


def program_entering(cell: Cell, seed: str) -> Case:
    """A node that begins at the cell, if the seed does it."""
    draft, root = _begin(seed)
    choices = draft.choices
    via = choices.pick(ENTERED[cell.phase])
    is_library = cell.phase in ("foreign", "external")
    entry = Entry(via, cell.operation, _depth(draft, cell), _item(cell), is_library)  # type: ignore[arg-type]
    if cell.phase == "start":
        entry = entry._replace(is_child=True, is_library=choices.flag(50))
    elif via == "LOOP":
        entry = entry._replace(again=cell.queue == "untouched" or choices.flag(30))
    calls = CALLS[cell.nest] - (cell.phase == "call" or via in ("CALL", "SYSCALL", "DYNCALL"))
    if cell.nest == "shallow":
        entry = ending_at_16(entry)
    _nested(root, cell.nest)
    write_entry(root, entry, max(0, calls))
    return _finished(draft, root, cell.nest)


def _begin(seed: str) -> tuple[Draft, Written]:
    draft = Draft(SeededChoices(seed), Profile(varied_ends=False), budget=10**9)
    draft.inputs = [draft.choices.integer(0, 2), *range(7, 22)]
    root = Written(draft, draft.program, State(list(draft.inputs)), level=0, live=True)
    root.is_root = True
    return draft, root


def _depth(draft: Draft, cell: Cell) -> int:
    return draft.choices.integer(18, 20) if cell.depth == "18+" else int(cell.depth)


def _item(cell: Cell) -> Item:
    return cell.item  # type: ignore[return-value]


def _nested(root: Written, nest: str) -> None:
    """Blocks before and behind, so that the program's own joins are nested."""
    if nest == "deep":
        for _ in range(4):
            root.emit("NOOP")
            root.close_block()


def _finished(draft: Draft, root: Written, nest: str) -> Case:
    root.settle(16)
    _nested(root, nest)
    entry = root.finish()
    draft.program.make_root(entry)
    tape = tuple(range(100, 100 + draft.program.costs[entry].pops))
    kernel = Kernel.of(dict.fromkeys(each.forest.digest(each.node) for each in draft.kernel))
    return Case(
        "aimed",
        Program(draft.program.finish(), entry, kernel),
        libraries=tuple(library.finish() for library in draft.libraries),
        stack=tuple(draft.inputs),
        advice=Advice(tape, dict(draft.advice_map), tuple(draft.store)),
    )
