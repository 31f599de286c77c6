"""Faults of the generator: cases that are not what they claim, not what they were, or all alike.

Each is another writer in the place of the generator: with a driver that draws badly, or with cases that are changed or passed
over on the way out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from harness.faults.fault import Check, Fault, InGenerator
from harness.faults.generation import Writer
from harness.generate import COMPLETES, Generated, Profile, SeededChoices, generate
from harness.generate.values import FIELD_EDGES, U32_EDGES
from reference.definition.case import Case
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.field import U32_LIMIT
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block, Forest, Join

T = TypeVar("T")

_COVERAGE: Final = (Check.COVERAGE,)
_MOST_PASSED_OVER: Final = 200


class _Driven(Writer):
    """Cases from another driver."""

    def __init__(self, driver: Callable[[str], SeededChoices]) -> None:
        super().__init__()
        self._driver = driver

    def generated(self, seed: int, number: int) -> Generated:
        """Case ``number``."""
        return generate(self._driver(f"fragdiff/1/{seed}/{number}"), Profile(), name=f"generated-{seed}-{number}")


class _NeverTrue(SeededChoices):
    def flag(self, percent: int = 50) -> bool:
        """No, after the draw."""
        super().flag(percent)
        return False


class _SmallNumbers(SeededChoices):
    """Elements and u32 values below 8, and never an edge."""

    def integer(self, low: int, high: int) -> int:
        """Near ``low`` when the range is that of values."""
        value = super().integer(low, high)
        return low + value % 8 if high - low >= U32_LIMIT // 2 else value

    def pick(self, options: Sequence[T]) -> T:
        """The first options of what is awkward."""
        picked = super().pick(options)
        return options[0] if options in (FIELD_EDGES, U32_EDGES) else picked


class _Zeros(SeededChoices):
    """Values are 0."""

    def integer(self, low: int, high: int) -> int:
        """``low`` when the range is that of values."""
        value = super().integer(low, high)
        return low if high - low >= U32_LIMIT // 2 else value

    def pick(self, options: Sequence[T]) -> T:
        """0 where there is one among awkward values."""
        picked = super().pick(options)
        return options[0] if options in (FIELD_EDGES, U32_EDGES) else picked


class _ZeroInputs(Writer):
    def generated(self, seed: int, number: int) -> Generated:
        """Case ``number``, on a stack of zeros and without values in its pushes."""
        driver = _Zeros(f"fragdiff/1/{seed}/{number}")
        found = generate(driver, Profile(), name=f"generated-{seed}-{number}")
        return replace(found, case=replace(found.case, stack=()))


class _Passing(Writer):
    """The first case from ``number`` on that has not what it must not have."""

    def __init__(self, is_left_out: Callable[[Writer, Generated], bool]) -> None:
        super().__init__()
        self._is_left_out = is_left_out

    def generated(self, seed: int, number: int) -> Generated:
        """The case."""
        for attempt in range(_MOST_PASSED_OVER):
            found = super().generated(seed, number + 1_000_000 * attempt)
            if not self._is_left_out(self, found):
                return found
        raise AssertionError("every case has it")


class _Altering(Writer):
    def __init__(self, alter: Callable[[Generated], Generated]) -> None:
        super().__init__()
        self._alter = alter

    def generated(self, seed: int, number: int) -> Generated:
        """Case ``number``, altered."""
        return self._alter(super().generated(seed, number))


class _Counting(Writer):
    """Draws from where the last case ended."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = itertools.count()

    def generated(self, seed: int, number: int) -> Generated:
        """Another case each time."""
        return super().generated(seed, number + next(self._drawn))


class _Planned(Writer):
    def __init__(self, change: Callable[[CutPlan], CutPlan]) -> None:
        super().__init__()
        self._change = change

    def plan(self, case: Case, seed: int, number: int) -> CutPlan:
        """The cut plan, changed."""
        return self._change(super().plan(case, seed, number))


class _Stuck(Writer):
    def generated(self, seed: int, number: int) -> Generated:
        """The first case of the seed, under any number."""
        return super().generated(seed, 0 * number)


def _has_merkle_operation(_: Writer, found: Generated) -> bool:
    codes = {
        opcode(name) for name in ("MPVERIFY", "MRUPDATE", "PIPE", "MSTREAM", "HPERM", "LOGPRECOMPILE", "EVALCIRCUIT")
    }
    forests: tuple[Forest, ...] = (found.case.program.forest, *found.case.libraries)
    blocks = (node for forest in forests for node in forest.nodes if isinstance(node, Block))
    return any(item.code in codes for block in blocks for item in block.operations)


