"""How a program's outermost sequence is written, where it is no construct with a module of its own."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from harness.generate.choices import pick_weighted, several
from harness.generate.grammar import CONSTRUCTS, ELEMENTS, write_elements
from harness.generate.operations import GROUPS, write_any_operation, write_operation
from harness.generate.sequence import Sequence
from harness.generate.values import draw_element
from reference.definition.isa import BLOCK_OPERATIONS

MANY_CONSTRUCTS: Final = MappingProxyType({"operation": 20} | dict.fromkeys(CONSTRUCTS, 1) | {"loop": 3})


def write_anything(sequence: Sequence) -> None:
    """Elements of the family, as many as the profile lets go on."""
    write_elements(sequence, continue_percent=sequence.draft.profile.continue_percent)


def with_depth(write: Callable[[Sequence], None]) -> Callable[[Sequence], None]:
    """Most programs first put some distinct items on the stack, so that the overflow table is in use."""

    def put(sequence: Sequence) -> None:
        if sequence.choices.flag(70):
            several(sequence.choices, 7, 85, lambda: sequence.push(draw_element(sequence.choices)))

    def deep(sequence: Sequence) -> None:
        sequence.choices.part(lambda: put(sequence))
        write(sequence)

    return deep


def write_one_operation(sequence: Sequence) -> None:
    """Operands are inputs of the program where possible; a few items below 16 at most."""
    if sequence.choices.flag(40):
        for name in sequence.choices.pick((("PAD",), ("DUP3", "DUP7"), ("DROP",))):
            sequence.emit(name)
    write_operation(sequence, sequence.choices.pick(BLOCK_OPERATIONS).name)


def write_one_construct(sequence: Sequence) -> None:
    """The construct is the program's root where it needs no set-up and is the only one; it may be followed by code."""
    options = [(MANY_CONSTRUCTS[name], ELEMENTS[name]) for name in CONSTRUCTS]
    if sequence.choices.flag(40):
        sequence.choices.part(lambda: pick_weighted(sequence.choices, options)(sequence))
        return
    several(sequence.choices, 2, 85, lambda: pick_weighted(sequence.choices, options)(sequence))
    several(sequence.choices, 1, 50, lambda: write_any_operation(sequence))


_PADDING: Final = ("NOOP", "SWAP", "INCR", "NEG", "MOVUP5", "DUP2", "DROP")


def write_batches(sequence: Sequence) -> None:
    """One block of up to 220 operations; PUSH runs make groups close early."""
    several(sequence.choices, 6, 85, lambda: _part_of_batch(sequence))


def _part_of_batch(sequence: Sequence) -> None:
    choices = sequence.choices
    kind = choices.pick(("run", "pushes", "mixed"))
    if kind == "run":
        for _ in range(choices.pick((1, 6, 7, 8, 9, 10, 17, 36, 71, 72, 73))):
            sequence.emit("NOOP")
    elif kind == "pushes":
        several(choices, 12, 88, lambda: sequence.emit("PUSH", draw_element(choices)))
    else:
        several(choices, 12, 88, lambda: _mixed(sequence))


def _mixed(sequence: Sequence) -> None:
    sequence.emit(sequence.choices.pick(_PADDING))
    if sequence.choices.flag(30):
        sequence.emit("PUSH", draw_element(sequence.choices))


def write_range_heavy(sequence: Sequence) -> None:
    """Few rows, many distinct 16-bit limbs far apart: the range table is longer than the program."""
    several(sequence.choices, 12, 88, lambda: write_operation(sequence, sequence.choices.pick(GROUPS["u32"])))


def write_chiplets_heavy(sequence: Sequence) -> None:
    """Few rows, many chiplet rows."""
    names = ("HPERM", "U32XOR", "U32AND", "LOGPRECOMPILE", "MPVERIFY")
    several(sequence.choices, 10, 88, lambda: write_operation(sequence, sequence.choices.pick(names)))
