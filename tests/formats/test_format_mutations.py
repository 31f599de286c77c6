"""Valid files with random damage: every reader succeeds or refuses with InputError, soon and in little memory."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import DATA, EXAMPLE_PROGRAM, full_document, recorded_cases
from test_inputs_file import TREES
from test_package_binary import LIBRARY, package

from reference.definition.errors import InputError
from reference.definition.formats.binary import (
    read_forest,
    read_library,
    read_package,
    read_program,
    write_program,
)
from reference.definition.formats.case_json import case_line, read_case, write_case
from reference.definition.formats.inputs import read_inputs

QUICK = settings(max_examples=600, deadline=2000, suppress_health_check=[HealthCheck.too_slow])

DOCUMENTS = [full_document(), *recorded_cases()[:300:30]]
INPUTS = {
    "operand_stack": ["1", "2"],
    "advice_stack": ["3"],
    "advice_map": {"0x" + "01" * 32: [1, 2]},
    "merkle_store": [
        {"merkle_tree": TREES["merkle_tree"][0]},
        {"partial_merkle_tree": TREES["partial_merkle_tree"][0]},
    ],
}
PROGRAMS = [EXAMPLE_PROGRAM, *((DATA / "formats" / f"{name}.masb").read_bytes() for name in ("decorated", "dispatch"))]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.sampled_from(
        [0, 1, -1, 2**30, 2**32, 2**63, 2**64 - 2**32, 2**64 - 2**32 + 1, 10**30, 0.5, float("nan"), 1e300]
    ),
    st.text(max_size=8),
    st.sampled_from(
        ["block", "join 0 0", "loop 0", "external @0:0", "block PUSH(1)", "0x" + "00" * 32, "\ud800", "dyn"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below the root; recursion is as deep as the sample document."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += [(*path, key), *places(item, (*path, key))]
    return found


def mutate_document(draw: Callable[[st.SearchStrategy[Any]], Any], document: Any) -> Any:
    """The document with up to three of its values replaced, deleted, duplicated or moved elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        paths = places(document)
        if not paths:
            break
        *parents, last = draw(st.sampled_from(paths))
        target = document
        for key in parents:
            target = target[key]
        match draw(st.sampled_from(["replace", "delete", "duplicate", "rename", "edit"])):
            case "replace":
                target[last] = draw(VALUES)
            case "delete":
                del target[last]
            case "duplicate" if isinstance(target, list):
                target.insert(draw(st.integers(0, len(target))), copy.deepcopy(target[last]))
            case "rename" if isinstance(target, dict):
                target[draw(st.text(max_size=6))] = target.pop(last)
            case "edit" if isinstance(target[last], str):
                place = draw(st.integers(0, len(target[last])))
                target[last] = target[last][:place] + draw(st.text(max_size=3)) + target[last][place + 1 :]
            case _:
                target[last] = draw(SCALARS)
    return document


@st.composite
def broken_documents(draw: Callable[[st.SearchStrategy[Any]], Any], samples: list[Any]) -> str:
    return json.dumps(mutate_document(draw, draw(st.sampled_from(samples))))


@st.composite
def broken_bytes(draw: Callable[[st.SearchStrategy[Any]], Any], samples: list[bytes]) -> bytes:
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["flip", "set", "insert", "delete", "cut", "repeat"])):
            case "flip" if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "set" if data:
                data[place] = draw(st.integers(0, 255))
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=9))
            case "delete":
                del data[place : place + draw(st.integers(1, 9))]
            case "cut":
                del data[place:]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 50))]
    return bytes(data)


def accepts(read: Callable[[Any], object], data: object) -> bool:
    """True when the reader succeeds, False when it refuses with a place and a reason; anything else is an error."""
    try:
        read(data)
    except InputError as error:
        assert error.reason
        assert len(str(error)) < 1000
        return False
    return True


@QUICK
@given(broken_documents(DOCUMENTS))
def test_broken_case_documents(text: str) -> None:
    if accepts(read_case, text):
        case = read_case(text)
        assert write_case(read_case(write_case(case))) == write_case(case)
        assert write_case(read_case(case_line(case))).count("\n") > 5


@QUICK
@given(broken_bytes([json.dumps(document).encode() for document in DOCUMENTS[:3]]))
def test_broken_case_texts(data: bytes) -> None:
    accepts(read_case, data)


@settings(QUICK, max_examples=300)
@given(broken_documents([INPUTS]))
def test_broken_inputs(text: str) -> None:
    accepts(read_inputs, text)


@QUICK
@given(broken_bytes(PROGRAMS))
def test_broken_programs(data: bytes) -> None:
    if accepts(read_program, data):
        written = write_program(read_program(data))
        assert write_program(read_program(written)) == written


@QUICK
@given(broken_bytes([LIBRARY]))
def test_broken_libraries(data: bytes) -> None:
    accepts(read_library, data)


@QUICK
@given(broken_bytes([package(b"PRG\0", EXAMPLE_PROGRAM), package(b"LIB\0", LIBRARY)]))
def test_broken_packages(data: bytes) -> None:
    accepts(read_package, data)


@settings(QUICK, max_examples=300)
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    for read in (read_case, read_inputs, read_forest, read_program, read_library, read_package):
        assert not accepts(read, data)


def test_damage_is_neither_always_nor_never_noticed() -> None:
    # A reader that refused everything, or nothing, would pass the tests above.
    flips = [EXAMPLE_PROGRAM[:at] + bytes([EXAMPLE_PROGRAM[at] ^ 1]) + EXAMPLE_PROGRAM[at + 1 :] for at in range(166)]
    accepted = sum(accepts(read_program, data) for data in flips)
    assert 50 < accepted < 140
