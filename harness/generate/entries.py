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
from harness.generate.choices import Choices, pick_weighted, several
from harness.generate.draft import Procedure
from harness.generate.forests import CONTROL, Cost, ForestDraft
from harness.generate.places import Item, draw_calls, draw_depth, number_of, put, within_calls
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE
from reference.definition.mast import Call, Dyn, Dyncall, Join, Loop, Node, Split, Syscall

Via = Literal["LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL", "external"]
Kind = Literal["SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL"]

VIAS: Final[tuple[tuple[int, Via], ...]] = (
    (3, "LOOP"),
    (1, "CALL"),
    (1, "SYSCALL"),
    (4, "DYN"),
    (2, "DYNCALL"),
    (4, "external"),
)
"""With weights: behind some there are more depths and more items than behind others."""
KINDS: Final[tuple[Kind, ...]] = ("SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL")

MOST_ENTRIES: Final = 8
ENTRY_ROWS: Final = 40
"""Rows that an entry may need; none is begun with fewer left."""

VIA_ADDRESS, OWN_ADDRESS, OWN_ADDRESS_AT_0 = 80, 96, 0
"""Words that hold the target of the entry itself, and that of a target which is dynamic too."""

NEUTRAL: Final = ("NOOP", "SWAP SWAP", "PAD DROP", "MOVUP3 MOVDN3")
CLEARING: Final = "PAD SWAP DROP"
"""The top becomes 0."""

_NO_BIT: Final = 5


class Entry(NamedTuple):
    """What begins, and how the program comes to it."""

    via: Via
    kind: Kind
    depth: int
    item: Item
    is_library: bool
    is_child: bool = False
    """It begins behind a JOIN that is entered so."""
    again: bool = False
    """It is the body of a loop, and what counts is its second run: behind a REPEAT, at the depth given."""
    drops: int = 0
    """So many items more are taken off by what begins, where it has a block to do that."""


class _Made(NamedTuple):
    """An entry that is ready to be written where it belongs."""

    entry: Entry
    forest: ForestDraft
    node: int
    inner: Procedure
    """What the node runs when it is dynamic itself."""
    items: list[int]
    """What the node finds on top."""


def write_entries(sequence: Sequence) -> None:
    """Several entries, each in the program's context or in a callee's, or a single one with which the program ends."""
    if sequence.choices.flag(35):
        write_entry(sequence, ending_at_16(_draw_entry(sequence.choices)), calls=0)
        return

    def write() -> None:
        if sequence.room(ENTRY_ROWS):
            write_entry(sequence, _draw_entry(sequence.choices), draw_calls(sequence.choices))

    several(sequence.choices, MOST_ENTRIES, 95, write)


def _draw_entry(choices: Choices) -> Entry:
    items: tuple[Item, ...] = ("0", "1", "other")
    entry = Entry(
        pick_weighted(choices, VIAS), choices.pick(KINDS), draw_depth(choices), choices.pick(items), choices.flag(50)
    )
    if entry.via == "LOOP":
        return entry._replace(again=choices.flag(40))
    return entry._replace(is_child=choices.flag(20))


def ending_at_16(entry: Entry) -> Entry:
    """The entry, with as many drops as bring the stack back to 16, where it has a block for them."""
    can_drop = entry.kind in ("SPAN", "JOIN", "SPLIT", "LOOP", "DYN") and not entry.again
    if not can_drop or entry.via in ("CALL", "SYSCALL", "DYNCALL"):
        return entry
    return entry._replace(drops=max(0, entry.depth - VISIBLE - _taken(entry)))


