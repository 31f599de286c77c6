"""Passes over the operations of blocks: fewer, plainer, with smaller immediates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from harness.shrink.edits import Place, collected, with_nodes
from harness.shrink.order import operation_weight
from harness.shrink.proposals import NoProposal, Pass, Proposals, drop_items
from harness.shrink.tree import node_at, places
from reference.definition.case import Case
from reference.definition.isa import BY_OPCODE, NOOP_OPERATION, PUSH, Operation, opcode
from reference.definition.mast import Block

_DROP = Operation(opcode("DROP"))
_PAD = Operation(opcode("PAD"))
_LEFT = frozenset((opcode("U32ADD3"), opcode("U32MADD")))
_RIGHT = frozenset((opcode("U32SPLIT"), PUSH))
_NEAR = 64
"""Operations looked through for the one that takes an item off again; beyond, pairs are too many to try."""


def blocks(case: Case) -> list[tuple[Place, Block]]:
    """All blocks, longest first."""
    found = [(place, node) for place in places(case) if isinstance(node := node_at(case, place), Block)]
    return sorted(found, key=lambda item: -len(item[1].operations))


def with_operations(case: Case, place: Place, operations: Sequence[Operation]) -> Case:
    """The case with other operations in a block; NoProposal when the block has gone."""
    if not isinstance(node_at(case, place), Block):
        raise NoProposal("the block has gone")
    return collected(with_nodes(case, {place: Block(tuple(operations) or (NOOP_OPERATION,))}))


def drop_operations(search: Proposals) -> None:
    """Fewer operations, whole runs first."""
    for place, block in blocks(search.best):
        drop_items(block.operations, partial(_accept_operations, search, place))


def _accept_operations(search: Proposals, place: Place, operations: Sequence[Operation]) -> bool:
    return search.attempt(partial(with_operations, place=place, operations=operations))


def plain_operations(search: Proposals) -> None:
    """PAD and DROP in the place of operations that move the stack like them."""
    for place, block in blocks(search.best):
        operations = list(block.operations)
        for index, operation in enumerate(block.operations):
            plain = _plain(operation)
            if plain is None or operation_weight(plain) >= operation_weight(operation):
                continue
            changed = [*operations[:index], plain, *operations[index + 1 :]]
            if search.attempt(partial(with_operations, place=place, operations=changed)):
                operations = changed


def _plain(operation: Operation) -> Operation | None:
    shift = shift_of(operation)
    return _PAD if shift > 0 else _DROP if shift < 0 else None


def shift_of(operation: Operation) -> int:
    """How many items the operation adds to the stack: -1, 0 or 1."""
    if operation.code in _RIGHT:
        return 1
    if operation.code in _LEFT:
        return -1
    return {"left": -1, "right": 1}.get(BY_OPCODE[operation.code].shift_class, 0)


def drop_pairs(search: Proposals) -> None:
    """An operation that puts an item on the stack, together with one that takes an item off."""
    for place, _ in blocks(search.best):
        while any(search.attempt(make) for make in _pairs(search.best, place)):
            pass


def _pairs(case: Case, place: Place) -> Iterator[partial[Case]]:
    """Pairs of one block, the nearest first; then the last one of the program's last block."""
    node = node_at(case, place)
    if not isinstance(node, Block):
        return
    operations = node.operations
    takers = [index for index, operation in enumerate(operations) if shift_of(operation) < 0]
    last = _last_drop(case)
    for index, operation in enumerate(operations):
        if shift_of(operation) <= 0:
            continue
        for other in takers:
            if index < other <= index + _NEAR:
                kept = [item for at, item in enumerate(operations) if at not in (index, other)]
                yield partial(with_operations, place=place, operations=kept)
        if last is not None and last[0] != place:
            yield partial(_without_both, place=place, index=index, last=last)


def _last_drop(case: Case) -> tuple[Place, int] | None:
    """Generated programs take away at their end what they have left on the stack."""
    for place in places(case):
        node = node_at(case, place)
        if place.forest == 0 and isinstance(node, Block) and node.operations[-1].code == _DROP.code:
            return place, len(node.operations) - 1
    return None


def _without_both(case: Case, place: Place, index: int, last: tuple[Place, int]) -> Case:
    changes = {}
    for at, gone in ((place, index), last):
        node = node_at(case, at)
        if not isinstance(node, Block):
            raise NoProposal("the block has gone")
        left = (*node.operations[:gone], *node.operations[gone + 1 :])
        changes[at] = Block(left or (NOOP_OPERATION,))
    return collected(with_nodes(case, changes))


def smaller_immediates(search: Proposals) -> None:
    """0, 1, and half the bits in the place of immediates."""
    for place, block in blocks(search.best):
        operations = list(block.operations)
        for index, operation in enumerate(block.operations):
            for value in smaller(operation.immediate):
                changed = [*operations[:index], Operation(operation.code, value), *operations[index + 1 :]]
                if search.attempt(partial(with_operations, place=place, operations=changed)):
                    operations = changed
                    break


def smaller(value: int) -> list[int]:
    """Simpler numbers, the simplest first."""
    return [each for each in dict.fromkeys((0, 1, 2, value >> 32, value >> value.bit_length() // 2)) if each < value]


OPERATION_PASSES: tuple[tuple[str, Pass], ...] = (
    ("operations", drop_operations),
    ("pairs", drop_pairs),
    ("plain operations", plain_operations),
    ("immediates", smaller_immediates),
)
