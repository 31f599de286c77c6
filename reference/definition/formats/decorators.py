"""Decorators of a binary forest: read, checked, kept and written back (spec 02, section 8, fields 10-15).

Decorators are comments to the machine. They are checked all the same: an index that points nowhere means damage.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference.definition.formats.wire import Reader, Writer
from reference.definition.mast import Block, DebugSections, Node

ASSEMBLY_OPERATION = 0

DATA_BYTES = {1: 0, 2: 1, 3: 0, 4: 8, 5: 6, 6: 2, 7: 4}
"""Bytes of data by variant: debug stack, stack top, memory, memory interval, locals, advice stack, trace."""


def read_debug_sections(reader: Reader, decorator_count: int, nodes: Sequence[Node]) -> DebugSections | None:
    """Fields 10-15, which end a forest; None when they are those of a forest without decorators.

    Raises InputError for offsets and ids out of range, overlapping or broken strings, and unknown variants.
    """
    data = reader.window(reader.count(1, "bytes of decorator data"), "decorator data")
    offsets = tuple(reader.vint("the offset of a string") for _ in range(reader.count(1, "strings")))
    strings = reader.window(reader.count(1, "bytes of string data"), "string data")
    _check_strings(strings, offsets)
    table = tuple(_read_decorator(reader, data, len(offsets)) for _ in range(decorator_count))
    sections = DebugSections(
        data=data.take(data.remaining, "decorator data"),
        string_offsets=offsets,
        strings=strings.take(strings.remaining, "string data"),
        decorators=table,
        in_blocks=_read_block_lists(reader, decorator_count, nodes),
        before_enter=_read_node_lists(reader, decorator_count, nodes),
        after_exit=_read_node_lists(reader, decorator_count, nodes),
    )
    return None if sections == no_decorators(nodes) else sections


def no_decorators(nodes: Sequence[Node]) -> DebugSections:
    """The sections of a forest without decorators: an empty list for every block, nothing else."""
    blocks = tuple((node_id, ()) for node_id, node in enumerate(nodes) if isinstance(node, Block))
    return DebugSections(b"", (), b"", (), blocks, (), ())


def _check_strings(strings: Reader, offsets: Sequence[int]) -> None:
    """Every offset begins a string. Overlaps are refused: many long strings in few bytes would take hours to check."""
    total = strings.remaining
    checked = 0
    for offset in dict.fromkeys(offsets):
        entry = strings.at(offset, "a string")
        start = entry.position
        entry.string("a string")
        checked += entry.position - start
        if checked > total:
            raise strings.refuse("expected strings that do not overlap, found some that do", start)


def _read_decorator(reader: Reader, data: Reader, string_count: int) -> tuple[int, int]:
    start = reader.position
    variant = reader.below(len(DATA_BYTES) + 1, 1, "a decorator variant")
    offset = reader.u32("an offset into the decorator data")
    if variant == ASSEMBLY_OPERATION:
        _check_assembly_operation(data.at(offset, "an assembly operation"), string_count)
    elif DATA_BYTES[variant]:
        data.at(offset, "a decorator").take(DATA_BYTES[variant], "a decorator")
    elif offset:
        raise reader.refuse(f"expected offset 0 for a decorator without data, found {offset}", start)
    return variant, offset


def _check_assembly_operation(data: Reader, string_count: int) -> None:
    data.u8("a number of cycles")
    data.boolean("the break flag")
    if data.boolean("the location flag"):
        _check_index(data, string_count, "the index of a file name")
        data.u32("the start of a location")
        data.u32("the end of a location")
    _check_index(data, string_count, "the index of a context name")
    _check_index(data, string_count, "the index of an operation's text")


def _check_index(reader: Reader, limit: int, what: str) -> int:
    start = reader.position
    index = reader.vint(what)
    if index >= limit:
        raise reader.refuse(f"expected {what}, below {limit}, found {index}", start)
    return index


def _read_node(reader: Reader, nodes: Sequence[Node], seen: set[int]) -> int:
    start = reader.position
    node_id = _check_index(reader, len(nodes), "a node id")
    if node_id in seen:
        raise reader.refuse(f"expected one list of decorators for a node, found two for node {node_id}", start)
    seen.add(node_id)
    return node_id


def _read_node_lists(
    reader: Reader, decorator_count: int, nodes: Sequence[Node]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    lists = []
    seen: set[int] = set()
    for _ in range(reader.count(2, "lists of decorators")):
        node_id = _read_node(reader, nodes, seen)
        count = reader.count(4, "decorators")
        lists.append((node_id, tuple(reader.below(decorator_count, 4, "a decorator id") for _ in range(count))))
    return tuple(lists)


def _read_block_lists(
    reader: Reader, decorator_count: int, nodes: Sequence[Node]
) -> tuple[tuple[int, tuple[tuple[int, int], ...]], ...]:
    lists = []
    seen: set[int] = set()
    for _ in range(reader.count(2, "lists of decorators")):
        start = reader.position
        node_id = _read_node(reader, nodes, seen)
        block = nodes[node_id]
        if not isinstance(block, Block):
            raise reader.refuse(f"expected the id of a basic block, found {node_id}, which is none", start)
        lists.append((node_id, _read_links(reader, decorator_count, block)))
    return tuple(lists)


def _read_links(reader: Reader, decorator_count: int, block: Block) -> tuple[tuple[int, int], ...]:
    """(executed operation, decorator); the index behind the last operation means after the END row."""
    count = reader.count(5, "decorators")
    limit = sum(len(batch.operations) for batch in block.batches) + 1 if count else 0
    links = []
    for _ in range(count):
        operation = _check_index(reader, limit, "the index of an operation")
        links.append((operation, reader.below(decorator_count, 4, "a decorator id")))
    return tuple(links)


def write_debug_sections(writer: Writer, sections: DebugSections) -> None:
    """Fields 10-15."""
    writer.data(sections.data).vint(len(sections.string_offsets))
    for offset in sections.string_offsets:
        writer.vint(offset)
    writer.data(sections.strings)
    for variant, offset in sections.decorators:
        writer.unsigned(variant, 1).unsigned(offset, 4)
    writer.vint(len(sections.in_blocks))
    for node_id, links in sections.in_blocks:
        writer.vint(node_id).vint(len(links))
        for operation, decorator in links:
            writer.vint(operation).unsigned(decorator, 4)
    for lists in (sections.before_enter, sections.after_exit):
        writer.vint(len(lists))
        for node_id, ids in lists:
            writer.vint(node_id).vint(len(ids))
            for decorator in ids:
                writer.unsigned(decorator, 4)
