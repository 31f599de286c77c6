"""Families of programs as data: what each one is made of, how often it is drawn, and the mistake it hunts.

A family says how likely each element and each group of operations is, and how the outermost sequence is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from harness.generate.deep_stacks import write_deep_stack, write_worn_stack
from harness.generate.entries import write_entries
from harness.generate.grammar import CONSTRUCTS
from harness.generate.long_loops import LEAST_ROWS, write_long_loop
from harness.generate.nests import write_nest
from harness.generate.operations import GROUPS
from harness.generate.outermost import (
    MANY_CONSTRUCTS,
    with_depth,
    write_anything,
    write_batches,
    write_chiplets_heavy,
    write_one_construct,
    write_one_operation,
    write_range_heavy,
)
from harness.generate.places import write_places
from harness.generate.resolved_entries import write_external_entry, write_resolved_entry
from harness.generate.sequence import Sequence

ALL_GROUPS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(GROUPS, 3),
        "stack": 12,
        "field": 6,
        "u32": 6,
        "system": 5,
        "memory": 5,
        "advice": 3,
        "merkle": 1,
        "stark": 2,
        "hash": 1,
    }
)
"""Merkle operations take ten to fourteen operands and up to a hundred hasher rows; they are for their own family."""

ALL_ELEMENTS: Final[Mapping[str, int]] = MappingProxyType(
    {"operation": 60, "end_block": 6, "run": 1, **dict.fromkeys(CONSTRUCTS, 4), "split": 6, "loop": 8}
)


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of program."""

    name: str
    weight: int
    hunts: str
    """The mistake that this family would show."""
    write: Callable[[Sequence], None]
    """Writes the program's outermost sequence."""
    elements: Mapping[str, int] = field(default_factory=lambda: ALL_ELEMENTS)
    groups: Mapping[str, int] = field(default_factory=lambda: ALL_GROUPS)
    external_root: bool = False
    """The root may be an external node, on which the real VM is wrong (A6)."""
    may_fail: bool = True
    """Programs that fail have no rows to show by that a known defect is one."""
    target_length: bool = False
    """Pad the program to a number of rows near a power of two."""
    least_rows: int = 0
    """A budget of fewer rows leaves the family out."""

    @property
    def exact_rows(self) -> bool:
        """Rows have to be counted exactly while the program is written."""
        return self.target_length or self.least_rows > 0


def _only(**weights: int) -> Mapping[str, int]:
    return MappingProxyType(weights)


