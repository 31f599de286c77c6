"""Checks on the generator: that programs do what they are meant to do, come again, and are varied enough.

A generator that has gone wrong finds nothing and says nothing. What a few hundred of its cases always contain is counted here,
and a batch without it is a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from harness.backends.reference import ReferenceEngine
from harness.campaign.guide import Guide
from harness.campaign.totals import cut_kind
from harness.corpus import content_hash
from harness.faults.fault import Check
from harness.generate import COMPLETES, Generated, Profile, generate_case
from harness.generate.values import FIELD_EDGES, U32_EDGES
from harness.shrink.termination import ends
from reference.definition.case import Case
from reference.definition.columns import COLUMN, RANGE
from reference.definition.cuts import CutPlan
from reference.definition.formats.case_json import case_line
from reference.definition.formats.children_first import children_first
from reference.definition.isa import BLOCK_OPERATIONS, OPCODE_BITS, PUSH, opcode
from reference.definition.mast import Block
from reference.definition.outcome import Completed
from reference.execution import Execution

BATCH: Final = 120
"""Cases of a batch: with many fewer, the rarest of what is counted would be missing now and then."""

MOST_ROWS: Final = 2**18
"""No case of the generator has so many; one that has them may have no end, and would fill the memory."""

_FIRST_ITEM, _DEPTH = COLUMN["stack_0"], COLUMN["stack_b0"]
_LOOP, _END = opcode("LOOP"), opcode("END")
_CONTROL: Final = tuple(opcode(name) for name in ("SPAN", "JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL"))


_EDGES: Final = frozenset((*U32_EDGES, *FIELD_EDGES)) - {0, 1, 2, 3}
"""Small numbers come from everywhere."""


class Writer:
    """The generator as a campaign uses it: cases by seed and number, and their cut plans."""

    def __init__(self, profile: Profile = Profile()) -> None:  # noqa: B008 - frozen
        self._profile = profile
        self._reference = ReferenceEngine()
        self._guide = Guide([self._reference])

    def generated(self, seed: int, number: int) -> Generated:
        """Case ``number``."""
        return generate_case(seed, number, self._profile)

    def execution(self, case: Case) -> Execution:
        """What the reference makes of a case."""
        return self._reference.run(case).execution

    def plan(self, case: Case, seed: int, number: int) -> CutPlan:
        """The cut plan of case ``number``."""
        return self._guide.plan(case, self._guide.guidance(case), seed, number)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is counted of one case."""

    text: str
    """The case without its name: equal for equal cases."""
    family: str
    intended: str
    ended: str
    cut: str
    cuts: int
    deep_cuts: int
    """Cuts at a depth above 16."""
    rows: int
    operations: frozenset[int]
    """Opcodes that ran."""
    skipped_loops: int
    deepest: int
    nonzero_share: float
    """Of the stack items of all rows."""
    edges: frozenset[int]
    """Awkward values among those that the program is given, inputs and immediates."""
    has_full_limb: bool
    """A lookup of 65535."""


def observe(writer: Writer, seed: int, number: int) -> Observed:
    """Generates, runs and cuts one case."""
    generated = writer.generated(seed, number)
    case = children_first(generated.case)
    execution = writer.execution(case)
    plan = writer.plan(case, seed, number)
    core, outcome = execution.core, execution.outcome
    bits = [core[:, COLUMN[f"dec_op_bit_{bit}"]].astype(np.int64) << bit for bit in range(OPCODE_BITS)]
    codes = np.sum(bits, axis=0) if len(core) else np.zeros(0, np.int64)
    items, depths = core[:, _FIRST_ITEM : _FIRST_ITEM + 16], core[:, _DEPTH]
    cuts = [row for row in plan.starts(len(core)) if row]
    trace = execution.trace
    lookups = 0 if trace is None else int(trace.columns[RANGE.start][trace.columns[RANGE.start + 1] == 65535].sum())
    return Observed(
        text=_content(case),
        family=generated.family,
        intended=generated.intended,
        ended=COMPLETES if isinstance(outcome, Completed) else outcome.error,
        cut=cut_kind(plan),
        cuts=len(cuts),
        deep_cuts=int(np.count_nonzero(depths[cuts] > 16)),
        rows=len(core),
        operations=frozenset(codes.tolist()),
        skipped_loops=int(np.count_nonzero((codes[:-1] == _LOOP) & (codes[1:] == _END))),
        deepest=int(depths.max(initial=0)),
        nonzero_share=float(np.count_nonzero(items) / max(1, items.size)),
        edges=_EDGES & _values(case),
        has_full_limb=lookups > 0,
    )


