"""A later release of the VM, judged by the laws alone; its adapter is an example engine with its own sources."""

import json
import os

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.laws.judge import judge
from harness.laws.plans import law_plans
from harness.laws.sizes import sizes_of
from harness.laws.subjects import open_subject
from harness.laws.violation import Kind, Law, sizes_text
from reference.definition.formats.case_json import read_case

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif("FRAGDIFF_NEXT_RELEASE" not in os.environ, reason="FRAGDIFF_NEXT_RELEASE names no program"),
]

A6 = read_case(
    '{"program": {"nodes": ["external @0:2"], "roots": [0], "entry": 0}, "libraries": ['
    '{"nodes": ["external @1:0", "block NOOP", "join 0 1"], "roots": [2]}, {"nodes": ["block NOOP"], "roots": [0]}]}'
)
"""The program begins with an external node, and resolves another one later."""


@pytest.fixture
def release():
    return "exec:" + os.environ["FRAGDIFF_NEXT_RELEASE"]


def test_an_external_entry_and_another_external_node_are_built_wrongly(release):
    with open_subject(release) as subject:
        judgement = judge(subject, A6, law_plans(A6, bound=12))
    sizes = sizes_of(judgement.builds)
    assert sizes_text(sizes.wrong) == "2, 5"
    assert sizes_text(sizes.right) == "1"
    wrong = judgement.violations[0]
    assert (wrong.law, wrong.kind, wrong.accepted, wrong.place.row) == (Law.CUTS, Kind.WRONG_CELLS, False, 1)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [(), ("--jobs=1",), ("--jobs=2",)])
def test_a_campaign_from_nothing_finds_it(release, tmp_path, jobs):
    options = ("--seed=3", "--cases=160", "--max-rows=60", "--keep=1", f"--out={tmp_path}", "--quiet", *jobs)
    done = CliRunner().invoke(main, ["fuzz", f"--laws={release}", *options], catch_exceptions=False)
    assert done.exit_code == 1
    findings = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*/finding.json")]
    (found,) = (item for item in findings if item["signature"] == "law 1 wrong cells that its own check rejects")
    assert found["shape"].startswith("entry external")
    assert found["state"] == "confirmed"
