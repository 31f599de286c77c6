"""Nodes as strings, as case files write them: ``block SWAP PUSH(42)``, ``join 0 1``, ``external @0:2``.

The grammar is that of the real VM's case format; operations are named as in the opcode map.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference.definition.errors import InputError
from reference.definition.field import P, word_from_hex, word_to_hex
from reference.definition.formats.json_value import MAX_INTEGER_DIGITS, shortened
from reference.definition.isa import BLOCK_OPERATIONS, BY_NAME, Immediate, Operation
from reference.definition.mast import (
    NODE_KIND,
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
    children_of,
)


@dataclass(frozen=True, slots=True)
class SymbolicExternal:
    """An external node whose digest is not known yet: the node ``node`` of library ``library``."""

    library: int
    node: int


_WITH_IMMEDIATE = re.compile(r"([A-Z0-9]+)\(([0-9]+)\)")
_SYMBOL = re.compile(r"@([0-9]{1,9}):([0-9]{1,9})")
_NODE_ID = re.compile(r"[0-9]{1,10}")

_BARE_OPERATIONS = {
    info.name: Operation(info.opcode) for info in BLOCK_OPERATIONS if info.immediate is not Immediate.GROUP
}

_PARENTS: dict[str, tuple[type[Join | Split | Loop | Call | Syscall], int]] = {
    "join": (Join, 2),
    "split": (Split, 2),
    "loop": (Loop, 1),
    "call": (Call, 1),
    "syscall": (Syscall, 1),
}


def parse_operation(text: str) -> Operation:
    """The operation written as ``ADD``, ``PUSH(42)`` or ``ASSERT(7)``; InputError without a place."""
    bare = _BARE_OPERATIONS.get(text)
    if bare is not None:
        return bare
    match = _WITH_IMMEDIATE.fullmatch(text)
    name, digits = (match[1], match[2]) if match else (text, "")
    info = BY_NAME.get(name)
    if info is None:
        raise InputError(f"expected an operation, found {shortened(ascii(text))}")
    if info.control:
        raise InputError(f"expected an operation of a block, found the control operation {name}")
    if not match:
        raise InputError(f"expected an immediate, {name}(..), found none")
    if info.immediate is Immediate.NONE:
        raise InputError(f"expected {name} without an immediate, found {shortened(text)}")
    if len(digits) > MAX_INTEGER_DIGITS or int(digits) >= P:
        raise InputError(f"expected an immediate below {P}, found {shortened(text)}")
    return Operation(info.opcode, int(digits))


def _parse_external(target: str) -> External | SymbolicExternal:
    if not target.startswith("@"):
        try:
            return External(word_from_hex(target))
        except ValueError as error:
            raise InputError(f"expected a target 0x<digest> or @LIBRARY:NODE: {error}") from None
    match = _SYMBOL.fullmatch(target)
    if not match:
        raise InputError(f"expected @LIBRARY:NODE, found {shortened(ascii(target))}")
    return SymbolicExternal(int(match[1]), int(match[2]))


def parse_node(text: str) -> Node | SymbolicExternal:
    """The node that the string describes; InputError without a place. Child ids are not checked here."""
    kind, *rest = text.split() or [""]
    if kind == "block":
        if not rest:
            raise InputError("expected at least one operation in a block, found none")
        return Block(tuple(parse_operation(operation) for operation in rest))
    if kind in _PARENTS:
        node_type, count = _PARENTS[kind]
        if len(rest) != count or not all(_NODE_ID.fullmatch(child) for child in rest):
            raise InputError(f"expected {kind} and {count} node id(s), found {shortened(ascii(text))}")
        return node_type(*map(int, rest))
    if kind == "external" and len(rest) == 1:
        return _parse_external(rest[0])
    if kind in ("dyn", "dyncall") and not rest:
        return Dyn() if kind == "dyn" else Dyncall()
    kinds = ", ".join(NODE_KIND.values())
    raise InputError(f"expected a node ({kinds}) with what it needs, found {shortened(ascii(text))}")


def node_text(node: Node) -> str:
    """The node as a string; an external with a symbol is written by its symbol."""
    match node:
        case Block(operations):
            return " ".join(("block", *(operation.text for operation in operations)))
        case External(digest, None):
            return f"external {word_to_hex(digest)}"
        case External(_, (library, target)):
            return f"external @{library}:{target}"
        case _:
            return " ".join((NODE_KIND[type(node)], *map(str, children_of(node))))
