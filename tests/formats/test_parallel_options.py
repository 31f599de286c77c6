"""The options of a rebuild in case files: read strictly, written in one way, defaults left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case, write_case
from reference.definition.gpu_options import GpuOptions
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS, ParallelOptions

MINIMAL = {"program": {"nodes": ["block ADD"], "roots": [0], "entry": 0}}


def read(options: Any) -> Any:
    return read_case(json.dumps({**MINIMAL, "options": options}))


def test_every_option_is_understood_and_written_back() -> None:
    options = {"parallel": {"threads": 8, "order": "strided", "twice": True, "contexts": "alone"}}
    case = read(options)
    assert case.parallel == ParallelOptions(8, "strided", twice=True, contexts="alone")
    assert json.loads(write_case(case))["options"] == options


def test_options_of_several_engines_stand_side_by_side() -> None:
    options = {"gpu": {"lanes": 2}, "parallel": {"order": "reverse"}}
    case = read(options)
    assert (case.gpu, case.parallel) == (GpuOptions(lanes=2), ParallelOptions(order="reverse"))
    assert json.loads(write_case(case))["options"] == options


@pytest.mark.parametrize("options", [{}, {"parallel": {}}, {"parallel": {"threads": 1, "twice": False}}])
def test_defaults_are_not_written(options: Any) -> None:
    case = read(options)
    assert case.parallel == DEFAULT_PARALLEL_OPTIONS
    assert "options" not in json.loads(write_case(case))


@pytest.mark.parametrize(
    ("options", "place", "reason"),
    [
        ({"parallel": 3}, "$.options.parallel", "expected an object"),
        ({"parallel": {"speed": 1}}, "$.options.parallel", "expected the keys threads, order, twice, contexts"),
        ({"parallel": {"threads": 0}}, "$.options.parallel.threads", "an integer from 1 to 8"),
        ({"parallel": {"threads": 9}}, "$.options.parallel.threads", "an integer from 1 to 8"),
        ({"parallel": {"threads": True}}, "$.options.parallel.threads", "an integer"),
        ({"parallel": {"order": "random"}}, "$.options.parallel.order", "one of forward, reverse, strided"),
        ({"parallel": {"twice": 1}}, "$.options.parallel.twice", "true or false"),
        ({"parallel": {"contexts": "disk"}}, "$.options.parallel.contexts", "one of memory, saved, alone"),
        ({"cpu": {}}, "$.options", "expected the keys gpu, parallel"),
    ],
)
def test_anything_else_is_refused_with_its_place(options: Any, place: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refusal:
        read(options)
    assert refusal.value.place == place
