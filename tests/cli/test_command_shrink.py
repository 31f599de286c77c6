"""``fragdiff shrink``: smaller for the same reason, kept at once, continued, and with its fragment by itself."""

import json
from pathlib import Path

import pytest
from small_cases import json_lines

from harness.commands import shrink as command
from reference.definition.formats.load import load_cases
from reference.definition.isa import BY_NAME
from reference.definition.mast import Block
from reference.processor import execute

ENGINES = ("--engines", "reference,wrong-mul")
LONG = {
    "name": "long",
    "program": {
        "nodes": ["block SWAP INCR DUP0 DROP", "block PUSH(3) MUL DROP SWAP", "join 0 1"],
        "roots": [2],
        "entry": 2,
    },
    "stack": [5, 6, 7, 8],
    "cuts": [{"every": 2}],
}


@pytest.fixture
def long(case_file):
    return case_file(LONG)


def operations(path):
    (case,) = load_cases(str(path))
    blocks = [node for node in case.program.forest.nodes if isinstance(node, Block)]
    names = [operation.name for block in blocks for operation in block.operations]
    return names, case.cut.starts(execute(case).core_rows)[1:], case.stack


def test_the_smallest_case_is_written(fragdiff, long, tmp_path):
    result = fragdiff("shrink", long, *ENGINES)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[1] == "cell reference|wrong-mul any cuts MUL op stack items"
    assert lines[2] == "  8 operations, 3 nodes, 6 cuts -> 1 operation, 1 node, 0 cuts"
    assert lines[3].endswith(" s, nothing simpler was found")
    assert "smallest case: long.smallest.case.json" in lines
    # MUL makes item 2 one too large whatever there is, and no cut is needed.
    assert operations(tmp_path / "long.smallest.case.json") == (["MUL"], (), ())
    assert lines[-2:] == ["next:", "  fragdiff locate long.smallest.case.json --engines=reference,wrong-mul"]


def test_json_has_sizes_and_statistics(fragdiff, long):
    (found,) = json_lines(fragdiff("shrink", long, *ENGINES, "--out", "new/small.json", "--json").stdout)
    assert (found["out"], found["agree"], found["happens_again"], found["finished"]) == (
        "new/small.json", False, True, True,
    )  # fmt: skip
    assert found["before"] == {"operations": 8, "nodes": 3, "cuts": 6}
    assert found["after"] == {"operations": 1, "nodes": 1, "cuts": 0}
    assert found["signature"]["operation"] == "MUL"
    accepted = sum(each["accepted"] for each in found["passes"].values())
    assert 1 <= accepted <= sum(each["tried"] for each in found["passes"].values())


def test_it_goes_on_from_what_is_there(fragdiff, long, tmp_path):
    unfinished = fragdiff("shrink", long, *ENGINES, "--out", "small.json", "--seconds", "0")
    assert unfinished.exit_code == 1
    assert "the time was used up; the same command goes on from there" in unfinished.stdout
    assert operations(tmp_path / "small.json")[0] == ["SWAP", "INCR", "DUP0", "DROP", "PUSH", "MUL", "DROP", "SWAP"]
    done = {**LONG, "name": "done", "program": {"nodes": ["block SWAP MUL"], "roots": [0], "entry": 0}, "cuts": []}
    (tmp_path / "small.json").write_text(json.dumps(done))
    tried = []
    original = command.smallest_of

    def watched(case, is_same, **options):
        tried.append(case.name)
        return original(case, is_same, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "smallest_of", watched)
        finished = fragdiff("shrink", long, *ENGINES, "--out", "small.json")
    assert tried == ["done"]
    assert "nothing simpler was found" in finished.stdout
    assert operations(tmp_path / "small.json")[0] == ["MUL"]


def test_every_improvement_is_on_disk(fragdiff, long, tmp_path, monkeypatch):
    """Interrupted at the third improvement: what was best by then is there."""
    kept = []
    original = command.write_new

    def counted(path, text):
        original(path, text)
        kept.append(text)
        if len(kept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "write_new", counted)
    assert fragdiff("shrink", long, *ENGINES, "--out", "small.json").exit_code != 0
    assert len(set(kept)) == 3
    assert (tmp_path / "small.json").read_text("utf-8") == kept[-1]


def test_a_case_that_differs_otherwise_is_not_overwritten(fragdiff, long, tmp_path):
    other = {"name": "other", "program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}}
    (tmp_path / "small.json").write_text(json.dumps(other))
    result = fragdiff("shrink", long, *ENGINES, "--out", "small.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("fragdiff: small.json: does not differ in the same way (cell reference|wrong-mul")
    assert json.loads((tmp_path / "small.json").read_text())["name"] == "other"


def test_the_case_itself_is_not_overwritten(fragdiff, long, tmp_path):
    before = Path(long).read_bytes()
    (tmp_path / "link.json").symlink_to(Path(long).resolve())
    for out in (long, "link.json"):
        result = fragdiff("shrink", long, *ENGINES, "--out", out)
        assert result.exit_code == 2
        assert "is CASE itself, which shrinking would overwrite" in result.stderr
    assert Path(long).read_bytes() == before


def test_the_fragment_by_itself(fragdiff, long, tmp_path):
    result = fragdiff("shrink", long, "--engines", "reference,wrong-seam", "--fragment", "window", "--no-audit")
    assert result.exit_code == 1
    assert "its fragment by itself: window/fragment" in result.stdout
    names, cuts, _ = operations(tmp_path / "long.smallest.case.json")
    # The fault shows where a fragment begins with a DROP.
    assert (names, len(cuts)) == (["DROP"], 1)
    expected = (tmp_path / "window" / "fragment" / "expected.csv").read_text("utf-8").splitlines()
    bits = [f"dec_op_bit_{bit}" for bit in range(7)]
    head, first = (line.split(",") for line in expected[:2])
    assert int(first[0]) == cuts[0]
    code = sum(int(first[head.index(name)]) << bit for bit, name in enumerate(bits))
    assert code == BY_NAME["DROP"].opcode
    assert (tmp_path / "window" / "fragment" / "context.bin").exists()


def test_where_engines_agree_there_is_nothing_to_shrink(fragdiff, adding, tmp_path):
    result = fragdiff("shrink", adding, "--engines", "reference,honest")
    assert result.exit_code == 0
    assert result.stdout == f"adding  ({adding}, every:4): nothing to shrink, no difference was found\n"
    (found,) = json_lines(fragdiff("shrink", adding, "--engines", "reference,honest", "--json").stdout)
    assert found["agree"] is True
    assert not (tmp_path / "adding.smallest.case.json").exists()


def test_one_case_at_one_plan(fragdiff, case_file, tmp_path, long):
    (tmp_path / "two.jsonl").write_text(2 * (json.dumps(LONG) + "\n"))
    result = fragdiff("shrink", "two.jsonl", *ENGINES)
    assert (result.exit_code, result.stderr) == (2, "fragdiff: two.jsonl: expected one case, found 2\n")
    result = fragdiff("shrink", long, *ENGINES, "--cuts", "2;3")
    assert result.exit_code == 2
    assert "2 cut plans, and one is shrunk; choose it with --cuts" in result.stderr
