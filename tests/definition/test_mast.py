"""Forests: digests of every node kind, order of nodes, depth, and what is refused."""

from __future__ import annotations

import pytest

from reference.definition.errors import InputError
from reference.definition.field import Word
from reference.definition.formats.case_nodes import SymbolicExternal, parse_node
from reference.definition.mast import Block, External, Forest, Join, Node, order_children_first
from reference.definition.program import MAX_KERNEL_PROCEDURES, Kernel
from reference.definition.rpo import merge

DEEP = 10_000

# Spec 02, section 11; each row is a forest whose last node has the digest.
DIGESTS: dict[str, tuple[list[str], Word]] = {
    "add": (["block ADD"], (7259075614730273379, 2498922176515930900, 11574583201486131710, 6285975441353882141)),
    "mul": (["block MUL"], (9257977759327983792, 16084548298145579864, 4922676843837120619, 2647076074774954013)),
    "swap": (["block SWAP"], (10995436151082118190, 776663942277617877, 3177713792132750309, 10407898805173442467)),
    "swap-swap": (
        ["block SWAP SWAP"],
        (9552974201798903089, 993192251238261044, 1885027269046469428, 8558115384207742312),
    ),
    "pad-drop": (
        ["block PAD DROP"],
        (10181870786730769198, 3034520153406924455, 6280305136643813708, 14144462581648438038),
    ),
    "drop": (["block DROP"], (16538040014973650415, 13982994859663697911, 3287440650859161024, 2058316190334890337)),
    "swap-push": (
        ["block SWAP PUSH(42)"],
        (16104517014355703590, 9994655633989978893, 7568946255905310223, 3328297659180979313),
    ),
    "80-swaps": (
        ["block" + " SWAP" * 80],
        (14716176671709910785, 15876955560132389445, 7055308825144612460, 7772659583960047756),
    ),
    "store": (
        ["block PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)"],
        (9793323729765910930, 12219677983273375273, 10367825110461368566, 10352302593798066222),
    ),
    "join": (
        ["block ADD", "block SWAP", "join 0 1"],
        (16872379809452484205, 5166463643751251624, 14426560558482730960, 7369160052457796985),
    ),
    "join-of-join": (
        ["block ADD", "block SWAP", "join 0 1", "block MUL", "join 3 2"],
        (3597132565408622630, 1466877683371826591, 9838838035223844160, 3640601379372070578),
    ),
    "split": (
        ["block ADD", "block SWAP", "split 0 1"],
        (12917127083914425933, 11601020949047735869, 6179919568887057352, 5660642573648324450),
    ),
    "join-split": (
        ["block ADD", "block SWAP", "split 0 1", "block SWAP SWAP", "join 3 2"],
        (17149107495750955485, 7340806355128686747, 6409145589801629209, 14491675738699496369),
    ),
    "loop": (
        ["block PAD DROP", "loop 0"],
        (3465261893465204033, 5421374026019275857, 15425720469031705404, 16655047703903788132),
    ),
    "join-loop": (
        ["block PAD DROP", "loop 0", "block SWAP SWAP", "join 2 1"],
        (10109157256041856376, 7554856414542533389, 11207762695896262514, 13452137323037908614),
    ),
    "call": (
        ["block SWAP SWAP", "call 0"],
        (7982180474306976542, 16603942796517732942, 14631741312456784802, 4569518492753544),
    ),
    "join-call": (
        ["block SWAP SWAP", "call 0", "join 0 1"],
        (5291764446515994071, 8410668242596628641, 3232695480923741174, 7012263725129372047),
    ),
    "syscall": (
        ["block SWAP SWAP", "syscall 0"],
        (3379814395418223369, 16777859321293177632, 10752071554425188812, 8716934816197832672),
    ),
    "join-syscall": (
        ["block SWAP SWAP", "syscall 0", "join 0 1"],
        (3674319727063023780, 7421386674592614536, 16867421579832228216, 2612571647160679516),
    ),
    "join-push-drop": (
        ["block SWAP PUSH(42)", "block DROP", "join 0 1"],
        (14002581231276936843, 11078044575323313836, 404930941062907522, 4550383797069860823),
    ),
    "join-80-swaps": (
        ["block" + " SWAP" * 80, "block DROP", "join 0 1"],
        (5782645707811528856, 3120481249996181095, 3104848413220760647, 6617668542244908782),
    ),
    "dyn": (["dyn"], (8115106948140260551, 13491227816952616836, 15015806788322198710, 16575543461540527115)),
    "dyncall": (["dyncall"], (8751004906421739448, 13469709002495534233, 12584249374630430826, 7624899870831503004)),
    "join-dyn": (
        ["block PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)", "dyn", "join 0 1"],
        (9442969405932508932, 7419461830188972776, 12184617248254565971, 7790553053284541333),
    ),
    "join-dyncall": (
        ["block PUSH(40) MSTOREW DROP DROP DROP DROP PUSH(40)", "dyncall", "join 0 1"],
        (9186352804085870681, 5834278453472251877, 11314869575806769926, 9114330236957350692),
    ),
}


