"""Each law broken by a program that speaks the line protocol for a machine of its own: law, size and row are named."""

import json

import pytest
from judged import SMALL, builder

from harness.laws.judge import judge
from harness.laws.plans import WHOLE
from harness.laws.sizes import sizes_of
from harness.laws.violation import Kind, Law, describe, read_violation, sizes_text, violation_json
from reference.definition.cuts import At, Every

PLANS = [WHOLE, *map(Every, range(1, 11))]


def judged(*arguments, plans=PLANS, seconds=20.0):
    subject = builder(*arguments, seconds=seconds)
    try:
        return judge(subject, SMALL, plans)
    finally:
        subject.close()


def of(judgement, law):
    return [item for item in judgement.violations if item.law is law]


def test_an_honest_builder_keeps_all_laws_and_each_one_was_asked():
    judgement = judged("good")
    assert judgement.violations == ()
    # One fragment and fragments of 10 rows cut a program of 10 rows alike; 34 states enter fragments, at 10 rows.
    assert judgement.judged == {Law.CUTS: 10, Law.AGAIN: 9, Law.STATES: 24, Law.TWICE: 1, Law.CONSTRAINTS: 11}
    assert judgement.not_judged == {}
    assert not judgement.nothing


def test_wrong_cells_are_measured_by_what_most_builds_gave_and_named_by_row_and_column():
    judgement = judged("cells")
    (violation,) = of(judgement, Law.CUTS)
    assert (violation.kind, violation.plans, violation.measure) == (Kind.WRONG_CELLS, (Every(3), Every(7)), WHOLE)
    assert violation.accepted is False
    assert violation.place.row == 6
    assert [item.name for item in violation.place.columns] == ["column 1", "column 3"]
    assert "first wrong row 6: column 1, column 3" in describe(violation)
    assert "at cuts: 3, 7" in describe(violation)


def test_wrong_cells_that_the_own_check_accepts_are_another_finding():
    rejected, accepted = (of(judged(mode), Law.CUTS)[0] for mode in ("cells", "accepted"))
    assert accepted.accepted is True
    assert rejected.signature != accepted.signature


def test_cutting_again_names_the_nearest_pair():
    (violation,) = of(judged("cells"), Law.AGAIN)
    assert (violation.measure, violation.plans) == (WHOLE, (Every(7),))


def test_the_sizes_are_sorted_by_what_came_of_them():
    sizes = sizes_of(judged("cells").builds)
    assert sizes_text(sizes.wrong) == "3, 7"
    assert sizes_text(sizes.right) == "1-2, 4-6, 8-10, one fragment"
    assert sizes.stopped == {}


def test_a_panic_at_some_sizes_is_a_broken_law():
    violation = of(judged("panics"), Law.CUTS)[-1]
    assert violation.kind is Kind.PANICS
    assert violation.plans == tuple(map(Every, range(5, 11)))
    # Numbers differ from case to case and do not tell causes apart.
    assert violation.signature == "law 1 panics: queue N is empty at size N"


def test_a_program_that_fails_alike_at_every_cut_keeps_the_laws():
    judgement = judged("fails")
    assert judgement.violations == ()
    assert judgement.judged[Law.CUTS] == 11


def test_failing_otherwise_at_one_cut_is_a_broken_law():
    violation = judged("fails-otherwise").violations[0]
    assert (violation.kind, violation.plans) == (Kind.FAILS_OTHERWISE, (Every(4),))
    assert "NotBinaryValue" in violation.said and "DivideByZero" in violation.said


def test_a_panic_at_every_cut_breaks_no_law_of_cutting_and_is_told_all_the_same():
    violations = judged("always-panics", plans=[Every(1), Every(2)]).violations
    assert [(item.law, item.kind) for item in violations] == [(Law.ANSWER, Kind.PANICS)]


def test_a_boundary_state_that_depends_on_the_cuts_is_named_by_row_and_field():
    (violation,) = judged("states").violations
    assert (violation.law, violation.kind, violation.plans) == (Law.STATES, Kind.STATE, (Every(3),))
    # The queues of a fragment depend on where it ends, as they should.
    assert violation.said.splitlines() == ["boundary state of row 6", "  depth: 22  |  23"]


def test_a_build_that_is_not_the_same_twice():
    (violation,) = judged("unsteady").violations
    assert (violation.law, violation.kind) == (Law.TWICE, Kind.NOT_AGAIN)


