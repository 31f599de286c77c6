"""The instruction table against the opcode map of the specification (tests/data/isa_ops.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reference.definition.isa import (
    BLOCK_OPERATIONS,
    BY_NAME,
    BY_OPCODE,
    OPERATIONS,
    Operation,
    decoder_bits,
    extra_bits,
)

LISTED = json.loads((Path(__file__).parent.parent / "data" / "isa_ops.json").read_text())

SHIFT_CLASS = {
    "no_shift_deg7": "plain",
    "left_shift_deg7": "left",
    "right_shift_deg7": "right",
    "u32_range_checked_deg6": "u32",
    "high_degree_deg5": "high",
    "very_high_degree_deg4": "very-high",
}


def test_the_table_lists_the_same_92_operations_in_order_of_their_opcodes() -> None:
    listed = sorted((entry["opcode"], entry["mnemonic"]) for entry in LISTED)
    assert [(info.opcode, info.name) for info in OPERATIONS] == listed
    assert len(OPERATIONS) == len(BY_NAME) == len(BY_OPCODE) == 92
    assert len(BLOCK_OPERATIONS) == 80


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry["mnemonic"])
def test_every_operation_is_as_specified(entry: dict[str, object]) -> None:
    info = BY_NAME[str(entry["mnemonic"])]
    bits = "".join(map(str, reversed(decoder_bits(info.opcode))))
    assert (info.opcode, bits) == (entry["opcode"], entry["bits"])
    assert info.printed == entry["printed"]
    assert info.control == (entry["kind"] == "control")
    assert info.immediate.value == entry["immediate"]
    assert info.shift_class == SHIFT_CLASS[str(entry["class"])]
    assert extra_bits(info.opcode) == (entry["class"] == "high_degree_deg5", entry["class"] == "very_high_degree_deg4")


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (Operation(34), "ADD"),
        (Operation(91, 42), "PUSH(42)"),
        (Operation(91), "PUSH(0)"),
        (Operation(32), "ASSERT"),
        (Operation(74, 7), "U32ASSERT2(7)"),
    ],
)
def test_operations_are_written_as_in_case_files(operation: Operation, text: str) -> None:
    assert operation.text == text
