"""Case files that are right: what they mean, and how they are written."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import pytest
from samples import BINARIES, full_document, recorded_cases, recorded_divergences

from reference.definition.case import Advice, Case, Replies
from reference.definition.cuts import ONE_FRAGMENT, At, Every
from reference.definition.formats.binary import read_program
from reference.definition.formats.case_json import case_line, read_case, write_case
from reference.definition.gpu_options import CHIPS, GpuOptions
from reference.definition.isa import BLOCK_OPERATIONS, Immediate, Operation, opcode
from reference.definition.mast import Block, Call, Dyn, Dyncall, External, Forest, Join, Loop, Split, Syscall
from reference.definition.program import Program

DEEP = 10_000

MINIMAL = {"program": {"nodes": ["block ADD"], "roots": [0], "entry": 0}}

CANONICAL = """\
{
  "format": "fragdiff-case/1",
  "name": "small",
  "about": "two blocks",
  "program": {
    "nodes": [
      "block SWAP PUSH(42)",
      "block DROP",
      "join 0 1"
    ],
    "roots": [2],
    "entry": 2
  },
  "stack": [1, 2, 3],
  "cuts": [536870912, {"at": [1, 2]}]
}
"""


def test_every_key_is_understood() -> None:
    case = read_case(json.dumps(full_document()))
    one, two = (1, 0, 0, 0), (2, 0, 0, 0)
    assert (case.name, case.about, case.host) == ("everything", "Every key and every node kind. Ünïcode.", "stdlib")
    assert case.stack == (1, 0, 18446744069414584320)
    assert case.advice == Advice((5, 6), {one: (1, 2)}, ((one, two),))
    assert case.replies == Replies((1,), ((1, 2, 3, 4),), ((1, 2, 3, 4, 5, 6, 7, 8),), ((one, two), ()))
    assert case.cuts == (Every(64), Every(7), At((0, 5, 99)))
    assert case.gpu == GpuOptions("trace", 3, 1048576, At((3, 5)), CHIPS[::-1], "strided")
    assert (case.program.entry, case.program.forest.roots) == (11, (11, 4))
    assert case.program.kernel.procedures == (one, two)
    assert case.program.forest.advice_map == {one: (1, 2, 3), two: ()}
    assert [library.advice_map for library in case.libraries] == [{}, {one: (5,)}]


def test_every_kind_of_node_is_understood() -> None:
    case = read_case(json.dumps(full_document()))
    add, mul = case.libraries[1].digests
    assert case.program.forest.nodes == (
        Block(
            (
                Operation(opcode("SWAP")),
                Operation(opcode("PUSH"), 42),
                Operation(opcode("ADD")),
                Operation(opcode("ASSERT"), 7),
                Operation(opcode("U32ASSERT2")),
                Operation(opcode("MPVERIFY"), 18446744069414584320),
            )
        ),
        Block((Operation(opcode("PAD")), Operation(opcode("DROP")))),
        Loop(1),
        Join(0, 2),
        Split(3, 1),
        Call(4),
        Syscall(1),
        Dyn(),
        Dyncall(),
        External((1, 0, 0, 0)),
        External(add, (1, 0)),
        Join(9, 10),
    )
    assert case.libraries[0].nodes[1] == External(mul, (1, 1))


def test_defaults() -> None:
    case = read_case(json.dumps(MINIMAL))
    assert (case.name, case.about, case.libraries, case.stack, case.host) == ("case", "", (), (), "default")
    assert (case.advice, case.replies, case.cuts) == (Advice(), None, (ONE_FRAGMENT,))


@pytest.mark.parametrize(
    ("cuts", "plans"),
    [
        (7, (Every(7),)),
        ({"every": 7}, (Every(7),)),
        ({"at": [3, 0]}, (At((3, 0)),)),
        ({"at": []}, (At(()),)),
        ([], (ONE_FRAGMENT,)),
        ([1, {"at": [9]}], (Every(1), At((9,)))),
    ],
)
def test_cuts_in_all_their_forms(cuts: object, plans: tuple[object, ...]) -> None:
    assert read_case(json.dumps({**MINIMAL, "cuts": cuts})).cuts == plans


def test_all_block_operations_are_read_by_name() -> None:
    for info in BLOCK_OPERATIONS:
        text = info.name if info.immediate is Immediate.NONE else f"{info.name}(5)"
        document = {"program": {"nodes": [f"block {text}"], "roots": [0], "entry": 0}}
        expected = Operation(info.opcode, 0 if info.immediate is Immediate.NONE else 5)
        assert read_case(json.dumps(document)).program.forest.nodes == (Block((expected,)),)


def test_children_may_come_after_their_parents() -> None:
    document = {"program": {"nodes": ["join 2 1", "block ADD", "block MUL"], "roots": [0], "entry": 0}}
    forest = read_case(json.dumps(document)).program.forest
    ordered = {"program": {"nodes": ["block MUL", "block ADD", "join 0 1"], "roots": [2], "entry": 2}}
    assert forest.digests[0] == read_case(json.dumps(ordered)).program.hash


def test_canonical_text() -> None:
    program = {"nodes": ["block SWAP PUSH(42)", "block DROP", "join 0 1"], "roots": [2], "entry": 2}
    document = {"cuts": [536870912, {"at": [1, 2]}], "stack": [1, 2, 3], "about": "two blocks", "name": "small"}
    assert write_case(read_case(json.dumps({"program": program, **document}))) == CANONICAL


def test_a_change_of_one_node_changes_one_line() -> None:
    document = full_document()
    before = write_case(read_case(json.dumps(document))).splitlines()
    document["program"]["nodes"][1] = "block PAD PAD DROP DROP"
    after = write_case(read_case(json.dumps(document))).splitlines()
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


ZERO_CODE = re.compile(r"\b(ASSERT|U32ASSERT2|MPVERIFY)\(0\)")
"""An error code of 0 may be written or left out."""


def normalised(document: dict[str, object]) -> object:
    """What a document says, whatever is left out or spelt differently."""
    program = document["program"]
    assert isinstance(program, dict)
    forests = [program, *document.get("libraries", [])]  # type: ignore[misc]
    cuts = document.get("cuts", [])
    assert isinstance(cuts, list)
    return {
        "forests": [
            ([ZERO_CODE.sub(r"\1", node) for node in forest["nodes"]], forest["roots"], forest.get("advice_map", {}))
            for forest in forests
        ],
        "program": (program["entry"], sorted(program.get("kernel", []))),
        "advice": {key: value for key, value in document.get("advice", {}).items() if value},  # type: ignore[attr-defined]
        "replies": document.get("replies"),
        "cuts": [cut["every"] if isinstance(cut, dict) and "every" in cut else cut for cut in cuts],
        **{key: document.get(key, default) for key, default in (("name", "case"), ("about", ""), ("host", "default"))},
        "stack": document.get("stack", []),
    }


def without_empty_queues(document: dict[str, object]) -> dict[str, object]:
    replies = document.get("replies")
    if isinstance(replies, dict):
        return {**document, "replies": {key: queue for key, queue in replies.items() if queue}}
    return document


def test_recorded_cases_say_the_same_after_reading_and_writing() -> None:
    documents = [*recorded_cases(), full_document()]
    assert len(documents) == 340
    for document in documents:
        case = read_case(json.dumps(document))
        for text in (write_case(case), case_line(case)):
            assert normalised(json.loads(text)) == normalised(without_empty_queues(document)), document["name"]


def test_writing_is_stable() -> None:
    for document in [*recorded_cases(), full_document()]:
        text = write_case(read_case(json.dumps(document)))
        assert write_case(read_case(text)) == text
        assert case_line(read_case(text)) == case_line(read_case(json.dumps(document)))


def test_recorded_divergences_are_cases_except_fragment_size_0() -> None:
    entries = recorded_divergences()
    assert len(entries) == 27
    for entry in entries:
        if entry["id"] == "A14":
            entry["case"]["cuts"].remove(0)
        assert read_case(json.dumps(entry["case"])).name == entry["name"]


def test_options_that_are_defaults_are_not_written() -> None:
    written = json.loads(
        write_case(read_case(json.dumps({**MINIMAL, "options": {"gpu": {"shards": 1, "cache": "none"}}})))
    )
    assert "options" not in written
    options = {"gpu": {"shards": 5, "budget": 1}}
    case = read_case(json.dumps({**MINIMAL, "options": options}))
    assert case.gpu == GpuOptions(shards=5, budget=1)
    assert json.loads(write_case(case))["options"] == options


def test_long_lists_fill_lines() -> None:
    case = read_case(json.dumps({**MINIMAL, "advice": {"stack": list(range(2**40, 2**40 + 100))}}))
    lines = write_case(case).splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) < 40


def test_a_line_has_no_line_end_and_lists_children_first() -> None:
    document = full_document()
    document["program"]["nodes"] = ["join 1 2", "external @0:0", "block ADD"]
    document["program"]["roots"], document["program"]["entry"] = [0], 0
    document["libraries"] = [{"nodes": ["join 1 1", "block SWAP"], "roots": [0]}]
    case = read_case(json.dumps(document))
    line = case_line(case)
    assert "\n" not in line
    written = json.loads(line)
    assert written["libraries"][0] == {"nodes": ["block SWAP", "join 0 0"], "roots": [1]}
    assert written["program"]["nodes"] == ["block ADD", "external @0:1", "join 1 0"]
    assert (written["program"]["roots"], written["program"]["entry"]) == ([2], 2)
    assert read_case(line).program.hash == case.program.hash


def test_a_file_keeps_the_order_of_nodes() -> None:
    document = {"program": {"nodes": ["join 2 1", "block ADD", "block MUL"], "roots": [0], "entry": 0}}
    assert json.loads(write_case(read_case(json.dumps(document))))["program"]["nodes"] == document["program"]["nodes"]


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.stem)
def test_a_program_from_a_binary_becomes_a_case_with_the_same_hash(binary: object) -> None:
    program = read_program(binary.read_bytes())  # type: ignore[attr-defined]
    case = read_case(write_case(Case("binary", program)))
    assert case.program.hash == program.hash
    assert case.program.forest.digests == program.forest.digests


def test_a_binary_with_digests_that_are_not_its_own_cannot_become_a_case() -> None:
    node = Block((Operation(opcode("ADD")),))
    lying = Program(Forest((node,), (0,), stored_digests=((1, 2, 3, 4),)), 0)
    with pytest.raises(Exception, match="expected the node's own digest"):
        write_case(Case("lying", lying))


@pytest.mark.parametrize("children_first", [True, False])
def test_ten_thousand_nested_joins(children_first: bool) -> None:
    if children_first:
        nodes = ["block ADD", *(f"join {depth} 0" for depth in range(DEEP))]
    else:
        nodes = [*(f"join {depth + 1} {DEEP}" for depth in range(DEEP)), "block ADD"]
    entry = DEEP if children_first else 0
    text = json.dumps({"program": {"nodes": nodes, "roots": [entry], "entry": entry}})
    case = read_case(text)
    assert json.loads(write_case(case))["program"]["nodes"] == nodes
    assert json.loads(case_line(case))["program"]["nodes"][:2] == ["block ADD", "join 0 0"]


@pytest.mark.oracle
@pytest.mark.skipif("FRAGDIFF_ORACLE" not in os.environ, reason="FRAGDIFF_ORACLE does not name the real VM")
def test_the_real_vm_reads_our_lines_as_it_reads_the_recorded_ones() -> None:
    documents = [document for document in recorded_cases() if not document["name"].startswith("big_")][::8]
    ours = [case_line(read_case(json.dumps(document))) for document in documents]
    theirs = [json.dumps(document) for document in documents]
    lines = "".join(f"{line}\n" for line in [*ours, *theirs])
    command = [*shlex.split(os.environ["FRAGDIFF_ORACLE"]), "run"]
    run = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=120)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    for ours_record, theirs_record in zip(records[: len(ours)], records[len(ours) :], strict=True):
        assert "rejected" not in ours_record
        assert ours_record["program_hash"] == theirs_record["program_hash"]
        assert ours_record["outcome"] == theirs_record["outcome"]
