"""Where to cut: random plans, and plans aimed at situations in which no fragment has begun yet.

A situation is what stands at a cut: the operation of the row that begins the fragment and how the program came to it,
or the operation of the row just before. Aiming needs one run of the reference; the plan is then good for any engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from harness.generate.choices import Choices, pick_weighted
from reference.definition.columns import COLUMN
from reference.definition.cuts import ONE_FRAGMENT, At, CutPlan, Every
from reference.definition.isa import BY_OPCODE
from reference.execution import Execution, RowMark

Phase = Literal[
    "start",
    "first",
    "inside",
    "padding",
    "batch_switch",
    "repeat",
    "end",
    "call",
    "return",
    "dynamic",
    "external",
    "last_row",
    "before_cut",
]
"""What they mean, in order.

A node begins inside its parent; the first operation of a block, a later one, a NOOP that only fills a group; RESPAN or
the operation behind it; REPEAT; END of a node that keeps the context; a callee begins; END of CALL, SYSCALL or DYNCALL;
the target of DYN or DYNCALL begins; a library's procedure begins; the program's last row; the row before the cut.
"""

EVERY_ROW_LIMIT: Final = 96
"""Programs up to this many rows are cut at every row: that costs no more than one longer program."""

PRIMES: Final = (
    2,
    3,
    5,
    7,
    11,
    13,
    17,
    19,
    23,
    29,
    31,
    37,
    41,
    43,
    47,
    53,
    59,
    61,
    67,
    71,
    73,
    79,
    83,
    89,
    97,
    127,
    251,
)


class Situation(NamedTuple):
    """What stands at a cut."""

    operation: str
    phase: Phase


def row_situations(execution: Execution) -> list[tuple[Situation, ...]]:
    """For each row of a completed run what a fragment that begins there stands for; row 0 is no cut and has none."""
    bits = [execution.core[:, COLUMN[f"dec_op_bit_{bit}"]].astype(np.int64) << bit for bit in range(7)]
    codes: list[int] = np.sum(bits, axis=0).tolist()
    names = [BY_OPCODE[code].name for code in codes]
    rest_of_group: list[int] = execution.core[:, COLUMN["dec_h0"]].tolist()
    op_index: list[int] = execution.core[:, COLUMN["dec_op_index"]].tolist()
    found: list[tuple[Situation, ...]] = [()] if names else []
    for row in range(1, len(names)):
        phase = _phase(execution.marks[row])
        if names[row] == "NOOP" and rest_of_group[row] == 0 and (op_index[row] == 0 or names[row - 1] == "PUSH"):
            phase = "padding"
        situations = [Situation(names[row], phase), Situation(names[row - 1], "before_cut")]
        if row == len(names) - 1:
            situations.append(Situation(names[row], "last_row"))
        found.append(tuple(situations))
    return found


def _phase(mark: RowMark) -> Phase:
    position = mark.position
    match position.tag:
        case "op":
            if position.operation:
                return "inside"
            return "batch_switch" if position.batch else "first"
        case "respan":
            return "batch_switch"
        case "repeat":
            return "repeat"
        case "end":
            return _phase_of_end(mark)
        case _:
            return _phase_of_start(mark)


def _phase_of_end(mark: RowMark) -> Phase:
    """The node that ends is still on top of the block stack."""
    return "return" if mark.blocks is not None and mark.blocks.saved_context is not None else "end"


def _phase_of_start(mark: RowMark) -> Phase:
    frames = mark.frames
    if frames is not None and frames.kind == "EnterForest":
        below = frames.below
        return "external" if below is not None and below.kind == "FinishExternal" else "dynamic"
    if frames is not None and frames.kind in ("FinishCall", "FinishDyn"):
        return "call" if frames.kind == "FinishCall" else "dynamic"
    return "start"


class CoverageMap:
    """How often a fragment has begun in each situation, over all cases seen."""

    def __init__(self) -> None:
        self.counts: Counter[Situation] = Counter()

    def add(self, situations: Sequence[tuple[Situation, ...]], plan: CutPlan) -> int:
        """Count the cuts of a plan on a run with these rows; how many situations were new."""
        new = 0
        for row in plan.starts(len(situations)):
            for situation in situations[row] if situations else ():
                new += self.counts[situation] == 0
                self.counts[situation] += 1
        return new

    def worth(self, situations: Iterable[Situation]) -> float:
        """The rarer, the more: 1 for a situation never seen, 1 / (1 + n) for one seen n times."""
        return max((1 / (1 + self.counts[situation]) for situation in situations), default=0.0)


def random_cut(choices: Choices, rows: int, *, multiples_only: bool = False) -> CutPlan:
    """A plan for a program of ``rows`` rows: any small size, primes, sizes near the end, single rows.

    ``multiples_only`` leaves out free cuts, which the real VM's own builder does not offer.
    """
    kind = pick_weighted(
        choices, ((1, "one"), (4, "small"), (2, "prime"), (3, "end"), (0 if multiples_only else 4, "at"))
    )
    match kind:
        case "one":
            return ONE_FRAGMENT
        case "small":
            return Every(choices.integer(1, min(32, max(1, rows))))
        case "prime":
            return Every(choices.pick(PRIMES))
        case "end":
            return Every(max(1, rows // choices.integer(1, 3) + choices.integer(-2, 2)))
        case _:
            return At(tuple(sorted({choices.integer(0, rows + 1) for _ in range(choices.integer(1, 8))})))


def aimed_cut(
    situations: Sequence[tuple[Situation, ...]], coverage: CoverageMap, *, cuts: int = 8, multiples_only: bool = False
) -> CutPlan:
    """A plan whose cuts fall on the rarest situations of a run, as :func:`row_situations` lists them.

    Short programs are cut at every row. Longer ones get at most ``cuts`` cuts, or, with ``multiples_only``, the
    fragment size up to 64 whose best ``cuts`` cuts are worth most.
    """
    rows = len(situations)
    if rows <= EVERY_ROW_LIMIT:
        return Every(1)
    worth = [coverage.worth(each) for each in situations]
    if multiples_only:
        # The sum over all cuts would always choose the smallest size; the best few are what is new.
        return Every(max(range(2, 65), key=lambda size: sum(sorted(worth[size::size], reverse=True)[:cuts])))
    chosen: list[int] = []
    seen: set[Situation] = set()
    for row in sorted(range(1, rows), key=lambda row: (-worth[row], row)):
        if not seen.issuperset(situations[row]):
            chosen.append(row)
            seen.update(situations[row])
        if len(chosen) == cuts:
            break
    return At(tuple(sorted(chosen)))
