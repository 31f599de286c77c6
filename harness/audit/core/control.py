"""Rules about control rows: conditions, registers, contexts, the end of the program (spec 12, sections 4.2 and 8.1)."""

from __future__ import annotations

from typing import Final

from harness.audit.core.words import END_CALL, END_LOOP, ENDS, EVERY, without
from harness.audit.rule import Rule, Variant

_SOURCE: Final = "12 section 8.1"
_CALLS: Final = ("CALL", "DYNCALL")


def _decoder(name: str, zero: str, *on: str, when: str = "", variant: Variant | None = None) -> Rule:
    return Rule(f"decoder.{name}", "decoder", zero, _SOURCE, on=on, when=when, variant=variant)


def _system(name: str, zero: str, *on: str, when: str = "") -> Rule:
    return Rule(f"system.{name}", "system", zero, _SOURCE, on=on, when=when)


CONDITIONS: Final = (
    _decoder("condition", "s0^2 - s0", "SPLIT", "LOOP"),
    _decoder("REPEAT.condition", "1 - s0", "REPEAT"),
    _decoder("END.condition", "s0", END_LOOP),
    _decoder("REPEAT.loop body", "1 - h4", "REPEAT"),
    *(_decoder(f"REPEAT.copy.{j}", f"h{j}' - h{j}", *ENDS, when="op' == REPEAT") for j in range(5)),
)

REGISTERS: Final = (
    *(_decoder(f"register.{j}", f"h{j}", "DYN", "LOOP", "CALL", "SYSCALL", "HALT") for j in range(4, 8)),
    _decoder("DYNCALL.depth", "h4 - B0 + ov", "DYNCALL"),
    _decoder("DYNCALL.overflow", "(1 - ov)*h5", "DYNCALL"),
    _decoder("DYNCALL.register.6", "h6", "DYNCALL"),
    _decoder("DYNCALL.register.7", "h7", "DYNCALL"),
    # The real VM's builders differ here: spec 08, A7.
    *(_decoder(f"REPEAT.register.{j}", f"h{j}", "REPEAT", variant=Variant.PARALLEL) for j in range(5, 8)),
    *(
        _decoder(f"REPEAT.copy.{j}", f"h{j}' - h{j}", *ENDS, when="op' == REPEAT", variant=Variant.SEQUENTIAL)
        for j in range(5, 8)
    ),
    *(_decoder(f"END.flag.{j}", f"h{j}^2 - h{j}", *ENDS) for j in range(4, 8)),
    _decoder("END.one flag", "h5*h6 + h5*h7 + h6*h7", *ENDS),
    _decoder("END.syscall context", "h7*ctx", *ENDS),
    _decoder("END.call context", "ctx != 0", END_CALL, when="h6 == 1"),
)

HALT: Final = (
    _decoder("HALT.last", "op' == HALT", "HALT"),
    *(_decoder(f"HALT.hash.{j}", f"h{j}' - h{j}", *ENDS, "HALT", when="op' == HALT") for j in range(4)),
    _system("HALT.ctx", "ctx", "HALT"),
    *(_system(f"HALT.fn_hash.{j}", f"fn{j}", "HALT") for j in range(4)),
    _decoder("HALT.depth", "B0 - 16", "HALT"),
    _decoder("HALT.overflow", "B1", "HALT"),
)

CONTEXT: Final = (
    Rule("system.clk", "system", "clk' - clk - 1", "12 section 4.2"),
    _system("ctx.call", "ctx' - clk - 1", *_CALLS),
    _system("ctx.SYSCALL", "ctx'", "SYSCALL"),
    _system("ctx.keep", "ctx' - ctx", *without(EVERY, *_CALLS, "SYSCALL", END_CALL)),
    *(_system(f"fn_hash.call.{j}", f"fn{j}' - h{j}", *_CALLS) for j in range(4)),
    *(_system(f"fn_hash.keep.{j}", f"fn{j}' - fn{j}", *without(EVERY, *_CALLS, END_CALL)) for j in range(4)),
)

PADDING: Final = (Rule("layout.pad", "layout", "pad", _SOURCE),)

CONTROL_RULES: Final = (*CONDITIONS, *REGISTERS, *HALT, *CONTEXT, *PADDING)
