"""The page's notation means in compiled code what it means on the page: compared with plain integers."""

from __future__ import annotations

import numpy as np
import pytest

from harness.audit.compiled import Kinds, compile_row_rules
from harness.audit.core.words import CORE, core_kind
from harness.audit.jit import jit_part
from harness.audit.notation import NotationError, Vocabulary
from harness.audit.rule import APPLIED, COUNT, FIRST, FIRST_ROW, Rule, nothing_found
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.field import P

WORDS = Vocabulary(
    columns={"x": "stack_0", "y": "stack_1", "z": "stack_2"},
    definitions={"sum": "x + y", "twice": "2*sum"},
    macros={"ext0": (("p0", "p1", "q0", "q1"), "p0*q0 - 2*(p1*q1)")},
    constants={"JOIN": 87},
)

VALUES = [0, 1, 2, 3, 2**32 - 1, 2**32, 2**63, P - 1, P - 2, 0x123456789ABCDEF, 2**64 - 2**33]

EXPRESSIONS = {
    # text: (what must vanish, of x, y, z and x')
    "x + y - z": lambda x, y, z, n: x + y - z,
    "x*y - x'": lambda x, y, z, n: x * y - n,
    "x^2 - x": lambda x, y, z, n: x * x - x,
    "y^7 - x'": lambda x, y, z, n: y**7 - n,
    "z^4 - y": lambda x, y, z, n: z**4 - y,
    "x - y": lambda x, y, z, n: x - y,
    "x' - x": lambda x, y, z, n: n - x,
    "(x - y)*(z - 1)": lambda x, y, z, n: (x - y) * (z - 1),
    "x*y*z": lambda x, y, z, n: x * y * z,
    "twice - z": lambda x, y, z, n: 2 * (x + y) - z,
    "x - (y & 1)": lambda x, y, z, n: x - (y & 1),
    "y >> 32": lambda x, y, z, n: y >> 32,
    "-x - y": lambda x, y, z, n: -x - y,
    "ext0(x, y, z, x')": lambda x, y, z, n: x * z - 2 * y * n,
    "18446744069414584320*x + z": lambda x, y, z, n: (P - 1) * x + z,
}

CONDITIONS = {
    "x < y": lambda x, y, z, n: x < y,
    "x <= y and y != z": lambda x, y, z, n: x <= y and y != z,
    "x == 1 or y == 0": lambda x, y, z, n: x == 1 or y == 0,
    "not x > y": lambda x, y, z, n: not x > y,
    "x in (0, 2, 87)": lambda x, y, z, n: x in (0, 2, 87),
    "x not in (1, 3)": lambda x, y, z, n: x not in (1, 3),
    "x' >= z": lambda x, y, z, n: n >= z,
}


@jit_part
def by_third_item(rows, opcodes, i, facts):
    """Two kinds: rows whose third item is even, and others."""
    return np.int64(rows[i, 32] & np.uint64(1))


@jit_part
def one_kind(rows, opcodes, i, facts):
    return np.int64(0)


