"""The state: a batch is there whole or not at all."""

import sqlite3
from contextlib import closing

import pytest

from harness.campaign import Totals
from harness.campaign.protocol import BatchDone
from harness.campaign.state import FILE, Batch, CampaignState, FindingRow, Identity, SlowRow
from harness.generate import Profile
from harness.verdict import Counts, Verdict
from reference.definition.errors import InputError

IDENTITY = Identity(
    ("one", "exec:two --three"), 7, 100, Profile(max_rows=31, families=("mixed",)), False, False, "none"
)


@pytest.fixture
def state(tmp_path):
    with closing(CampaignState(tmp_path)) as state:
        state.create(IDENTITY, 1.5)
        yield state


def totals(cases):
    made = Totals((), 0, 0, cases=cases, completed=cases, comparing_seconds=0.25)
    made.verdicts[Verdict.AGREE] = cases
    made.counts = Counts(rows=10 * cases, cells=720 * cases, boundaries=3)
    made.counts.excused["A6"] = 1
    made.operations["ADD"] = cases
    return made


def batch(first, count, *, findings=(), slow=(), rows=9):
    cells = [(0, 2, f"case-{first}", rows, 4)]
    done = BatchDone(first, count, 10.0, 12.0, totals(count).addable(), cells, [], [])
    return Batch(done, 1, "worker-1", 1, list(findings), list(slow))


def test_a_campaign_is_what_it_was(state, tmp_path):
    assert state.identity() == IDENTITY
    with closing(CampaignState(tmp_path)) as again:
        assert again.identity() == IDENTITY


def test_a_file_without_a_campaign(tmp_path):
    with closing(CampaignState(tmp_path)) as state:
        assert state.identity() is None


def test_batches_add_up(state):
    state.begin_run(2, 5.0)
    state.commit(batch(100, 4, rows=9))
    state.commit(batch(104, 6, rows=5))
    assert state.done() == [(100, 4), (104, 6)]
    whole = Totals((), 0, 0)
    for added in state.totals():
        whole.add(added)
    assert (whole.cases, whole.counts.rows, whole.counts.cells, whole.counts.boundaries) == (10, 100, 7200, 6)
    assert whole.counts.excused == {"A6": 2}
    assert whole.verdicts == {Verdict.AGREE: 10}
    assert whole.operations == {"ADD": 10}
    coverage = state.coverage()
    assert (coverage.counts.sum(), coverage.smallest[0]) == (4, ("case-104", 5, 4))
    # The run has no end yet: until its last batch.
    assert state.seconds() == 7.0
    assert state.last_run_was_killed()
    state.end_run(1, 20.0, "stopped")
    assert state.seconds() == 15.0
    assert not state.last_run_was_killed()


@pytest.mark.parametrize("what", ["number", "finding"])
def test_a_batch_that_cannot_be_committed_leaves_nothing(state, what):
    state.begin_run(1, 5.0)
    row = FindingRow(101, "s", "s-1", "new", 1.0)
    state.commit(batch(100, 4, findings=[row], slow=[SlowRow(100, 1.0, 5, "slow/a")]))
    if what == "number":
        broken = batch(100, 9)
    else:
        broken = batch(104, 2, findings=[FindingRow(104, "s", None, "repeated", 2.0), row], slow=[])
    with pytest.raises(InputError, match="what was committed stays"):
        state.commit(broken)
    assert state.done() == [(100, 4)]
    assert state.coverage().counts.sum() == 2
    assert state.kept() == {"s": 1}
    assert state.slow() == [SlowRow(100, 1.0, 5, "slow/a")]
    state.commit(batch(104, 2))
    assert state.done() == [(100, 4), (104, 2)]


def test_findings_are_unfinished_until_something_becomes_of_them(state):
    rows = [FindingRow(101, "s", "s-1", "new", 2.0), FindingRow(100, "s", "s-0", "new", 1.0)]
    state.commit(batch(100, 4, findings=[*rows, FindingRow(102, "s", None, "repeated", 3.0)]))
    assert state.unfinished() == [rows[1], rows[0]]
    state.set_finding("s-0", "confirmed", "full")
    assert state.unfinished() == [rows[0]]
    assert state.states() == {"confirmed": 1, "new": 1}
    assert state.kept() == {"s": 2}


def test_a_file_that_is_none(tmp_path):
    (tmp_path / FILE).write_text("no database, but long enough to be looked at" * 30, encoding="utf-8")
    with pytest.raises(InputError, match=r"damaged: file is not a database; .* begin anew with --fresh"):
        CampaignState(tmp_path)


def test_another_format_is_refused(state, tmp_path):
    state._file.execute("UPDATE meta SET value = 'fragdiff-campaign/9' WHERE key = 'format'")
    with pytest.raises(
        InputError, match=r"expected a campaign of format fragdiff-campaign/1, found 'fragdiff-campaign/9'"
    ):
        state.identity()
    state._file.execute("UPDATE meta SET value = 'fragdiff-campaign/1' WHERE key = 'format'")
    state._file.execute("UPDATE meta SET value = '[1' WHERE key = 'profile'")
    with pytest.raises(InputError, match="what the campaign is cannot be read"):
        state.identity()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE batches SET totals = '{'", "Expecting property name"),
        ("UPDATE batches SET totals = '{}'", "batches of 2 cases count 0"),
        ("UPDATE coverage SET cell = 'nothing' WHERE rowid = 1", "expected a cell of the map, found 'nothing'"),
        ("UPDATE coverage SET cell = NULL", "has no attribute"),
        ("UPDATE coverage SET times = 'many'", "matching types"),
    ],
)
def test_a_damaged_state_is_refused(fragdiff_here, damage, said):
    assert fragdiff_here("--cases", 2).exit_code == 0
    with closing(sqlite3.connect(f"findings/{FILE}")) as file, file:
        file.execute(damage)
    result = fragdiff_here("--cases", 3)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"fragdiff: findings/{FILE}: damaged: ")
    assert said in result.stderr
    assert fragdiff_here("--cases", 3, "--fresh").exit_code == 0
