"""``.inputs`` files: what the VM's command line gives to a program (spec 06, section 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reference.definition.case import MAX_STACK_INPUTS, Advice
from reference.definition.errors import InputError
from reference.definition.field import P
from reference.definition.formats.json_value import MAX_INTEGER_DIGITS, Value, parse_json
from reference.definition.formats.merkle_inputs import TreePairs

_DECIMAL = re.compile(r"\+?0*([0-9]+)")


@dataclass(frozen=True)
class StackAndAdvice:
    """The inputs of a case."""

    stack: tuple[int, ...] = ()
    """At most 16 values, top first (the file lists the top last)."""
    advice: Advice = field(default_factory=Advice)


def read_inputs(text: str | bytes, source: str = "") -> StackAndAdvice:
    """The inputs that the JSON text lists; unknown keys are ignored, as the VM's command line does.

    Raises InputError with the path in the document. Stricter than the VM: no key twice, no word twice in two spellings,
    no node of a partial tree twice.
    """
    try:
        return _inputs(parse_json(text))
    except InputError as error:
        raise error.located(source) from None


def _inputs(document: Value) -> StackAndAdvice:
    # An optional part may be null, which says as much as leaving it out.
    known = {key: value for key, value in document.entries() if key == "operand_stack" or value.value is not None}
    if "operand_stack" not in known:
        raise document.refuse("expected the key 'operand_stack', found none")
    operands = _decimals(known["operand_stack"])
    if len(operands) > MAX_STACK_INPUTS:
        raise known["operand_stack"].expected(f"at most {MAX_STACK_INPUTS} stack inputs")
    trees = TreePairs()
    if "merkle_store" in known:
        for entry in known["merkle_store"].items():
            trees.add(entry)
    advice = Advice(
        stack=_decimals(known["advice_stack"]) if "advice_stack" in known else (),
        map=known["advice_map"].map_of_elements() if "advice_map" in known else {},
        store=tuple(trees.pairs),
    )
    return StackAndAdvice(operands[::-1], advice)


def _decimals(value: Value) -> tuple[int, ...]:
    return tuple(_decimal(item) for item in value.items())


def _decimal(value: Value) -> int:
    match = _DECIMAL.fullmatch(value.text())
    if not match or len(match[1]) > MAX_INTEGER_DIGITS or int(match[1]) >= P:
        raise value.expected(f"a string with a decimal number below {P}")
    return int(match[1])