def some_rows(seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    rows = np.zeros((201, WIDTH), dtype=np.uint64)
    rows[:, 30:33] = chance.choice(np.array(VALUES, dtype=np.uint64), (201, 3))
    return rows


def checked(rules, rows, kinds=None):
    compiled = compile_row_rules("of_a_test", rules, WORDS, kinds or Kinds(("any",), one_kind))
    found = nothing_found(len(compiled.rules))
    facts = np.zeros(2, dtype=np.int64)
    facts[FIRST_ROW] = 1000
    compiled.kernel(rows, np.full(len(rows), 87, dtype=np.uint8), facts, found)
    return {rule.name: found[number] for number, rule in enumerate(compiled.rules)}


def violated_rows(rows, holds) -> list[int]:
    items = [[int(value) for value in row[30:33]] for row in rows]
    return [i for i in range(len(rows) - 1) if not holds(*items[i], items[i + 1][0])]


def test_expressions_are_evaluated_in_the_field() -> None:
    rows = some_rows()
    found = checked([Rule(text, "test", text, "") for text in EXPRESSIONS], rows)
    for text, value in EXPRESSIONS.items():
        expected = violated_rows(rows, lambda *cells, value=value: value(*cells) % P == 0)
        # Each expression vanishes somewhere and does not somewhere else, so that the test can fail.
        assert 0 < len(expected) < 200, text
        assert found[text].tolist() == [1000 + expected[0], len(expected), 200], text


def test_conditions_are_about_integers() -> None:
    rows = some_rows(1)
    as_rules = [Rule(f"rule {text}", "test", text, "") for text in CONDITIONS]
    as_when = [Rule(f"when {text}", "test", "1", "", when=text) for text in CONDITIONS]
    found = checked([*as_rules, *as_when], rows)
    for text, holds in CONDITIONS.items():
        wrong = violated_rows(rows, holds)
        right = [i for i in range(200) if i not in wrong]
        assert wrong and right, text
        assert found[f"rule {text}"].tolist() == [1000 + wrong[0], len(wrong), 200], text
        assert found[f"when {text}"].tolist() == [1000 + right[0], len(right), len(right)], text


def test_rules_apply_to_their_kinds_of_rows_only() -> None:
    rows = some_rows(2)
    kinds = Kinds(("even", "odd"), by_third_item)
    rules = [
        Rule("even", "test", "x - 1", "", on=("even",)),
        Rule("odd", "test", "x' - y", "", on=("odd",)),
        Rule("copied", "test", "y' - x", "", on=("even", "odd")),
        Rule("all", "test", "z", ""),
    ]
    found = checked(rules, rows, kinds)
    items = rows[:, 30:33].astype(object)
    even = [i for i in range(200) if items[i, 2] % 2 == 0]
    odd = [i for i in range(200) if items[i, 2] % 2]
    expected = {
        "even": ([i for i in even if items[i, 0] != 1], even),
        "odd": ([i for i in odd if items[i + 1, 0] != items[i, 1]], odd),
        "copied": ([i for i in range(200) if items[i + 1, 1] != items[i, 0]], range(200)),
        "all": ([i for i in range(200) if items[i, 2] != 0], range(200)),
    }
    for name, (wrong, applied) in expected.items():
        assert found[name][[FIRST, COUNT, APPLIED]].tolist() == [1000 + wrong[0], len(wrong), len(applied)], name


def test_more_rules_than_a_mask_has_bits() -> None:
    rows = np.zeros((3, WIDTH), dtype=np.uint64)
    rows[:, 30] = 150
    found = checked([Rule(f"{number:03}", "test", f"x - {number} + 0", "") for number in range(200)], rows)
    assert [name for name, counts in found.items() if not counts[COUNT]] == ["150"]


def test_a_rule_names_the_cells_that_it_reads_in_order() -> None:
    assert WORDS.columns_of("x' - twice*z", "y == 1") == ("stack_0'", "stack_0", "stack_1", "stack_2")
    assert CORE.columns_of("h0 - 128*h0' - op'") == ("dec_h0", "dec_h0'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x +", "no expression"),
        ("x + q", "q is no name"),
        ("x^3 - y", "no power 3"),
        ("x / y", "is no value"),
        ("ext0(x, y)", "takes 4 arguments"),
        ("other(x)", "unknown macro"),
        ("x < y < 1.5", "is no value"),
    ],
)
def test_mistakes_in_rules_are_named(text: str, said: str) -> None:
    with pytest.raises(NotationError, match=said):
        compile_row_rules("mistaken", [Rule("mistaken", "test", text, "")], WORDS, Kinds(("any",), one_kind))


def test_a_condition_that_is_no_condition_is_named() -> None:
    with pytest.raises(NotationError, match="is no condition"):
        compile_row_rules("mistaken", [Rule("a", "test", "x", "", when="x + 1")], WORDS, Kinds(("any",), one_kind))


def test_unknown_kinds_and_names_given_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="no kind of row is called odd"):
        compile_row_rules("mistaken", [Rule("a", "test", "x", "", on=("odd",))], WORDS, Kinds(("any",), one_kind))
    with pytest.raises(ValueError, match="two rules have one name"):
        compile_row_rules("mistaken", [Rule("a", "test", "x", "")] * 2, WORDS, Kinds(("any",), one_kind))


def test_an_end_is_of_its_own_kind_by_its_flags() -> None:
    names = ("dec_h5", "dec_h6", "dec_h7")
    kinds = {}
    for flags in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (7, 0, 0)):
        rows = np.zeros((2, WIDTH), dtype=np.uint64)
        rows[0, [COLUMN[name] for name in names]] = flags
        kinds[flags] = int(core_kind(rows, np.array([112, 0], dtype=np.uint8), 0, np.zeros(2, dtype=np.int64)))
    assert kinds[0, 0, 0] == kinds[7, 0, 0] == 112
    assert kinds[1, 0, 0] == kinds[1, 1, 0] != 112
    assert kinds[0, 1, 0] == kinds[0, 0, 1] not in {112, kinds[1, 0, 0]}
