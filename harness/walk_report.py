"""What a walk of the GPU engine came to, for people and for programs: bytes per step, invariants, digests.

The byte table stands beside spec 09, B5: each number is marked by whether it is the one that the table says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Final

from gpu.arena import Tag
from gpu.byte_table import WORKING_TAGS, StepBytes
from gpu.invariants import INVARIANTS
from gpu.walk import Options, Walk

LEGEND: Final = (
    "bytes after each step by tag: n= is what the step's formula gives (spec 09, B5), n!=m is not and m is, "
    "n alone has no formula;\n"
    "peaks while the step ran: n<=m is within the bound m (the chip's T_c and its seeds), n>m is not"
)

_BOUNDED: Final = (Tag.TRACE, Tag.SEED)


@dataclass(frozen=True, slots=True)
class Step:
    """Steps of one name and shard that followed one another and left the same bytes: the most that any of them had."""

    shard: int
    name: str
    times: int
    live: Mapping[Tag, int]
    expected: Mapping[Tag, int]
    peak: Mapping[Tag, int]
    at_most: Mapping[Tag, int]
    total_peak: int
    wrong: tuple[str, ...]


def merged_steps(steps: Sequence[StepBytes]) -> Iterator[Step]:
    """The steps; an opening regenerates a chip once for each run of fragments, which would be as many equal lines."""
    grouped = groupby(steps, lambda step: (step.shard, step.step, dict(step.live), dict(step.expected)))
    for (shard, name, live, expected), group in grouped:
        each = list(group)
        # Of the largest one, so that the bound is the bound of what is shown.
        largest = max(each, key=lambda step: step.peak[Tag.TRACE])
        peak = {tag: max(step.peak[tag] for step in each) for tag in Tag}
        wrong = tuple(reason for step in each for reason in step.wrong)
        total = max(step.total_peak for step in each)
        yield Step(shard, name, len(each), live, expected, peak, dict(largest.at_most), total, wrong)


def byte_lines(steps: Sequence[StepBytes]) -> list[str]:
    """The table as text, one line a step."""
    rows = [["step", *(tag.value for tag in Tag), *(f"peak {tag.value}" for tag in WORKING_TAGS), "peak of all"]]
    several = any(step.shard for step in steps)
    for step in merged_steps(steps):
        name = f"{step.name} x{step.times}" if step.times > 1 else step.name
        live = [_live(step.live[tag], step.expected.get(tag)) for tag in Tag]
        peaks = [_peak(step.peak[tag], step.at_most.get(tag) if tag in _BOUNDED else None) for tag in WORKING_TAGS]
        rows.append([f"shard {step.shard} {name}" if several else name, *live, *peaks, f"{step.total_peak:,}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def _live(measured: int, expected: int | None) -> str:
    if expected is None:
        return f"{measured:,} "
    return f"{measured:,}=" if measured == expected else f"{measured:,}!={expected:,}"


def _peak(measured: int, bound: int | None) -> str:
    if bound is None:
        return f"{measured:,}"
    return f"{measured:,}{'<=' if measured <= bound else '>'}{bound:,}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    yield row[0].ljust(widths[0])
    for cell, width in zip(row[1:], widths[1:], strict=True):
        yield cell.rjust(width)


def unchecked(walk: Walk) -> list[str]:
    """Invariants that this walk did not check, by number."""
    return [invariant.id for invariant in INVARIANTS if not walk.checked[invariant.id]]


def invariant_lines(walk: Walk) -> list[str]:
    """How often each invariant was checked, then those that were not."""
    lines = [
        f"  {invariant.id}  {walk.checked[invariant.id]:>6,} x  {invariant.statement}"
        for invariant in INVARIANTS
        if walk.checked[invariant.id]
    ]
    left_out = unchecked(walk)
    return [*lines, *([f"  not checked in this walk: {', '.join(left_out)}"] if left_out else [])]


def walk_lines(walk: Walk) -> list[str]:
    """Everything, for people."""
    lengths = ", ".join(f"{name} {value:,}" for name, value in asdict(walk.lengths).items())
    return [
        f"  {lengths}",
        f"  {options_text(walk.options)}; {len(walk.shards)} shard{'s'[: len(walk.shards) != 1]}, "
        f"{walk.launches:,} launches, at most {walk.peak_in_use:,} bytes in use or booked",
        "",
        LEGEND,
        *byte_lines(walk.bytes.steps),
        "",
        "invariants",
        *invariant_lines(walk),
        "",
        "digests",
        *(f"  {chip}  {digests.text}" for chip, digests in walk.digests.items()),
        f"  all  {walk.digest.text}",
        *([f"Merkle root  {_word(walk.merkle_root)}"] if walk.merkle_root is not None else []),
        *(f"{event}, {times} times" for event, times in Counter(walk.events).items()),
    ]


def options_text(options: Options) -> str:
    """How the walk was made."""
    budget = "no budget" if options.budget is None else f"budget {options.budget:,} bytes"
    lanes = f"{options.lanes} lane{'s'[: options.lanes != 1]}"
    return f"cache {options.cache}, {lanes}, {budget}, order {' '.join(options.order)}"


def _word(word: Sequence[int] | None) -> str:
    return " ".join(f"{element:016x}" for element in word or ())


def walk_json(walk: Walk) -> dict[str, Any]:
    """The same with stable keys; steps as they were, not merged."""
    return {
        "options": asdict(walk.options),
        "lengths": asdict(walk.lengths),
        "shards": [list(shard) for shard in walk.shards],
        "steps": [_step_json(step) for step in walk.bytes.steps],
        "checked": dict(sorted(walk.checked.items())),
        "not_checked": unchecked(walk),
        "digests": {chip: digests.text for chip, digests in walk.digests.items()},
        "digest": walk.digest.text,
        "merkle_root": None if walk.merkle_root is None else list(walk.merkle_root),
        "launches": walk.launches,
        "peak_booked": walk.peak_booked,
        "peak_in_use": walk.peak_in_use,
        "events": list(walk.events),
    }


def _step_json(step: StepBytes) -> dict[str, Any]:
    return {
        "shard": step.shard,
        "step": step.step,
        **{key: {tag.value: count for tag, count in getattr(step, key).items()} for key in ("live", "expected")},
        **{key: {tag.value: count for tag, count in getattr(step, key).items()} for key in ("peak", "at_most")},
        "total_peak": step.total_peak,
        "wrong": list(step.wrong),
    }
