"""The corpus of this project: in order, complete, and what the real VM did is what the reference does."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.backends.reference import ReferenceEngine
from harness.corpus import Kind, case_files, is_slow
from harness.corpus.checking import file_problems, read_all
from harness.corpus.expecting import ask, unmet
from harness.engines import find_engine
from reference.definition.cuts import Every
from reference.definition.formats.children_first import children_first

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "corpus"
DATA = ROOT / "tests" / "data"

REPRODUCIBLE = {
    *("A1", "A2", "A3", "A5+A8", "A6", "A7", "A9", "A12"),
    *("B1", "B2", "B4", "B5", "B8"),
    *("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C13", "C14", "C15", "C17", "C18"),
    *("D02", "D03", "D04", "D05", "D06", "D09", "D10", "D19"),
}
"""Of the catalogue of real defects, those that a case can show. The others need something that no case holds: contexts that
were tampered with (A11), a fragment of 0 rows (A14), batches no assembler makes (C16), 10,000 levels of nodes (A10)."""

BYTES = 18 * 2**20
"""More would make clones slow; the corpus has 16.1 MiB, which are 6.6 MB in a clone."""

SHARES = 8
"""What is run case by case is run in so many tests, for whoever has several processors."""


@pytest.fixture(scope="module")
def found():
    return read_all(CORPUS)


@pytest.fixture(scope="module")
def entries(found):
    return {entry.path.relative_to(CORPUS): entry for entry in found[0]}


def test_it_is_in_order(found):
    entries, problems = found
    assert [*problems, *file_problems(entries)] == []


def test_it_is_not_too_large():
    assert sum(path.stat().st_size for path in case_files(CORPUS)) < BYTES


def test_every_defect_that_a_case_can_show_is_there(entries):
    assert {entry.kept.defect for entry in entries.values() if entry.kept.kind is Kind.DEFECT} == REPRODUCIBLE


def test_nothing_is_expected_because_an_engine_of_ours_said_so(entries):
    by = Counter(entry.kept.expect.by for entry in entries.values())
    assert set(by) == {
        "miden-vm 0.19.1",
        "miden-vm 0.19.1, sequential engine",
        "fragdiff: without a Merkle path no trace exists, so every engine fails with the same named error",
    }
    # D02 and D19; MPVERIFY and MRUPDATE of depth 0.
    assert by["miden-vm 0.19.1"] == len(entries) - 4


def test_where_the_real_vm_is_wrong_it_is_said(entries):
    wrong = {entry.kept.defect for entry in entries.values() if entry.kept.real_vm}
    assert wrong == {"A6", "D02", "D04", "D06", "D19"}


def test_what_is_expected_of_recorded_programs_is_their_record(entries):
    records = {}
    for file in (DATA / "vm" / "records.jsonl", DATA / "programs" / "records.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            records[record["name"]] = record
    golden = [entry for path, entry in entries.items() if path.parts[0] == "golden" or len(path.parts) == 1]
    assert len(golden) > 300
    for entry in golden:
        record, expect = records[entry.case.name], entry.kept.expect
        assert list(expect.columns or ()) == (record["columns"] or []), entry.path
        assert dict(expect.lengths or {}) == (record["lengths"] or {}), entry.path
        assert getattr(expect.outcome, "error", None) == record["outcome"].get("error"), entry.path
        assert getattr(expect.outcome, "clk", None) == record["outcome"].get("clk"), entry.path


@pytest.mark.parametrize("share", range(SHARES))
def test_the_reference_makes_what_is_expected(entries, share):
    """Of the cases that no other test runs, at their first plan: every plan on every engine is `fragdiff replay`."""
    engine = ReferenceEngine()
    run = [each for each in entries.items() if each[0].parts[0] in ("defects", "coverage", "boundaries")][share::SHARES]
    assert len(run) > 300
    wrong = {path: unmet(entry.kept.expect, engine.run(entry.case.runs()[0])) for path, entry in run}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


def test_coverage_cases_are_cut_at_every_row(entries):
    coverage = [entry for entry in entries.values() if entry.kept.kind is Kind.COVERAGE]
    assert len(coverage) > 100
    assert all(Every(1) in entry.case.cuts for entry in coverage)


@pytest.mark.slow
@pytest.mark.parametrize(("engines", "code"), [("reference,parallel", 0), ("reference,faulty:pops-begin-one-early", 1)])
def test_a_replay_agrees_and_a_planted_fault_is_found(engines, code):
    command = [sys.executable, "-m", "harness.cli", "replay", "corpus", "--engines", engines, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    total = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == total["exit_code"] == code, done.stderr
    assert (total["cases"]["differ"] > 0) == bool(code)
    assert sum(total["cases"].values()) > 500
    assert total["expected"] > 10_000


@pytest.mark.oracle
@pytest.mark.slow
def test_the_real_vm_still_says_what_is_expected(entries):
    if "FRAGDIFF_ORACLE" not in os.environ:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    engine = find_engine(f"exec:{os.environ['FRAGDIFF_ORACLE']} run")
    try:
        wrong = {}
        for path, entry in entries.items():
            if entry.kept.real_vm or is_slow(entry.path, CORPUS):
                continue
            said = ask(engine, children_first(entry.case))
            if said != entry.kept.expect:
                wrong[path] = said.by
        assert wrong == {}
    finally:
        engine.close()