def _is_deep(writer: Writer, found: Generated) -> bool:
    execution = writer.execution(found.case)
    return bool((execution.core[:, COLUMN["stack_b0"]] > 16).any())


def _one_item_more(found: Generated) -> Generated:
    program = found.case.program
    push = Block((Operation(opcode("PAD")),))
    nodes = (*program.forest.nodes, push)
    nodes = (*nodes, Join(program.entry, len(nodes) - 1))
    forest = replace(program.forest, nodes=nodes, roots=(*program.forest.roots, len(nodes) - 1))
    return replace(found, case=replace(found.case, program=replace(program, forest=forest, entry=len(nodes) - 1)))


def _said_to_complete(found: Generated) -> Generated:
    return replace(found, intended=COMPLETES)


def _never_cut(plan: CutPlan) -> CutPlan:
    del plan
    return ONE_FRAGMENT


def _multiples_of_four(plan: CutPlan) -> CutPlan:
    del plan
    return Every(4)


GENERATOR_FAULTS: Final = (
    Fault(
        "every-case-the-same",
        "generator",
        "the number of a case is not part of its seed",
        "class: a campaign that runs one case",
        _COVERAGE,
        InGenerator(_Stuck),
    ),
    Fault(
        "driver-never-says-yes",
        "generator",
        "the driver's flags are always no",
        "class: a generator that always takes the simplest way",
        (Check.COVERAGE, Check.INTENT),
        InGenerator(lambda: _Driven(_NeverTrue)),
    ),
    Fault(
        "small-numbers-only",
        "generator",
        "elements and u32 values are below 8",
        "C2: a generator that draws only small operands never sees a carry",
        (Check.COVERAGE, Check.INTENT),
        InGenerator(lambda: _Driven(_SmallNumbers)),
    ),
    Fault(
        "zeros-everywhere",
        "generator",
        "inputs and values are 0",
        "A1: two months unseen because the stack was all zeros",
        (Check.COVERAGE, Check.INTENT),
        InGenerator(_ZeroInputs),
    ),
    Fault(
        "shallow-stacks-only",
        "generator",
        "no program has more than 16 items on its stack",
        "C4, C15: what shows above depth 16 only",
        _COVERAGE,
        InGenerator(lambda: _Passing(_is_deep)),
    ),
    Fault(
        "operations-left-out",
        "generator",
        "hashing, Merkle, streaming and circuit operations are never written",
        "class: operations that no case executes",
        _COVERAGE,
        InGenerator(lambda: _Passing(_has_merkle_operation)),
    ),
    Fault(
        "one-family",
        "generator",
        "only one family of programs is drawn",
        "class: small programs and lengths never tried (A5)",
        _COVERAGE,
        InGenerator(lambda: Writer(Profile(families=("mixed",)))),
    ),
    Fault(
        "no-failing-programs",
        "generator",
        "no program is meant to fail",
        "C14, B9: errors that nobody provokes",
        _COVERAGE,
        InGenerator(lambda: Writer(Profile(failing_rate=0))),
    ),
    Fault(
        "tiny-programs-only",
        "generator",
        "programs stop growing after a few rows",
        "class: nothing crosses a batch, a tile or a context",
        _COVERAGE,
        InGenerator(lambda: Writer(Profile(max_rows=4, max_level=1, continue_percent=20))),
    ),
    Fault(
        "item-left-behind",
        "generator",
        "every program leaves an item more than it should",
        "class: a model of the machine that is off by one",
        (Check.INTENT,),
        InGenerator(lambda: _Altering(_one_item_more)),
    ),
    Fault(
        "failures-said-to-complete",
        "generator",
        "programs that are meant to fail are said to complete",
        "class: a wrong expectation",
        (Check.INTENT,),
        InGenerator(lambda: _Altering(_said_to_complete)),
    ),
    Fault(
        "not-repeatable",
        "generator",
        "a case depends on how many were drawn before it",
        "class: findings that cannot be had again",
        (Check.REPEATABILITY,),
        InGenerator(_Counting),
    ),
    Fault(
        "never-cut",
        "generator",
        "every case is one fragment",
        "A14: fragment sizes, and every seam with them",
        _COVERAGE,
        InGenerator(lambda: _Planned(_never_cut)),
    ),
    Fault(
        "cut-at-multiples-of-four",
        "generator",
        "every case is cut at every fourth row",
        "A1: a defect on one row of a hundred needs the cut there",
        _COVERAGE,
        InGenerator(lambda: _Planned(_multiples_of_four)),
    ),
)
"""Each a writer in the place of the generator."""
