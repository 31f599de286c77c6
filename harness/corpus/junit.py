"""Results of a replay as JUnit XML: a test case a file, and one a finding that stays undecided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.campaign_report.words import xml_text
from harness.corpus.naming import write_new
from harness.corpus.pool import Answer, Result

_ELEMENT: Final = {
    Answer.DIFFER: "failure",
    Answer.NOT_COMPARABLE: "failure",
    Answer.CRASHED: "error",
    Answer.REFUSED: "error",
}


def write_junit(
    path: Path, results: Sequence[Result], not_run: Sequence[Path], undecided: Mapping[Path, str], seconds: float
) -> None:
    """Write the file; a case that was not run is skipped there. InputError when it cannot be written.

    ``undecided`` are findings of which nobody can say what became of them, with the reason: failures, as what could not be
    compared.
    """
    kinds = [_ELEMENT.get(result.answer) for result in results]
    failures = kinds.count("failure") + len(undecided)
    tests = len(results) + len(not_run) + len(undecided)
    suite = Element("testsuite", name="fragdiff replay", tests=str(tests), time=f"{seconds:.3f}")
    for name, count in {"failures": failures, "errors": kinds.count("error"), "skipped": len(not_run)}.items():
        suite.set(name, str(count))
    for result in results:
        case = _case(suite, result.path, result.seconds)
        kind = _ELEMENT.get(result.answer)
        if kind is not None:
            SubElement(case, kind, message=result.answer.value).text = xml_text("\n".join(result.lines))
    for finding, why in undecided.items():
        SubElement(_case(suite, finding, 0.0), "failure", message="undecided").text = xml_text(why)
    for each in not_run:
        SubElement(_case(suite, each, 0.0), "skipped", message="not run: the replay was interrupted")
    indent(suite)
    write_new(path, tostring(suite, encoding="unicode", xml_declaration=False) + "\n")


def _case(suite: Element, path: Path, seconds: float) -> Element:
    return SubElement(
        suite, "testcase", classname=xml_text(str(path.parent)), name=xml_text(path.name), time=f"{seconds:.3f}"
    )
