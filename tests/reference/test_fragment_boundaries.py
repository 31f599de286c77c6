"""The 27 programs of the fragment boundary set: all cells of all rows as the real VM's parallel builder made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compared import first_difference

from reference.definition.cuts import Every
from reference.definition.formats.case_json import read_case
from reference.processor import execute

DATA = Path(__file__).parent.parent / "data" / "fragment_boundaries"
CASES = {
    case.name: case
    for number, line in enumerate((DATA / "cases.jsonl").read_text().splitlines(), 1)
    for case in [read_case(line, f"cases.jsonl:{number}")]
}


def test_there_are_27_programs():
    assert sorted(CASES) == [f"case_{number:02d}" for number in range(1, 28)]


@pytest.mark.parametrize("name", CASES)
def test_every_cell_is_the_real_builders(name):
    case = CASES[name]
    with np.load(DATA / f"{name}.npz") as archive:
        expected = archive["trace"].T
        program_hash = tuple(archive["program_hash"].tolist())
        assert case.cut == Every(int(archive["fragment_size"]))
        assert (*case.stack, *(0,) * (16 - len(case.stack))) == tuple(archive["stack_inputs"].tolist())
    execution = execute(case)
    assert execution.trace is not None, execution.outcome
    assert execution.program_hash == program_hash
    difference = first_difference(execution.trace.columns, expected)
    assert difference is None, difference
