"""A localisation in words for people, and as JSON with stable keys for programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from harness.localise.blame import Blame
from harness.localise.experiments import Dependence, Experiment
from harness.localise.fragment_window import FragmentWindow
from harness.localise.localisation import Localisation, Site, WrongCell
from harness.localise.source import Source
from harness.localise.survey import Spot
from harness.records import cut_json
from harness.reporting import divergence_json
from harness.verdict import Kind
from reference.definition.boundary import Position
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every

DETAIL_LINES: Final = 12
"""Of what an engine said about itself; the report of a finding has all of it."""


def localisation_lines(found: Localisation) -> list[str]:
    """Everything, the most important first."""
    return [
        found.signature.text,
        *(f"  {line}" for line in _place_lines(found)),
        *(f"  {line}" for line in _cell_lines(found)),
        *(f"  {line}" for line in _extent_lines(found)),
        *(f"  {line}" for line in _judgement_lines(found)),
    ]


def _place_lines(found: Localisation) -> Iterator[str]:
    cause = found.cause
    match cause.kind:
        case Kind.CELL:
            last = found.last_equal_row
            equal = "no row before it" if last is None else f"last equal row {last}"
            yield f"first wrong row {cause.row} of the {cause.part}, {equal}"
            if cause.divergence.row != cause.row:
                yield f"(first in the order of the program; in the order of the trace row {cause.divergence.row} is)"
        case Kind.BOUNDARY if cause.row is not None:
            yield f"wrong boundary state at row {cause.row}: {cause.part}"
        case _:
            yield f"{cause.kind.value}: {cause.part}"
            yield from cause.divergence.detail.splitlines()[:DETAIL_LINES]
    if found.site is not None:
        yield from site_lines(found.site, cause.kind)


def site_lines(site: Site, kind: Kind) -> Iterator[str]:
    """Where in the program: row, operation, phase, fragment, distance to the nearest cut."""
    what = {Kind.BOUNDARY: "the row behind it,", Kind.CELL: "made by row"}.get(kind, "at row")
    yield f"{what} {site.row}: {site.operation}, {site.phase}, {position_text(site.position)}"
    if site.place.fragment is not None:
        begins = f"begins at row {site.place.fragment_start} ({position_text(site.fragment_position)})"
        yield f"fragment {site.place.fragment}, which {begins}"
    yield distance_text(site)


def distance_text(site: Site) -> str:
    """How far the row is from the nearest cut."""
    distance = site.cut_distance
    if distance is None:
        return "there is no cut"
    rows = f"{abs(distance)} row{'s'[: abs(distance) != 1]}"
    side = "on" if distance == 0 else f"{rows} {'behind' if distance > 0 else 'before'}"
    return f"{side} the nearest cut, at row {site.place.nearest_cut}"


def position_text(position: Position | None) -> str:
    """``op of node 3, batch 0, operation 4`` and the like."""
    if position is None:
        return "behind the program's end"
    text = f"{position.tag} of node {position.node}"
    if position.tag in ("op", "respan"):
        text += f", batch {position.batch}"
    return f"{text}, operation {position.operation}" if position.tag == "op" else text


def _cell_lines(found: Localisation) -> Iterator[str]:
    """The wrong cells; what fed them once for all that have it in common."""
    pair = found.cause.pair
    width = max(map(len, pair))
    for texts, group in groupby(found.cells, source_texts):
        for cell in group:
            note = f"   ({cell.meaning})" if cell.meaning else ""
            yield f"{cell.name}: {cell.left} | {cell.right}{note}"
        for name, text in zip(pair, texts, strict=True):
            if text:
                yield f"  {name:<{width}}  {text}"


def source_texts(cell: WrongCell) -> tuple[str, str]:
    """What fed a cell on either side; empty where that is not known."""
    left, right = ("" if source is None else source_text(source) for source in cell.sources)
    return left, right


def source_text(source: Source) -> str:
    """What fed a cell, and what its engine had there when that is known to be wrong."""
    if source.recorded is None or source.expected is None or source.recorded == source.expected:
        return source.text
    return f"{source.text}; it must be {source.expected}, and is {source.recorded}"


def _extent_lines(found: Localisation) -> Iterator[str]:
    for spot in found.cause.spots:
        yield f"wrong {spot_text(spot)}"


def spot_text(spot: Spot) -> str:
    """How far a difference reaches in one part of the trace."""
    if spot.wrong_rows == 1:
        return f"in {spot.group}: row {spot.row} only"
    return f"in {spot.group}: {spot.wrong_rows} rows from {spot.row} to {spot.last_wrong_row}"


def _judgement_lines(found: Localisation) -> Iterator[str]:
    odd = ", ".join(found.vote.odd) or "not decided"
    yield f"odd one out: {odd} ({found.vote.text})"
    for group in found.vote.groups if len(found.vote.groups) > 1 and len(found.engines) > 2 else ():
        yield f"  the same there: {', '.join(group)}"
    for each in found.blames:
        yield f"at fault in {each.engine}: {each.at.value}; {each.text}"
        for item in each.wrong[1:4]:
            yield f"  also {item.name}: {item.expected}, and is {item.recorded} (row {item.row})"
        yield from (f"  look at {line}" for line in each.code)
    if found.fragment is not None:
        yield f"smallest fragment: {fragment_text(found.fragment)}"
    yield f"cuts: {found.dependence.text}"
    yield from (f"  {line}" for line in experiment_lines(found.dependence, found.cause.row))


def fragment_text(window: FragmentWindow) -> str:
    """Which rows the fragment has, at which cuts."""
    rows = f"row {window.first}" if window.end == window.first + 1 else f"rows {window.first} to {window.end - 1}"
    shows = "" if window.still_wrong else "; with tighter cuts the difference is gone"
    return f"{rows}, fragment {window.fragment} with cuts {plan_text(window.case.cut)}{shows}"


def experiment_lines(dependence: Dependence, row: int | None) -> Iterator[str]:
    """One line for each further run; ``row`` is where the difference showed at first."""
    width = max((len(each.change) for each in dependence.experiments), default=0)
    for each in dependence.experiments:
        yield f"{each.change:<{width}}  {plan_text(each.plan):<12}  {shown_text(each, row)}"


def shown_text(experiment: Experiment, row: int | None) -> str:
    """What a further run showed, when ``row`` was the wrong one at first."""
    if not experiment.shows:
        return "gone"
    if experiment.row is None:
        return "there"
    behind = "" if experiment.distance is None else f", {experiment.distance:+d} from the cut"
    return f"{'there' if experiment.row == row else 'instead'} at row {experiment.row}{behind}"


def plan_text(plan: CutPlan) -> str:
    """The plan as ``--cuts`` takes it; long lists cut short."""
    if plan == ONE_FRAGMENT:
        return "one"
    if isinstance(plan, Every):
        return f"every:{plan.size}"
    rows = ",".join(map(str, plan.rows[:6])) or "0"
    return f"at:{rows}" + (",.." if len(plan.rows) > 6 else "")


# ---- JSON -----------------------------------------------------------------------------------------------------------


def localisation_json(found: Localisation) -> dict[str, Any]:
    """The same as values."""
    cause, dependence = found.cause, found.dependence
    return {
        "case": found.case.name,
        "engines": list(found.engines),
        "signature": found.signature.as_json(),
        "kind": cause.kind.value,
        "pair": list(cause.pair),
        "part": cause.part,
        "row": cause.row,
        "last_equal_row": found.last_equal_row,
        "site": None if found.site is None else _site_json(found.site),
        "cells": [
            {
                "name": cell.name,
                "left": _plain(cell.left),
                "right": _plain(cell.right),
                "meaning": cell.meaning,
                "sources": [None if source is None else source_json(source) for source in cell.sources],
            }
            for cell in found.cells
        ],
        "extent": [
            {
                "group": spot.group,
                "part": spot.part,
                "row": spot.row,
                "rows": spot.wrong_rows,
                "last": spot.last_wrong_row,
            }
            for spot in cause.spots
        ],
        "odd": list(found.vote.odd),
        "vote": {"groups": [list(group) for group in found.vote.groups], "reason": found.vote.text},
        "at_fault": [_blame_json(each) for each in found.blames],
        "cuts": {
            "class": dependence.fault_class.value,
            "text": dependence.text,
            "cuts": list(dependence.cuts),
            "fragments": dependence.fragments,
            "rows_later": dependence.rows_later,
            "experiments": [
                {
                    "change": each.change,
                    "cut": cut_json(each.plan),
                    "shows": each.shows,
                    "row": each.row,
                    "distance": each.distance,
                }
                for each in dependence.experiments
            ],
        },
        "fragment": None
        if found.fragment is None
        else {
            "cut": cut_json(found.fragment.case.cut),
            "fragment": found.fragment.fragment,
            "first_row": found.fragment.first,
            "end_row": found.fragment.end,
            "shows": found.fragment.still_wrong,
        },
        "divergence": divergence_json(cause.divergence),
    }


def _site_json(site: Site) -> dict[str, Any]:
    return {
        "row": site.row,
        "operation": site.operation,
        "phase": site.phase,
        "position": None if site.position is None else site.position._asdict(),
        "fragment": site.place.fragment,
        "fragment_start": site.place.fragment_start,
        "fragment_position": None if site.fragment_position is None else site.fragment_position._asdict(),
        "nearest_cut": site.place.nearest_cut,
        "cut_distance": site.cut_distance,
    }


def source_json(source: Source) -> dict[str, Any]:
    """A source by its fields."""
    return {
        "kind": source.kind.value,
        "name": source.name,
        "text": source.text,
        "fragment": source.fragment,
        "row": source.row,
        "operation": source.operation,
        "index": source.index,
        "index_in_fragment": source.index_in_fragment,
        "cells": [list(cell) for cell in source.cells],
        "origin_row": source.origin_row,
        "origin_operation": source.origin_operation,
        "expected": _plain(source.expected),
        "recorded": _plain(source.recorded),
    }


def _blame_json(each: Blame) -> dict[str, Any]:
    return {
        "engine": each.engine,
        "at": each.at.value,
        "text": each.text,
        "wrong": [
            {"row": item.row, "name": item.name, "expected": _plain(item.expected), "recorded": _plain(item.recorded)}
            for item in each.wrong
        ],
        "code": [{"file": line.file, "line": line.line, "text": line.text} for line in each.code],
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | str | list) else str(value)
