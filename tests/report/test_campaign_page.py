"""The campaign's page: one file that fetches and runs nothing, with everything that engines and files say escaped."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from made_campaign import BEGIN, batch, finding, totals, write_campaign

from harness.campaign_report.page import page
from harness.campaign_report.record import read_record
from harness.campaign_report.summary import Summary, sums

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> \x1b[31m & javascript:"


class Parsed(HTMLParser):
    """Tags with their attributes, and the text outside of the style sheet."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.text = ""
        self._open = []
        self.feed(text)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.text += data

    def links(self):
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    def drawing(self, label):
        """The numbers of each path of the drawing with this label."""
        at = next(at for at, (tag, given) in enumerate(self.tags) if given.get("aria-label") == label)
        rest = self.tags[at + 1 :]
        end = next((at for at, (tag, _) in enumerate(rest) if tag == "svg"), len(rest))
        return rest[:end]


def made(directory, **given):
    write_campaign(directory, **given)
    return Parsed(page(Summary(read_record(directory)), directory / "report.html"))


def test_the_page_fetches_and_runs_nothing(tmp_path):
    found = made(tmp_path)
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed"}
    assert not [given for _, given in found.tags if set(given) & {"src", "srcset", "onload", "onclick", "style"}]
    style = page(Summary(read_record(tmp_path)), tmp_path / "x.html").split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    for scheme in ("prefers-color-scheme: dark", "@media print"):
        assert scheme in style


def test_what_engines_and_files_say_is_escaped(tmp_path):
    refused = totals(not_comparable={HOSTILE: 3}, known={HOSTILE: 1})
    found = made(
        tmp_path,
        engines=(HOSTILE, "parallel"),
        runs=[(1, BEGIN, BEGIN + 5, 1, HOSTILE)],
        batches=[batch(0, 1, BEGIN, 5, refused, worker=HOSTILE)],
        findings=[finding(1, HOSTILE, directory=HOSTILE, state=HOSTILE, full=HOSTILE)],
        slow=[(1, 1.0, 10, HOSTILE)],
        deaths=[{"event": "worker died", "worker": HOSTILE, "reason": HOSTILE, "number": 1}],
        meta={"seed": HOSTILE, "profile": json.dumps({"name": HOSTILE})},
    )
    assert found.text.count("<script>alert(1)</script>") >= 8, "it is shown as text in every place"
    assert not {tag for tag, _ in found.tags} & {"script", "img"}
    assert not [given for _, given in found.tags if "onerror" in given]


def test_findings_are_linked_from_wherever_the_page_stands(tmp_path):
    campaign = tmp_path / "night run"
    for name in ("with page", "text#only"):
        (campaign / name).mkdir(parents=True)
    (campaign / "with page" / "report.html").touch()
    (campaign / "text#only" / "report.txt").touch()
    write_campaign(
        campaign,
        findings=[
            finding(1, "a x|y", directory="with page"),
            finding(2, "b x|y", directory=str(Path("elsewhere") / "text#only")),
            finding(3, "c x|y", directory="gone"),
        ],
    )
    summary = Summary(read_record(campaign))
    assert Parsed(page(summary, campaign / "report.html")).links() == [
        "with%20page/report.html",
        "text%23only/report.txt",
    ]
    far = Parsed(page(summary, tmp_path / "www" / "x.html"))
    assert [unquote(link) for link in far.links()] == [
        "../night run/with page/report.html",
        "../night run/text#only/report.txt",
    ]
    assert "its directory is gone" in far.text


def test_a_link_is_never_a_script(tmp_path):
    (tmp_path / "javascript:alert(1)").mkdir()
    found = made(tmp_path, findings=[finding(1, "a x|y", directory="javascript:alert(1)")])
    assert found.links() == ["javascript%3Aalert%281%29"]


