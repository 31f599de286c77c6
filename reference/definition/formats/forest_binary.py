"""The binary form of a forest (spec 02, section 8).

Stored digests are trusted, as the real VM trusts them. Everything else that a damaged file may say is refused with the
byte where it stands; trailing, repeated and out-of-range things included, some of which the real VM lets pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference.definition.errors import InputError
from reference.definition.field import P, Word
from reference.definition.formats.decorators import no_decorators, read_debug_sections, write_debug_sections
from reference.definition.formats.wire import WORD_BYTES, Reader, Writer
from reference.definition.isa import BY_OPCODE, Immediate, Operation
from reference.definition.mast import (
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
    children_of,
    node_digest,
    order_children_first,
)

MAGIC = b"MAST\0"
VERSION = bytes(3)
NODE_BYTES = 8 + WORD_BYTES
KIND_SHIFT = 60
PAIR_SHIFT = 30

KINDS = (Join, Split, Loop, Block, Call, Syscall, Dyn, Dyncall, External)
"""Node types by their number in a type word."""

_BARE_OPERATIONS = {
    info.opcode: Operation(info.opcode)
    for info in BY_OPCODE.values()
    if not info.control and info.immediate is Immediate.NONE
}


def read_forest(reader: Reader) -> Forest:
    """The forest at the reader's position.

    Raises InputError with the place ``byte N``.
    """
    reader.expect(MAGIC, "the magic bytes of a forest")
    reader.expect(VERSION, "version 0.0.0 of the forest format")
    node_count_at = reader.position
    node_count = reader.vint("the number of nodes")
    decorator_count_at = reader.position
    decorator_count = reader.vint("the number of decorators")
    if node_count * NODE_BYTES > reader.remaining:
        raise reader.refuse(f"expected nodes of {NODE_BYTES} bytes each, found a count of {node_count}", node_count_at)
    if decorator_count > reader.remaining:
        raise reader.refuse(f"expected decorators, found a count of {decorator_count}", decorator_count_at)
    roots = _read_roots(reader, node_count)
    blocks = _BlockData(reader.window(reader.count(1, "bytes of block data"), "block data"))
    nodes, digests = _read_nodes(reader, node_count, blocks)
    advice_map = _read_advice_map(reader)
    error_messages = _read_error_messages(reader)
    debug_sections = read_debug_sections(reader, decorator_count, nodes)
    return Forest(nodes, roots, advice_map, error_messages, digests, debug_sections)


def _read_roots(reader: Reader, node_count: int) -> tuple[int, ...]:
    roots: dict[int, None] = {}
    for _ in range(reader.count(4, "roots")):
        start = reader.position
        root = reader.below(node_count, 4, "a root")
        if root in roots:
            raise reader.refuse(f"expected every root once, found {root} twice", start)
        roots[root] = None
    return tuple(roots)


class _BlockData:
    """The operation lists of all blocks, by offset.

    Two blocks may share a list, but lists may not overlap otherwise: long overlapping lists in a short file would need
    memory and time out of proportion.
    """

    def __init__(self, data: Reader) -> None:
        self._data = data
        self._unread = data.remaining
        self._blocks: dict[int, Block] = {}

    def block(self, offset: int) -> Block:
        if offset not in self._blocks:
            self._blocks[offset] = self._read(self._data.at(offset, "an operation list"))
        return self._blocks[offset]

    def _read(self, reader: Reader) -> Block:
        start = reader.position
        count = reader.count(1, "operations")
        if count == 0:
            raise reader.refuse("expected at least one operation in a block, found none", start)
        operations = tuple(_read_operation(reader) for _ in range(count))
        self._unread -= reader.position - start
        if self._unread < 0:
            raise reader.refuse("expected operation lists that do not overlap, found some that do", start)
        return Block(operations)


def _read_operation(reader: Reader) -> Operation:
    start = reader.position
    code = reader.u8("an opcode")
    bare = _BARE_OPERATIONS.get(code)
    if bare is not None:
        return bare
    info = BY_OPCODE.get(code)
    if info is None:
        raise reader.refuse(f"expected an assigned opcode, found {code}", start)
    if info.control:
        raise reader.refuse(f"expected an operation of a block, found the control operation {info.name}", start)
    return Operation(code, reader.felt(f"the immediate of {info.name}"))


def _read_nodes(reader: Reader, count: int, blocks: _BlockData) -> tuple[tuple[Node, ...], tuple[Word, ...]]:
    table = reader.position
    nodes: list[Node] = []
    digests: list[Word] = []
    for index in range(count):
        start = reader.position
        type_word = reader.unsigned(8, "the type of a node")
        digest = reader.word("a digest")
        node = _node(reader, start, type_word, digest, blocks)
        for child in children_of(node):
            if child >= count:
                raise reader.refuse(f"expected a child of node {index}, below {count}, found {child}", start)
        nodes.append(node)
        # The constant digests of these two are used whatever the table says (spec 02, section 8, reader rules).
        digests.append(node_digest(node, ()) if isinstance(node, Dyn | Dyncall) else digest)
    try:
        order_children_first(nodes)
    except InputError as error:
        index = int(error.place.removeprefix("nodes[").removesuffix("]"))
        raise reader.refuse(f"node {index}: {error.reason}", table + index * NODE_BYTES) from None
    return tuple(nodes), tuple(digests)


def _node(reader: Reader, start: int, type_word: int, digest: Word, blocks: _BlockData) -> Node:
    kind, payload = type_word >> KIND_SHIFT, type_word & (1 << KIND_SHIFT) - 1
    if kind >= len(KINDS):
        raise reader.refuse(f"expected a node kind from 0 to {len(KINDS) - 1}, found {kind}", start)
    node_type = KINDS[kind]
    if node_type is Join or node_type is Split:
        return node_type(payload >> PAIR_SHIFT, payload & (1 << PAIR_SHIFT) - 1)
    if node_type is Block:
        return blocks.block(payload)
    if node_type is Loop or node_type is Call or node_type is Syscall:
        return node_type(payload)
    if payload:
        raise reader.refuse(f"expected payload 0 for node kind {kind}, found {payload}", start)
    if node_type is External:
        return External(digest)
    return Dyn() if node_type is Dyn else Dyncall()


def _read_advice_map(reader: Reader) -> dict[Word, tuple[int, ...]]:
    entries: dict[Word, tuple[int, ...]] = {}
    for _ in range(reader.count(WORD_BYTES + 1, "advice map entries")):
        start = reader.position
        key = reader.word("an advice map key")
        if key in entries:
            raise reader.refuse("expected every advice map key once, found one twice", start)
        entries[key] = reader.felts("advice map values")
    return entries


def _read_error_messages(reader: Reader) -> dict[int, str]:
    messages: dict[int, str] = {}
    for _ in range(reader.count(9, "error codes")):
        start = reader.position
        code = reader.felt("an error code")
        if code in messages:
            raise reader.refuse(f"expected every error code once, found {code} twice", start)
        messages[code] = reader.string("an error message")
    return messages


def write_forest(forest: Forest) -> bytes:
    """The forest in binary form, as the compiler writes it: operation lists in node order, maps in ascending order.

    What :func:`read_forest` read from a compiler's output comes out byte for byte. Digests are the stored ones when the
    forest has them. Raises InputError when digests must be computed and the nodes form a cycle or lack a child.
    """
    offsets, block_data = _write_blocks(forest.nodes)
    writer = Writer().raw(MAGIC).raw(VERSION).vint(len(forest.nodes))
    sections = forest.debug_sections or no_decorators(forest.nodes)
    writer.vint(len(sections.decorators)).vint(len(forest.roots))
    for root in forest.roots:
        writer.unsigned(root, 4)
    writer.data(block_data)
    for node, offset, digest in zip(forest.nodes, offsets, forest.digests, strict=True):
        writer.unsigned(_type_word(node, offset), 8).word(digest)
    writer.vint(len(forest.advice_map))
    for key in sorted(forest.advice_map, key=_map_order):
        values = forest.advice_map[key]
        writer.word(key).vint(len(values)).elements(values)
    writer.vint(len(forest.error_messages))
    for code, message in sorted(forest.error_messages.items()):
        writer.unsigned(code, 8).string(message)
    write_debug_sections(writer, sections)
    return writer.written()


def _write_blocks(nodes: Sequence[Node]) -> tuple[list[int], bytes]:
    """The operation lists, and for each node where its list begins (0 when it is no block)."""
    writer = Writer()
    offsets = []
    for node in nodes:
        offsets.append(writer.length if isinstance(node, Block) else 0)
        if isinstance(node, Block):
            writer.vint(len(node.operations))
            for code, immediate in node.operations:
                writer.unsigned(code, 1)
                if BY_OPCODE[code].immediate is not Immediate.NONE:
                    writer.unsigned(immediate, 8)
    return offsets, writer.written()


def _type_word(node: Node, offset: int) -> int:
    match children_of(node):
        case (first, second):
            payload = first << PAIR_SHIFT | second
        case (child,):
            payload = child
        case _:
            payload = offset
    return KINDS.index(type(node)) << KIND_SHIFT | payload


def _map_order(key: Word) -> tuple[int, ...]:
    """Order of advice map keys: by the machine's internal form of each element (spec 02, section 1, *map key*)."""
    return tuple(element * 2**64 % P for element in key)
