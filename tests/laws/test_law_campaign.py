"""A campaign by the laws: what is accepted is learnt, a defect of another machine is found, shrunk and kept."""

import json
import sqlite3
import stat
from contextlib import closing
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from judged import builder, builder_name

from harness.cli import main
from harness.laws import again
from harness.laws.acceptance import Accepted, learn, needs_of, read_accepted
from harness.laws.naming import BY_DIGEST, Naming
from harness.report.again import Again
from reference.definition.formats.case_json import case_line, read_case
from reference.definition.isa import Operation, opcode
from reference.definition.mast import Block


class Campaign:
    """``fragdiff fuzz --laws`` with the fake builder, in this process."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *builder, out="out", **options):
        options = {"seed": 1, "cases": 40, "max-rows": 30, "keep": 1, "shrink-seconds": 4, "failing-rate": 0} | options
        given = [f"--{name}={value}" for name, value in options.items()]
        arguments = ["fuzz", f"--laws={builder_name(*builder)}", "--no-replay", f"--out={self.folder / out}", *given]
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    def summary(self, out="out"):
        return json.loads((self.folder / out / "summary.json").read_text("utf-8"))

    def finding(self, out="out"):
        """The only one: its directory, and what finding.json says."""
        (path,) = (self.folder / out).glob("*/finding.json")
        return path.parent, json.loads(path.read_text("utf-8"))


@pytest.fixture
def campaign(tmp_path):
    return Campaign(tmp_path)


def test_a_defect_of_one_operation_is_found_shrunk_to_it_and_its_sizes_are_listed(campaign):
    done = campaign("cells", "U32AND", cases=60)
    assert done.exit_code == 1
    directory, data = campaign.finding()
    assert data["signature"] == "law 1 wrong cells that its own check rejects"
    smallest = read_case((directory / "smallest.case.json").read_text("utf-8"))
    (block,) = smallest.program.forest.nodes
    assert isinstance(block, Block)
    assert Operation(opcode("U32AND")) in block.operations
    assert len(block.operations) <= 2
    report = (directory / "report.txt").read_text("utf-8")
    assert "silently wrong  3, 7" in report
    assert "first wrong row 6: column 1, column 3" in report
    assert data["sizes"]["silently_wrong"] == [3, 7]
    assert data["seed"] == 1
    assert data["state"] == "not replayed"
    replay = directory / "replay"
    assert replay.stat().st_mode & stat.S_IXUSR
    assert "fragdiff laws --engine" in replay.read_text("utf-8")
    assert "silently wrong  3, 7" in done.stdout
    # The case is in the summary, and so is what was judged.
    summary = campaign.summary()
    assert summary["finished"] is True
    assert summary["findings"].keys() == {data["signature"]}
    assert summary["laws"]["judged"]["law 1"] > 0
    assert summary["laws"]["broken"]["law 1"] == summary["verdicts"]["differ"]
    # Nothing is covered where nothing is compared.
    assert not (directory.parent / "coverage.json").exists()


def test_a_finding_is_confirmed_in_a_new_process(campaign):
    campaign("cells", "U32AND", cases=20, out="replayed")
    directory, data = campaign.finding("replayed")
    assert again.replay(directory, data["signature"]).confirms
    seen = again.replay(directory, "law 1 panics")
    assert (seen.again, seen.reason) == (Again.OTHER, data["signature"])


def test_an_honest_builder_gives_no_finding_and_is_not_vacuous(campaign):
    done = campaign("good", cases=15)
    assert done.exit_code == 0
    summary = campaign.summary()
    assert summary["findings"] == {}
    assert summary["cases"] == summary["laws"]["cases"] == summary["verdicts"]["agree"] == 15
    assert summary["laws"]["judged"]["law 1"] > 0
    assert "keep the laws 15, break a law 0, not judged 0" in done.stdout


def test_programs_that_fail_alike_break_no_law_and_are_no_pass(campaign):
    done = campaign("fails", cases=60)
    assert done.exit_code == 1
    assert "no case with a trace was judged: this run has failed" in done.stdout
    summary = campaign.summary()
    assert summary["verdicts"]["differ"] == summary["completed"] == 0
    assert summary["failed"] > 0
    assert summary["vacuous"]


def test_a_campaign_in_which_all_is_refused_is_none(campaign):
    done = campaign("refuses")
    assert done.exit_code == 2
    assert "cannot be judged: refuses the smallest program" in done.stderr


def test_further_cases_of_a_signature_are_counted(campaign):
    done = campaign("cells", "U32AND", cases=60, **{"shrink-seconds": 0})
    _, data = campaign.finding()
    assert campaign.summary()["findings"] == {data["signature"]: 2}
    assert "once more (2 times)" in done.stdout


def test_a_case_depends_on_seed_and_number_alone(campaign):
    campaign("cells", "U32AND", cases=60, out="whole")
    directory, data = campaign.finding("whole")
    campaign("cells", "U32AND", cases=1, first=data["number"], out="alone")
    alone, again_data = campaign.finding("alone")
    assert alone.name == directory.name
    assert again_data["number"] == data["number"]
    assert (alone / "found.case.json").read_bytes() == (directory / "found.case.json").read_bytes()


def test_it_goes_on_without_learning_anew(campaign):
    campaign("cells", "U32AND", cases=10)
    done = campaign("cells", "U32AND", cases=60)
    assert "going on after 10 cases in 1 run" in done.stdout
    assert "learnt" not in done.stdout
    assert events(campaign.folder / "out").count("learnt") == 1
    campaign("cells", "U32AND", cases=60, out="whole")
    assert without_time(campaign.summary()) == without_time(campaign.summary("whole"))


def test_cases_by_themselves_know_what_the_campaign_has_learnt(campaign):
    campaign("cells", "U32AND", cases=60)
    directory, data = campaign.finding()
    before = campaign.summary()
    (directory / "found.case.json").unlink()
    done = campaign("cells", "U32AND", cases=1, first=data["number"])
    assert done.exit_code == 1
    assert "learnt" not in done.stdout
    assert (directory / "found.case.json").exists()
    assert campaign.summary() == before


@pytest.mark.parametrize(("damage", "said"), [("{", "damaged"), ("{}", "what the campaign has learnt cannot be read")])
def test_what_was_learnt_is_damaged(campaign, damage, said):
    campaign("good", cases=2)
    with closing(sqlite3.connect(campaign.folder / "out" / "campaign.sqlite")) as state, state:
        state.execute("UPDATE meta SET value = ? WHERE key = 'accepted'", (damage,))
    done = campaign("good", cases=4)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "--fresh" in done.stderr


def test_replay_leaves_a_violation_undecided_and_says_who_judges_it(campaign):
    campaign("cells", "U32AND", cases=20)
    directory, _ = campaign.finding()
    arguments = ["replay", str(directory), "--engines=reference,parallel", "--no-audit"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 1
    assert f"undecided: found by the laws, which no other engine decides: {directory / 'replay'}" in done.stdout


def test_fresh_learns_anew(campaign):
    campaign("good", cases=4)
    arguments = ["fuzz", f"--laws={builder_name('good')}", "--fresh", "--cases=3", f"--out={campaign.folder / 'out'}"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert events(campaign.folder / "out").count("learnt") == 2
    assert campaign.summary()["cases"] == 3


def test_another_engine_is_another_campaign(campaign):
    campaign("good", cases=2)
    done = campaign("cells", cases=2)
    assert done.exit_code == 2
    assert "the directory holds another campaign: engines" in done.stderr


def test_a_campaign_that_compares_is_another_one(campaign):
    campaign("good", cases=2)
    arguments = ["fuzz", "--engines=reference,parallel", f"--out={campaign.folder / 'out'}", "--cases=2"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 2
    assert "the directory holds another campaign: laws true there, false asked for" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engines=reference,parallel"], "leave out --engines and --engine"),
        (["--no-audit"], "compares nothing; leave out --no-audit"),
        (["--no-filling"], "compares nothing; leave out --no-filling"),
        (["--no-known"], "compares nothing; leave out --known and --no-known"),
        (["--cluster=tcp://there:1"], "take --jobs instead of --cluster"),
    ],
)
def test_options_that_say_nothing_are_refused(tmp_path, options, said):
    arguments = ["fuzz", f"--laws={builder_name('good')}", f"--out={tmp_path / 'out'}", *options]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_empty_name_is_none(tmp_path):
    arguments = ["fuzz", "--laws=", f"--out={tmp_path / 'out'}", "--cases=1"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 2
    assert "--laws: the name of the engine is empty" in done.stderr


def test_a_directory_that_cannot_be_written_is_told_at_once(campaign):
    (campaign.folder / "out").write_text("")
    done = campaign("good")
    assert done.exit_code == 2
    assert str(campaign.folder / "out") in done.stderr


def test_the_report_says_what_was_judged(campaign):
    campaign("cells", "U32AND", cases=60, **{"shrink-seconds": 0})
    out, junit = campaign.folder / "out", campaign.folder / "out.xml"
    done = CliRunner().invoke(main, ["report", str(out), "--junit", str(junit)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "by the laws of cutting" in done.stdout
    assert "verdicts     keep the laws 58, break a law 2" in done.stdout
    assert "coverage" not in done.stdout
    page = (out / "report.html").read_text("utf-8")
    assert "What was judged" in page
    assert "boundaries" not in page
    cases = {case.get("name"): case for case in ElementTree.parse(junit).iter("testcase")}
    assert cases["law 1: the trace does not depend on the cuts"].find("failure").get("message") == "broken in 2 cases"
    assert len(cases["law 4: built twice, the same twice"]) == 0
    assert len(cases["something was judged"]) == 0
    data = json.loads(CliRunner().invoke(main, ["report", str(out), "--json", "--no-html"]).stdout)
    assert data["laws"]["broken"]["law 1"] == 2


def test_what_no_builder_shows_is_skipped_in_junit_and_no_success(campaign):
    campaign("no-states", cases=4)
    junit = campaign.folder / "out.xml"
    CliRunner().invoke(main, ["report", str(campaign.folder / "out"), "--junit", str(junit)], catch_exceptions=False)
    cases = {case.get("name"): case for case in ElementTree.parse(junit).iter("testcase")}
    skipped = cases["law 3: a row's boundary state is its own"].find("skipped")
    assert "it gives no boundary states" in skipped.get("message")
    page = (campaign.folder / "out" / "report.html").read_text("utf-8")
    assert "is its own</td><td>not judged</td>" in page.replace("&#x27;", "'")


def events(directory):
    """What events.jsonl has, in order."""
    return [json.loads(line)["event"] for line in (directory / "events.jsonl").read_text("utf-8").splitlines()]


def without_time(summary):
    return {name: value for name, value in summary.items() if name not in ("run", "seconds", "cases_per_second")}


# ---- what is accepted -----------------------------------------------------------------------------------------------


def test_a_builder_that_shares_the_hash_or_does_not_look_needs_no_names():
    subject = builder("good")
    accepted = learn(subject)
    subject.close()
    assert accepted.same_hash
    assert accepted.refused == {}
    assert accepted.unlikely == set()


def test_what_was_learnt_survives_as_json():
    accepted = Accepted("it", {"INV": "gone"}, frozenset({"loop"}), frozenset({"SWAP"}), Naming(True, True), False)
    assert read_accepted(json.loads(json.dumps(accepted.as_json()))) == accepted


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
