"""How fragments are rebuilt is drawn, obeyed, kept and shrunk; a fault that shows in no ordinary build is caught by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_engines import CASE

from harness.backend import Availability, Engine, EngineFailure
from harness.backends import rebuilding
from harness.backends.parallel import ParallelEngine
from harness.backends.reference import ReferenceEngine
from harness.campaign import Event, FindingKept, Totals
from harness.campaign.here import run_campaign
from harness.campaign.rebuilds import REBUILT_PERCENT, parallel_options, rebuild_kinds
from harness.compare import compare
from harness.generate import Profile, generate_case
from harness.shrink import shrink
from harness.verdict import Verdict
from parallel.fragments import FragmentTask
from reference.definition.case import Case
from reference.definition.cuts import Every
from reference.definition.formats.case_json import read_case
from reference.definition.parallel_options import (
    CONTEXTS,
    DEFAULT_PARALLEL_OPTIONS,
    FRAGMENT_ORDERS,
    MOST_THREADS,
    ParallelOptions,
)

ALL = ParallelOptions(5, "strided", twice=True, contexts="alone")
REBUILDS = (
    ParallelOptions(threads=4),
    ParallelOptions(order="reverse"),
    ParallelOptions(order="strided", twice=True),
    ParallelOptions(contexts="saved"),
    ParallelOptions(contexts="alone"),
    ALL,
)


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[ReferenceEngine, ParallelEngine]]:
    made = ReferenceEngine(), ParallelEngine()
    yield made
    for engine in made:
        engine.close()


def case_of(number: int, cut: int, options: ParallelOptions) -> Case:
    generated = generate_case(4, number, Profile(failing_rate=0, families=("mixed", "contexts", "merkle", "memory")))
    return replace(generated.case, cuts=(Every(cut),), parallel=options)


# ---- drawing --------------------------------------------------------------------------------------------------------


def test_the_same_seed_and_number_give_the_same_rebuild() -> None:
    drawn = [parallel_options(7, number) for number in range(200)]
    assert [parallel_options(7, number) for number in reversed(range(200))] == drawn[::-1]
    assert [parallel_options(8, number) for number in range(200)] != drawn


def test_every_kind_of_rebuild_is_drawn_and_most_cases_have_none() -> None:
    drawn = [parallel_options(7, number) for number in range(1000)]
    kinds = Counter(kind for options in drawn for kind in rebuild_kinds(options))
    orders = {f"rebuild {order}" for order in FRAGMENT_ORDERS[1:]}
    assert set(kinds) == {"rebuild threads", "rebuild twice", *orders, *(f"contexts {name}" for name in CONTEXTS[1:])}
    assert min(kinds.values()) > 40
    assert {options.threads for options in drawn} == set(range(1, MOST_THREADS + 1))
    plain = drawn.count(DEFAULT_PARALLEL_OPTIONS) / len(drawn)
    assert 1 - REBUILT_PERCENT / 100 - 0.05 < plain < 1 - REBUILT_PERCENT / 100 + 0.1


# ---- obeying --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", REBUILDS, ids=lambda options: " ".join(rebuild_kinds(options)))
def test_no_trace_depends_on_how_it_is_rebuilt(
    engines: tuple[ReferenceEngine, ParallelEngine], options: ParallelOptions
) -> None:
    rows = 0
    for number in range(8):
        comparison = compare(case_of(number, (1, 2, 5, 64)[number % 4], options), engines, audit=False)
        assert comparison.verdict is Verdict.AGREE, comparison.divergences
        rows += comparison.counts.rows
    assert rows >= 512


def test_the_order_and_the_times_are_those_of_the_options(
    engines: tuple[ReferenceEngine, ParallelEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    rebuild_serial = FragmentTask.rebuild_serial

    def watched(task: FragmentTask, fragments: range, *rest: Any) -> None:
        built.extend(fragments)
        rebuild_serial(task, fragments, *rest)

    monkeypatch.setattr(FragmentTask, "rebuild_serial", watched)
    case = case_of(0, 8, DEFAULT_PARALLEL_OPTIONS)
    engines[1].run(case)
    plain = list(built)
    total = len(plain)
    assert plain == list(range(total))
    assert total > 5

    built.clear()
    engines[1].run(replace(case, parallel=ParallelOptions(order="reverse", twice=True)))
    assert built == [*plain, *plain[::-1], *plain[::-1]]

    built.clear()
    engines[1].run(replace(case, parallel=ParallelOptions(threads=3)))
    assert built[:total] == plain
    assert sorted(built[total:]) == plain

    built.clear()
    engines[1].run(replace(case, parallel=ParallelOptions(contexts="saved")))
    assert built == plain


# ---- faults that no ordinary build shows ----------------------------------------------------------------------------


def differing(engines: tuple[ReferenceEngine, ParallelEngine], options: ParallelOptions) -> int:
    """Of four cases; a fragment that the engine itself refuses counts too."""
    cases = (case_of(number, 7, options) for number in range(4))
    return sum(compare(case, engines, audit=False).verdict is Verdict.DIFFER for case in cases)


def writes_a_cell(task: FragmentTask, fragments: range, place: Any, row_of: Any) -> None:
    """A wrong clk in the row that ``row_of`` names."""
    snapshots = task._recording.snapshots
    row = row_of(fragments, snapshots)
    if row is not None:
        place.out[row] = 3


def test_a_fragment_that_writes_its_neighbours_row_shows_in_another_order(
    engines: tuple[ReferenceEngine, ParallelEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order the neighbour writes over it, so that an ordinary build never shows it."""
    rebuild_serial = FragmentTask.rebuild_serial

    def following(fragments: range, snapshots: Any) -> int | None:
        return int(snapshots["clk"][fragments.stop]) if fragments.stop < len(snapshots) else None

    def one_by_one(task: FragmentTask, fragments: range, place: Any, *rest: Any) -> None:
        for fragment in fragments:
            alone = range(fragment, fragment + 1)
            rebuild_serial(task, alone, place, *rest)
            writes_a_cell(task, alone, place, following)

    monkeypatch.setattr(FragmentTask, "rebuild_serial", one_by_one)
    assert differing(engines, DEFAULT_PARALLEL_OPTIONS) == 0
    assert differing(engines, ParallelOptions(twice=True)) == 0
    assert differing(engines, ParallelOptions(order="reverse")) == 4
    assert differing(engines, ParallelOptions(order="strided")) == 4


