"""Operand checks that many operations share.

They run before anything else in their operation, so a failing operation leaves no trace. Source: spec 01, section 7.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference.definition.errors import ExecutionFailure
from reference.definition.field import U32_LIMIT


def check_u32(operands: Sequence[int], error_code: int = 0) -> None:
    """Refuse operands that are not u32; all of them are inspected, in position order.

    Raises ExecutionFailure ``NotU32Values`` (no clk).
    """
    offending = [value for value in operands if value >= U32_LIMIT]
    if offending:
        raise ExecutionFailure("NotU32Values", detail=f"values {offending}, error code {error_code}")


def check_binary(operand: int) -> None:
    """Refuse an operand that is neither 0 nor 1.

    Raises ExecutionFailure ``NotBinaryValueOp`` (no clk).
    """
    if operand > 1:
        raise ExecutionFailure("NotBinaryValueOp", detail=f"value {operand}")
