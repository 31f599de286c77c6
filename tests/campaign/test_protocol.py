"""Everything that crosses the line comes out as it went in."""

import json

import pytest

from harness.campaign.protocol import (
    AgainTask,
    BatchDone,
    BatchTask,
    Completed,
    CompleteTask,
    Death,
    Difference,
    Ready,
    Refused,
    Replayed,
    Setup,
    Shrunk,
    SlowCase,
    Survived,
    line,
    read_line,
    read_setup,
)
from harness.generate import Profile
from harness.reporting import divergence_json, read_divergence
from harness.verdict import Difference as Column
from harness.verdict import Divergence, Kind, Place

ITEMS = [
    BatchTask(3, 4, 1.5, 2, (0.25, 1e-3), [(7, 1), (9, 30)], True),
    BatchTask(3, 4),
    CompleteTask("a/b"),
    AgainTask("a/b"),
    Ready(),
    Refused("no engine\nof this name"),
    Difference(5, "cell a|b", '{"case": 1}\n', [{"kind": "cell"}]),
    BatchDone(
        3,
        2,
        1.0,
        2.0,
        {"cases": 2},
        [(7, 1, "name", 9, 3)],
        [Difference(4, "s", "", [])],
        [SlowCase(3, 0.5, 64, "text")],
    ),
    Replayed("d", "same", "", "the same"),
    Shrunk("d", True, False, 1.25, 3),
    Completed("d", "confirmed", None, True, False),
    Survived("d", "agree"),
    Death("hang", "where", {"number": 3}),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(item).__name__)
def test_a_line_and_back(item):
    text = line(item)
    assert "\n" not in text
    assert read_line(text) == item


def test_the_setup():
    setup = Setup(("reference", "exec:a b"), 2**40, Profile(families=("mixed", "calls")), False, False, 0.5, False)
    assert read_setup(line(setup)) == setup


@pytest.mark.parametrize("text", ["", "[]", '{"is": "Nobody"}', "{"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        read_line(text)


def test_divergences_come_back():
    divergences = [
        Divergence(
            Kind.CELL, "a", "b", (Column("stack_0", 1, 2**63),), 5, Place(1, 4, 4), "ADD", "MUL", "what\nit said"
        ),
        Divergence(Kind.ENGINE_FAILURE, "a", "a", detail="panicked"),
        Divergence(Kind.OUTCOME, "a", "b", (Column("outcome", "completed", "DivideByZero"), Column("clk", None, 3))),
    ]
    again = [read_divergence(json.loads(json.dumps(divergence_json(item)))) for item in divergences]
    assert again == divergences
    assert [item.signature for item in again] == [item.signature for item in divergences]
