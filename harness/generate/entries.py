"""Entries in drawn forms: every kind of node begun by every kind of node, at a drawn depth and over a drawn item.

What begins behind LOOP, CALL, SYSCALL, DYN, DYNCALL or an external node is usually a block; here it is any node with equal
chance, in the same forest or in a library's.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from harness.generate.calls import (
    MAX_KERNEL,
    add_to_kernel,
    after_call,
    library_for,
    reference_to,
    store_target,
)
from harness.generate.choices import Choices, several
from harness.generate.draft import Procedure, ProcedureKind
from harness.generate.forests import CONTROL, Cost, ForestDraft
from harness.generate.places import Item, draw_calls, draw_depth, number_of, put, within_calls
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Call, Dyn, Dyncall, Join, Loop, Node, Split, Syscall

Via = Literal["LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL", "external"]
Kind = Literal["SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL"]

VIAS: Final[tuple[Via, ...]] = ("LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL", "external")
KINDS: Final[tuple[Kind, ...]] = ("SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")

MOST_ENTRIES: Final = 8
ENTRY_ROWS: Final = 40
"""Rows that an entry may need; none is begun with fewer left."""

VIA_ADDRESS, OWN_ADDRESS, OWN_ADDRESS_AT_0 = 80, 96, 0
"""Words that hold the target of the entry itself, and that of a target which is dynamic too."""

NEUTRAL: Final = ("NOOP", "SWAP SWAP", "PAD DROP", "MOVUP3 MOVDN3")
CLEARING: Final = "PAD SWAP DROP"
"""The top becomes 0."""


class Entry(NamedTuple):
    """What begins, and how the program comes to it."""

    via: Via
    kind: Kind
    depth: int
    item: Item
    is_library: bool


def write_entries(sequence: Sequence) -> None:
    """Several entries, each in the program's context or in a callee's."""

    def write() -> None:
        if sequence.room(ENTRY_ROWS):
            entry = _draw_entry(sequence.choices)
            within_calls(sequence, draw_calls(sequence.choices), lambda inner: write_entry(inner, entry))

    several(sequence.choices, MOST_ENTRIES, 95, write)


def _draw_entry(choices: Choices) -> Entry:
    items: tuple[Item, ...] = ("0", "1", "other")
    return Entry(choices.pick(VIAS), choices.pick(KINDS), draw_depth(choices), choices.pick(items), choices.flag(50))


def write_entry(sequence: Sequence, entry: Entry) -> None:
    """The entry, or one that is like it where it cannot be had; the sequence's depth is known exactly."""
    forest = (library_for(sequence) if entry.is_library or entry.via == "external" else None) or sequence.forest
    if entry.via == "external" and forest is sequence.forest:
        entry = entry._replace(via="CALL")
    entry = _possible(sequence, entry)
    sequence.spend(ENTRY_ROWS // 2)
    target = _target(sequence, entry, forest)
    items = _items(sequence.choices, entry)
    if entry.kind in ("DYN", "DYNCALL"):
        store_target(sequence, target.inner, items[0])
        sequence.settle(VISIBLE)
    entered = Procedure(_how(entry.via), forest, target.node)
    if entry.via in ("DYN", "DYNCALL"):
        store_target(sequence, entered, VIA_ADDRESS)
    _enter(sequence, entry, entered, items)
    for _ in range(_taken(entry)):
        sequence.state.drop()
    sequence.state.forget()


def _possible(sequence: Sequence, entry: Entry) -> Entry:
    """A callee's own memory holds no target; a full kernel takes no more procedures."""
    if entry.kind in ("DYN", "DYNCALL"):
        is_elsewhere = entry.via in ("CALL", "DYNCALL") or (entry.via == "SYSCALL" and not sequence.is_root)
        if is_elsewhere:
            return entry._replace(kind="JOIN")
        if entry.item == "1":
            return entry._replace(item="other")
    if entry.kind in ("SPLIT", "LOOP") and entry.item == "other":
        return entry._replace(item="1")
    if "SYSCALL" in (entry.via, entry.kind) and len(sequence.draft.kernel) >= MAX_KERNEL - 1:
        return entry._replace(
            via="CALL" if entry.via == "SYSCALL" else entry.via, kind="CALL" if entry.kind == "SYSCALL" else entry.kind
        )
    return entry


def _items(choices: Choices, entry: Entry) -> list[int]:
    """What the entered node finds on top."""
    if entry.kind in ("DYN", "DYNCALL"):
        return [OWN_ADDRESS_AT_0 if entry.item == "0" else OWN_ADDRESS]
    if entry.kind == "LOOP" and entry.item == "0":
        # Behind a loop that is not entered comes the flag of the loop around it, if there is one.
        return [0, 0]
    return [number_of(choices, entry.item)]


def _how(via: Via) -> ProcedureKind:
    return "inline" if via in ("LOOP", "DYN", "external") else "context"


# ---- the node that is entered ---------------------------------------------------------------------------------------


class _Target(NamedTuple):
    node: int
    inner: Procedure
    """What it runs when it is dynamic itself."""


def _target(sequence: Sequence, entry: Entry, forest: ForestDraft) -> _Target:
    """The node; as the body of a loop it leaves a 0 for the loop's END."""
    is_body = entry.via == "LOOP"
    end = "PAD " * is_body
    neutral = sequence.choices.pick(NEUTRAL)
    called = _block(forest, CLEARING if is_body else neutral)
    inner = Procedure("context", forest, called)
    match entry.kind:
        case "SPAN":
            node: Node | int = _block(forest, f"{neutral} {end}")
        case "JOIN":
            node = Join(_block(forest, neutral), _block(forest, f"NOOP {end}"))
        case "SPLIT":
            node = Split(_block(forest, f"{neutral} {end}"), _block(forest, f"NOOP {end}"))
        case "LOOP":
            node = Loop(_block(forest, f"PAD {end}"))
        case "CALL":
            node = Call(called)
        case "SYSCALL":
            forest.make_root(called)
            add_to_kernel(sequence.draft, inner)
            node = Syscall(called)
        case "DYN":
            inner = Procedure("inline", forest, _block(forest, f"{neutral} {end}"))
            node = Dyn()
        case "DYNCALL":
            node = Dyncall()
    forest.make_root(inner.node)
    if not isinstance(node, int):
        node = forest.add(node, _cost(forest, node, inner))
    forest.make_root(node)
    return _Target(node, inner)


def _block(forest: ForestDraft, names: str) -> int:
    return forest.add_block([Operation(opcode(name)) for name in names.split()])


def _cost(forest: ForestDraft, node: Node, inner: Procedure) -> Cost:
    match node:
        case Join(first, second):
            return CONTROL.then(forest.costs[first]).then(forest.costs[second])
        case Split(on_true, on_false):
            return CONTROL.then(forest.costs[on_true].at_most(forest.costs[on_false]))
        case Loop(body):
            return CONTROL.then(forest.costs[body])
        case _:
            return CONTROL.then(forest.costs[inner.node])


def _taken(entry: Entry) -> int:
    """Items that the entered node, and the END of a loop around it, take from the caller's stack."""
    if entry.via in ("CALL", "SYSCALL", "DYNCALL"):
        return 0
    own = entry.kind in ("SPLIT", "LOOP", "DYN", "DYNCALL")
    takes_flag = entry.kind in ("CALL", "SYSCALL", "DYNCALL") or (entry.kind == "LOOP" and entry.item == "0")
    return own + (entry.via == "LOOP" and takes_flag)


# ---- the node that enters -------------------------------------------------------------------------------------------


def _enter(sequence: Sequence, entry: Entry, entered: Procedure, items: list[int]) -> None:
    draft, forest = sequence.draft, sequence.forest
    extra = {"LOOP": [1], "DYN": [VIA_ADDRESS], "DYNCALL": [VIA_ADDRESS]}.get(entry.via, [])
    put(sequence, [*extra, *items], entry.depth + len(extra))
    for _ in extra:
        sequence.state.drop()
    cost = CONTROL.then(entered.forest.costs[entered.node])
    match entry.via:
        case "LOOP":
            node = forest.add(Loop(reference_to(sequence, entered)), cost)
        case "CALL":
            node = forest.add(Call(reference_to(sequence, entered)), cost)
        case "SYSCALL":
            add_to_kernel(draft, entered)
            node = forest.add(Syscall(reference_to(sequence, entered)), cost)
        case "DYN":
            node = forest.add(Dyn(), cost)
        case "DYNCALL":
            node = forest.add(Dyncall(), cost)
        case "external":
            node = reference_to(sequence, entered)
    sequence.add_node(node)
    after_call(sequence)
