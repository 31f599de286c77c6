"""What the examination asks is there: every operation, node and error; a part that compared nothing is no pass."""

from rich.console import Console

from harness.compiled_hash import compiled_hash
from harness.conform.part import Failure, Grade, Part
from harness.conform.programs import SHORT_ROWS, failing_cases, operation_cases, short_cases
from harness.conform.table import conforms, print_verdict, verdict_line
from harness.generate import FAILURES
from harness.laws.acceptance import needs_of
from harness.verdict import Counts
from reference.definition.formats.case_json import read_case
from reference.definition.isa import BLOCK_OPERATIONS
from reference.definition.mast import NODE_KIND
from reference.definition.outcome import Completed, Failed
from reference.processor import execute

CASE = read_case('{"name": "small", "program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}}')


def test_the_programs_have_all_operations_and_complete():
    with compiled_hash():
        cases = operation_cases()
    assert {info.name for info in BLOCK_OPERATIONS} <= set().union(*map(needs_of, cases))
    assert all(isinstance(execute(case).outcome, Completed) for case in cases)


def test_short_programs_have_all_kinds_of_nodes():
    with compiled_hash():
        cases = short_cases()
    assert set(NODE_KIND.values()) <= set().union(*map(needs_of, cases))
    assert all(2 < execute(case).core_rows <= SHORT_ROWS for case in cases)


def test_there_is_a_program_for_every_way_to_fail():
    with compiled_hash():
        found = dict(failing_cases())
    assert set(found) == {failure.name for failure in FAILURES}
    errors = {failure.name: failure.error for failure in FAILURES}
    for name, case in found.items():
        outcome = execute(case).outcome
        assert isinstance(outcome, Failed)
        assert outcome.error == errors[name]


def compared(name="fuzz", **more):
    part = Part(name, "something", **more)
    part.counts = Counts(comparisons=1, cells=72)
    return part


def test_a_part_that_compared_nothing_is_no_pass():
    silent = Part("fuzz", "generated programs")
    assert silent.grade is Grade.NOT_JUDGED
    assert not conforms([compared(), silent])
    assert verdict_line("it", [compared(), silent]) == "it is not shown to conform: nothing was judged in fuzz"


def test_boundary_states_may_be_missing_and_the_verdict_says_so():
    silent = Part("boundary states", "states", may_lack=True)
    assert conforms([compared(), silent])
    assert verdict_line("it", [compared(), silent]) == "it conforms, as far as can be said without boundary states"


def test_a_failure_outweighs_what_was_compared():
    part = compared()
    part.failures.append(Failure(CASE, "cell a|b", "cell: a | b"))
    assert part.grade is Grade.FAIL
    assert part.as_json()["failures"] == [{"case": "small", "signature": "cell a|b"}]


def test_the_table_names_parts_failures_and_what_was_not_judged():
    part = compared("cuts")
    part.failures.append(Failure(CASE, "cell a|b", "cell: a | b\n  first wrong row 3"))
    other = compared("laws")
    other.not_judged["constraints: none"] += 2
    console = Console(width=100, record=True, file=None)
    with console.capture() as captured:
        print_verdict(console, "mine", [part, other], {})
    text = captured.get()
    assert "cuts failed: something" in text
    assert "first wrong row 3" in text
    assert "laws: constraints: none (2)" in text
    assert "mine does not conform: cuts failed" in text