def test_traces_that_the_own_check_rejects_although_they_are_all_the_same():
    (violation,) = judged("rejected").violations
    assert (violation.law, violation.kind) == (Law.CONSTRAINTS, Kind.REJECTED)
    assert violation.said == "constraint 12 in row 4"
    assert len(violation.plans) == 11


def test_a_crash_is_pinned_to_its_size():
    judgement = judged("crashes", plans=[WHOLE, Every(4), Every(5)])
    violation = judgement.violations[0]
    assert (violation.law, violation.kind, violation.plans) == (Law.CUTS, Kind.BREAKS, (Every(5),))
    assert violation.said == "ended with code 9"
    # What it wrote last is told, and is no part of what makes two crashes the same.
    assert violation.stderr == "fragment 5 of 9\nthread 'main' panicked: queue 3 is empty"
    assert violation.signature == "law 1 breaks: ended with code N"
    text = describe(violation)
    assert "ended with code 9\n  standard error ended with:\n    fragment 5 of 9\n    thread 'main' panicked" in text
    assert read_violation(json.loads(json.dumps(violation_json(violation)))) == violation


def test_a_crash_that_no_cut_shows_by_itself_is_no_agreement():
    (violation,) = judged("crashes-over-many").violations
    assert (violation.law, violation.kind) == (Law.TWICE, Kind.NOT_AGAIN)
    assert violation.said == "completed, then broke: ended with code 9, over all cuts at once"
    assert violation.stderr.endswith("queue 3 is empty")


def test_a_crash_is_told_although_the_program_has_no_build_at_another_cut():
    judgement = judged("crashes-or-is-silent", plans=[Every(4), Every(3), Every(5)])
    assert judgement.refused is None
    assert [(item.law, item.kind, item.plans) for item in judgement.violations] == [
        (Law.CUTS, Kind.BREAKS, (Every(5),))
    ]
    assert [build.plan for build in judgement.builds] == [Every(4), Every(5), Every(4)]


def test_a_program_that_crashes_and_then_refuses_has_crashed():
    judgement = judged("crashes-then-refuses")
    assert judgement.refused is None
    (violation,) = judgement.violations
    assert (violation.law, violation.kind) == (Law.ANSWER, Kind.BREAKS)
    assert violation.said == "ended with code 9, over all cuts at once"


def test_a_program_that_hangs_breaks_at_every_cut_and_is_waited_for_shorter_then():
    (violation,) = judged("hangs", plans=[Every(1), Every(2)], seconds=0.6).violations
    assert (violation.law, violation.kind) == (Law.ANSWER, Kind.BREAKS)
    assert violation.said == "no answer within 0.1 s"


def test_a_program_that_breaks_at_every_cut_says_what_it_wrote():
    (violation,) = judged("crashes", plans=[Every(5)]).violations
    assert (violation.law, violation.kind) == (Law.ANSWER, Kind.BREAKS)
    assert violation.stderr.endswith("queue 3 is empty")


def test_a_builder_that_answers_no_record_breaks_everywhere():
    violations = judged("rambles", plans=[Every(1), Every(2)]).violations
    assert [(item.law, item.kind) for item in violations] == [(Law.ANSWER, Kind.BREAKS)]


@pytest.mark.parametrize(
    ("mode", "law", "reason"),
    [
        ("no-states", Law.STATES, "it gives no boundary states"),
        ("no-digests", Law.CUTS, "it gives no column digests"),
        ("no-digests", Law.AGAIN, "it gives no column digests"),
        ("no-check", Law.CONSTRAINTS, "it does not check its own traces"),
        ("fails", Law.STATES, "no build was cut and completed"),
        ("fails", Law.CONSTRAINTS, "no build completed"),
    ],
)
def test_what_a_builder_does_not_show_is_not_judged(mode, law, reason):
    judgement = judged(mode)
    assert judgement.not_judged[law] == reason
    assert judgement.judged[law] == 0


def test_a_refused_case_is_no_pass():
    judgement = judged("refuses")
    assert judgement.refused == "rejected: no such operation"
    assert judgement.nothing


def test_free_cuts_are_left_out_where_only_multiples_are_taken():
    judgement = judged("good", plans=[At((3,))])
    assert judgement.refused == "rejected: it cuts at multiples only"
    assert judgement.nothing


def test_cuts_that_cut_alike_are_no_two_cuts():
    judgement = judged("good", plans=[WHOLE, Every(10), Every(11)])
    assert judgement.judged[Law.CUTS] == 0
    assert judgement.not_judged[Law.CUTS] == "there are not two builds that are cut differently"


def test_no_plan_is_a_mistake():
    with pytest.raises(ValueError, match="at least"):
        judged("good", plans=[])
