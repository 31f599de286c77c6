"""A chiplet that is wrong everywhere makes a trace without a stray cell: the rules that say what it should do notice it."""

from __future__ import annotations

import pytest
from consistent_faults import CASES, FAULTS, Fault, violated


@pytest.mark.parametrize("case", sorted({fault.case for fault in FAULTS}))
def test_without_a_fault_nothing_is_violated(case: str) -> None:
    assert violated(CASES[case]) == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_wrong_chiplet_is_noticed_by_the_rules_about_it_and_no_others(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.plant(monkeypatch)
    noticed = violated(CASES[fault.case])
    assert noticed is not None
    assert sorted(noticed) == sorted(fault.noticed_by)