FAMILIES: Final[tuple[Family, ...]] = (
    Family("mixed", 10, "state that one construct leaves and another reads", with_depth(write_anything)),
    Family("one_operation", 6, "a single operation's effect, helpers or queue entry", write_one_operation),
    Family(
        "one_construct",
        6,
        "start and END of a node as first, last and only code of a program",
        write_one_construct,
        MANY_CONSTRUCTS,
    ),
    Family(
        "stack",
        4,
        "overflow rows and addresses across a cut, depth forgotten by movements (C4)",
        with_depth(write_anything),
        _only(operation=40, end_block=4, call=3, loop=2),
        _only(stack=10, system=2, field=1),
    ),
    Family(
        "arithmetic",
        4,
        "carries, borrows, limbs and inverses at the edges of 16, 32 and 64 bits (C1, C2, C13)",
        with_depth(write_anything),
        _only(operation=40, end_block=2, loop=1),
        _only(field=4, u32=6, stack=3),
    ),
    Family("batches", 4, "group and batch arithmetic at RESPAN and behind immediates (A6, C9, C16)", write_batches),
    Family(
        "loops",
        5,
        "REPEAT and END of loops of every body kind, entered or not, nested (A1, A7)",
        with_depth(write_anything),
        _only(operation=10, end_block=1, loop=8, split=2, call=1),
    ),
    Family(
        "contexts",
        5,
        "context, caller hash and overflow restored by END of calls, also in calls (C8, C15)",
        with_depth(write_anything),
        _only(operation=14, end_block=1, call=5, dyncall=2, syscall=3, split=1),
        _only(stack=6, system=8, memory=5, field=1),
    ),
    Family(
        "kernel",
        3,
        "kernel rows for procedures called 0, 1, 2 and more times in any order (C6)",
        with_depth(write_anything),
        _only(operation=8, syscall=8, call=2, loop=1),
    ),
    Family(
        "dynamic",
        3,
        "targets found by digest: reads of the target word, address pops, forest switches",
        with_depth(write_anything),
        _only(operation=10, dyn=5, dyncall=5, external=1, loop=1),
    ),
    Family(
        "libraries",
        4,
        "resolutions and forest switches replayed in the wrong order, or lost at a cut",
        with_depth(write_anything),
        _only(operation=10, external=8, dyn=2, call=2, split=2, loop=2, syscall=1),
    ),
    Family(
        "external_entry",
        1,
        "the program's root is an external node (A6: the real VM is wrong here)",
        write_external_entry,
        external_root=True,
    ),
    Family(
        "resolved_entry",
        2,
        "the program's root is an external node, and it goes on to other libraries at once (A6)",
        write_resolved_entry,
        external_root=True,
    ),
    Family(
        "memory",
        4,
        "memory rows sorted by context, word and clock; reads of never written words; far addresses (B1)",
        with_depth(write_anything),
        _only(operation=30, call=4, syscall=2, loop=2, dyncall=1),
        _only(memory=10, stack=3, advice=2, stark=1, field=1),
    ),
    Family(
        "advice",
        4,
        "replayed advice and events: what is popped, in which order, after which event (B5, B8)",
        with_depth(write_anything),
        _only(operation=30, external=2, call=2, loop=2, split=1),
        _only(advice=6, events=8, stack=2, memory=1),
    ),
    Family(
        "merkle",
        2,
        "Merkle paths in the hasher and their addresses (C10)",
        with_depth(write_anything),
        _only(operation=20, end_block=1, loop=1, call=1),
        _only(merkle=6, hash=3, events=2, stack=2),
    ),
    Family(
        "proofs",
        3,
        "hashing, Horner, folding and circuit operations between others (C11)",
        with_depth(write_anything),
        _only(operation=20, end_block=1, loop=1, call=1),
        _only(stark=6, hash=3, stack=4, memory=1),
    ),
    Family(
        "places",
        18,
        "a single operation from any valid state: its place in the block, depth, top item, calls, queues",
        write_places,
    ),
    Family(
        "entries",
        7,
        "a node of any kind begun by LOOP, CALL, SYSCALL, DYN, DYNCALL or an external node (A1, A6)",
        write_entries,
    ),
    Family(
        "nests", 2, "parents found again over tens of levels, lopsided ones too; long continuation stacks", write_nest
    ),
    Family(
        "long",
        1,
        "what is only wrong in long traces: counters, tables and addresses of many fragments",
        write_long_loop,
        _only(operation=30, end_block=2, call=1, split=1),
        least_rows=LEAST_ROWS,
    ),
    Family(
        "deep_stack",
        1,
        "stacks of hundreds of items, some deeper than an executor has room for (D02)",
        write_deep_stack,
        may_fail=False,
    ),
    Family(
        "worn_stack",
        1,
        "what reads deep when the stack's place in memory has moved to its end (D19)",
        write_worn_stack,
        may_fail=False,
    ),
    Family("range_table", 2, "a trace as long as its range table (A5)", write_range_heavy),
    Family("chiplets", 2, "a trace as long as its chiplets", write_chiplets_heavy),
    Family(
        "lengths",
        4,
        "programs of exactly 2^k rows and a few more or less: HALT rows, last row, padding (A5, A8)",
        with_depth(write_anything),
        target_length=True,
    ),
)
"""All families; the first is the simplest."""


def families_in_use(names: tuple[str, ...], rows: int) -> tuple[Family, ...]:
    """The families with these names, all when none is given, for programs of up to so many rows.

    Raises ValueError that names the unknown ones, or those that need more rows.
    """
    unknown = sorted(set(names) - {family.name for family in FAMILIES})
    if unknown:
        known = ", ".join(family.name for family in FAMILIES)
        raise ValueError(f"there is no family {', '.join(unknown)}; there are {known}")
    long = next((family for family in FAMILIES if family.name in names and family.least_rows > rows), None)
    if long is not None:
        raise ValueError(f"family {long.name} needs max_rows of {long.least_rows} at least, found {rows}")
    return tuple(family for family in FAMILIES if family.least_rows <= rows and (not names or family.name in names))


def family_lines() -> list[str]:
    """A line for each family: its name, its share of programs of up to 2^16 rows, and what it hunts."""
    total = sum(family.weight for family in FAMILIES)
    lines = [f"{family.name:<15} {family.weight / total:>5.1%}  {family.hunts}" for family in FAMILIES]
    needing = [f"{family.name} needs --max-rows {family.least_rows}" for family in FAMILIES if family.least_rows]
    return [*lines, *needing]
