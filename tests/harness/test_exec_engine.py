"""Another program as an engine: what it says is read exactly, and whatever else it does is a failed engine."""

import gc
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_engines import CASE, MadeEngine

from harness.backend import REAL_VM, EngineFailure, NotComparable
from harness.backends import process
from harness.backends.exec import ExecEngine
from harness.compare import compare
from harness.verdict import Kind, Verdict
from reference.definition.boundary import Continuation, Position
from reference.definition.cuts import At, Every
from reference.definition.isa import NOOP_OPERATION
from reference.definition.mast import Block, Forest, Join
from reference.definition.outcome import Completed, Failed
from reference.definition.program import Program

FAKE = str(Path(__file__).with_name("fake_vm.py"))


@pytest.fixture
def fake():
    """Starts the fake program in a mode; ends it after the test."""
    engines = []

    def make(mode, seconds=20.0):
        engines.append(ExecEngine(f"exec:fake {mode}", [sys.executable, FAKE, mode], seconds=seconds))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def with_cuts(plan):
    return replace(CASE, cuts=(plan,))


def test_a_completed_run_is_read_cell_by_cell(fake):
    run = fake("good").run(with_cuts(Every(4)))
    assert run.outcome == Completed(tuple(range(16)))
    assert (run.summary.rows, run.summary.core, run.summary.program_hash) == (64, 10, (1, 0, 0, 0))
    windows = list(run.windows())
    assert [window.first_row for window in windows] == [0, 4, 8, 10]
    expected = np.arange(72, dtype=np.uint64)[:, None] * np.uint64(1000) + np.arange(64, dtype=np.uint64)
    assert np.array_equal(np.concatenate([window.cells for window in windows], axis=1), expected)
    assert len(run.column_digests()) == 72
    assert run.built_with_cuts
    assert run.contradictions() == ()


def test_boundary_states_are_read_field_by_field(fake):
    states = fake("good").run(with_cuts(Every(4))).boundaries()
    assert [state.clk for state in states] == [0, 4, 8]
    state = states[1]
    assert (state.ctx, state.fn_hash, state.transcript_state) == (1, (2, 0, 0, 0), (0, 0, 0, 0))
    assert (state.current_addr, state.parent_addr, state.depth, state.overflow_addr) == (9, 1, 16, 0)
    assert state.stack == tuple(range(4, 20))
    assert state.continuations == (
        Continuation("FinishJoin", 6),
        Continuation("EnterForest", -1),
        Continuation("StartNode", 5),
    )


def test_every_form_of_position_is_read(fake):
    states = fake("good").run(with_cuts(Every(1))).boundaries()
    assert [state.position for state in states[:5]] == [
        Position("start", 3),
        Position("op", 1, 2, 5),
        Position("respan", 1, 3),
        Position("repeat", 4),
        Position("end", 0),
    ]


def test_a_free_plan_is_one_fragment_with_boundaries_picked_from_one_row_fragments(fake):
    run = fake("good").run(with_cuts(At((7, 3, 900))))
    assert [state.clk for state in run.boundaries()] == [0, 3, 7]
    assert not run.built_with_cuts
    assert [window.first_row for window in run.windows()] == [0, 3, 7, 10]


def test_a_record_that_says_nothing_of_fragments_gives_cells_only(fake):
    run = fake("without-fragments").run(with_cuts(Every(4)))
    assert sum(window.cells.shape[1] for window in run.windows()) == run.summary.rows
    assert not run.built_with_cuts
    with pytest.raises(NotComparable):
        run.boundaries()


def test_a_failed_program_is_an_outcome(fake):
    run = fake("failed").run(CASE)
    assert run.outcome == Failed("DivideByZero", 7)
    assert run.outcome.detail == "by zero"
    assert run.summary is None
    with pytest.raises(NotComparable):
        list(run.windows())


def test_without_contexts_boundaries_are_not_comparable(fake):
    with pytest.raises(NotComparable):
        fake("no-contexts").run(CASE).boundaries()


