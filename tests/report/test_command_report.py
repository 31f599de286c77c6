"""``fragdiff report`` on states that were written by hand, as a user types it."""

import json
import sqlite3
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from made_campaign import BEGIN, batch, finding, totals, write_campaign

from harness.campaign.lock import alone
from harness.cli import main

SIGNATURE = "cell reference|parallel DROP stack"
FULL = "cell reference|parallel DROP inside stack, appears at a cut"


@pytest.fixture
def report(monkeypatch, tmp_path):
    monkeypatch.delenv("FRAGDIFF_DEBUG", raising=False)

    def run(*arguments):
        return CliRunner().invoke(main, ["report", *map(str, arguments)], catch_exceptions=False)

    return run


@pytest.fixture
def night(tmp_path):
    return tmp_path / "night"


def json_of(result):
    return json.loads(result.stdout)


def test_a_campaign_that_agrees_is_summed_up_and_the_exit_code_is_0(report, night):
    write_campaign(night)
    result = report(night)
    assert result.exit_code == 0, result.output
    lines = {line[:13].strip(): line[13:] for line in result.stdout.splitlines()}
    assert lines["campaign"].startswith("reference with parallel, seed 7, begun 2023-11-14 22:13:20 UTC")
    assert lines["run 1"] == "2023-11-14 22:13:20 UTC, 20.0 s, 2 workers, finished"
    assert lines["cases"] == "20 (18 completed, 2 failed programs) in 20.0 s, 1.0 cases/s"
    assert lines["compared"] == "4,000 rows, 288,000 cells, 400 boundaries, 380 seams, 2 equal failures"
    assert lines["boundaries"] == "20 a second, 20 a second and worker"
    assert lines["verdicts"] == "agree 20"
    assert lines["coverage"].startswith("2 of ")
    assert lines["differences"] == "0 cases, 0 signatures"
    assert "ADD inside" in lines["gaps"]


