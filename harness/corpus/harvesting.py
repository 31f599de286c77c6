"""Cases for a corpus from the generator: those that reach what the corpus does not reach yet.

Every program is cut at every row, so a case reaches all that its program can, and runs on the reference only; what is
expected of it is asked of another engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.backends.reference import ReferenceEngine
from harness.corpus.covered import Candidate, most_adding, reach, worth_keeping
from harness.generate import Profile, generate_case
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, Every

CUTS = (Every(1), ONE_FRAGMENT)
"""Every row begins a fragment; and one fragment, because a defect may show in nothing else."""


def generated(seed: int, profile: Profile, count: int, stopped: Callable[[], bool]) -> Iterator[Case]:
    """The cases of a campaign with this seed, all cut at every row, until there are enough or it is stopped."""
    for number in range(count):
        if stopped():
            return
        yield replace(generate_case(seed, number, profile).case, cuts=CUTS)


def harvest(cases: Iterable[Case], reached: Iterable[frozenset[str]], at_most: int | None = None) -> list[Case]:
    """The smallest cases that reach something that is not reached yet, without those that others make superfluous.

    With ``at_most`` the ones that add most.
    """
    engine = ReferenceEngine()
    before: set[str] = set().union(*reached)
    smallest: dict[str, int] = {}
    useful: list[Case] = []
    candidates: list[Candidate] = []
    for case in cases:
        found = reach(engine, case)
        new = frozenset(found.cells - before)
        better = [each for each in new if found.rows < smallest.get(each, found.rows + 1)]
        if better:
            smallest |= dict.fromkeys(better, found.rows)
            useful.append(case)
            # Only what the corpus lacks counts: the rest is somebody else's already.
            candidates.append(Candidate(Path(case.name), replace(found, cells=new), pinned=False))
    chosen = [number for number, keep in enumerate(worth_keeping(candidates)) if keep]
    if at_most is not None:
        adding = most_adding([candidates[number].reach for number in chosen], at_most)
        chosen = [chosen[number] for number in adding]
    return [useful[number] for number in chosen]
