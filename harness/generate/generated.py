"""From choices to a case: family, swarm, inputs, program, cuts, and what the program is meant to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.generate.choices import Choices, SeededChoices, Weighted, pick_weighted
from harness.generate.draft import Draft
from harness.generate.failures import DRY, failures_in_use
from harness.generate.families import Family, families_in_use
from harness.generate.grammar import place_failure
from harness.generate.profile import Profile
from harness.generate.sequence import Sequence
from harness.generate.state import VISIBLE, State
from harness.generate.values import U32_EDGES, spread
from reference.definition.case import Advice, Case
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.field import P
from reference.definition.mast import External
from reference.definition.program import Kernel, Program

COMPLETES: Final = "completes"
"""The intended outcome of a program that is not meant to fail."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A case and what its writer meant it to do."""

    case: Case
    intended: str
    """``completes``, or the name of the error."""
    family: str
    failure: str | None = None
    """The name in :data:`harness.generate.failures.FAILURES`."""
    rows: int = 0
    """Core rows; a bound where both sides of a branch may run."""


def generate_case(seed: int, number: int, profile: Profile = Profile()) -> Generated:  # noqa: B008 - frozen  # it is immutable
    """Case ``number`` of a campaign; the same numbers and profile give the same case."""
    return generate(SeededChoices(f"fragdiff/1/{seed}/{number}"), profile, name=f"generated-{seed}-{number}")


def generate(choices: Choices, profile: Profile = Profile(), *, name: str = "generated") -> Generated:  # noqa: B008 - frozen
    """One case from these choices."""
    # The cut comes first: behind the program a shrinker would lose it whenever the program gets shorter.
    cut = _draw_cut(choices)
    family = _families(profile).pick(choices)
    draft = Draft(choices, profile, budget=profile.max_rows, exact_rows=family.exact_rows)
    _draw_weights(draft, family)
    if choices.flag(round(100 * profile.failing_rate)) and family.may_fail:
        draft.pending = choices.pick(failures_in_use(profile.failures))
        draft.direct_pops = draft.pending.name not in DRY
    failure = draft.pending.name if draft.pending else None
    draft.inputs = choices.part(lambda: _draw_inputs(choices))
    entry = _write_program(draft, family)
    cost = draft.program.costs[entry]
    case = Case(
        name=name,
        program=Program(
            draft.program.finish(), entry, Kernel.of(dict.fromkeys(p.forest.digest(p.node) for p in draft.kernel))
        ),
        libraries=tuple(library.finish() for library in draft.libraries),
        stack=_without_trailing_zeros(draft.inputs),
        advice=Advice(_draw_tape(choices, cost.pops), dict(draft.advice_map), tuple(draft.store)),
        cuts=(cut,),
        about=f"{family.name}{f', fails: {failure}' if failure else ''}",
    )
    return Generated(case, draft.intended or COMPLETES, family.name, failure, cost.rows)


@lru_cache(maxsize=16)
def _families(profile: Profile) -> Weighted[Family]:
    """Those of the profile; where every program is to fail, the ones whose programs may."""
    in_use = families_in_use(profile.families, profile.max_rows)
    failing = tuple(family for family in in_use if family.may_fail)
    chosen = failing if failing and profile.failing_rate == 1 else in_use
    return Weighted((family.weight, family) for family in chosen)


def _draw_weights(draft: Draft, family: Family) -> None:
    """The family's weights, without what the swarm leaves out; plain operations always stay."""
    # One choice decides whether there is a swarm: a case without one is the simpler case.
    percent = draft.profile.swarm_percent
    if percent and not draft.choices.flag(75):
        percent = 0
    if not percent:
        draft.weights, draft.group_weights = dict(family.elements), dict(family.groups)
        return
    draft.weights = {
        name: weight
        for name, weight in family.elements.items()
        if name == "operation" or not draft.choices.flag(percent)
    }
    groups = {name: weight for name, weight in family.groups.items() if not draft.choices.flag(percent)}
    draft.group_weights = groups or dict(family.groups)
    if not any(draft.weights.values()):
        draft.weights = dict(family.elements)


