"""From rules as data to one compiled loop: rows are sorted by their kind once, then each rule sees only its own rows.

The real VM's constraints multiply every expression by the flag of its operation and so spend most of their time on zeros.
Here the rows of a tile are grouped by kind; rules that apply to the same kinds become one loop, in which a violation costs
a bit in a mask and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from harness.audit.field import ONE, ZERO
from harness.audit.found import note
from harness.audit.jit import jit_part, load_generated
from harness.audit.notation import NEXT, OPCODE, ROW_IN_CYCLE, Vocabulary, parse
from harness.audit.rule import APPLIED, FIRST_ROW, RowRules, Rule
from reference.definition.columns import COLUMN, WIDTH

MASK_BITS = 64
ROW_CELLS = np.uint64(WIDTH)

KindOf = Callable[[Any, Any, Any, Any], Any]
"""``kind_of(rows, opcodes, i, facts)``, compiled: the position among the kinds of the tile's row i."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of rows that a set of rules tells apart, and the compiled function that names a row's kind."""

    names: tuple[str, ...]
    kind_of: KindOf
    """Defined at the top level of an importable module: the generated module imports it by name."""


def with_columns(rules: Sequence[Rule], vocabulary: Vocabulary) -> tuple[Rule, ...]:
    """The rules with the cells that their texts read."""
    return tuple(replace(rule, columns=vocabulary.columns_of(rule.zero, rule.when)) for rule in rules)


def compile_row_rules(name: str, rules: Sequence[Rule], vocabulary: Vocabulary, kinds: Kinds) -> RowRules:
    """The rules, reordered so that those of one loop stand together, and the kernel that checks them.

    Raises NotationError for a rule whose text is not in the notation, ValueError for an unknown kind and for two rules of one
    name.
    """
    for rule in rules:
        if unknown := set(rule.on) - set(kinds.names):
            raise ValueError(f"{rule.name}: no kind of row is called {', '.join(sorted(unknown))}")
    if len({rule.name for rule in rules}) != len(rules):
        raise ValueError(f"{name}: two rules have one name")
    ordered = sorted(with_columns(rules, vocabulary), key=lambda rule: (rule.on, rule.when))
    module = load_generated(f"rules_{name}", _module_text(ordered, vocabulary, kinds))
    return RowRules(tuple(ordered), module.check)


@jit_part
def report(found: Any, first_rule: Any, violated: Any, row: Any) -> None:
    """Compiled: note every rule ``first_rule + b`` whose bit b is set in ``violated``."""
    for bit in range(MASK_BITS):
        if violated >> np.uint64(bit) & ONE:
            note(found, first_rule + bit, row)


@jit_part
def check_copies(
    rows: Any, index: Any, starts: Any, first: Any, to: Any, source: Any, number: Any, facts: Any, found: Any
) -> None:
    """Compiled: rules that only say that a cell is copied, from tables.

    ``first[kind] .. first[kind + 1] - 1`` are the entries of a kind of row; ``to`` and ``source`` are (entries,) positions in
    the row pair's 2 x 72 cells, ``number`` the rule.
    """
    flat = rows.reshape(-1)
    for kind in range(len(first) - 1):
        count = starts[kind + 1] - starts[kind]
        if count == 0:
            continue
        for entry in range(first[kind], first[kind + 1]):
            found[number[entry], APPLIED] += count
        for position in range(starts[kind], starts[kind + 1]):
            base = np.uint64(index[position]) * ROW_CELLS
            differs = ZERO
            for entry in range(first[kind], first[kind + 1]):
                differs |= flat[base + to[entry]] ^ flat[base + source[entry]]
            if differs != ZERO:
                for entry in range(first[kind], first[kind + 1]):
                    if flat[base + to[entry]] != flat[base + source[entry]]:
                        note(found, number[entry], facts[FIRST_ROW] + np.int64(index[position]))


def _copied_cells(rule: Rule, vocabulary: Vocabulary) -> tuple[int, int] | None:
    """Positions in the row pair of the two cells that the rule says are equal; None for any other rule."""
    expression = parse(rule.zero)
    if rule.when or not rule.on or not isinstance(expression, ast.BinOp) or not isinstance(expression.op, ast.Sub):
        return None
    left, right = expression.left, expression.right
    if not isinstance(left, ast.Name) or not isinstance(right, ast.Name):
        return None
    if not {left.id.removesuffix(NEXT), right.id.removesuffix(NEXT)} <= vocabulary.columns.keys():
        return None
    return _position(left.id, vocabulary), _position(right.id, vocabulary)


def _position(cell: str, vocabulary: Vocabulary) -> int:
    return COLUMN[vocabulary.columns[cell.removesuffix(NEXT)]] + WIDTH * cell.endswith(NEXT)


def _copy_tables(rules: Sequence[Rule], copies: Mapping[int, tuple[int, int]], kinds: Kinds) -> list[str]:
    first, to, source, number = [0], [], [], []
    for kind in kinds.names:
        for rule, cells in copies.items():
            if kind in rules[rule].on:
                to.append(cells[0])
                source.append(cells[1])
                number.append(rule)
        first.append(len(to))
    return [
        f"COPY_FIRST = np.array({first}, dtype=np.int64)",
        f"COPY_TO = np.array({to}, dtype=np.uint64)",
        f"COPY_FROM = np.array({source}, dtype=np.uint64)",
        f"COPY_RULE = np.array({number}, dtype=np.int64)",
    ]


def _module_text(rules: Sequence[Rule], vocabulary: Vocabulary, kinds: Kinds) -> str:
    copies = {number: pair for number, rule in enumerate(rules) if (pair := _copied_cells(rule, vocabulary))}
    lines = [
        "import numpy as np",
        "from harness.audit.compiled import check_copies, report",
        "from harness.audit.field import ONE, ZERO, add, mul, power_7, sub",
        "from harness.audit.jit import jit, jit_part",
        "from harness.audit.rule import APPLIED, FIRST_ROW",
        f"from {kinds.kind_of.__module__} import {kinds.kind_of.__name__} as kind_of",
        "SEVEN = np.uint64(7)",
        *_copy_tables(rules, copies, kinds),
    ]
    calls = ["    check_copies(rows, index, starts, COPY_FIRST, COPY_TO, COPY_FROM, COPY_RULE, facts, found)"]
    evaluated = [number for number in range(len(rules)) if number not in copies]
    for stratum, (on, members) in enumerate(groupby(evaluated, key=lambda number: rules[number].on)):
        lines += ["", "", *_stratum_text(stratum, tuple(members), rules, vocabulary)]
        lines.append(f"ON_{stratum} = np.array({[kinds.names.index(kind) for kind in on]}, dtype=np.int64)")
        calls += _call(stratum, on)
    return "\n".join([*lines, "", "", *_driver_text(len(kinds.names), calls), ""])


def _stratum_text(stratum: int, numbers: Sequence[int], rules: Sequence[Rule], vocabulary: Vocabulary) -> list[str]:
    """One loop over rows start .. end - 1 of ``index`` for the rules with these numbers."""
    body: list[str] = []
    applied: list[str] = []
    counters: list[str] = []
    for when, members in groupby(numbers, key=lambda number: rules[number].when):
        for block in _blocks(tuple(members)):
            rows = "end - start"
            if when:
                rows = f"applied_{block[0]}"
                counters.append(f"    {rows} = 0")
            body += _block_text(block, rules, rows, vocabulary)
            applied += [
                f"    for rule in range({block[0]}, {block[-1] + 1}):",
                f"        found[rule, APPLIED] += {rows}",
            ]
    return [
        "@jit_part",
        f"def stratum_{stratum}(rows, opcodes, index, start, end, facts, found):",
        *counters,
        "    for position in range(start, end):",
        "        i = np.uint64(index[position])",
        "        j = i + ONE",
        "        row = facts[FIRST_ROW] + np.int64(i)",
        f"        {ROW_IN_CYCLE} = np.uint64(row) & SEVEN",
        *body,
        *applied,
    ]


def _blocks(numbers: Sequence[int]) -> list[Sequence[int]]:
    """Runs of consecutive numbers, none longer than a mask."""
    blocks: list[list[int]] = []
    for number in numbers:
        if blocks and blocks[-1][-1] + 1 == number and len(blocks[-1]) < MASK_BITS:
            blocks[-1].append(number)
        else:
            blocks.append([number])
    return list(blocks)


def _block_text(numbers: Sequence[int], rules: Sequence[Rule], counter: str, vocabulary: Vocabulary) -> list[str]:
    """The rules of one mask, under one condition."""
    indent = "        "
    lines: list[str] = []
    when = rules[numbers[0]].when
    if when:
        lines += [indent + line for line in _assignments((when,), vocabulary)]
        lines.append(f"{indent}if {vocabulary.truth(when)}:")
        indent += "    "
        lines.append(f"{indent}{counter} += 1")
    lines += [indent + line for line in _assignments([rules[number].zero for number in numbers], vocabulary)]
    lines.append(f"{indent}bad = ZERO")
    for bit, number in enumerate(numbers):
        lines.append(f"{indent}if {vocabulary.violated(rules[number].zero)}:  # {rules[number].name}")
        lines.append(f"{indent}    bad |= np.uint64({1 << bit})")
    lines += [f"{indent}if bad != ZERO:", f"{indent}    report(found, {numbers[0]}, bad, row)"]
    return lines


def _assignments(texts: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """Lines that give every name in the texts its value."""
    cells: dict[str, None] = {}
    definitions: dict[str, None] = {}
    for text in texts:
        of_cells, of_definitions = vocabulary.names_of(text)
        cells.update(dict.fromkeys(of_cells))
        definitions.update(dict.fromkeys(of_definitions))
    lines = []
    if any(OPCODE in text for text in texts):
        lines += [f"{OPCODE} = np.uint64(opcodes[i])", f"{OPCODE}{NEXT} = np.uint64(opcodes[j])"]
    for cell in cells:
        row = "j" if cell.endswith(NEXT) else "i"
        lines.append(f"{cell} = rows[{row}, {COLUMN[vocabulary.columns[cell.removesuffix(NEXT)]]}]")
    lines += [f"{name} = {vocabulary.value(vocabulary.definitions[name])}" for name in definitions]
    return lines


def _call(stratum: int, on: Sequence[str]) -> list[str]:
    """One call site a stratum: a function that is inlined into its caller many times takes long to compile."""
    if not on:
        return [f"    stratum_{stratum}(rows, opcodes, index, 0, n, facts, found)"]
    return [
        f"    for kind in ON_{stratum}:",
        "        if starts[kind] < starts[kind + 1]:",
        f"            stratum_{stratum}(rows, opcodes, index, starts[kind], starts[kind + 1], facts, found)",
    ]


def _driver_text(kinds: int, calls: Sequence[str]) -> list[str]:
    return [
        "@jit",
        "def check(rows, opcodes, facts, found):",
        "    n = rows.shape[0] - 1",
        "    kind = np.empty(n, np.uint16)",
        f"    starts = np.zeros({kinds + 1}, np.int64)",
        "    for i in range(n):",
        "        kind[i] = kind_of(rows, opcodes, i, facts)",
        "        starts[kind[i] + 1] += 1",
        f"    for number in range({kinds}):",
        "        starts[number + 1] += starts[number]",
        f"    filled = starts[:{kinds}].copy()",
        "    index = np.empty(n, np.uint32)",
        "    for i in range(n):",
        "        index[filled[kind[i]]] = i",
        "        filled[kind[i]] += 1",
        *calls,
    ]