def test_a_second_rebuild_that_differs_from_the_first_shows(
    engines: tuple[ReferenceEngine, ParallelEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """State that a rebuild leaves in its task: the next one of the same fragment begins with it."""
    rebuild_serial = FragmentTask.rebuild_serial

    def worn(task: Any, fragments: range, place: Any, *rest: Any) -> None:
        rebuild_serial(task, fragments, place, *rest)
        task.built = getattr(task, "built", 0) + len(fragments)
        writes_a_cell(task, fragments, place, lambda *_: 1 if task.built > task.total else None)

    monkeypatch.setattr(FragmentTask, "rebuild_serial", worn)
    assert differing(engines, DEFAULT_PARALLEL_OPTIONS) == 0
    assert differing(engines, ParallelOptions(order="reverse")) == 0
    assert differing(engines, ParallelOptions(twice=True)) == 4


def test_what_is_lost_in_a_file_shows_when_contexts_are_saved(
    engines: tuple[ReferenceEngine, ParallelEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = rebuilding.load

    def forgetful(*arguments: Any) -> Any:
        recording = loaded(*arguments)
        recording.snapshots["stack"][-1, 3] ^= np.uint64(1)
        return recording

    monkeypatch.setattr(rebuilding, "load", forgetful)
    assert differing(engines, DEFAULT_PARALLEL_OPTIONS) == 0
    assert differing(engines, ParallelOptions(contexts="saved")) == 4
    assert differing(engines, ParallelOptions(contexts="alone")) == 4


def test_a_row_that_no_fragment_writes_shows_although_the_first_build_wrote_it(
    engines: tuple[ReferenceEngine, ParallelEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "ordered", lambda fragments, order: list(fragments))
    monkeypatch.setattr(FragmentTask, "check", lambda *_: None)
    assert differing(engines, ParallelOptions(order="reverse")) == 0
    monkeypatch.setattr(rebuilding, "ordered", lambda fragments, order: list(fragments)[1:])
    assert differing(engines, ParallelOptions(order="reverse")) == 4


# ---- campaigns ------------------------------------------------------------------------------------------------------


class Rebuilder:
    """Like the reference, except that it breaks when several threads rebuild twice, which it reports."""

    name = "rebuilder"
    rebuilds = True

    def __init__(self) -> None:
        self._reference = ReferenceEngine()
        self.asked: list[ParallelOptions] = []

    def probe(self) -> Availability:
        return Availability(True, "made for tests")

    def run(self, case: Case) -> Any:
        self.asked.append(case.parallel)
        if breaks(case):
            raise EngineFailure(self.name, "two threads wrote one row")
        return self._reference.run(case)

    def close(self) -> None:
        self._reference.close()


def breaks(case: Case) -> bool:
    return case.parallel.threads > 1 and case.parallel.order != "forward"


def campaign(engine: Engine, out: Path, first: int, cases: int) -> tuple[list[Event], Totals]:
    events: list[Event] = []
    engines = [ReferenceEngine(), engine]
    totals = run_campaign(engines, out, seed=5, first=first, cases=cases, shrink_seconds=1.0, listeners=[events.append])
    return events, totals


def test_a_campaign_draws_rebuilds_for_engines_that_rebuild_and_only_then(tmp_path: Path) -> None:
    class Still(Rebuilder):
        rebuilds = False

    completed = (number for number in range(300) if generate_case(5, number).intended == "completes")
    first = next(
        each
        for each in completed
        if parallel_options(5, each) != DEFAULT_PARALLEL_OPTIONS
        and not breaks(replace(CASE, parallel=parallel_options(5, each)))
    )
    rebuilding, still = Rebuilder(), Still()
    campaign(rebuilding, tmp_path / "one", first, 1)
    campaign(still, tmp_path / "other", first, 1)
    assert parallel_options(5, first) in rebuilding.asked
    assert set(still.asked) == {DEFAULT_PARALLEL_OPTIONS}


def test_a_finding_is_kept_with_its_rebuild_and_happens_again(tmp_path: Path) -> None:
    completed = (number for number in range(300) if generate_case(5, number).intended == "completes")
    number = next(each for each in completed if breaks(replace(CASE, parallel=parallel_options(5, each))))
    events, totals = campaign(Rebuilder(), tmp_path, number, 1)
    kept = next(event for event in events if isinstance(event, FindingKept))
    found = read_case((kept.directory / "found.case.json").read_text())
    assert found.parallel == parallel_options(5, number)
    smallest = read_case((kept.directory / "smallest.case.json").read_text())
    assert smallest.parallel == ParallelOptions(threads=2, order="reverse")
    assert totals.walks["rebuild threads"] == 1


def test_shrinking_leaves_only_the_options_that_matter() -> None:
    assert shrink(replace(CASE, parallel=ALL), breaks).case.parallel == ParallelOptions(threads=2, order="reverse")
    assert shrink(replace(CASE, parallel=ALL), lambda case: True).case.parallel == DEFAULT_PARALLEL_OPTIONS

    def needs_a_file(case: Case) -> bool:
        return case.parallel.contexts != "memory"

    assert shrink(replace(CASE, parallel=ALL), needs_a_file).case.parallel == ParallelOptions(contexts="saved")
