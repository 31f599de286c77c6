"""Case files that are wrong: each is refused with the path in the document and what was expected and found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from samples import OTHER_WORD, WORD, full_document

from reference.definition.errors import InputError
from reference.definition.formats import json_value
from reference.definition.formats.case_json import read_case

P = 18446744069414584321

MISSING = object()

# path in the full document, new value, place of the error, part of the reason
REPLACED: list[tuple[str, Any, str, str]] = [
    ("format", "fragdiff-case/2", "$.format", "fragdiff-case/1"),
    ("format", None, "$.format", "expected a string, found null"),
    ("name", "", "$.name", "expected a name"),
    ("name", "../up", "$.name", "expected a name"),
    ("name", "a\nb", "$.name", "expected a name"),
    ("name", "x" * 201, "$.name", "1 to 200"),
    ("about", 5, "$.about", "expected a string, found the number 5"),
    ("program", MISSING, "$", "expected the key 'program'"),
    ("program", [], "$.program", "expected an object, found an array of 0"),
    ("program.nodes", MISSING, "$.program", "expected the key 'nodes'"),
    ("program.nodes", {}, "$.program.nodes", "expected an array"),
    ("program.nodes.3", 7, "$.program.nodes[3]", "expected a string"),
    ("program.nodes.3", "", "$.program.nodes[3]", "expected a node"),
    ("program.nodes.3", "jump 0", "$.program.nodes[3]", "expected a node"),
    ("program.nodes.3", "join 0", "$.program.nodes[3]", "join and 2 node id"),
    ("program.nodes.3", "join 0 1 2", "$.program.nodes[3]", "join and 2 node id"),
    ("program.nodes.3", "join 0 -1", "$.program.nodes[3]", "join and 2 node id"),
    ("program.nodes.3", "join 0 x", "$.program.nodes[3]", "join and 2 node id"),
    ("program.nodes.3", "join 0 ١", "$.program.nodes[3]", "join and 2 node id"),  # noqa: RUF001
    ("program.nodes.3", "join 0 " + "9" * 5000, "$.program.nodes[3]", "join and 2 node id"),
    ("program.nodes.3", "join 0 12", "$.program.nodes[3]", "child 12 does not exist, there are 12 nodes"),
    ("program.nodes.3", "join 0 3", "$.program.nodes[3]", "cycle"),
    ("program.nodes.2", "loop 4", "$.program.nodes[3]", "cycle"),
    ("program.nodes.7", "dyn 1", "$.program.nodes[7]", "expected a node"),
    ("program.nodes.1", "block", "$.program.nodes[1]", "at least one operation"),
    ("program.nodes.1", "block ADD FROB", "$.program.nodes[1]", "expected an operation, found 'FROB'"),
    ("program.nodes.1", "block add", "$.program.nodes[1]", "expected an operation"),
    ("program.nodes.1", "block HALT", "$.program.nodes[1]", "control operation HALT"),
    ("program.nodes.1", "block CALL", "$.program.nodes[1]", "control operation CALL"),
    ("program.nodes.1", "block CALL(1)", "$.program.nodes[1]", "control operation CALL"),
    ("program.nodes.1", "block PUSH", "$.program.nodes[1]", "expected an immediate"),
    ("program.nodes.1", "block PUSH()", "$.program.nodes[1]", "expected an operation"),
    ("program.nodes.1", "block PUSH(-1)", "$.program.nodes[1]", "expected an operation"),
    ("program.nodes.1", "block PUSH(0x10)", "$.program.nodes[1]", "expected an operation"),
    ("program.nodes.1", f"block PUSH({P})", "$.program.nodes[1]", f"below {P}"),
    ("program.nodes.1", f"block PUSH({'9' * 10000})", "$.program.nodes[1]", f"below {P}"),
    ("program.nodes.1", f"block ASSERT({P})", "$.program.nodes[1]", f"below {P}"),
    ("program.nodes.1", "block ADD(1)", "$.program.nodes[1]", "ADD without an immediate"),
    ("program.nodes.9", "external", "$.program.nodes[9]", "expected a node"),
    ("program.nodes.9", "external 0x12", "$.program.nodes[9]", "64 hexadecimal digits after 0x, found 2"),
    ("program.nodes.9", "external " + WORD[2:], "$.program.nodes[9]", "starts with 0x"),
    ("program.nodes.9", "external 0x" + "g" * 64, "$.program.nodes[9]", "hexadecimal digits only"),
    ("program.nodes.9", "external 0x" + "f" * 64, "$.program.nodes[9]", "not below the modulus"),
    ("program.nodes.10", "external @1", "$.program.nodes[10]", "@LIBRARY:NODE"),
    ("program.nodes.10", "external @2:0", "$.program.nodes[10]", "number of a library"),
    ("program.nodes.10", "external @1:2", "$.program.nodes[10]", "expected a node below 2"),
    ("libraries.1.nodes.0", "external @0:0", "$.libraries[1].nodes[0]", "a library that comes later"),
    ("libraries.1.nodes.0", "external @1:1", "$.libraries[1].nodes[0]", "a library that comes later"),
    ("libraries.0.nodes.0", "loop 2", "$.libraries[0].nodes[2]", "cycle"),
    ("libraries.0.roots", [3], "$.libraries[0].roots[0]", "from 0 to 2"),
    ("libraries.0.entry", 0, "$.libraries[0]", "expected the keys nodes, roots, advice_map; found 'entry'"),
    ("libraries", {}, "$.libraries", "expected an array"),
    ("program.roots", [], "$.program.entry", "one of the roots"),
    ("program.roots", [11, 11], "$.program.roots[1]", "every root once, found 11 twice"),
    ("program.roots", [12, 11], "$.program.roots[0]", "from 0 to 11, found the number 12"),
    ("program.roots", [True, 11], "$.program.roots[0]", "found true"),
    ("program.entry", 3, "$.program.entry", "expected one of the roots"),
    ("program.entry", 12, "$.program.entry", "from 0 to 11"),
    ("program.entry", "11", "$.program.entry", "an integer"),
    ("program.kernel", [WORD, WORD], "$.program.kernel", "once"),
    ("program.kernel", ["0x" + f"{i:02x}" + "00" * 31 for i in range(256)], "$.program.kernel", "at most 255"),
    ("program.kernel", [[1, 2, 3, 4]], "$.program.kernel[0]", "expected a string"),
    ("program.advice_map", {WORD: 5}, f"$.program.advice_map.'{WORD[:39]}... (68 characters)", "expected an array"),
    ("stack", list(range(17)), "$.stack", "at most 16 stack inputs"),
    ("stack", [1.0], "$.stack[0]", "found the number 1.0"),
    ("stack", [P], "$.stack[0]", f"from 0 to {P - 1}, found the number {P}"),
    ("stack", [-1], "$.stack[0]", "found the number -1"),
    ("stack", ["1"], "$.stack[0]", "found the string '1'"),
    ("stack", [True], "$.stack[0]", "found true"),
    ("stack", [None], "$.stack[0]", "found null"),
    ("stack", {"0": 1}, "$.stack", "expected an array"),
    ("advice.heap", [], "$.advice", "found 'heap'"),
    ("advice.store", [[WORD]], "$.advice.store[0]", "a left and a right child"),
    ("advice.store", [[WORD, 1]], "$.advice.store[0][1]", "expected a string"),
    ("host", "debug", "$.host", "'default' or 'stdlib'"),
    ("replies.words", [[1, 2, 3]], "$.replies.words[0]", "expected 4 elements"),
    ("replies.dwords", [[1] * 9], "$.replies.dwords[0]", "expected 8 elements"),
    ("replies.paths", [WORD], "$.replies.paths[0]", "expected an array"),
    ("replies.tape", [], "$.replies", "found 'tape'"),
    ("cuts", [0], "$.cuts[0]", "from 1 to"),
    ("cuts", [{"every": 0}], "$.cuts[0].every", "from 1 to"),
    ("cuts", [{"at": [-1]}], "$.cuts[0].at[0]", "from 0 to"),
    ("cuts", [{"at": [2**63]}], "$.cuts[0].at[0]", "from 0 to"),
    ("cuts", [{"every": 1, "at": [1]}], "$.cuts[0]", '{"every": n} or {"at": [rows]}'),
    ("cuts", [{}], "$.cuts[0]", '{"every": n} or {"at": [rows]}'),
    ("cuts", "all", "$.cuts", "expected an object"),
    ("cutz", [1], "$", "found 'cutz'"),
    ("options", [], "$.options", "expected an object"),
    ("options.cpu", {}, "$.options", "expected the keys gpu"),
    ("options.gpu", 3, "$.options.gpu", "expected an object"),
    ("options.gpu.speed", 1, "$.options.gpu", "expected the keys cache, lanes"),
    ("options.gpu.cache", "some", "$.options.gpu.cache", "one of none, trace, full"),
    ("options.gpu.cache", 2, "$.options.gpu.cache", "expected a string"),
    ("options.gpu.lanes", 0, "$.options.gpu.lanes", "an integer from 1 to 8"),
    ("options.gpu.lanes", 9, "$.options.gpu.lanes", "an integer from 1 to 8"),
    ("options.gpu.budget", 0, "$.options.gpu.budget", "expected an integer"),
    ("options.gpu.budget", None, "$.options.gpu.budget", "expected an integer"),
    ("options.gpu.shards", 0, "$.options.gpu.shards", "an integer from 1 to 64"),
    ("options.gpu.shards", True, "$.options.gpu.shards", "expected an object"),
    ("options.gpu.shards", {"every": 3}, "$.options.gpu.shards", "expected the keys at"),
    ("options.gpu.shards.at", [-1], "$.options.gpu.shards.at[0]", "expected an integer"),
    ("options.gpu.order", ["sys"], "$.options.gpu.order", "each of sys, dec, stk"),
    ("options.gpu.order", ["sys"] * 10, "$.options.gpu.order", "each of sys, dec, stk"),
    ("options.gpu.threads", "random", "$.options.gpu.threads", "one of forward, reverse, strided"),
]


def replaced(path: str, value: object) -> dict[str, Any]:
    document = full_document()
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    target: Any = document
    for part in parents:
        target = target[part]
    if value is MISSING:
        del target[last]
    else:
        target[last] = value
    return document


@pytest.mark.parametrize(("path", "value", "place", "reason"), REPLACED)
def test_a_wrong_value_is_refused_where_it_stands(path: str, value: object, place: str, reason: str) -> None:
    with pytest.raises(InputError) as error:
        read_case(json.dumps(replaced(path, value)), "file.json")
    assert error.value.place == place
    assert reason in error.value.reason
    assert error.value.source == "file.json"
    assert str(error.value).startswith(f"file.json: {place}: ")
    assert len(error.value.reason) < 300


def test_two_spellings_of_one_key_are_refused() -> None:
    upper = "0x" + WORD[2:].replace("01", "0a", 1).upper()
    document = replaced("advice.map", {upper: [1], upper.lower(): [2]})
    with pytest.raises(InputError, match="two spellings"):
        read_case(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"name": "a", "name": "a"}', "$", "every key once, found 'name' twice"),
        ('{"program": {"entry": 0, "nodes": [], "entry": 0}}', "$.program", "every key once, found 'entry' twice"),
        ("", "line 1 column 1", "expected JSON"),
        ('{"program": ', "line 1 column 13", "expected JSON"),
        ('{"stack": [01]}', "line 1 column 13", "expected JSON"),
        ("{} {}", "line 1 column 4", "Extra data"),
        ("\ufeff{}", "line 1 column 1", "BOM"),
        ("null", "$", "expected an object, found null"),
        ("NaN", "$", "found the number NaN"),
        ('{"cuts": [Infinity], "program": {}}', "$.program", "expected the key 'nodes'"),
        ('{"program": -Infinity}', "$.program", "found the number -Infinity"),
        ('{"program": 1e400}', "$.program", "found the number 1e400"),
        ('{"name": "\\ud800", "program": {}}', "$.name", "lone surrogates"),
        (b'{"name": "\xff"}', "byte 10", "expected UTF-8 text, found byte 0xff"),
        (b'{"name": "\xc3', "byte 10", "expected UTF-8"),
    ],
)
def test_text_that_is_no_case_is_refused(text: str | bytes, place: str, reason: str) -> None:
    with pytest.raises(InputError) as error:
        read_case(text)
    assert error.value.place == place
    assert reason in error.value.reason


@pytest.mark.parametrize("text", ["1" * 100_000, "-" + "1" * 100_000, "1e5", "1.0", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_no_element_can_be_are_refused_at_their_place(text: str) -> None:
    document = json.dumps(replaced("stack", ["HERE"])).replace('"HERE"', text)
    with pytest.raises(InputError) as error:
        read_case(document)
    assert error.value.place == "$.stack[0]"
    assert len(error.value.reason) < 200


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(InputError) as error:
        read_case(json.dumps(replaced("about", "\ud800")))
    assert error.value.place == "$.about"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("close", [True, False])
def test_deep_nesting_is_refused(opening: str, close: bool) -> None:
    depth = 100_000
    text = opening * depth + "0" + (("]" if opening == "[" else "}") * depth if close else "")
    with pytest.raises(InputError, match="nested too deeply"):
        read_case(text)


def test_a_document_that_is_too_large_is_refused_before_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_value, "MAX_DOCUMENT_BYTES", 1000)
    with pytest.raises(InputError, match="at most 1000 bytes"):
        read_case("[" * 1001)


def test_the_full_document_itself_is_right() -> None:
    case = read_case(json.dumps(full_document()))
    assert case.program.kernel.procedures == ((1, 0, 0, 0), (2, 0, 0, 0))
    assert OTHER_WORD in full_document()["program"]["kernel"]