def write_entry(sequence: Sequence, entry: Entry, calls: int) -> None:
    """The entry in so many calls, or one that is like it where it cannot be had; the sequence is the program's own."""
    sequence.spend(ENTRY_ROWS // 2)
    forest = (library_for(sequence) if entry.is_library or entry.via == "external" else None) or sequence.forest
    if entry.via == "external" and forest is sequence.forest:
        entry = entry._replace(via="CALL")
    entry = _possible(sequence, entry)
    made = _make(sequence, entry, forest)
    is_dynamic = entry.kind in ("DYN", "DYNCALL")
    if is_dynamic:
        _store(sequence, made)

    def write(inner: Sequence) -> None:
        if is_dynamic and calls and entry.via != "SYSCALL":
            _store(inner, made)
        _write(inner, made)

    within_calls(sequence, calls, write)


def _possible(sequence: Sequence, entry: Entry) -> Entry:
    """A callee's own memory holds no target; a full kernel takes no more procedures; conditions are 0 or 1."""
    if "SYSCALL" in (entry.via, entry.kind) and len(sequence.draft.kernel) >= MAX_KERNEL - 1:
        entry = entry._replace(
            via="CALL" if entry.via == "SYSCALL" else entry.via, kind="CALL" if entry.kind == "SYSCALL" else entry.kind
        )
    if entry.kind in ("DYN", "DYNCALL"):
        if entry.via in ("CALL", "DYNCALL"):
            return entry._replace(kind="JOIN")
        if entry.item == "1":
            return entry._replace(item="other")
    if entry.kind in ("SPLIT", "LOOP") and entry.item == "other":
        return entry._replace(item="1")
    return entry


def _store(sequence: Sequence, made: _Made) -> None:
    store_target(sequence, made.inner, made.items[0])
    sequence.settle(VISIBLE)


def _write(sequence: Sequence, made: _Made) -> None:
    entered = Procedure(
        "inline" if made.entry.via in ("LOOP", "DYN", "external") else "context", made.forest, made.node
    )
    if made.entry.via in ("DYN", "DYNCALL"):
        store_target(sequence, entered, VIA_ADDRESS)
    items = _items_of_runs(made) if made.entry.again else made.items
    _enter(sequence, made.entry, entered, items)
    for _ in range(_taken(made.entry)):
        sequence.state.drop()
    sequence.state.forget()


# ---- items ----------------------------------------------------------------------------------------------------------


def _items(choices: Choices, entry: Entry) -> list[int]:
    """What the entered node finds on top."""
    if entry.kind in ("DYN", "DYNCALL"):
        return [OWN_ADDRESS_AT_0 if entry.item == "0" else OWN_ADDRESS]
    if entry.kind == "LOOP" and entry.item == "0" and entry.via == "LOOP":
        # Behind a loop that is not entered comes the flag of the loop around it.
        return [0, 0]
    return [number_of(choices, entry.item)]


def _items_of_runs(made: _Made) -> list[int]:
    """For a body that takes its operand, if it has one, and makes the flag of the loop from the item below: 0 goes on.

    An inner loop leaves that item as it is.
    """
    entry, first = made.entry, made.items[0]
    if entry.kind == "LOOP":
        return [first, 1, first, 0]
    if entry.kind in ("SPLIT", "DYN", "DYNCALL"):
        return [first, 0, first, _NO_BIT]
    return [0, first, _NO_BIT] if first == 0 else [0, first]


def _taken(entry: Entry) -> int:
    """Items that the entered node, and REPEAT and END of a loop around it, take from the caller's stack."""
    if entry.via in ("CALL", "SYSCALL", "DYNCALL"):
        return 0
    own = entry.kind in ("SPLIT", "LOOP", "DYN", "DYNCALL")
    if entry.again:
        return 4 if own else 2 + (entry.item == "0")
    is_skipped = entry.kind == "LOOP" and entry.item == "0"
    takes_flag = entry.kind in ("CALL", "SYSCALL", "DYNCALL") or is_skipped
    return own + (entry.via == "LOOP" and takes_flag) + (0 if is_skipped else entry.drops)


# ---- the node that is entered ---------------------------------------------------------------------------------------


def _make(sequence: Sequence, entry: Entry, forest: ForestDraft) -> _Made:
    """The node; as the body of a loop it leaves that loop's flag."""
    is_body = entry.via == "LOOP"
    end = "DROP " * entry.drops + ("EQZ" if entry.again else "PAD") * is_body
    neutral = sequence.choices.pick(NEUTRAL)
    called = forest.add_code(("EQZ" if entry.again else CLEARING) if is_body else neutral)
    inner = Procedure("context", forest, called)
    match entry.kind:
        case "SPAN":
            node: Node | int = forest.add_code(f"{neutral} {end}")
        case "JOIN":
            node = Join(forest.add_code(neutral), forest.add_code(f"NOOP {end}"))
        case "SPLIT":
            node = Split(forest.add_code(f"{neutral} {end}"), forest.add_code(f"NOOP {end}"))
        case "LOOP":
            node = Loop(forest.add_code("PAD" if entry.again else f"{end} PAD"))
        case "CALL":
            node = Call(called)
        case "SYSCALL":
            forest.make_root(called)
            add_to_kernel(sequence.draft, inner)
            node = Syscall(called)
        case "DYN":
            inner = Procedure("inline", forest, forest.add_code(f"{neutral} {end}"))
            node = Dyn()
        case "DYNCALL":
            node = Dyncall()
    forest.make_root(inner.node)
    if not isinstance(node, int):
        node = forest.add(node, _cost(forest, node, inner))
    if entry.is_child:
        join = Join(node, forest.add_code(neutral))
        node = forest.add(join, _cost(forest, join, inner))
    forest.make_root(node)
    return _Made(entry, forest, node, inner, _items(sequence.choices, entry))


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


# ---- the node that enters -------------------------------------------------------------------------------------------


def _enter(sequence: Sequence, entry: Entry, entered: Procedure, items: list[int]) -> None:
    draft, forest = sequence.draft, sequence.forest
    extra = {"LOOP": [1], "DYN": [VIA_ADDRESS], "DYNCALL": [VIA_ADDRESS]}.get(entry.via, [])
    put(sequence, [*extra, *items], entry.depth + len(extra))
    for _ in extra:
        sequence.state.drop()
    runs = 3 if entry.again else 1
    cost = CONTROL.then(entered.forest.costs[entered.node].times(runs)).then(Cost(rows=runs - 1))
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
