"""Programs aimed at the ends of an executor's stack and at resolutions that follow one another reach what they are aimed at."""

from harness.backends.reference import ReferenceEngine
from harness.generate import Profile, generate_case
from harness.stack_buffer import follow
from reference.definition.columns import COLUMN
from reference.definition.mast import External
from reference.definition.outcome import Completed


def runs(family, count):
    engine = ReferenceEngine()
    for number in range(count):
        case = generate_case(3, number, Profile(families=(family,), failing_rate=0.0)).case
        run = engine.run(case)
        assert isinstance(run.outcome, Completed)
        yield case, run


def test_some_deep_stacks_need_more_than_the_buffer_and_most_do_not():
    exhausted = [follow(run).exhausted_at is not None for _, run in runs("deep_stack", 40)]
    assert 1 <= sum(exhausted) <= 12


def test_deep_stacks_end_as_deep_as_they_began():
    for _, run in runs("deep_stack", 10):
        last = run.summary.core
        assert run.boundaries()[0].depth == 16
        assert int(run.execution.trace.columns[COLUMN["stack_b0"], last]) == 16


def test_some_worn_stacks_read_where_nothing_lies_below():
    read = [follow(run).read_below_at is not None for _, run in runs("worn_stack", 40)]
    assert 1 <= sum(read) <= 20


def test_resolved_entries_begin_with_an_external_node_and_go_on_to_another_library():
    again = 0
    for case, run in runs("resolved_entry", 30):
        assert isinstance(case.program.forest.nodes[case.program.entry], External)
        marks = [mark.frames for mark in run.execution.marks]
        again += any(frames is not None and frames.kind == "EnterForest" for frames in marks[1:])
    assert again >= 10
