"""A program that asks for more than the engines do is not comparable: neither failed nor agreed."""

from __future__ import annotations

import pytest

from harness.backend import NotComparable
from harness.engines import find_engine
from reference.definition.formats.case_json import read_case

CASE = """{
  "name": "keccak",
  "program": {"nodes": ["block PUSH(5779517439479051634) EMIT DROP"], "roots": [0], "entry": 0},
  "host": "stdlib"
}"""


@pytest.mark.parametrize("name", ["reference", "parallel"])
def test_a_precompile_without_replies_is_not_comparable(name: str) -> None:
    engine = find_engine(name)
    with pytest.raises(NotComparable, match=r"keccak256.*replies"):
        engine.run(read_case(CASE, "memory"))
    engine.close()
