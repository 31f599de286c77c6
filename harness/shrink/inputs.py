"""Passes over what the program is given: stack, advice, kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from harness.shrink.operations import smaller
from harness.shrink.proposals import Pass, Proposals, drop_items
from reference.definition.case import Advice, Case
from reference.definition.field import Word
from reference.definition.program import Kernel


def no_advice(search: Proposals) -> None:
    """No advice at all, then no advice maps of forests."""
    search.attempt(lambda case: replace(case, advice=Advice()))
    search.attempt(_without_forest_maps)


def _without_forest_maps(case: Case) -> Case:
    forest = replace(case.program.forest, advice_map={})
    libraries = tuple(replace(library, advice_map={}) for library in case.libraries)
    return replace(case, program=replace(case.program, forest=forest), libraries=libraries)


def fewer_advice(search: Proposals) -> None:
    """Shorter advice stack, map and store."""
    drop_items(search.best.advice.stack, lambda left: search.attempt(partial(_with_advice, stack=tuple(left))))
    keys = list(search.best.advice.map)
    drop_items(keys, lambda left: search.attempt(partial(_with_advice, keys=left)))
    drop_items(search.best.advice.store, lambda left: search.attempt(partial(_with_advice, store=tuple(left))))


def _with_advice(
    case: Case,
    *,
    stack: tuple[int, ...] | None = None,
    keys: Sequence[Word] | None = None,
    store: tuple[tuple[Word, Word], ...] | None = None,
) -> Case:
    advice = case.advice
    entries = advice.map if keys is None else {key: advice.map[key] for key in keys}
    return replace(
        case,
        advice=Advice(
            advice.stack if stack is None else stack, dict(entries), advice.store if store is None else store
        ),
    )


def fewer_inputs(search: Proposals) -> None:
    """A shorter stack of inputs: what is left out is 0."""
    for count in (0, *range(len(search.best.stack))):
        if search.attempt(partial(_with_stack, stack=search.best.stack[:count])):
            break


def smaller_inputs(search: Proposals) -> None:
    """0, 1, and half the bits in the place of inputs and advice."""
    for index, value in enumerate(search.best.stack):
        for simpler in smaller(value):
            if search.attempt(partial(_with_stack, stack=_put(search.best.stack, index, simpler))):
                break
    for index, value in enumerate(search.best.advice.stack):
        for simpler in smaller(value):
            if search.attempt(partial(_with_advice, stack=_put(search.best.advice.stack, index, simpler))):
                break


def _with_stack(case: Case, stack: tuple[int, ...]) -> Case:
    return replace(case, stack=stack)


def _put(values: tuple[int, ...], index: int, value: int) -> tuple[int, ...]:
    return (*values[:index], value, *values[index + 1 :])


def fewer_kernel_procedures(search: Proposals) -> None:
    """A smaller kernel."""
    drop_items(
        search.best.program.kernel.procedures,
        lambda left: search.attempt(lambda case: replace(case, program=replace(case.program, kernel=Kernel.of(left)))),
    )


INPUT_PASSES: tuple[tuple[str, Pass], ...] = (
    ("no advice", no_advice),
    ("advice", fewer_advice),
    ("kernel", fewer_kernel_procedures),
    ("fewer inputs", fewer_inputs),
    ("smaller inputs", smaller_inputs),
)
