"""What is kept with a case: written as it is read, and refused with its place when it is anything else."""

import copy
import json
import random

import pytest

from harness.corpus import Expectation, Kept, Kind
from harness.corpus.kept import kept_document, read_kept
from harness.records import LENGTHS
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line, read_case, write_case
from reference.definition.outcome import Completed, Failed

PROGRAM = {"nodes": ["block SWAP"], "roots": [0], "entry": 0}
WIDTHS = {"system": 6, "decoder": 24, "stack": 19, "range": 2, "chiplets": 20, "pad": 1}
"""spec 04: columns of each group."""

DIGESTS = tuple(f"{number:032x}" for number in range(72))
EXPECT = Expectation("some machine 1.0", Completed(tuple(range(16))), (1, 2, 3, 4), dict.fromkeys(LENGTHS, 7), DIGESTS)
KEPT = Kept(Kind.DEFECT, "why", "where from", "A6", "panics", EXPECT)


def text_of(kept):
    return json.dumps({"program": PROGRAM, "kept": kept})


def changed(path, value):
    document = copy.deepcopy(kept_document(KEPT))
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return document


def without(path):
    document = copy.deepcopy(kept_document(KEPT))
    at = document
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return document


@pytest.mark.parametrize(
    "kept",
    [
        KEPT,
        Kept(Kind.COVERAGE, "only this"),
        Kept(Kind.GOLDEN, "fails", expect=Expectation("x", Failed("DivideByZero", 5))),
        Kept(Kind.GOLDEN, "fails", expect=Expectation("x", Failed("EmptyMerklePath", None))),
        Kept(Kind.GOLDEN, "outputs only", expect=Expectation("x", Completed((0,) * 16))),
    ],
)
def test_it_is_read_as_it_was_written(kept):
    case = read_case(json.dumps({"program": PROGRAM}))
    text = write_case(case, kept_document(kept))
    assert read_kept(text) == kept
    assert write_case(read_case(text)) == write_case(case)


def test_a_case_that_keeps_nothing_says_so():
    assert read_kept(json.dumps({"program": PROGRAM})) is None


def test_engines_never_see_it():
    text = text_of(kept_document(KEPT))
    assert "kept" not in case_line(read_case(text))
    assert "some machine" not in case_line(read_case(text))


def test_digests_stand_one_group_a_line():
    lines = write_case(read_case(json.dumps({"program": PROGRAM})), kept_document(KEPT)).splitlines()
    groups = {line.split('"')[1]: line for line in lines if line.count("0" * 28)}
    assert {name: line.count("0" * 28) for name, line in groups.items()} == WIDTHS


def test_another_digest_changes_one_line():
    before, after = (
        write_case(read_case(json.dumps({"program": PROGRAM})), kept_document(Kept(Kind.GOLDEN, "x", expect=expect)))
        for expect in (
            EXPECT,
            Expectation(EXPECT.by, EXPECT.outcome, EXPECT.program_hash, EXPECT.lengths, ("f" * 32, *DIGESTS[1:])),
        )
    )
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    assert [one.split('"')[1] for one, other in pairs if one != other] == ["system"]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (3, "$.kept"),
        ([], "$.kept"),
        ({}, "$.kept"),
        (without(["reason"]), "$.kept"),
        (changed(["kind"], "precious"), "$.kept.kind"),
        (changed(["kind"], 1), "$.kept.kind"),
        (changed(["reason"], ""), "$.kept.reason"),
        (changed(["reason"], " "), "$.kept.reason"),
        (changed(["reason"], "x" * 2001), "$.kept.reason"),
        (changed(["reason"], "two\nlines"), "$.kept.reason"),
        (changed(["source"], "\x1b[2J"), "$.kept.source"),
        (changed(["real_vm"], None), "$.kept.real_vm"),
        (changed(["more"], 1), "$.kept"),
        (changed(["expect"], None), "$.kept.expect"),
        (without(["expect", "by"]), "$.kept.expect"),
        (without(["expect", "outcome"]), "$.kept.expect"),
        (changed(["expect", "outcome"], {"status": "panicked"}), "$.kept.expect.outcome"),
        (changed(["expect", "outcome"], {"status": ["completed"]}), "$.kept.expect.outcome.status"),
        (changed(["expect", "outcome", "stack"], [0] * 15), "$.kept.expect.outcome.stack"),
        (changed(["expect", "outcome", "stack"], [0] * 15 + [2**64 - 2**32 + 1]), "$.kept.expect.outcome.stack[15]"),
        (changed(["expect", "outcome", "stack"], [0] * 15 + [1.5]), "$.kept.expect.outcome.stack[15]"),
        (changed(["expect", "outcome"], {"status": "failed", "error": ""}), "$.kept.expect.outcome.error"),
        (changed(["expect", "outcome"], {"status": "failed", "error": "X", "clk": -1}), "$.kept.expect.outcome.clk"),
        (changed(["expect", "outcome"], {"status": "failed", "error": "X"}), "$.kept.expect.program_hash"),
        (changed(["expect", "program_hash"], "0x12"), "$.kept.expect.program_hash"),
        (changed(["expect", "lengths", "rows"], "64"), "$.kept.expect.lengths.rows"),
        (changed(["expect", "lengths", "rows"], True), "$.kept.expect.lengths.rows"),
        (changed(["expect", "lengths", "rows"], 2**70), "$.kept.expect.lengths.rows"),
        (without(["expect", "lengths", "rows"]), "$.kept.expect.lengths"),
        (changed(["expect", "columns"], list(DIGESTS)), "$.kept.expect.columns"),
        (without(["expect", "columns", "pad"]), "$.kept.expect.columns"),
        (changed(["expect", "columns", "pad"], ""), "$.kept.expect.columns.pad"),
        (changed(["expect", "columns", "range"], DIGESTS[0]), "$.kept.expect.columns.range"),
        (changed(["expect", "columns", "range"], " ".join(DIGESTS[:3])), "$.kept.expect.columns.range"),
        (changed(["expect", "columns", "pad"], DIGESTS[0][:-1]), "$.kept.expect.columns.pad"),
        (changed(["expect", "columns", "pad"], "G" * 32), "$.kept.expect.columns.pad"),
        (changed(["expect", "columns", "pad"], DIGESTS[0] + "\n"), "$.kept.expect.columns.pad"),
        (changed(["expect", "columns", "pad"], "\uff10" * 32), "$.kept.expect.columns.pad"),
    ],
)
def test_anything_else_is_refused_with_its_place(document, place):
    with pytest.raises(InputError) as caught:
        read_kept(text_of(document), "a file")
    assert caught.value.place == place
    assert caught.value.source == "a file"


def test_a_key_that_comes_twice_is_refused():
    text = text_of(kept_document(KEPT)).replace('"kind":', '"kind": "golden", "kind":')
    with pytest.raises(InputError, match="twice"):
        read_kept(text)


def test_random_changes_are_read_or_refused_and_nothing_else():
    text = text_of(kept_document(KEPT))
    chance = random.Random(4)
    refused = 0
    for _ in range(400):
        at = chance.randrange(text.index('"kept"') + 8, len(text))
        broken = (
            text[:at] + chance.choice(["", '"', "{", "7", "null", "\u0000", "e"]) + text[at + chance.randrange(3) :]
        )
        try:
            read_kept(broken)
        except InputError:
            refused += 1
    assert refused > 200