def test_nodes_renumbered_for_the_text_make_boundaries_not_comparable(fake):
    block = Block((NOOP_OPERATION,))
    case = replace(CASE, program=Program(Forest((Join(1, 1), block), (0,)), 0))
    engine = fake("good")
    with pytest.raises(NotComparable):
        engine.run(case).boundaries()
    assert compare(case, [engine, fake("good")]).counts.boundaries == 3


def test_the_program_is_kept_between_cases(fake):
    engine = fake("second-crash")
    engine.run(CASE)
    with pytest.raises(EngineFailure):
        engine.run(CASE)


def test_after_a_crash_it_is_started_anew(fake):
    engine = fake("second-crash")
    for _ in range(2):
        assert engine.run(CASE).outcome == Completed(tuple(range(16)))
        with pytest.raises(EngineFailure, match="ended by signal 6") as failure:
            engine.run(CASE)
        assert "last words" in failure.value.stderr


def test_a_hang_ends_at_the_time_limit_and_the_next_case_runs(fake):
    engine = fake("second-hang", seconds=3.0)
    engine.run(CASE)
    began = time.monotonic()
    with pytest.raises(EngineFailure, match="no answer within 3 s"):
        engine.run(CASE)
    assert time.monotonic() - began < 30
    assert engine.run(CASE).summary.rows == 64


def test_a_killed_program_leaves_no_process_behind(fake):
    engine = fake("hang", seconds=0.5)
    with pytest.raises(EngineFailure):
        engine.run(CASE)
    assert engine.program.process._process is None


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("garbage", "no JSON"),
        ("list", "no JSON object"),
        ("partial", "partial line"),
        ("silent-end", "ended with code 3"),
        ("close-pipe", "closed its pipes without ending"),
        ("twice", "more than one line"),
        ("wrong-name", "the record is of case 'case-0'"),
        ("panicked", "panicked: queue is empty"),
        ("without-name", "no field 'name'"),
        ("without-outcome", "no field 'outcome'"),
        ("without-lengths", "no field 'lengths'"),
        ("without-columns", "no field 'columns'"),
        ("without-program_hash", "no field 'program_hash'"),
        ("real-without-fragments", "no field 'fragments'"),
        ("bad-position", "there is no position 'Nowhere"),
        ("bad-stack", "expected 16 field elements"),
        ("impossible-lengths", "impossible lengths"),
        ("no-dump", "there is no dump, expected 72 columns of 64 values"),
        ("short-dump", "the dump has 36856 bytes"),
        ("wrong-digest", "column 71 of the dump has not the digest"),
        ("dump-refused", "cannot write its dump"),
    ],
)
def test_whatever_is_no_answer_is_a_failed_engine(fake, mode, said):
    with pytest.raises(EngineFailure, match=said) as failure:
        fake(mode).run(CASE)
    assert failure.value.engine == f"exec:fake {mode}"


@pytest.mark.parametrize("mode", ["garbage", "crash", "panicked", "partial", "no-dump", "silent-end"])
def test_a_failed_engine_is_a_divergence(fake, mode):
    comparison = compare(CASE, [MadeEngine("made"), fake(mode)])
    assert comparison.verdict is Verdict.DIFFER
    assert [item.kind for item in comparison.divergences] == [Kind.ENGINE_FAILURE]


def test_cells_that_are_no_field_elements_are_a_failed_engine(fake):
    engine = fake("not-canonical")
    comparison = compare(CASE, [engine, fake("not-canonical")])
    assert {item.kind for item in comparison.divergences} == {Kind.ENGINE_FAILURE}
    assert "dec_addr" not in comparison.divergences[0].detail
    assert "fn_hash_3 of row 0 is not below the modulus" in comparison.divergences[0].detail


def test_an_endless_answer_is_cut_off(fake, monkeypatch):
    monkeypatch.setattr(process, "MAX_LINE", 10_000_000)
    with pytest.raises(EngineFailure, match="longer than 10000000 bytes"):
        fake("endless").run(CASE)


def test_standard_error_does_not_block_and_its_end_is_kept(fake):
    engine = fake("chatty")
    assert engine.run(CASE).summary.rows == 64
    assert len(engine.program.process._stderr) <= process.KEPT_STDERR


