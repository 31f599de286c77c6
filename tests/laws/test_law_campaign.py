"""A campaign by the laws: what is accepted is learnt, a defect of another machine is found, shrunk and kept."""

import json
import stat

import pytest
from judged import builder, builder_name

from harness.generate import Profile
from harness.laws.acceptance import Accepted, learn, needs_of
from harness.laws.fuzzing import fuzz_by_laws
from harness.laws.naming import BY_DIGEST, Naming
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line, read_case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block

SMALL = Profile(max_rows=30, max_level=2, failing_rate=0.0)


def campaign(tmp_path, *arguments, **wishes):
    wishes = {"seed": 1, "seconds": None, "cases": 40, "profile": SMALL, "keep": 1, "quiet": True} | wishes
    return fuzz_by_laws(builder_name(*arguments), out=tmp_path, shrink_seconds=4.0, **wishes)


def test_a_defect_of_one_operation_is_found_shrunk_to_it_and_its_sizes_are_listed(tmp_path, capsys):
    totals = campaign(tmp_path, "cells", "U32AND", cases=60)
    (finding,) = totals.findings
    assert finding["signature"] == "law 1 wrong cells that its own check rejects"
    directory = next(path for path in tmp_path.iterdir() if path.is_dir())
    assert str(directory) == finding["directory"]
    smallest = read_case((directory / "smallest.case.json").read_text())
    (block,) = smallest.program.forest.nodes
    assert isinstance(block, Block)
    assert Operation(opcode("U32AND")) in block.operations
    assert len(block.operations) <= 2
    report = (directory / "report.txt").read_text()
    assert "silently wrong  3, 7" in report
    assert "first wrong row 6: column 1, column 3" in report
    data = json.loads((directory / "finding.json").read_text())
    assert data["sizes"]["silently_wrong"] == [3, 7]
    assert (data["number"], data["seed"]) == (finding["number"], 1)
    replay = directory / "replay"
    assert replay.stat().st_mode & stat.S_IXUSR
    assert "fragdiff laws --engine" in replay.read_text()
    said = capsys.readouterr().out
    assert "silently wrong  3, 7" in said
    # The case is in the summary, and so is what was judged.
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["finished"] is True
    assert summary["violations"] == dict(totals.violations)
    assert summary["judged"]["law 1"] > 0


def test_an_honest_builder_gives_no_finding_and_is_not_vacuous(tmp_path):
    totals = campaign(tmp_path, "good", cases=15)
    assert not totals.findings
    assert not totals.violations
    assert not totals.is_vacuous
    assert totals.cases == 15
    assert totals.judged.total() > 0


def test_programs_that_fail_alike_are_fine(tmp_path):
    totals = campaign(tmp_path, "fails", cases=5)
    assert not totals.violations
    assert totals.completed == 0


def test_a_campaign_in_which_all_is_refused_judged_nothing(tmp_path):
    with pytest.raises(InputError, match="cannot be judged: refuses the smallest program"):
        campaign(tmp_path, "refuses")


def test_further_cases_of_a_signature_are_counted(tmp_path):
    totals = campaign(tmp_path, "panics", cases=8)
    assert totals.violations.total() == 8
    assert len(totals.findings) == len(totals.violations)


def test_a_case_depends_on_seed_and_number_alone(tmp_path):
    whole = campaign(tmp_path / "whole", "cells", "U32AND", cases=60)
    number = whole.findings[0]["number"]
    alone = campaign(tmp_path / "alone", "cells", "U32AND", cases=1, first=number)
    assert alone.findings[0]["number"] == number
    found = [next((tmp_path / name).glob("*/found.case.json")).read_bytes() for name in ("whole", "alone")]
    assert found[0] == found[1]


def test_a_stopped_campaign_writes_what_it_has(tmp_path):
    left = iter([False] * 3 + [True] * 99)
    totals = campaign(tmp_path, "good", cases=1000, stopped=lambda: next(left))
    assert totals.cases <= 3
    assert json.loads((tmp_path / "summary.json").read_text())["finished"] is True


def test_a_directory_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        campaign(tmp_path / "file", "good")


# ---- what is accepted -----------------------------------------------------------------------------------------------


def test_a_builder_that_shares_the_hash_or_does_not_look_needs_no_names():
    subject = builder("good")
    accepted = learn(subject)
    subject.close()
    assert accepted.same_hash
    assert accepted.refused == {}
    assert accepted.unlikely == set()


def test_refused_operations_are_left_out():
    case = read_case(
        '{"program": {"nodes": ["block SWAP INV", "loop 0"], "roots": [1], "entry": 1}, "advice": {"stack": [1]}}'
    )
    assert needs_of(case) == {"block", "loop", "SWAP", "INV", "advice.stack"}
    assert Accepted("it").why_not(case) is None
    assert Accepted("it", refused={"INV": "gone"}).why_not(case) == "INV is refused"
    assert Accepted("it", failing=frozenset({"loop"})).why_not(case) == "loop fails"
    assert Accepted("it", unlikely=frozenset({"SWAP"})).why_unlikely(case) == "SWAP failed in every probe"


DYNAMIC = {
    "name": "dynamic",
    "program": {"nodes": ["block SWAP", "block {pushes} DROP", "dyn", "join 1 2"], "roots": [0, 3], "entry": 3},
    "stack": [],
    "cuts": [7],
}


def dynamic_case():
    target = read_case('{"program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}}').program.hash
    text = json.dumps(DYNAMIC).replace("{pushes}", " ".join(f"PUSH({element})" for element in target))
    return read_case(text), target


def test_digests_give_way_to_names():
    case, _ = dynamic_case()
    document = json.loads(Naming(names=True).write(case))
    assert document["program"]["nodes"][1] == "block PUSH(@0.0) PUSH(@0.1) PUSH(@0.2) PUSH(@0.3) DROP"
    turned = json.loads(Naming(names=True, turned=True).write(case))
    assert turned["program"]["nodes"][1] == "block PUSH(@0.3) PUSH(@0.2) PUSH(@0.1) PUSH(@0.0) DROP"
    assert BY_DIGEST.write(case) == case_line(case)


def test_an_engine_with_another_hash_gets_dynamic_calls_by_name_or_not_at_all():
    case, _ = dynamic_case()
    other = Accepted("it", same_hash=False)
    assert other.why_not(case) == "a procedure is found by digest"
    assert Accepted("it", same_hash=False, naming=Naming(names=True)).why_not(case) is None


def test_kernel_procedures_and_stack_inputs_are_named_too():
    case, target = dynamic_case()
    document = json.loads(case_line(case))
    document["program"]["kernel"] = ["0x" + "".join(element.to_bytes(8, "little").hex() for element in target)]
    document["stack"] = [target[1], 5]
    named = json.loads(Naming(names=True).write(read_case(json.dumps(document))))
    assert named["program"]["kernel"] == ["@0"]
    assert named["stack"] == ["@0.1", 5]


def test_keys_of_advice_maps_are_turned_with_the_words_that_name_them():
    document = dynamic_case()[0]
    text = json.loads(case_line(document))
    key = "0x" + "".join(number.to_bytes(8, "little").hex() for number in (1, 2, 3, 4))
    text["advice"] = {"map": {key: [9]}}
    turned = json.loads(Naming(names=True, turned=True).write(read_case(json.dumps(text))))
    assert turned["advice"]["map"] == {"0x" + "".join(n.to_bytes(8, "little").hex() for n in (4, 3, 2, 1)): [9]}
