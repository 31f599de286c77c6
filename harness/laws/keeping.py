"""Violations on disk: the case as found, the smallest one, and what a stranger needs to see it again."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.corpus import content_hash, slug, write_new
from harness.laws.judge import Judgement
from harness.laws.sizes import Sizes
from harness.laws.violation import Violation, describe, violation_json
from harness.report.commands import environment
from harness.reporting import wrapped
from harness.shrink import Shrunk
from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.formats.case_json import write_case
from reference.definition.mast import NODE_KIND

FOUND = "found.case.json"
SMALLEST = "smallest.case.json"
REPORT = "report.txt"
DATA = "finding.json"
REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that breaks a law, and what it took to find it."""

    signature: str
    judgement: Judgement
    engine: str
    seed: int
    number: int
    cases: int
    """Cases judged until then, this one included."""
    seconds: float
    """From the start of the campaign."""
    family: str = ""


@dataclass(frozen=True, slots=True)
class Reduced:
    """The smallest case and what it does at every size."""

    shrunk: Shrunk
    judgement: Judgement
    sizes: Sizes

    @property
    def shape(self) -> str:
        """What the smallest program consists of: the cause, mostly."""
        return shape_of(self.shrunk.case)


def shape_of(case: Case) -> str:
    """``entry external; block 2, external 2, join 1; 2 libraries``."""
    forests = forests_of(case)
    kinds = Counter(NODE_KIND[type(node)] for forest in forests for node in forest.nodes)
    entry = NODE_KIND[type(case.program.forest.nodes[case.program.entry])]
    nodes = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    libraries = len(case.libraries)
    return f"entry {entry}; {nodes}" + (
        f"; {libraries} {'library' if libraries == 1 else 'libraries'}" if libraries else ""
    )


def keep_found(finding: Finding, out: Path) -> Path:
    """Write the case as it was found; the directory. InputError when that is impossible."""
    case = finding.judgement.case
    text = write_case(replace(case, about=f"{case.about}; {finding.signature}".strip("; ")))
    directory = out / f"{slug(finding.signature)}-{content_hash(text.encode())}"
    write_new(directory / FOUND, text)
    write_finding(finding, directory, None)
    return directory


def write_finding(finding: Finding, directory: Path, reduced: Reduced | None) -> None:
    """Write everything that is known; InputError when that is impossible."""
    smallest = directory / FOUND
    if reduced is not None:
        smallest = directory / SMALLEST
        about = f"shrunk from {finding.judgement.case.name}; {finding.signature}"
        shown = tuple(build.plan for build in reduced.judgement.builds)
        case = replace(reduced.shrunk.case, about=about, cuts=tuple(dict.fromkeys(shown)))
        write_new(smallest, write_case(case))
    command = shlex.join(["fragdiff", "laws", "--engine", finding.engine])
    write_new(directory / REPLAY, f'#!/bin/sh\nexec {command} "$(dirname "$0")/{smallest.name}"\n')
    (directory / REPLAY).chmod(0o755)
    lines = _lines(finding, f"{command} {shlex.quote(str(smallest))}", reduced)
    write_new(directory / REPORT, "\n".join(lines) + "\n")
    write_new(directory / DATA, json.dumps(_data(finding, reduced), indent=2) + "\n")


def _lines(finding: Finding, replay: str, reduced: Reduced | None) -> Sequence[str]:
    found = f"seed {finding.seed}, case {finding.number}, after {finding.cases} cases and {finding.seconds:.1f} s"
    lines = [
        finding.signature,
        "",
        f"replay      {replay}",
        f"found       {found}{f', family {finding.family}' if finding.family else ''}",
        *(f"{name:<11} {value}" for name, value in environment([finding.engine])),
        "",
    ]
    if reduced is None:
        lines.append("not shrunk yet")
    elif not reduced.shrunk.happens_again:
        lines.append("it did not happen again when the case was judged once more: the engine is unsteady")
    else:
        lines += [f"{SMALLEST}: {reduced.shape}", *_violations(reduced.judgement.violations), ""]
        lines += [f"  {line}" for line in reduced.sizes.lines()]
        end = "nothing simpler was found" if reduced.shrunk.finished else "the time for it was used up"
        lines += ["", f"shrinking took {reduced.shrunk.seconds:.1f} s; {end}"]
    return [*lines, "", f"{FOUND}:", *_violations(finding.judgement.violations)]


def _violations(violations: Sequence[Violation]) -> list[str]:
    return [wrapped(describe(violation)) for violation in violations]


def _data(finding: Finding, reduced: Reduced | None) -> dict[str, object]:
    return {
        "signature": finding.signature,
        "engine": finding.engine,
        "seed": finding.seed,
        "number": finding.number,
        "family": finding.family,
        "cases": finding.cases,
        "seconds": round(finding.seconds, 2),
        "violations": [violation_json(item) for item in finding.judgement.violations],
        "shape": None if reduced is None else reduced.shape,
        "sizes": None if reduced is None else reduced.sizes.as_json(),
        "smallest_violations": None
        if reduced is None
        else [violation_json(item) for item in reduced.judgement.violations],
        "happens_again": None if reduced is None else reduced.shrunk.happens_again,
        "shrinking_finished": None if reduced is None else reduced.shrunk.finished,
        "environment": dict(environment([finding.engine])),
    }