def _values(case: Case) -> set[int]:
    forests = (case.program.forest, *case.libraries)
    blocks = (node for forest in forests for node in forest.nodes if isinstance(node, Block))
    return {*case.stack, *(item.immediate for block in blocks for item in block.operations if item.code == PUSH)}


def _content(case: Case) -> str:
    return content_hash(case_line(replace(case, name="", about="")).encode())


# ---- what a batch has to contain ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Floor:
    """Something that a batch of cases has at least so much of."""

    what: str
    count: Callable[[Sequence[Observed]], float]
    least: float


def _completed(batch: Iterable[Observed]) -> list[Observed]:
    return [item for item in batch if item.ended == COMPLETES]


def _share(items: Sequence[Observed], holds: Callable[[Observed], bool]) -> float:
    return sum(map(holds, items)) / max(1, len(items))


def _executed(batch: Sequence[Observed]) -> set[int]:
    return {code for item in batch for code in item.operations}


FLOORS: Final = (
    Floor(
        "share of cases that differ from all others",
        lambda batch: len({item.text for item in batch}) / len(batch),
        0.97,
    ),
    Floor("families", lambda batch: len({item.family for item in batch}), 15),
    Floor(
        "block operations executed",
        lambda batch: len(_executed(batch) & {info.opcode for info in BLOCK_OPERATIONS}),
        len(BLOCK_OPERATIONS) - 6,
    ),
    Floor("kinds of nodes executed", lambda batch: len(_executed(batch) & set(_CONTROL)), len(_CONTROL)),
    Floor("share of programs that fail", lambda batch: _share(batch, lambda item: item.ended != COMPLETES), 0.05),
    Floor("different errors", lambda batch: len({item.ended for item in batch} - {COMPLETES}), 4),
    Floor("share of programs that complete", lambda batch: _share(batch, lambda item: item.ended == COMPLETES), 0.6),
    Floor("loops that are not entered", lambda batch: sum(item.skipped_loops for item in batch), 2),
    Floor(
        "share of programs deeper than 16", lambda batch: _share(_completed(batch), lambda item: item.deepest > 16), 0.6
    ),
    Floor("cuts at a depth above 16", lambda batch: sum(item.deep_cuts for item in batch), 200),
    Floor(
        "median share of items that are not 0",
        lambda batch: float(np.median([item.nonzero_share for item in _completed(batch)] or [0.0])),
        0.5,
    ),
    Floor(
        "awkward values among inputs and immediates",
        lambda batch: len({value for item in batch for value in item.edges}),
        len(_EDGES) - 2,
    ),
    Floor(
        "share of programs that look up 65535",
        lambda batch: _share(_completed(batch), lambda item: item.has_full_limb),
        0.05,
    ),
    Floor("kinds of cut plans", lambda batch: len({item.cut for item in batch}), 4),
    Floor("share of programs that are cut", lambda batch: _share(_completed(batch), lambda item: item.cuts > 0), 0.6),
    Floor(
        "share of programs of 60 rows and more",
        lambda batch: _share(_completed(batch), lambda item: item.rows >= 60),
        0.3,
    ),
)


class Complaint(NamedTuple):
    """What is wrong with a generator, and which check says so."""

    check: Check
    what: str


@dataclass(slots=True)
class Judged:
    """Cases drawn until somebody complained, or a whole batch."""

    cases: int
    complaint: Complaint | None


def judge(writer: Writer, seed: int, *, batch: int = BATCH) -> Judged:
    """Draws up to a batch of cases: each must end as it was meant to and come again, all together must be varied."""
    seen: list[Observed] = []
    for number in range(batch):
        generated = writer.generated(seed, number)
        if not ends(generated.case, MOST_ROWS):
            what = f"meant {generated.intended}, still runs after {MOST_ROWS:,} rows"
            return Judged(number + 1, Complaint(Check.INTENT, what))
        item = observe(writer, seed, number)
        seen.append(item)
        if item.ended != item.intended:
            return Judged(number + 1, Complaint(Check.INTENT, f"meant {item.intended}, ended {item.ended}"))
        if _content(children_first(writer.generated(seed, number).case)) != item.text:
            return Judged(number + 1, Complaint(Check.REPEATABILITY, f"case {number} came out differently"))
    return Judged(batch, next(complaints(seen), None))


def complaints(batch: Sequence[Observed]) -> Iterator[Complaint]:
    """The floors that the batch does not reach."""
    for floor in FLOORS:
        found = floor.count(batch)
        if found < floor.least:
            yield Complaint(Check.COVERAGE, f"{floor.what}: {found:.3g}, expected {floor.least:.3g} at least")
