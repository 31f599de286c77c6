"""Decoder rules about blocks: opcode bits, groups, indexes, batches and addresses (spec 12, section 8.1; spec 03)."""

from __future__ import annotations

from typing import Final

from harness.audit.core.words import BLOCK, CONTROL, EVERY, UNUSED, without
from harness.audit.rule import Rule

_SOURCE: Final = "12 section 8.1"
_BATCH: Final = ("SPAN", "RESPAN")
_ENDS_BLOCK: Final = "op' in (END, RESPAN)"


def _decoder(name: str, zero: str, *on: str, when: str = "") -> Rule:
    return Rule(f"decoder.{name}", "decoder", zero, _SOURCE, on=on, when=when)


OPCODE_BITS: Final = (
    *(_decoder(f"bit.{k}", f"b{k}^2 - b{k}") for k in range(7)),
    _decoder("extra.0", "e0 - b6*(1 - b5)*b4"),
    _decoder("extra.1", "e1 - b6*b5"),
    _decoder("u32 opcode", "b6*(1 - b5)*(1 - b4)*b0"),
    _decoder("last opcodes.0", "b6*b5*b0"),
    _decoder("last opcodes.1", "b6*b5*b1"),
    # The flag of an unused opcode is 1 on its rows.
    _decoder("unused opcode", "1", *UNUSED),
)

IN_SPAN: Final = (
    _decoder("in span.block", "1 - sp", *BLOCK),
    _decoder("in span.control", "sp", *CONTROL),
    _decoder("in span.begins", "1 - sp'", *_BATCH),
    _decoder("in span.ends", "sp'", when=_ENDS_BLOCK),
    _decoder("in span.keeps", "sp' - sp", *without(EVERY, *_BATCH), when="op' not in (END, RESPAN)"),
)

ADDRESS: Final = (
    _decoder("address.block", "a' - a", *BLOCK),
    _decoder("address.RESPAN", "a' - a - 8", "RESPAN"),
    _decoder("address.REPEAT", "a' - a", "REPEAT"),
    _decoder("address.HALT", "a", "HALT"),
    _decoder("parent.SPAN", "h1' - a", "SPAN"),
    _decoder("parent.block", "h1' - h1", *BLOCK, when="sp' == 1"),
)

GROUPS: Final = (
    _decoder("group count.step", "D*(D - 1)", *BLOCK),
    _decoder("group count.new group", "D*h0", *without(BLOCK, "PUSH")),
    _decoder("group count.consumed", "D - 1", *_BATCH, "PUSH"),
    _decoder("group count.block ends", "D", when=_ENDS_BLOCK),
    _decoder("group count.END", "gc", "END", "END of an entered loop", "END of a call"),
    _decoder("group count.control", "gc", *without(CONTROL, *_BATCH)),
    _decoder("group.consumed", "h0 - 128*h0' - op'", *_BATCH, "PUSH"),
    _decoder("group.continues", "h0 - 128*h0' - op'", *without(BLOCK, "PUSH"), when="sp' == 1 and D == 0"),
    _decoder("group.empty", "h0", *BLOCK, when=_ENDS_BLOCK),
    _decoder("index.batch begins", "ox'", *_BATCH),
    _decoder("index.group begins", "D*ox'", *without(BLOCK, "PUSH")),
    _decoder("index.group continues", "(1 - D)*(ox' - ox - 1)", *without(BLOCK, "PUSH"), when="sp' == 1"),
    _decoder("index.PUSH", "ox' - ox - 1", "PUSH", when="sp' == 1"),
    _decoder("index.limit", "ox <= 8"),
    _decoder("index.control", "ox", *CONTROL),
)

BATCHES: Final = (
    *(_decoder(f"batch flag.{k}", f"bc{k}^2 - bc{k}") for k in range(3)),
    _decoder("batch flag.eight", "bc0*(bc1 + bc2)"),
    _decoder("batch flag.needed", "1 - g1 - g2 - g4 - g8", *_BATCH),
    _decoder("batch flag.elsewhere", "bc0 + bc1 + bc2", *without(EVERY, *_BATCH)),
    *(_decoder(f"batch size.{j}", f"(g1 + g2 + g4)*h{j}", *_BATCH) for j in range(4, 8)),
    *(_decoder(f"batch size.{j}", f"(g1 + g2)*h{j}", *_BATCH) for j in (2, 3)),
    _decoder("batch size.1", "g1*h1", *_BATCH),
    *(_decoder(f"batch size.groups.{k}", f"g{k}*(gc - {k})", *_BATCH) for k in (1, 2, 4)),
)

BLOCK_RULES: Final = (*OPCODE_BITS, *IN_SPAN, *ADDRESS, *GROUPS, *BATCHES)