def test_a_case_that_the_program_cannot_read_is_not_comparable(fake):
    comparison = compare(CASE, [MadeEngine("made"), fake("rejected")])
    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert list(comparison.counts.not_comparable) == ["exec:fake rejected: rejected: unknown operation FROB"]


def test_builds_that_differ_by_their_cuts_are_a_divergence_of_the_engine_with_itself(fake):
    comparison = compare(with_cuts(At((3,))), [fake("cuts-differ"), fake("good")])
    (divergence,) = comparison.divergences
    assert divergence.kind is Kind.SELF
    assert "fragments of 1 rows" in divergence.detail


def test_builds_of_different_lengths_are_said_to_be(fake):
    (said,) = fake("lengths-differ").run(with_cuts(At((3,)))).contradictions()
    assert (
        said
        == "the build with fragments of 1 rows differs from the first one in columns 3, first in row 7; 64 and 128 rows"
    )


def test_two_programs_that_say_the_same_agree_cell_by_cell(fake):
    comparison = compare(CASE, [fake("good"), fake("real")])
    assert comparison.verdict is Verdict.AGREE
    assert (comparison.counts.rows, comparison.counts.boundaries, comparison.counts.seams) == (64, 3, 2)


def test_only_a_program_with_a_sequential_engine_is_the_real_vm(fake):
    good, real = fake("good"), fake("real")
    for engine in (good, real):
        assert engine.identity is None
        engine.run(CASE)
    assert (good.identity, real.identity) == (None, REAL_VM)


def test_dumps_are_removed_after_reading_and_the_folder_at_the_end(fake):
    engine = fake("good")
    run = engine.run(CASE)
    assert list(engine.program.directory.iterdir()) == []
    assert sum(window.cells.shape[1] for window in run.windows()) == 64
    folder = engine.program.directory
    engine.close()
    engine.close()
    assert not folder.exists()
    assert engine.run(CASE).summary.rows == 64


def test_a_caller_that_forgets_to_close_leaves_no_folder_behind():
    engine = ExecEngine("exec:fake", [sys.executable, FAKE, "good"])
    engine.run(CASE)
    folder = engine.program.directory
    engine.program.stop()
    del engine
    gc.collect()
    assert not folder.exists()


def test_many_cases_hold_no_files_open(fake):
    engine = fake("good")
    engine.run(CASE)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - descriptors, not files
    for _ in range(20):
        engine.run(CASE)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208


def test_probe_says_what_is_wrong(fake):
    assert fake("real").probe() == (True, REAL_VM)
    assert fake("good").probe() == (True, "another program")
    assert "ended with code 3" in fake("silent-end").probe().reason
    assert not fake("failed").probe().usable
    missing = ExecEngine("exec:nothing", ["no-such-program-here"])
    assert missing.probe() == (False, "there is no program 'no-such-program-here'")
    with pytest.raises(EngineFailure, match="cannot be started"):
        missing.run(CASE)


def test_probe_of_a_program_that_never_answers_waits_once(tmp_path):
    starts = tmp_path / "starts"
    code = f"import time\nwith open({str(starts)!r}, 'a') as file: file.write('x')\ntime.sleep(600)"
    engine = ExecEngine("exec:silent", [sys.executable, "-c", code], seconds=3.0)
    assert engine.probe() == (False, "no answer within 3 s")
    assert starts.read_text("utf-8") == "x"
    engine.close()


def test_probe_says_it_in_one_line(tmp_path):
    code = "import sys; sys.exit('usage: vm FILE\\n\\n  vm --help says more')"
    engine = ExecEngine("exec:vm", [sys.executable, "-c", code])
    assert engine.probe().reason == "ended with code 1: usage: vm FILE | vm --help says more"
    plain = tmp_path / "vm"
    plain.write_text("not executable", encoding="utf-8")
    assert ExecEngine("exec:vm", [str(plain)]).probe().reason == f"{str(plain)!r} is no program that may be run"
