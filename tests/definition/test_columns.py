"""Names and contents of the columns against the traces of the real VM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference.definition.columns import COLUMN, COLUMN_NAMES, GROUP_OF_COLUMN, MEANING, WIDTH
from reference.definition.isa import BLOCK_OPERATIONS, BY_OPCODE, OPERATIONS
from reference.definition.registers import HELPER_NAMES, REGISTER_COLUMNS, REGISTER_NAMES, meaning

DATA = Path(__file__).parent.parent / "data"
SEGMENTS = {"system": 6, "decoder": 24, "stack": 19, "range": 2, "chiplets": 20, "pad": 1}


def test_the_segments_have_their_widths_and_every_column_a_meaning() -> None:
    assert WIDTH == len(COLUMN) == 72
    assert [group for group, width in SEGMENTS.items() for _ in range(width)] == list(GROUP_OF_COLUMN)
    assert list(MEANING) == list(COLUMN_NAMES)
    assert len(set(MEANING.values())) == WIDTH


@pytest.fixture(scope="module")
def seen() -> dict[str, np.ndarray]:
    """By operation: which of dec_h0..7 the real VM's recorded rows have ever as something else than 0."""
    found = {info.name: np.zeros(8, bool) for info in OPERATIONS}
    bits = slice(COLUMN["dec_op_bit_0"], COLUMN["dec_op_bit_0"] + 7)
    registers = slice(COLUMN["dec_h0"], COLUMN["dec_h0"] + 8)
    for path in sorted((DATA / "vm" / "traces").glob("*.npz")):
        with np.load(path) as archive:
            trace = archive["trace"][:, :-1]
        opcodes = (trace[bits] << np.arange(7, dtype=np.uint64)[:, None]).sum(axis=0)
        for opcode in np.unique(opcodes):
            found[BY_OPCODE[int(opcode)].name] |= (trace[registers][:, opcodes == opcode] != 0).any(axis=1)
    return found


def test_registers_without_a_name_are_zero_in_the_real_vms_traces(seen: dict[str, np.ndarray]) -> None:
    assert REGISTER_NAMES.keys() == {info.name for info in OPERATIONS}
    for operation, used in seen.items():
        for column, name, is_used in zip(REGISTER_COLUMNS, REGISTER_NAMES[operation], used, strict=True):
            assert not (is_used and name == "0"), (operation, column)


def test_the_first_helper_of_every_operation_that_has_one_is_used_in_the_real_vms_traces(
    seen: dict[str, np.ndarray],
) -> None:
    met = {operation for operation, used in seen.items() if used.any()}
    assert {info.name for info in BLOCK_OPERATIONS if info.name in met and seen[info.name][2:].any()} == {
        operation for operation in HELPER_NAMES if operation in met
    }
    assert len(met & HELPER_NAMES.keys()) >= 15


def test_a_cell_is_explained_by_its_operation() -> None:
    assert meaning("dec_h2", "U32ADD") == "lo.lo"
    assert meaning("dec_h2", "SWAP") == "0"
    assert meaning("dec_h5", "END") == "loop_entered"
    assert meaning("dec_h0", "?") == "decoder register 0"
    assert meaning("stack_b0", "U32ADD") == "stack depth"