def _draw_inputs(choices: Choices) -> list[int]:
    """16 items, top first: none, small and distinct, large and distinct, u32 edges; s0 and s1 often 0, 1 or 2."""
    kind = pick_weighted(choices, ((1, "zeros"), (3, "small"), (5, "distinct"), (2, "u32")))
    match kind:
        case "zeros":
            inputs = [0] * VISIBLE
        case "small":
            inputs = list(range(1, VISIBLE + 1))
        case "distinct":
            seed = choices.integer(1, P - 1)
            inputs = [element for at in range(4) for element in spread((seed + at) % (P - 1) + 1)]
        case _:
            inputs = [choices.pick(U32_EDGES) for _ in range(VISIBLE)]
    if choices.flag(25):
        inputs[:2] = [choices.integer(0, 2), choices.integer(0, 2)]
    return inputs


def _without_trailing_zeros(inputs: list[int]) -> tuple[int, ...]:
    count = len(inputs)
    while count and inputs[count - 1] == 0:
        count -= 1
    return tuple(inputs[:count])


def _draw_tape(choices: Choices, count: int) -> tuple[int, ...]:
    """Elements for all pops of the initial advice stack, and none to spare: distinct ones, or from 0 to 3 each."""
    if not count:
        return ()
    is_small = choices.flag(20)
    seed = choices.integer(1, P - 1)
    if is_small:
        return tuple(seed * 3**at >> 32 & 3 for at in range(count))
    return tuple((seed + 0x9E37_79B9_7F4A_7C15 * at) % P for at in range(count))


def _write_program(draft: Draft, family: Family) -> int:
    root = Sequence(draft, draft.program, State(list(draft.inputs)), level=0, live=True)
    root.is_root = True
    family.write(root)
    if draft.pending is not None:
        place_failure(root)
    root.settle(VISIBLE + draft.extra_outputs)
    if family.target_length:
        _pad_to_length(root)
    entry = root.finish()
    if isinstance(draft.program.nodes[entry], External) and not family.external_root:
        root.add_node(entry)
        root.emit("NOOP")
        entry = root.finish()
    draft.program.make_root(entry)
    return entry


def _pad_to_length(root: Sequence) -> None:
    """Append NOOPs so that the program has exactly 2^k - 3 .. 2^k + 2 rows, k from 6 to 10 where it fits."""
    body = root.finish()
    rows = root.cost(body).rows
    exponent, difference = root.choices.integer(6, 10), root.choices.integer(-3, 2)
    while 2**exponent + difference < rows + SMALLEST_FILLING:
        exponent += 1
    root.add_node(body)
    for count in filling(2**exponent + difference - rows):
        root.close_block()
        for _ in range(count):
            root.emit("NOOP")


SMALLEST_FILLING: Final = 16
"""From here on blocks of NOOPs can make up for any number of rows."""


def noop_block_rows(count: int) -> int:
    """Rows of a block of ``count`` NOOPs: groups of 9, batches of up to 8 groups filled up to a power of two."""
    full, rest = divmod(count, 72)
    groups = -(-rest // 9)
    added = (1 << (groups - 1).bit_length()) - groups if groups else 0
    respans = full - (rest == 0)
    return 2 + count + added + respans


def filling(rows: int) -> tuple[int, ...]:
    """NOOP counts of one or two blocks that, joined to a program, add exactly ``rows`` rows, at least 16.

    Filled-up batches leave gaps in what one block can do; a second block of a single group reaches every length.
    """
    for last in range(10):
        left = rows - 2 - (4 + last if last else 0)
        for count in range(left - 2, max(0, left - 8 - left // 36), -1):
            if noop_block_rows(count) == left:
                return (count, last) if last else (count,)
    raise ValueError(f"no filling has {rows} rows")


def _draw_cut(choices: Choices) -> CutPlan:
    """One fragment, or fragments of up to 64 rows; plans that know the program come from :mod:`harness.cuts`."""
    return Every(choices.integer(1, 64)) if choices.flag(80) else ONE_FRAGMENT
