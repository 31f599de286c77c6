"""The known divergences of the sequential engine: beside the reference each recorded defect is excused by its own entry."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from divergent_cases import case_named

from harness.backends.exec import ExecEngine
from harness.backends.program import Program
from harness.backends.reference import ReferenceEngine
from harness.backends.sequential_vm import SequentialEngine
from harness.compare import compare
from harness.verdict import Verdict

HERE = Path(__file__).parent

BESIDE_THE_REFERENCE = {
    "a5_no_halt_row": ["A9"],
    "a5_no_halt_row_call": ["A9"],
    "a7_repeat_after_call": ["A7", "A9"],
    "a7_repeat_after_dyncall": ["A7", "A9"],
    "a7_repeat_after_loop": ["A7", "A9"],
    "a7_repeat_after_syscall": ["A7", "A9"],
    "a7_repeat_external_call": ["A7", "A9"],
    "a9_pad_column": ["A9"],
    "b2_ace_size_wraps": [],
    "b2_ace_wrap_circuit": ["A9"],
    "b2_ace_wrap_no_gates": ["A9"],
    "d03_u32sub_code": [],
    "d04_mpverify_depth0": ["D04"],
    "d04_mpverify_depth0_bad": ["D04"],
    "d05_mrupdate_bad_old": ["D05"],
    "d06_mrupdate_depth0": ["D06"],
    "d06_mrupdate_depth0_bad": ["D06"],
    "d09_dyn_conflict_clk": ["D09"],
    "d09_dyncall_conflict_clk": ["D09"],
    "d10_circular_and_conflict": ["D10"],
}

# D02 and D19 are the parallel engine's: there the record has no trace to tell the sequential one's cells by.

BESIDE_THE_PARALLEL_ENGINE = {
    "a7_repeat_after_syscall": ["A7", "A9"],
    "a9_pad_column": ["A9"],
    "d03_u32sub_code": ["D03"],
    "d09_dyn_conflict_clk": ["D09"],
    "d10_circular_and_conflict": ["D10"],
}
"""Where neither panics; a panic needs a witness that nothing could excuse."""


@pytest.fixture(scope="module", params=["recorded", pytest.param("live", marks=pytest.mark.oracle)])
def program(request):
    if request.param == "recorded":
        return Program([sys.executable, str(HERE / "recorded_vm.py")])
    if path := os.environ.get("FRAGDIFF_ORACLE"):
        return Program([path, "run"])
    pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")


@pytest.fixture(scope="module")
def sequential(program):
    engine = SequentialEngine("exec-sequential:vm", program.command, program=program)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def parallel(program):
    engine = ExecEngine("exec:vm", program.command, program=program)
    yield engine
    engine.close()


@pytest.mark.parametrize("name", BESIDE_THE_REFERENCE)
def test_the_reference_and_the_list_explain_each_difference(sequential, name):
    comparison = compare(case_named(name), [ReferenceEngine(), sequential])
    assert comparison.divergences == ()
    assert [item.entry for item in comparison.excused] == BESIDE_THE_REFERENCE[name]
    assert compare(case_named(name), [ReferenceEngine(), sequential], known=()).verdict is (
        Verdict.DIFFER if BESIDE_THE_REFERENCE[name] else Verdict.AGREE
    )


@pytest.mark.parametrize("name", BESIDE_THE_PARALLEL_ENGINE)
def test_the_parallel_engine_is_a_witness_too(parallel, sequential, name):
    comparison = compare(case_named(name), [parallel, sequential])
    assert comparison.divergences == ()
    assert [item.entry for item in comparison.excused] == BESIDE_THE_PARALLEL_ENGINE[name]


def test_a_wrong_cell_beside_the_pad_column_is_not_excused(program, parallel):
    """The excuse of the last row is for one column of it, that of a REPEAT row for three."""
    case = case_named("a7_repeat_after_call")
    record = dict(program.ask(case, "test", parallel).record)
    listed = record["sequential_vs_parallel"]
    for extra in ({"col": 70, "rows": [63]}, {"col": 18, "rows": [7]}, {"col": 20, "rows": [6]}):
        other = {**extra, "count": 1, "len": [64, 64]}
        columns = sorted(
            [*(item for item in listed if item["col"] != other["col"]), other], key=lambda item: item["col"]
        )
        liar = _Saying({**record, "sequential_vs_parallel": columns}, program)
        comparison = compare(case, [ReferenceEngine(), liar])
        liar.close()
        (divergence,) = comparison.divergences
        assert divergence.row == extra["rows"][0]


class _Saying(SequentialEngine):
    """The sequential engine with another record."""

    def __init__(self, record, program):
        super().__init__("exec-sequential:vm", program.command, program=program)
        self._record = record

    def _read(self, answer, case):
        return super()._read(replace(answer, record=self._record), case)