def nodes_of(texts: list[str]) -> tuple[Node, ...]:
    nodes = []
    for text in texts:
        node = parse_node(text)
        assert not isinstance(node, SymbolicExternal)
        nodes.append(node)
    return tuple(nodes)


def forest_of(texts: list[str]) -> Forest:
    return Forest(nodes_of(texts), (len(texts) - 1,))


@pytest.mark.parametrize("example", DIGESTS)
def test_digests_of_the_specification(example: str) -> None:
    texts, digest = DIGESTS[example]
    assert forest_of(texts).digests[-1] == digest


def test_an_external_node_has_the_digest_it_stands_for() -> None:
    external = External(DIGESTS["swap-swap"][1])
    forest = Forest((*nodes_of(["block PAD DROP"]), external, Join(0, 1)), (2,))
    expected = (9032865856750591269, 12769037719088639375, 11985113259716506704, 18030193397217220117)
    assert forest.digests[2] == expected


def test_children_may_come_after_their_parents() -> None:
    forest = Forest(nodes_of(["join 3 1", "join 2 4", "block ADD", "block MUL", "block SWAP"]), (0,))
    assert forest.digests[0] == DIGESTS["join-of-join"][1]


@pytest.mark.parametrize("children_first", [True, False])
def test_ten_thousand_nested_joins_need_no_recursion(children_first: bool) -> None:
    if children_first:
        nodes = [*nodes_of(["block ADD"]), *(Join(depth, depth) for depth in range(DEEP))]
    else:
        nodes = [*(Join(depth + 1, depth + 1) for depth in range(DEEP)), *nodes_of(["block ADD"])]
    order = order_children_first(nodes)
    assert order == (list(range(DEEP + 1)) if children_first else list(range(DEEP, -1, -1)))


def test_digests_of_a_chain_of_joins_hash_upwards() -> None:
    depth = 200
    nodes = [*nodes_of(["block ADD"]), *(Join(below, 0) for below in range(depth))]
    leaf = root = DIGESTS["add"][1]
    for _ in range(depth):
        root = merge(root, leaf, 87)
    assert Forest(tuple(nodes), (depth,)).digests[depth] == root


@pytest.mark.parametrize(
    ("texts", "place", "reason"),
    [
        (["loop 0"], "nodes[0]", "cycle"),
        (["block ADD", "join 0 2", "join 1 0"], "nodes[2]", "cycle"),
        (["join 1 1", "split 2 2", "call 0"], "nodes[2]", "cycle"),
        (["block ADD", "loop 7"], "nodes[1]", "child 7 does not exist, there are 2 nodes"),
    ],
)
def test_cycles_and_missing_children_are_refused(texts: list[str], place: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        order_children_first(nodes_of(texts))
    assert error.value.place == place


def test_a_node_that_is_both_children_is_no_cycle() -> None:
    assert order_children_first(nodes_of(["join 1 1", "block ADD"])) == [1, 0]


def test_stored_digests_are_trusted() -> None:
    forest = Forest(nodes_of(["block ADD"]), (0,), stored_digests=((1, 2, 3, 4),))
    assert forest.digests == ((1, 2, 3, 4),)


def test_the_first_root_with_a_digest_is_found() -> None:
    forest = Forest(nodes_of(["block SWAP", "block SWAP NOOP", "block ADD"]), (1, 0, 2))
    assert forest.root_by_digest == {DIGESTS["swap"][1]: 1, DIGESTS["add"][1]: 2}


def test_a_trailing_noop_changes_the_rows_but_not_the_digest() -> None:
    short, long = nodes_of(["block SWAP", "block SWAP NOOP"])
    assert isinstance(short, Block)
    assert isinstance(long, Block)
    assert [len(block.batches[0].operations) for block in (short, long)] == [1, 2]
    assert forest_of(["block SWAP"]).digests == forest_of(["block SWAP NOOP"]).digests


def test_a_kernel_is_sorted_by_bytes() -> None:
    # The low byte of element 0 comes first: 256 is 00 01, 1 is 01 00.
    assert Kernel.of([(1, 0, 0, 0), (256, 0, 0, 0)]).procedures == ((256, 0, 0, 0), (1, 0, 0, 0))


def test_a_kernel_lists_a_procedure_once() -> None:
    with pytest.raises(InputError, match="once"):
        Kernel.of([(1, 0, 0, 0), (2, 0, 0, 0), (1, 0, 0, 0)])


def test_a_kernel_has_at_most_255_procedures() -> None:
    procedures = [(number, 0, 0, 0) for number in range(MAX_KERNEL_PROCEDURES + 1)]
    assert len(Kernel.of(procedures[1:]).procedures) == 255
    with pytest.raises(InputError, match="at most 255"):
        Kernel.of(procedures)
