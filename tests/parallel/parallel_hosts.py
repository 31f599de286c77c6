"""Hosts of the parallel engine, what they are asked with, and constants of spec 06 section 14 and of the real VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from parallel.host import LiveHost
from parallel.host.hashing import merge
from reference.definition.case import Advice
from reference.definition.errors import ExecutionFailure
from reference.definition.field import Word, word_from_hex

MERKLE_NODE_MERGE = 7243907139105902342
MERKLE_NODE_TO_STACK = 6873007751276594108
MAP_VALUE_TO_STACK = 17843484659000820118
MAP_VALUE_TO_STACK_N = 7354377147644073171
HAS_MAP_KEY = 5642583036089175977
EXT2_INV = 9660728691489438960
U32_CLZ = 1503707361178382932
U32_CTZ = 10656887096526143429
U32_CLO = 12846584985739176048
U32_CTO = 6773574803673468616
ILOG2 = 7444351342957461231
MEM_TO_MAP = 5768534446586058686
HDWORD_TO_MAP = 5988159172915333521
HDWORD_TO_MAP_WITH_DOMAIN = 6143777601072385586
HQWORD_TO_MAP = 11723176702659679401
HPERM_TO_MAP = 6190830263511605775
U64_DIV = 16308489928383702680
FALCON_DIV = 9834516640389212175
SMT_PEEK = 3580205917336794987
LOWERBOUND_ARRAY = 2382974753388103136
LOWERBOUND_KEY_VALUE = 486819235893213157
KECCAK256 = 5779517439479051634
ECDSA = 7877366289282707984

EMPTY = {
    1: (8635338869442206704, 11671305615285950885, 15253023094703789604, 7398108415970215319),
    2: (18185978518863914335, 936586966360019113, 497299419609993926, 1977881506773614749),
    16: (10650694022550988030, 5634734408638476525, 9233115969432897632, 1437907447409278328),
    32: (11677748883385181208, 15891398395707500576, 3790704659934033620, 2126099371106695189),
    64: (15321474589252129342, 17373224439259377994, 15071539326562317628, 3312677166725950353),
    255: (17167041025187024324, 4400885916042396520, 180962442427460263, 1081753009405638580),
}
PARTIAL_ROOT = word_from_hex("0x82bb4d9a8e93582f1387611949703eecd8e4c74b904880f9c9c85f1fc1d7576d")
FULL_ROOT = word_from_hex("0x0463f7d47758ad94b11dbf9675ffb7b331baa9c150d7fac6d784055c313eab0e")
SPARSE_ROOT = word_from_hex("0x444693b04b509c6b69d9ed981e67243342505f3b64aa3d45746211c180d11902")
A, B, C, D = (1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16)
KEY = (101, 102, 103, 104)
KEY_BOTTOM_UP = list(reversed(KEY))
"""As a word lies on the stack: element 3 on top."""
FILLED_BY_VM = (3053269663967037444, 7927107404066240003, 4638975047530686489, 11549654101769896187)
"""Root, element 3 first, after MRUPDATE put (1, 2, 3, 4) at index 2^64 - 2^32 of the empty tree of depth 64."""


def leaf(value: int) -> Word:
    return value, 0, 0, 0


LEFT_PAIR, RIGHT_PAIR = (leaf(0x14), leaf(0x15)), (leaf(0x16), leaf(0x17))


@dataclass
class Machine:
    """A view at an EMIT row: ``operands`` lie behind the event id."""

    event: int
    operands: Sequence[int] = ()
    memory: Mapping[int, int] = field(default_factory=dict)
    clk: int = 77
    ctx: int = 0

    def item(self, position: int) -> int:
        items = [self.event, *self.operands]
        return items[position] if position < len(items) else 0

    def element(self, address: int) -> int:
        assert 0 <= address < 2**32
        return self.memory.get(address, 0)


def live(
    stack: tuple[int, ...] = (),
    entries: Mapping[Word, tuple[int, ...]] | None = None,
    store: tuple[tuple[Word, Word], ...] = (),
    *,
    stdlib: bool = True,
) -> LiveHost:
    return LiveHost(Advice(stack=stack, map=entries or {}, store=store), stdlib=stdlib)


def on_stack(*words: Word) -> list[int]:
    """The first word is on top."""
    return [element for word in words for element in reversed(word)]


def all_popped(host: LiveHost) -> list[int]:
    popped: list[int] = []
    while True:
        try:
            popped += host.pop(1, 0)
        except ExecutionFailure:
            return popped


def pushed_by(
    event: int, operands: Sequence[int], host: LiveHost | None = None, memory: Mapping[int, int] | None = None
) -> list[int]:
    """What the event pushes, first popped first."""
    host = host or live()
    host.emit(Machine(event, operands, memory or {}))
    return all_popped(host)


def assert_fails(call: Callable[[], object], name: str, clk: int | None) -> ExecutionFailure:
    with pytest.raises(ExecutionFailure) as caught:
        call()
    assert (caught.value.name, caught.value.clk) == (name, clk)
    return caught.value


def climbed(value: Word, index: int, path: Sequence[Word]) -> Word:
    """The root above a node, by its path."""
    for sibling in path:
        value = merge(sibling, value) if index % 2 else merge(value, sibling)
        index //= 2
    return value
