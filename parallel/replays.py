"""The replay queues of spec 07, section 6, on demand: what the real VM records for a fragment.

Our own recording is smaller, because a fragment recomputes addresses and parents; here they are written out, from the
context and the rows rebuilt from it. Words are element 0 first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from parallel.contexts import fragment_context, rebuild_alone
from parallel.recording import (
    ACCESS_ELEMENT_SHIFT,
    ACCESS_READ,
    ACCESS_WORD,
    IS_CALL,
    IS_LOOP_BODY,
    IS_SYSCALL,
    LOOP_ENTERED,
    Recording,
)
from reference.definition.columns import COLUMN
from reference.definition.field import Word, as_word
from reference.definition.isa import OPCODE_BITS, opcode

_STARTS: Final = frozenset(
    opcode(name) for name in ("JOIN", "SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL", "SPAN")
)
_SPAN, _END = opcode("SPAN"), opcode("END")
_POPS: Final = {opcode("ADVPOP"): 1, opcode("ADVPOPW"): 4, opcode("PIPE"): 8}
_PERMUTES: Final = (opcode("HPERM"), opcode("LOGPRECOMPILE"))
_MPVERIFY, _MRUPDATE = opcode("MPVERIFY"), opcode("MRUPDATE")
_ADDR, _BITS, _GROUPS = COLUMN["dec_addr"], COLUMN["dec_addr"] + 1, COLUMN["dec_group_count"]
_LEVELS: Final = COLUMN["stack_0"] + 4
_GROUPS_PER_BATCH: Final = 8


@dataclass(frozen=True)
class NodeEnd:
    """An END row: address of the ended node, its flags, and the addresses of the block that is current afterwards."""

    address: int
    is_loop_body: bool
    loop_entered: bool
    is_call: bool
    is_syscall: bool
    current_addr: int
    parent_addr: int


@dataclass(frozen=True)
class Replays:
    """The queues of one fragment, each in the order in which its rows consume it.

    Forest resolutions are not among them: the row table makes them unnecessary.
    """

    node_starts: list[int] = field(default_factory=list)
    """Parent address, per start row."""
    node_ends: list[NodeEnd] = field(default_factory=list)
    execution_contexts: list[tuple[int, Word]] = field(default_factory=list)
    """(ctx, fn_hash) of the caller, per END of CALL, SYSCALL and DYNCALL."""
    overflow_pops: list[tuple[int, int]] = field(default_factory=list)
    """(value, overflow address afterwards), per left shift with depth above 16."""
    context_restores: list[tuple[int, int]] = field(default_factory=list)
    """(depth, overflow address) of the caller, per END of CALL, SYSCALL and DYNCALL."""
    element_reads: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(value, address, ctx, clk)."""
    word_reads: list[tuple[Word, int, int, int]] = field(default_factory=list)
    """(word, address, ctx, clk)."""
    advice_elements: list[int] = field(default_factory=list)
    advice_words: list[Word] = field(default_factory=list)
    advice_double_words: list[tuple[int, ...]] = field(default_factory=list)
    block_addresses: list[int] = field(default_factory=list)
    """Address of the node, per start row."""
    permutations: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    """(address, the 12 elements of the output state)."""
    merkle_roots: list[tuple[int, Word]] = field(default_factory=list)
    """(address, computed root), per MPVERIFY."""
    merkle_updates: list[tuple[int, Word, Word]] = field(default_factory=list)
    """(address, old root, new root), per MRUPDATE."""


def replays(recording: Recording, fragment: int) -> Replays:
    """The queues of a fragment, 0 <= fragment < number of snapshots; the fragment is rebuilt for it.

    Raises ContextError for a context that contradicts itself.
    """
    context = fragment_context(recording, fragment)
    found = Replays(
        overflow_pops=[(int(pop["value"]), int(pop["overflow_addr"])) for pop in context.queues["pops"]],
        execution_contexts=[
            (int(back["ctx"]), as_word(back["fn_hash"].tolist())) for back in context.queues["restores"]
        ],
        context_restores=[(int(back["depth"]), int(back["overflow_addr"])) for back in context.queues["restores"]],
    )
    for access in context.queues["accesses"]:
        _add_read(found, access)
    rows = rebuild_alone(context)
    codes = sum(rows[_BITS + bit].astype(int) << bit for bit in range(OPCODE_BITS))
    walk = _Walk(context, found)
    for row, code in enumerate(codes.tolist()):
        walk.take(code, rows[:, row])
    return found


def _add_read(found: Replays, access: Any) -> None:
    kind, key, clk = int(access["kind"]), int(access["key"]), int(access["clk"])
    if not kind & ACCESS_READ:
        return
    ctx, address = key >> 32, key & 0xFFFF_FFFF
    word = as_word(access["word"].tolist())
    if kind & ACCESS_WORD:
        found.word_reads.append((word, address, ctx, clk))
    else:
        element = kind >> ACCESS_ELEMENT_SHIFT
        found.element_reads.append((word[element], address + element, ctx, clk))


class _Walk:
    """Goes through the rows of one fragment; counts what was taken from the queues and the hasher's address."""

    def __init__(self, context: Recording, found: Replays) -> None:
        self._found = found
        self._queues = context.queues
        self._hasher_addr = int(context.snapshots["hasher_addr"][0])
        self._advice = 0
        self._ends = 0
        self._permutations = 0

    def take(self, code: int, cells: Any) -> None:
        """One row."""
        if code in _STARTS:
            self._found.node_starts.append(int(cells[_ADDR]))
            self._found.block_addresses.append(self._hasher_addr)
            batches = -(-int(cells[_GROUPS]) // _GROUPS_PER_BATCH) if code == _SPAN else 1
            self._hasher_addr += 8 * batches
        elif code == _END:
            self._end(int(cells[_ADDR]))
        elif code in _POPS:
            self._pop(_POPS[code])
        elif code in _PERMUTES:
            self._found.permutations.append((self._hasher_addr, tuple(self._hash(1))))
        elif code == _MPVERIFY:
            address = self._hasher_addr
            self._found.merkle_roots.append((address, as_word(self._hash(int(cells[_LEVELS]))[4:8])))
        elif code == _MRUPDATE:
            address = self._hasher_addr
            old, new = (as_word(self._hash(int(cells[_LEVELS]))[4:8]) for _ in range(2))
            self._found.merkle_updates.append((address, old, new))

    def _end(self, address: int) -> None:
        end = self._queues["ends"][self._ends]
        self._ends += 1
        flags = int(end["node_flags"])
        self._found.node_ends.append(
            NodeEnd(
                address,
                is_loop_body=bool(flags & IS_LOOP_BODY),
                loop_entered=bool(flags & LOOP_ENTERED),
                is_call=bool(flags & IS_CALL),
                is_syscall=bool(flags & IS_SYSCALL),
                current_addr=int(end["current_addr"]),
                parent_addr=int(end["parent_addr"]),
            )
        )

    def _pop(self, count: int) -> None:
        values = self._queues["advice"][self._advice : self._advice + count].tolist()
        self._advice += count
        if count == 1:
            self._found.advice_elements.extend(values)
        elif count == 4:
            self._found.advice_words.append(as_word(values))
        else:
            self._found.advice_double_words.append(tuple(values))

    def _hash(self, permutations: int) -> list[int]:
        """Consume permutations; the last state of the last one."""
        self._permutations += permutations
        self._hasher_addr += 8 * permutations
        state: list[int] = self._queues["permutations"][self._permutations - 1][-1].tolist()
        return state