def test_rates_have_a_gap_where_nothing_was_worked_on_and_resumed_runs_are_marked(tmp_path):
    batches = [
        batch(0, 1, BEGIN, 40, totals()),
        batch(10, 1, BEGIN + 60, 40, totals()),
        batch(20, 2, BEGIN + 5000, 100, totals(cases=1000)),
    ]
    runs = [(1, BEGIN, BEGIN + 100, 1, "stopped"), (2, BEGIN + 5000, BEGIN + 5100, 1, "finished")]
    found = made(tmp_path, runs=runs, batches=batches)
    drawn = found.drawing("Rates over time")
    stretches = [given["d"] for tag, given in drawn if given.get("class") == "steps"]
    assert len(stretches) == 2 * 3, "three stretches in each of two panels: run 1 has a gap"
    assert sum(given.get("class") == "pause" for _, given in drawn) == 2
    assert sum(given.get("class") == "cut" for _, given in drawn) == 2
    assert "run 2 begins" in found.text
    # The pause of over an hour has its fixed width: both runs of 100 seconds have the same length.
    starts, ends = zip(*((_numbers(d, "M")[0], _numbers(d, "H")[-1]) for d in stretches[:3]), strict=True)
    assert ends[2] - starts[2] == pytest.approx(ends[1] - starts[0], abs=0.2)
    assert (starts[1] - ends[0]) / (ends[1] - starts[0]) == pytest.approx(0.2, abs=0.03)
    highest = [96 - (min(_numbers(d, "V")) - 26) for d in stretches[:3]]
    assert highest[0] == pytest.approx(96 * 0.25 / 10, abs=0.2), "10 cases in 40 s, on a scale that ends with 10"
    assert highest[2] == pytest.approx(96, abs=0.2)


def test_coverage_grows_to_what_the_batches_have_found(tmp_path):
    possible = Summary(read_record(write_campaign(tmp_path))).record.coverage.possible
    batches = [
        batch(0, 1, BEGIN, 50, totals(), new_cells=possible // 2),
        batch(10, 1, BEGIN + 50, 50, totals(), new_cells=possible),
    ]
    other = tmp_path / "other"
    found = made(other, runs=[(1, BEGIN, BEGIN + 100, 1, "")], batches=batches)
    (line,) = [given["d"] for _, given in found.drawing("Coverage over time") if given.get("class") == "growth"]
    heights = _numbers(line, "V")
    assert heights[0] == pytest.approx(26 + 48, abs=0.1)
    assert heights[-1] == pytest.approx(26, abs=0.1), "two workers that met a cell at once do not make more than all"


def test_the_gaps_come_first_and_a_covered_phase_has_its_share(tmp_path):
    found = made(tmp_path)
    text = found.text
    assert text.index("inside") < text.index("repeat")
    assert "1 of 12" not in text
    assert re.search(r"before\s*0\.1%\s*1 of \d+", text.replace("\n", " ")), "one of the two cells is of phase before"


def test_times_that_no_calendar_has_and_runs_without_any_length_are_shown(tmp_path):
    found = made(
        tmp_path,
        runs=[(1, 1e300, 1e300, 1, "ended"), (2, 5.0, 1.0, 1, None)],
        batches=[batch(0, 1, 1e300, 0, totals()), batch(10, 9, 0.0, -3, totals())],
    )
    assert "1e+300" in found.text


def test_totals_add_up_by_where_they_stand():
    one = {"cases": 1, "counts": {"rows": 2, "excused": {"A6": 1}}, "names": ["x"], "vacuous": True}
    two = {"cases": 4, "counts": {"rows": 5, "excused": {"A6": 2, "A7": 1}}, "seconds": 0.5}
    assert sums([one, two]) == {
        ("cases",): 5,
        ("counts", "rows"): 7,
        ("counts", "excused", "A6"): 3,
        ("counts", "excused", "A7"): 1,
        ("seconds",): 0.5,
    }


def _numbers(path, letter):
    return [float(number) for number in re.findall(rf"{letter}(-?[0-9.]+)", path)]
