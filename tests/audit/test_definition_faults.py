"""A fault in the definition changes all engines alike: the recordings of the real VM or the audit notice it."""

from __future__ import annotations

import pytest
from definition_faults import FAULTS, NO_FAULT, RECORDINGS, Fault, notice


@pytest.mark.parametrize("fault", [NO_FAULT, *FAULTS], ids=lambda fault: fault.name)
def test_a_faulty_definition_is_noticed_by_these_witnesses(fault: Fault) -> None:
    noticed = notice(fault)
    assert {witness for witness, cases in noticed.by.items() if cases} == fault.noticed_by


def test_the_recordings_alone_notice_every_fault() -> None:
    """An audit may share the fault, and then accepts some of these traces; a recording cannot."""
    assert [fault.name for fault in FAULTS if fault.noticed_by.isdisjoint(RECORDINGS)] == []
