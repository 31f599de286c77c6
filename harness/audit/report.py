"""What an audit found, as lines for people and as JSON."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, Final

from harness.audit.violation import AuditResult, Violation

JSON_FORMAT: Final = "fragdiff-audit/1"
CELLS_SHOWN: Final = 24
"""Of one violation; the random row has 72."""


def report_lines(result: AuditResult, limit: int = 16) -> list[str]:
    """The verdict, the first ``limit`` violations with their cells, and what was not checked."""
    lines = [headline(result)]
    for violation in result.violations[:limit]:
        lines += violation_lines(violation)
    if len(result.violations) > limit:
        lines.append(f"and {len(result.violations) - limit} more")
    by_reason = Counter(item.reason for item in result.not_checked)
    lines += [f"not checked: {reason} ({_rules(count)})" for reason, count in sorted(by_reason.items())]
    return lines


def headline(result: AuditResult) -> str:
    """The verdict and what it rests on, in one line."""
    applied = sum(count > 0 for count in result.checked.values())
    basis = f"{applied} of {len(result.checked) + len(result.not_checked)} rules applied to {result.rows:,} rows"
    if result.accepted:
        return f"accepted: {basis}"
    return f"rejected: {_rules(len(result.violations))} violated; {basis}"


def _rules(count: int) -> str:
    return f"{count} rule" if count == 1 else f"{count} rules"


def violation_lines(violation: Violation) -> list[str]:
    """Where, which rule, what it says, and the cells that it reads."""
    rule = violation.rule
    where = "the whole trace" if violation.row is None else f"row {violation.row}"
    operation = f" ({violation.operation})" if violation.operation else ""
    others = violation.count - 1
    more = f", and on {others} more row{'s' if others > 1 else ''}" if others else ""
    lines = [f"{where}{operation}: {rule.name}{more}", f"  spec {rule.source}: {statement(violation)}"]
    lines += [f"  {cell.column}[{cell.row}] = {cell.value}" for cell in violation.cells[:CELLS_SHOWN]]
    if len(violation.cells) > CELLS_SHOWN:
        lines.append(f"  and {len(violation.cells) - CELLS_SHOWN} more cells")
    return lines + [f"  {detail}" for detail in violation.details]


def statement(violation: Violation) -> str:
    """What the rule says, with its condition."""
    rule = violation.rule
    # A rule with cells and kinds of rows is an expression in the page's notation unless it compares or speaks.
    is_expression = not any(sign in rule.zero for sign in ("==", "!=", "<", ">")) and rule.group not in {
        "trace",
        "layout",
    }
    said = f"{rule.zero} = 0" if is_expression and _is_notation(rule.zero) else rule.zero
    return f"{said}, where {rule.when}" if rule.when else said


def _is_notation(text: str) -> bool:
    """Whether the text is made of names, numbers and operators: two words in a row are prose."""
    words = text.replace("(", " ").replace(")", " ").split()
    names = [word.strip(",")[:1].isalnum() for word in words]
    return not any(one and other for one, other in pairwise(names))


def result_json(result: AuditResult) -> dict[str, Any]:
    """Everything; cells and counts as numbers."""
    return {
        "format": JSON_FORMAT,
        "accepted": result.accepted,
        "rows": result.rows,
        "violations": [violation_json(violation) for violation in result.violations],
        "checked": result.checked,
        "not_checked": {item.rule.name: item.reason for item in result.not_checked},
    }


def violation_json(violation: Violation) -> dict[str, Any]:
    """One violated rule."""
    rule = violation.rule
    return {
        "rule": rule.name,
        "group": rule.group,
        "source": rule.source,
        "zero": rule.zero,
        "when": rule.when,
        "row": violation.row,
        "count": violation.count,
        "operation": violation.operation,
        "cells": [cell._asdict() for cell in violation.cells],
        "details": list(violation.details),
    }