def test_the_page_stands_in_the_directory_unless_it_is_asked_for_elsewhere(report, night, tmp_path):
    write_campaign(night)
    assert f"page         {night / 'report.html'}" in report(night).stdout
    page = (night / "report.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    (night / "report.html").unlink()
    elsewhere = tmp_path / "www" / "night.html"
    assert report(night, "--html", elsewhere).exit_code == 0
    assert elsewhere.exists()
    assert not (night / "report.html").exists()


def test_no_page_is_written_when_none_is_wanted(report, night):
    write_campaign(night)
    assert "page" not in report(night, "--no-html").stdout
    assert not (night / "report.html").exists()
    assert report(night, "--no-html", "--html", night / "x.html").exit_code == 2


def test_differences_make_the_exit_code_1_and_stand_under_their_full_signature(report, night):
    findings = [
        finding(3, SIGNATURE, directory="one", full=FULL),
        finding(8, SIGNATURE, state="counted"),
        finding(9, "outcome reference|parallel A / B", directory="two", state="not stable"),
    ]
    write_campaign(night, findings=findings)
    result = report(night)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "differences  3 cases, 2 signatures" in lines
    assert f"      2 x {FULL}  (confirmed 1)" in lines, "the counted case belongs to the localised one"
    assert "          case 3: one" in lines
    assert "      1 x outcome reference|parallel A / B  (not stable 1)" in lines


def test_a_campaign_that_compared_nothing_has_failed(report, night):
    refused = totals(boundaries=0, not_comparable={"parallel: beyond the limits": 10}, agree=0)
    write_campaign(night, batches=[batch(0, 1, BEGIN, 10, refused)], coverage=())
    result = report(night)
    assert result.exit_code == 1
    assert "nothing was compared on all engines: this campaign has failed" in result.stdout
    assert json_of(report(night, "--json"))["vacuous"] is True
    assert "Nothing was compared on all engines" in (night / "report.html").read_text("utf-8")


def test_a_campaign_that_finished_no_batch_yet_has_compared_nothing(report, night):
    write_campaign(night, batches=(), coverage=(), runs=[(1, BEGIN, None, 2, None)])
    result = report(night)
    assert result.exit_code == 1
    assert "not ended: it still runs, or was killed" in result.stdout
    assert "No batch has been finished yet." in (night / "report.html").read_text("utf-8")


def test_json_says_what_the_text_says(report, night):
    known = totals(known={"A6": 2}, not_comparable={"parallel: too long": 1})
    write_campaign(
        night,
        batches=[batch(0, 1, BEGIN, 10, known), batch(10, 1, BEGIN + 10, 10, known)],
        findings=[finding(3, SIGNATURE, directory="one", full=FULL)],
        slow=[(4, 2.5, 900, "slow/4.case.json")],
        deaths=[{"event": "worker died", "worker": "w1", "number": 4}],
    )
    found = json_of(report(night, "--json"))
    assert found["engines"] == ["reference", "parallel"]
    assert found["cases"] == 20
    assert found["counts"]["excused"] == {"A6": 4}
    assert found["counts"]["not_comparable"] == {"parallel: too long": 2}
    assert found["verdicts"] == {"agree": 18, "differ": 0, "not_comparable": 2}
    assert found["rates"]["boundaries_per_second"] == 10.0
    assert found["findings"] == [{"signature": FULL, "states": {"confirmed": 1}, "cases": [3], "kept": ["one"]}]
    assert found["pairs"] == [{"engines": ["reference", "parallel"], "findings": [FULL], "not_compared": ""}]
    assert found["slow"] == [{"number": 4, "seconds": 2.5, "rows": 900, "file": "slow/4.case.json"}]
    assert found["deaths"] == [{"event": "worker died", "worker": "w1", "number": 4}]
    assert found["runs"][0]["ending"] == "finished"


def test_a_worker_that_died_is_named_with_time_case_and_reason(report, night):
    death = {"time": BEGIN + 7, "event": "worker died", "worker": "w1", "reason": "crash: SIGKILL", "number": 4}
    write_campaign(night, deaths=[death, {"event": "worker died"}, {"event": "progress"}, "no event"])
    with (night / "events.jsonl").open("a") as file:
        file.write('{"event": "worker di')
    lines = [line for line in report(night).stdout.splitlines() if line.startswith("worker died")]
    assert lines == [
        "worker died  w1 at 2023-11-14 22:13:27 UTC, case 4: crash: SIGKILL",
        "worker died  a worker: no reason was given",
    ]


def test_a_run_that_left_no_word_and_was_followed_by_another_was_killed(report, night):
    runs = [(1, BEGIN, None, 2, None), (2, BEGIN + 100, None, 2, None)]
    batches = [batch(0, 1, BEGIN, 10, totals()), batch(10, 2, BEGIN + 100, 30, totals())]
    write_campaign(night, runs=runs, batches=batches)
    found = json_of(report(night, "--json"))
    assert [run["ending"] for run in found["runs"]] == ["killed", "not ended: it still runs, or was killed"]
    assert found["seconds"] == 40.0, (
        "a run lasts until its last batch; what lies between two runs is no time of the campaign"
    )


def test_a_campaign_whose_directory_is_locked_is_running_and_else_it_was_killed(report, night):
    write_campaign(night, runs=[(1, BEGIN, None, 2, None)])

    def ending():
        return json_of(report(night, "--json", "--no-html"))["runs"][0]["ending"]

    with alone(night):
        assert ending() == "still running"
    assert ending() == "killed"


def test_a_campaign_is_reported_on_while_it_writes(report, night):
    write_campaign(night)
    writer = sqlite3.connect(night / "campaign.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO batches VALUES(?, ?, ?, ?, ?, ?, ?, ?)", batch(20, 1, BEGIN + 20, 5, totals()))
    before = json_of(report(night, "--json", "--no-html"))
    writer.execute("COMMIT")
    after = json_of(report(night, "--json", "--no-html"))
    writer.close()
    assert (before["cases"], after["cases"]) == (20, 30), "a batch counts when it is whole"


def test_a_state_in_a_directory_that_cannot_be_written_is_read(report, night):
    write_campaign(night)
    # The file of shared memory that SQLite wants beside a database with a log cannot be made, as in such a directory.
    (night / "campaign.sqlite-shm").mkdir()
    assert json_of(report(night, "--json", "--no-html"))["cases"] == 20


def test_reading_leaves_the_directory_as_it_was(report, night):
    write_campaign(night)
    before = {each.name: each.read_bytes() for each in night.iterdir()}
    report(night, "--no-html")
    assert {each.name: each.read_bytes() for each in night.iterdir()} == before


# ---- refused --------------------------------------------------------------------------------------------------------


def refused(report, directory, *words):
    result = report(directory)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    for word in (str(directory), *words):
        assert word in result.stderr
    assert not (directory / "report.html").exists()


def test_a_directory_that_is_missing_is_refused(report, tmp_path):
    refused(report, tmp_path / "nowhere", "there is no such directory")


def test_a_file_in_the_place_of_the_directory_is_refused(report, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    refused(report, file, "there is no such directory")


def test_a_directory_without_a_campaign_is_refused_with_the_way_to_get_one(report, tmp_path):
    refused(report, tmp_path, "there is no campaign.sqlite", "fragdiff fuzz --out DIR")


def test_a_state_of_another_format_is_refused(report, night):
    write_campaign(night, meta={"format": "fragdiff-campaign/9"})
    refused(report, night, "fragdiff-campaign/1", "fragdiff-campaign/9")


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\0" + bytes(range(256)) * 20])
def test_a_file_that_is_no_database_is_refused(report, night, content):
    night.mkdir()
    (night / "campaign.sqlite").write_bytes(content)
    refused(report, night, "no campaign's database, or it is damaged")


def test_a_database_whose_pages_are_overwritten_is_refused(report, night):
    many = [batch(10 * at, 1, BEGIN + at, 1, totals()) for at in range(300)]
    write_campaign(night, batches=many)
    path = night / "campaign.sqlite"
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(bytes(data))
    refused(report, night, "damaged")


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE batches SET totals = '{' WHERE first = 0", "damaged"),
        ("UPDATE batches SET totals = '{\"laws\": 7}' WHERE first = 0", "damaged"),
        ('UPDATE batches SET totals = \'{"verdicts": {"agree": "x"}}\' WHERE first = 0', "damaged"),
        ("UPDATE batches SET totals = '[1]' WHERE first = 0", "expected totals"),
        ("UPDATE batches SET totals = replace(hex(zeroblob(100000)), '0', '[') WHERE first = 0", "damaged"),
        ("UPDATE batches SET started = 'soon' WHERE first = 0", "batches.started"),
        ("UPDATE coverage SET cell = 'DROP/nowhere' WHERE row = 7 AND cell LIKE 'D%'", "DROP/nowhere"),
        ("UPDATE meta SET value = '{}}' WHERE key = 'engines'", "damaged"),
        ("DELETE FROM meta WHERE key = 'engines'", "engines"),
        ("DROP TABLE slow", "slow"),
    ],
)
def test_a_state_with_a_damaged_value_is_refused(report, night, statement, word):
    write_campaign(night)
    connection = sqlite3.connect(night / "campaign.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()
    refused(report, night, word)


def test_a_page_that_cannot_be_written_is_an_error_and_no_traceback(report, night):
    write_campaign(night)
    result = report(night, "--html", night / "campaign.sqlite" / "x.html")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


# ---- JUnit ----------------------------------------------------------------------------------------------------------


def junit(report, night, tmp_path):
    report(night, "--junit", tmp_path / "night.xml")
    root = ElementTree.parse(tmp_path / "night.xml").getroot()
    (suite,) = root.findall("testsuite")
    cases = {(each.get("classname"), each.get("name")): each for each in suite.findall("testcase")}
    assert all(float(each.get("time")) >= 0 for each in cases.values())
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == sum(each.find("failure") is not None for each in cases.values())
    assert int(suite.get("skipped")) == sum(each.find("skipped") is not None for each in cases.values())
    return cases


def test_junit_has_a_passing_case_for_each_pair_that_agrees(report, night, tmp_path):
    write_campaign(night, engines=("reference", "parallel", "gpu"))
    cases = junit(report, night, tmp_path)
    assert ("fragdiff.campaign", "something was compared") in cases
    pairs = [name for group, name in cases if group == "fragdiff.engines"]
    assert pairs == ["reference with parallel", "reference with gpu", "parallel with gpu"]
    assert all(each.find("failure") is None and each.find("skipped") is None for each in cases.values())


def test_junit_fails_for_each_signature_with_the_text_of_its_report(report, night, tmp_path):
    (night / "one").mkdir(parents=True)
    (night / "one" / "report.txt").write_text("first wrong row 16\x1b[31m\x00 \ud7ff & <b>", encoding="utf-8")
    write_campaign(
        night,
        engines=("reference", "parallel", "gpu"),
        findings=[
            finding(3, SIGNATURE, directory="one", full=FULL),
            finding(5, "engine_failure gpu lost", directory="two"),
        ],
        deaths=[{"event": "worker died", "worker": "w1"}],
    )
    cases = junit(report, night, tmp_path)
    text = cases["fragdiff.findings", FULL].find("failure").text
    assert "first wrong row 16\\x1b[31m\\x00 \ud7ff & <b>" in text
    assert "case 3: one" in text
    assert cases["fragdiff.findings", "engine_failure gpu lost"].find("failure") is not None
    failing = {name for (group, name), each in cases.items() if group == "fragdiff.engines" and len(each)}
    assert failing == {"reference with parallel", "reference with gpu", "parallel with gpu"}
    assert cases["fragdiff.engines", "reference with gpu"].find("failure").text == "engine_failure gpu lost"
    assert cases["fragdiff.campaign", "no worker died"].find("failure") is not None


def test_junit_skips_what_was_not_compared_and_what_is_known(report, night, tmp_path):
    refused = totals(not_comparable={"gpu: no device": 10}, known={"A6": 1}, agree=0) | {
        "verdicts": {"agree": 0, "differ": 0, "not_comparable": 10}
    }
    mixed = totals(not_comparable={"gpu: no device": 10}, agree=1)
    write_campaign(
        night,
        engines=("reference", "parallel", "gpu"),
        batches=[batch(0, 1, BEGIN, 10, refused), batch(10, 1, BEGIN, 10, mixed)],
    )
    cases = junit(report, night, tmp_path)
    assert cases["fragdiff.engines", "reference with gpu"].find("skipped").get("message") == "gpu: no device"
    assert cases["fragdiff.engines", "reference with parallel"].find("skipped") is None
    assert cases["fragdiff.known", "A6"].find("skipped") is not None


def test_junit_of_a_vacuous_campaign_fails(report, night, tmp_path):
    write_campaign(night, batches=[batch(0, 1, BEGIN, 10, totals(boundaries=0, agree=10))], coverage=())
    cases = junit(report, night, tmp_path)
    assert cases["fragdiff.campaign", "something was compared"].find("failure") is not None
    assert cases["fragdiff.engines", "reference with parallel"].find("skipped") is not None
