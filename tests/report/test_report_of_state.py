"""The report on a state that the campaign's own code has written: both mean the same by every table."""

import json
from collections import Counter
from contextlib import closing

from click.testing import CliRunner
from made_campaign import BEFORE, BEGIN, CELL

from harness.campaign.events import CampaignStarted, WorkerDied
from harness.campaign.logs import EventLog
from harness.campaign.protocol import BatchDone
from harness.campaign.state import Batch, CampaignState, FindingRow, Identity, SlowRow
from harness.campaign.totals import Totals
from harness.cli import main
from harness.coverage import number, parse
from harness.generate import Profile
from harness.verdict import Counts, Verdict


def batch_done(first, started, differ):
    totals = Totals((), 0, 0, cases=8, completed=7, failed=1)
    totals.verdicts = Counter({Verdict.AGREE: 8 - differ, Verdict.DIFFER: differ})
    totals.counts = Counts(comparisons=8, rows=64, cells=64 * 72, boundaries=40, excused=Counter({"A6": 1}))
    cells = [(number(parse(CELL)), 3, "generated-1-2", 40, 7), (number(parse(BEFORE)), 3, "generated-1-2", 40, 7)]
    return BatchDone(first, 8, started, started + 4, totals.addable(), cells, [], [])


def test_what_the_campaign_writes_is_what_the_report_says(tmp_path):
    with closing(CampaignState(tmp_path)) as state:
        state.create(Identity(("reference", "parallel"), 9, 0, Profile()), BEGIN)
        run = state.begin_run(2, BEGIN)
        slow = SlowRow(3, 1.5, 64, "slow/case-3.case.json")
        state.commit(Batch(batch_done(0, BEGIN, 0), run, "w0", 2, [], [slow]))
        found = FindingRow(9, "cell reference|parallel DROP stack", "kept", "new", BEGIN + 6)
        counted = FindingRow(11, "cell reference|parallel DROP stack", None, "counted", BEGIN + 7)
        state.commit(Batch(batch_done(8, BEGIN + 4, 2), run, "w1", 0, [found, counted], [slow]))
        state.set_finding("kept", "confirmed", "cell reference|parallel DROP inside stack")
        state.end_run(run, BEGIN + 10, "stopped")
    log = EventLog(tmp_path)
    log(CampaignStarted(("reference", "parallel"), 9, 0))
    log(WorkerDied("w1", "no answer for 60 s", 17))

    result = CliRunner().invoke(main, ["report", "--json", str(tmp_path)], catch_exceptions=False)
    said = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (said["cases"], said["completed"], said["failed"], said["seconds"]) == (16, 14, 2, 10.0)
    assert said["verdicts"] == {"agree": 14, "differ": 2, "not_comparable": 0}
    assert (said["counts"]["boundaries"], said["counts"]["excused"]) == (80, {"A6": 2})
    assert said["coverage"]["covered"] == 2
    (finding,) = said["findings"]
    assert finding["signature"] == "cell reference|parallel DROP inside stack"
    assert (finding["cases"], finding["kept"], finding["states"]) == ([9, 11], ["kept"], {"confirmed": 1})
    assert said["slow"] == [{"number": 3, "seconds": 1.5, "rows": 64, "file": "slow/case-3.case.json"}]
    (death,) = said["deaths"]
    assert (death["worker"], death["number"]) == ("w1", 17)
    assert [run["ending"] for run in said["runs"]] == ["stopped"]
