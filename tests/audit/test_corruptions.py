"""What the audit notices: of corruptions of recorded traces whose replies and programs are known, every one."""

from __future__ import annotations

from collections import Counter

import pytest
from corruption import CHIPLET, CORE, FAMILIES, MAX_ROWS, RANGE_TABLE, family_cells, single_cells, violated_rules
from golden_traces import all_traces

from harness.audit.checks import row_rules, trace_checks
from harness.audit.known import Known
from harness.audit.rule import Variant

TRACES = [trace for trace in all_traces() if trace.rows <= MAX_ROWS]

GROUP_OF_RULE = {
    rule.name: rule.group
    for rules in (
        *(group.rules for group in row_rules(Known(forests=()))),
        *(check.rules for check in trace_checks(Known(), Variant.PARALLEL)),
    )
    for rule in rules
}


@pytest.mark.parametrize("seed", range(4))
def test_every_wrong_cell_is_noticed(seed: int) -> None:
    escaped = [each.what for each in single_cells(TRACES, 1000, seed) if not violated_rules(each)]
    assert escaped == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_several_wrong_cells_is_noticed(family: str) -> None:
    escaped = [each.what for each in family_cells(TRACES, family, 300, 0) if not violated_rules(each)]
    assert escaped == []


@pytest.mark.slow
def test_the_share_that_each_group_of_rules_notices() -> None:
    """Of 30,000 single cells; all of them by some rule."""
    noticed: dict[str, Counter[str]] = {CORE: Counter(), CHIPLET: Counter(), RANGE_TABLE: Counter()}
    drawn: Counter[str] = Counter()
    escaped = []
    for each in single_cells(TRACES, 30_000, 2026):
        rules = violated_rules(each)
        drawn[each.part] += 1
        noticed[each.part].update({GROUP_OF_RULE[rule] for rule in rules})
        if not rules:
            escaped.append(each.what)
    for part, groups in noticed.items():
        shares = ", ".join(f"{group} {100 * count / drawn[part]:.1f}" for group, count in groups.most_common())
        print(f"{part} ({drawn[part]}): {shares}")
    assert escaped == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_many_of_every_family_are_noticed(family: str) -> None:
    escaped = [each.what for each in family_cells(TRACES, family, 3000, 1) if not violated_rules(each)]
    assert escaped == []
