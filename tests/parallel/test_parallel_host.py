"""The parallel engine's host answers as the real VM's does: expected values are spec 06 section 14, or the VM's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from parallel.host import LiveHost, ScriptedHost
from parallel.host.hashing import empty_trees, hash_elements, merge
from reference.definition.case import Advice, Replies
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import ZERO_WORD, Word, as_word, word_from_hex

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


# Hashing


def test_roots_of_empty_trees_are_those_of_the_spec() -> None:
    roots = [ZERO_WORD, *empty_trees()]
    assert len(roots) == 256
    assert {height: roots[height] for height in EMPTY} == EMPTY
    assert [empty_trees()[root] for root in roots[1:]] == roots[:-1]


def test_hashes_are_those_of_the_spec() -> None:
    assert merge(A, B) == (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132)
    assert merge(A, B, 9) == (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321)
    assert hash_elements([1, 2, 3]) == (
        13393362555633290230,
        14548287556244952505,
        16084401406015601950,
        15008126983287838060,
    )
    assert hash_elements([]) == ZERO_WORD


# Advice stack


def test_pops_take_from_the_top_in_order() -> None:
    host = live(stack=tuple(range(1, 15)))
    assert list(host.pop(1, 0)) == [1]
    assert list(host.pop(4, 0)) == [2, 3, 4, 5]
    assert list(host.pop(8, 0)) == [6, 7, 8, 9, 10, 11, 12, 13]
    assert list(host.pop(1, 0)) == [14]


@pytest.mark.parametrize("count", [1, 4, 8])
def test_a_pop_of_more_than_there_is_fails_with_its_clk(count: int) -> None:
    host = live(stack=tuple(range(count - 1)))
    assert_fails(lambda: host.pop(count, 31), "AdviceError.StackReadFailed", 31)


def test_a_live_host_has_no_leftovers() -> None:
    assert live(stack=(1,)).leftover() is None


# Merkle store


def test_a_path_lists_the_sibling_of_the_leaf_first() -> None:
    host = live(store=(LEFT_PAIR, RIGHT_PAIR, (merge(*LEFT_PAIR), merge(*RIGHT_PAIR))))
    assert host.path(FULL_ROOT, 2, 0, 0) == [leaf(0x15), merge(*RIGHT_PAIR)]
    assert host.path(FULL_ROOT, 2, 3, 0) == [leaf(0x16), merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 1, 1, 0) == [merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 0, 0, 0) == []


def test_the_partial_tree_of_the_spec_ends_at_its_leaves() -> None:
    host = live(store=(LEFT_PAIR, (merge(*LEFT_PAIR), leaf(0x0B))))
    assert host.path(PARTIAL_ROOT, 1, 1, 0) == [merge(*LEFT_PAIR)]
    assert host.path(PARTIAL_ROOT, 2, 1, 0) == [leaf(0x14), leaf(0x0B)]
    assert_fails(
        lambda: host.path(PARTIAL_ROOT, 2, 2, 8),
        "AdviceError.MerkleStoreLookupFailed.NodeIndexNotFoundInStore.Word",
        8,
    )


def test_updates_build_the_sparse_tree_of_the_spec() -> None:
    host = live()
    height_64, root = EMPTY[64], EMPTY[64]
    for index, value in ((0, 0x14), (1, 0x15), (3, 0x17)):
        path = host.update(root, 64, index, leaf(value), 0)
        root = climbed(leaf(value), index, path)
    assert root == SPARSE_ROOT
    assert [pushed_by(MERKLE_NODE_TO_STACK, [64, index, *on_stack(root)], host)[0] for index in range(4)] == [
        0x14,
        0x15,
        0,
        0x17,
    ]
    assert host.path(height_64, 64, 0, 0)[0] == ZERO_WORD  # the empty tree stays


def climbed(value: Word, index: int, path: Sequence[Word]) -> Word:
    for sibling in path:
        value = merge(sibling, value) if index % 2 else merge(value, sibling)
        index //= 2
    return value


def test_the_last_index_of_depth_64_is_usable() -> None:
    host = live()
    index = 2**64 - 2**32
    path = host.update(EMPTY[64], 64, index, A, 0)
    assert (path[0], path[1], path[16], path[32]) == (ZERO_WORD, EMPTY[1], EMPTY[16], EMPTY[32])
    new_root = as_word(reversed(FILLED_BY_VM))
    assert pushed_by(MERKLE_NODE_TO_STACK, [64, index, *on_stack(new_root)], host) == list(A)


def test_an_update_to_the_value_that_is_there_changes_nothing() -> None:
    host = live(store=(LEFT_PAIR,))
    root = merge(*LEFT_PAIR)
    assert host.update(root, 1, 1, leaf(0x15), 0) == [leaf(0x14)]
    assert host.path(root, 1, 1, 0) == [leaf(0x14)]


def test_an_update_grafts_another_tree() -> None:
    host = live(store=(LEFT_PAIR, RIGHT_PAIR, (merge(*LEFT_PAIR), leaf(0x0B))))
    assert host.update(PARTIAL_ROOT, 1, 1, merge(*RIGHT_PAIR), 0) == [merge(*LEFT_PAIR)]
    assert host.path(FULL_ROOT, 2, 3, 0) == [leaf(0x16), merge(*LEFT_PAIR)]


@pytest.mark.parametrize(
    ("depth", "index"), [(65, 0), (300, 0), (2**32, 0), (0, 1), (3, 8), (2**64 - 2**32, 2**64 - 2**32)]
)
def test_no_tree_has_such_a_node(depth: int, index: int) -> None:
    host, name = live(), "AdviceError.InvalidMerkleTreeNodeIndex"
    assert_fails(lambda: host.path(EMPTY[64], depth, index, 1), name, 1)
    assert_fails(lambda: host.update(EMPTY[64], depth, index, A, 2), name, 2)
    node = Machine(MERKLE_NODE_TO_STACK, [depth, index, *on_stack(EMPTY[64])], clk=3)
    assert_fails(lambda: host.emit(node), name, 3)


def test_unknown_roots_and_nodes_are_told_apart() -> None:
    host = live()
    lookup, update = "AdviceError.MerkleStoreLookupFailed", "AdviceError.MerkleStoreUpdateFailed"
    # The zero word is the empty tree of depth 0, but not a key of the store.
    assert_fails(lambda: host.path(ZERO_WORD, 0, 0, 5), f"{lookup}.RootNotInStore.Word", 5)
    assert_fails(lambda: host.update((4, 4, 4, 4), 2, 3, A, 6), f"{update}.RootNotInStore.Word", 6)
    assert_fails(lambda: host.update(EMPTY[1], 2, 3, A, 7), f"{update}.NodeIndexNotFoundInStore.Word", 7)
    node = Machine(MERKLE_NODE_TO_STACK, [2, 3, *on_stack(EMPTY[1])], clk=8)
    assert_fails(lambda: host.emit(node), f"{lookup}.NodeIndexNotFoundInStore.Word", 8)


def test_merging_nodes_makes_their_parent_known() -> None:
    host = live()
    host.emit(Machine(MERKLE_NODE_MERGE, on_stack(B, A)))
    parent = (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132)
    assert pushed_by(MERKLE_NODE_TO_STACK, [1, 0, *on_stack(parent)], host) == list(A)
    assert pushed_by(MERKLE_NODE_TO_STACK, [1, 1, *on_stack(parent)], host) == list(B)


# Advice map


def test_map_values_are_pushed_with_element_0_on_top() -> None:
    entries = {KEY: (7, 8, 9)}
    assert pushed_by(MAP_VALUE_TO_STACK, KEY_BOTTOM_UP, live((1,), entries)) == [7, 8, 9, 1]
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, live((1,), entries)) == [3, 7, 8, 9, 1]
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, live(entries={KEY: ()})) == [0]
    assert pushed_by(HAS_MAP_KEY, KEY_BOTTOM_UP, live(entries={KEY: ()})) == [1]
    assert pushed_by(HAS_MAP_KEY, KEY_BOTTOM_UP) == [0]


@pytest.mark.parametrize("event", [MAP_VALUE_TO_STACK, MAP_VALUE_TO_STACK_N])
def test_a_missing_key_fails(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event, clk=67)), "AdviceError.MapKeyNotFound", 67)


def test_a_merge_adds_what_is_missing_and_accepts_what_is_equal() -> None:
    host = live(entries={A: (1, 2)})
    host.merge({A: [1, 2], B: [3]}, 0)
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(B), host) == [3]
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(A), host) == [1, 2]


def test_a_contradicting_merge_adds_nothing() -> None:
    host = live(entries={A: (1, 2)})
    assert_fails(lambda: host.merge({B: [3], A: [1], C: [4]}, 9), "AdviceError.MapKeyAlreadyPresent", 9)
    assert [pushed_by(HAS_MAP_KEY, on_stack(key), host) for key in (A, B, C)] == [[1], [0], [0]]
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(A), host) == [1, 2]


def test_a_host_leaves_its_case_as_it_was() -> None:
    entries = {A: (1, 2)}
    live(entries=entries).merge({B: [3]}, 0)
    assert entries == {A: (1, 2)}


KEYS_OF_MAP_EVENTS = [
    (
        HDWORD_TO_MAP,
        on_stack(B, A),
        (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132),
        A + B,
    ),
    (
        HDWORD_TO_MAP_WITH_DOMAIN,
        [*on_stack(B, A), 9],
        (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321),
        A + B,
    ),
    (
        HPERM_TO_MAP,
        on_stack(B, A, (0, 9, 0, 0)),
        (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321),
        A + B,
    ),
    (
        HPERM_TO_MAP,
        on_stack(B, A, (10, 11, 12, 13)),
        (18017871645231105278, 10221447231092625179, 12636475876943806954, 17989581404143297261),
        A + B,
    ),
    (
        HQWORD_TO_MAP,
        on_stack(D, C, B, A),
        (7981037089706296458, 693210443262094005, 10149050286089171417, 9050967122996299175),
        A + B + C + D,
    ),
]


@pytest.mark.parametrize(("event", "operands", "key", "values"), KEYS_OF_MAP_EVENTS)
def test_hashed_entries_have_the_keys_of_the_spec(
    event: int, operands: list[int], key: Word, values: tuple[int, ...]
) -> None:
    host = live()
    host.emit(Machine(event, operands))
    host.emit(Machine(event, operands))  # the same entry again is no contradiction
    assert pushed_by(MAP_VALUE_TO_STACK, on_stack(key), host) == list(values)
    occupied = live(entries={key: (0,)})
    assert_fails(lambda: occupied.emit(Machine(event, operands)), "AdviceError.MapKeyAlreadyPresent", 77)


def test_memory_goes_to_the_map_with_zeros_where_nothing_was_written() -> None:
    host = live()
    host.emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, 3, 8], {2: 1, 3: 13, 5: 15, 7: 17, 8: 1}))
    assert pushed_by(MAP_VALUE_TO_STACK, KEY_BOTTOM_UP, host) == [13, 0, 15, 0, 17]


def test_an_empty_range_is_an_empty_entry() -> None:
    host = live()
    host.emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, 3, 3]))
    assert pushed_by(MAP_VALUE_TO_STACK_N, KEY_BOTTOM_UP, host) == [0]


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (2**32, 1, "MemoryError.AddressOutOfBounds"),
        (2, 2**32, "MemoryError.AddressOutOfBounds"),
        (2, 1, "MemoryError.InvalidMemoryRange"),
    ],
)
def test_bad_ranges_fail_without_clk(start: int, end: int, name: str) -> None:
    assert_fails(lambda: live().emit(Machine(MEM_TO_MAP, [*KEY_BOTTOM_UP, start, end])), name, None)


# Arithmetic hints


@pytest.mark.parametrize(
    ("event", "value", "hint"),
    [
        (U32_CLZ, 0, 32),
        (U32_CLZ, 1, 31),
        (U32_CLZ, 2**31, 0),
        (U32_CTZ, 0, 32),
        (U32_CTZ, 1, 0),
        (U32_CTZ, 2**31, 31),
        (U32_CTZ, 12, 2),
        (U32_CLO, 0, 0),
        (U32_CLO, 2**32 - 1, 32),
        (U32_CLO, 3 << 30, 2),
        (U32_CTO, 0, 0),
        (U32_CTO, 2**32 - 1, 32),
        (U32_CTO, 7, 3),
        (ILOG2, 1, 0),
        (ILOG2, 2**32, 32),
        (ILOG2, 2**64 - 2**32, 63),
    ],
)
def test_bit_counts_are_those_of_the_real_vm(event: int, value: int, hint: int) -> None:
    assert pushed_by(event, [value]) == [hint]


@pytest.mark.parametrize("event", [U32_CLZ, U32_CTZ, U32_CLO, U32_CTO])
def test_bit_counts_of_wider_values_fail_without_clk(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event, [2**32])), "NotU32Values", None)


def test_logarithm_and_inverse_of_zero_fail_with_clk() -> None:
    assert_fails(lambda: live().emit(Machine(ILOG2, [0])), "LogArgumentZero", 77)
    assert_fails(lambda: live().emit(Machine(EXT2_INV, [0, 0])), "DivideByZero", 77)


def test_the_inverse_in_the_extension_is_the_real_vms() -> None:
    assert pushed_by(EXT2_INV, [5, 3]) == [11965455612593243884, 1744962276836514733]


# Handlers of the standard library


def test_64_bit_division_pushes_the_quotient_above_the_remainder() -> None:
    assert pushed_by(U64_DIV, [3, 7, 11, 13]) == [3, 0, 4294967288, 1]
    assert pushed_by(FALCON_DIV, [0xFFFFFFFF, 0xFFFFFFF0]) == [349496, 3827689952, 5648]


@pytest.mark.parametrize(
    ("event", "operands"),
    [
        (U64_DIV, [0, 0, 11, 13]),
        (U64_DIV, [2**33, 7, 11, 13]),
        (U64_DIV, [3, 2**32, 11, 13]),
        (U64_DIV, [3, 7, 2**32, 13]),
        (U64_DIV, [3, 7, 11, 2**32]),
        (FALCON_DIV, [2**32, 0]),
        (FALCON_DIV, [0, 2**32]),
    ],
)
def test_division_failures_are_event_errors(event: int, operands: list[int]) -> None:
    assert_fails(lambda: live().emit(Machine(event, operands)), "EventError", None)


SMT_KEY, SMT_VALUE = (1, 2, 3, 6), (21, 22, 23, 24)
SMT_LEAF = (12557137164933241713, 9241023546454794596, 2892652782546851141, 13368302786214967941)
SMT_ROOT = (12389533354341047680, 1075553606822346722, 168731487380695874, 4608388541580435145)
"""The tree of depth 64 whose only leaf, at index 6, is the hash of the pair; the real VM finds the value in it."""


def sparse_tree(entries: Mapping[Word, tuple[int, ...]]) -> LiveHost:
    host = live(entries=entries)
    assert climbed(SMT_LEAF, 6, host.update(EMPTY[64], 64, 6, SMT_LEAF, 0)) == SMT_ROOT
    return host


@pytest.mark.parametrize(
    ("key", "pairs", "value"),
    [
        (SMT_KEY, SMT_KEY + SMT_VALUE, SMT_VALUE),
        (SMT_KEY, C + D + SMT_KEY + SMT_VALUE, SMT_VALUE),
        ((9, 9, 9, 6), SMT_KEY + SMT_VALUE, ZERO_WORD),
        ((1, 2, 3, 7), SMT_KEY + SMT_VALUE, ZERO_WORD),
    ],
)
def test_a_sparse_tree_is_peeked(key: Word, pairs: tuple[int, ...], value: Word) -> None:
    assert pushed_by(SMT_PEEK, on_stack(key, SMT_ROOT), sparse_tree({SMT_LEAF: pairs})) == list(value)


@pytest.mark.parametrize("entries", [{}, {SMT_LEAF: (1, 2, 3)}])
def test_a_leaf_without_its_pairs_is_an_event_error(entries: dict[Word, tuple[int, ...]]) -> None:
    peek = Machine(SMT_PEEK, on_stack(SMT_KEY, SMT_ROOT))
    assert_fails(lambda: sparse_tree(entries).emit(peek), "EventError", None)


def test_an_unknown_sparse_tree_is_an_event_error_without_clk() -> None:
    peek = Machine(SMT_PEEK, on_stack(SMT_KEY, SMT_ROOT))
    assert_fails(lambda: live().emit(peek), "EventError", None)


SORTED = dict(enumerate([*(5, 6, 1, 2), *(5, 7, 1, 2), *(0, 0, 3, 2), *(9, 9, 9, 9)], start=100))


@pytest.mark.parametrize(
    ("key", "start", "end", "pointer", "found"),
    [
        ((5, 7, 1, 2), 100, 116, 104, 1),
        ((6, 7, 1, 2), 100, 116, 108, 0),
        ((9, 9, 9, 10), 100, 116, 116, 0),
        (ZERO_WORD, 100, 116, 100, 0),
        (ZERO_WORD, 100, 100, 100, 0),
        ((0, 0, 0, 1), 1000, 1016, 1016, 0),
        (ZERO_WORD, 1000, 1016, 1000, 1),
    ],
)
def test_lower_bounds_in_an_array(key: Word, start: int, end: int, pointer: int, found: int) -> None:
    assert pushed_by(LOWERBOUND_ARRAY, [*on_stack(key), start, end], memory=SORTED) == [pointer, found]


@pytest.mark.parametrize(
    ("key", "is_full_key", "pointer", "found"),
    [
        ((5, 7, 1, 2), 1, 108, 0),
        ((0, 0, 3, 2), 1, 108, 1),
        ((0, 0, 3, 2), 0, 108, 1),
        ((0, 0, 1, 2), 0, 100, 1),
        ((5, 6, 1, 2), 0, 108, 0),
    ],
)
def test_lower_bounds_among_keys_with_values(key: Word, is_full_key: int, pointer: int, found: int) -> None:
    pushed = pushed_by(LOWERBOUND_KEY_VALUE, [*on_stack(key), 100, 116, is_full_key], memory=SORTED)
    assert pushed == [pointer, found]


@pytest.mark.parametrize(
    ("event", "operands", "clk"),
    [
        pytest.param(LOWERBOUND_ARRAY, [104, 120], None, id="not ascending"),
        pytest.param(LOWERBOUND_ARRAY, [100, 118], None, id="size"),
        pytest.param(LOWERBOUND_ARRAY, [2**32, 118], None, id="start out of bounds"),
        pytest.param(LOWERBOUND_ARRAY, [102, 2**32], None, id="end out of bounds, before alignment"),
        pytest.param(LOWERBOUND_ARRAY, [104, 100], None, id="start after end"),
        pytest.param(LOWERBOUND_ARRAY, [102, 107], 77, id="alignment, before size"),
        pytest.param(LOWERBOUND_KEY_VALUE, [100, 112, 1], None, id="size of pairs"),
        pytest.param(LOWERBOUND_KEY_VALUE, [102, 116, 2], None, id="kind of key, before alignment"),
    ],
)
def test_lower_bound_failures_are_event_errors(event: int, operands: list[int], clk: int | None) -> None:
    # Only a misaligned array has a clk: the memory error inside carries one, and the real VM prints it.
    view = Machine(event, [1, 0, 0, 0, *operands], SORTED)
    assert_fails(lambda: live().emit(view), "EventError", clk)


def test_an_order_broken_after_the_hit_still_fails() -> None:
    view = Machine(LOWERBOUND_ARRAY, [*on_stack((5, 6, 1, 2)), 100, 120], SORTED)
    assert_fails(lambda: live().emit(view), "EventError", None)


def test_precompiles_ask_for_replies() -> None:
    for event in (KECCAK256, ECDSA):
        with pytest.raises(BeyondLimits, match="replies"):
            live().emit(Machine(event))


def test_only_system_events_are_known_without_the_standard_library() -> None:
    host = live(stdlib=False)
    assert pushed_by(ILOG2, [8], host) == [3]
    for event in (U64_DIV, FALCON_DIV, SMT_PEEK, LOWERBOUND_ARRAY, LOWERBOUND_KEY_VALUE, KECCAK256, ECDSA):
        assert_fails(lambda event=event: host.emit(Machine(event, [3, 7, 11, 13])), "EventError", None)


@pytest.mark.parametrize("event", [0, 255, 4888933617986375030])
def test_an_unknown_event_fails_without_clk(event: int) -> None:
    assert_fails(lambda: live().emit(Machine(event)), "EventError", None)


# Replies


def test_replies_come_one_queue_per_kind() -> None:
    host = ScriptedHost(
        Replies(elements=(1, 2), words=(A,), dwords=((9, 8, 7, 6, 5, 4, 3, 2),), paths=((A, B), (C,), ()))
    )
    host.emit(Machine(U32_CLZ, [2**32]))
    host.emit(Machine(12345))
    host.merge({A: [1]}, 0)
    host.merge({A: [2]}, 0)
    assert host.leftover() == "2 elements, 1 words, 1 dwords, 3 paths"
    assert list(host.pop(8, 0)) == [9, 8, 7, 6, 5, 4, 3, 2]
    assert list(host.pop(1, 0)) == [1]
    assert list(host.pop(4, 0)) == list(A)
    assert list(host.pop(1, 0)) == [2]
    assert host.path(D, 2, 0, 0) == [A, B]
    assert host.leftover() == "2 paths"
    assert host.update(D, 1, 0, A, 0) == [C]
    assert host.path(D, 0, 0, 0) == []
    assert host.leftover() is None


@pytest.mark.parametrize("count", [1, 4, 8])
def test_a_script_runs_dry_per_queue(count: int) -> None:
    full = {1: (1,), 4: (A,), 8: (A + B,)}
    others = {size: replies for size, replies in full.items() if size != count}
    host = ScriptedHost(Replies(elements=others.get(1, ()), words=others.get(4, ()), dwords=others.get(8, ())))
    assert_fails(lambda: host.pop(count, 12), "RepliesExhausted", 12)


def test_a_script_without_paths_fails() -> None:
    assert_fails(lambda: ScriptedHost(Replies()).path(A, 1, 0, 13), "RepliesExhausted", 13)
    assert_fails(lambda: ScriptedHost(Replies()).update(A, 1, 0, B, 14), "RepliesExhausted", 14)


def test_a_path_of_another_length_does_not_fit() -> None:
    replies = Replies(paths=((A, B),))
    assert_fails(lambda: ScriptedHost(replies).path(A, 3, 0, 15), "ReplyMismatch", 15)
    assert_fails(lambda: ScriptedHost(replies).update(A, 1, 0, B, 16), "ReplyMismatch", 16)
