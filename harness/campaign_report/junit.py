"""The report as JUnit XML, as CI servers read it: a test case for each signature, pair of engines and known divergence.

What was not compared and what is excused is skipped, with the reason; it is no success.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from harness.campaign_report.files import text_of
from harness.campaign_report.laws import law_verdicts
from harness.campaign_report.summary import Group, Summary
from harness.campaign_report.text import text_lines
from harness.campaign_report.timeline import iso
from harness.campaign_report.words import death_text, xml_text


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test case; at most one of ``failure`` and ``skipped`` is not empty."""

    classname: str
    name: str
    seconds: float = 0.0
    failure: str = ""
    """What it says in a list."""
    details: str = ""
    skipped: str = ""
    """Why it says nothing."""


def junit_xml(summary: Summary) -> str:
    """The document."""
    cases = list(test_cases(summary))
    record = summary.record
    attributes = {
        "name": f"fragdiff: {summary.title}",
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failure) for case in cases)),
        "errors": "0",
        "skipped": str(sum(bool(case.skipped) for case in cases)),
        "time": f"{summary.seconds:.3f}",
        "timestamp": iso(record.created),
    }
    clean = {name: xml_text(value) for name, value in attributes.items()}
    root = ElementTree.Element(
        "testsuites", {name: clean[name] for name in ("name", "tests", "failures", "errors", "time")}
    )
    suite = ElementTree.SubElement(root, "testsuite", clean)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("seed", record.seed), ("cases", str(summary.cases)), ("profile", record.profile)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": xml_text(value)})
    for case in cases:
        _append(suite, case)
    ElementTree.SubElement(suite, "system-out").text = xml_text("\n".join(text_lines(summary)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def test_cases(summary: Summary) -> Iterator[TestCase]:
    """All of them, in a fixed order."""
    laws = summary.record.laws
    nothing = "no case with a trace was judged" if laws else "nothing was compared on all engines"
    name = "something was judged" if laws else "something was compared"
    yield TestCase("fragdiff.campaign", name, summary.seconds, failure=nothing if summary.is_vacuous else "")
    deaths = [death_text(death) for death in summary.record.deaths]
    died = f"{len(deaths)} workers died" if deaths else ""
    yield TestCase("fragdiff.campaign", "no worker died", failure=died, details="\n".join(deaths))
    for pair in summary.pairs:
        name = " with ".join(pair.engines)
        failure = "" if pair.without or not pair.signatures else f"{len(pair.signatures)} kinds of difference"
        details = "\n".join(pair.signatures)
        yield TestCase("fragdiff.engines", name, failure=failure, details=details, skipped=pair.without)
    for name, broken, without in law_verdicts(summary) if laws else ():
        yield TestCase("fragdiff.laws", name, failure=broken, skipped="" if broken else without)
    for entry, times in sorted(summary.counter("counts", "excused").items()):
        yield TestCase("fragdiff.known", entry, skipped=f"a known divergence, met {times:,} times")
    for group in summary.groups:
        yield _finding(summary, group)


def _finding(summary: Summary, group: Group) -> TestCase:
    states = ", ".join(f"{times} {state}" for state, times in sorted(group.states.items())) or "none kept"
    failure = f"{len(group.cases):,} cases ({states}), first case {group.cases[0].number}"
    lines = [f"case {case.number}: {case.directory}" for case in group.kept]
    report = text_of(summary.record.directory, group)
    return TestCase("fragdiff.findings", group.signature, failure=failure, details="\n".join((*lines, "", report)))


def _append(suite: ElementTree.Element, case: TestCase) -> None:
    attributes = {"classname": case.classname, "name": _line(case.name), "time": f"{case.seconds:.3f}"}
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.failure:
        failure = ElementTree.SubElement(element, "failure", {"message": _line(case.failure), "type": "difference"})
        failure.text = xml_text(case.details or case.failure)
    elif case.skipped:
        ElementTree.SubElement(element, "skipped", {"message": _line(case.skipped)})


def _line(text: str) -> str:
    return xml_text(text.replace("\n", " "))
