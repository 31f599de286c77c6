"""Violations on disk: the case as found, the smallest one, and what a stranger needs to see it again."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.campaign.keeping import DATA, FOUND, REPLAY, REPORT, SMALLEST, STATE_LINE
from harness.corpus import content_hash, slug, write_new
from harness.laws.judge import Judgement
from harness.laws.sizes import Sizes
from harness.laws.violation import Violation, describe, read_violation, violation_json
from harness.report.again import Replayed
from harness.report.commands import environment, regenerate_command
from harness.reporting import wrapped
from harness.shrink import Shrunk
from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case
from reference.definition.formats.load import load_cases, read_file
from reference.definition.mast import NODE_KIND


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that breaks a law, and what it took to find it."""

    signature: str
    case: Case
    violations: tuple[Violation, ...]
    engine: str
    seed: int
    number: int
    cases: int
    """Cases judged until then, this one included."""
    seconds: float
    """For which the campaign had run."""
    family: str = ""
    options: tuple[str, ...] = ()
    """Of the campaign's generator, where they are not the defaults."""


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

    def lines(self) -> list[str]:
        """Shape and sizes, for a person."""
        return [self.shape, *(f"  {line}" for line in self.sizes.lines())]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a finding besides; None for what was not done yet."""

    replayed: Replayed | None = None
    reduced: Reduced | None = None

    @property
    def state(self) -> str:
        """``confirmed``, ``not stable``, ``not replayed`` or ``new``."""
        if self.replayed is None:
            return "new"
        if self.reduced is not None and not self.reduced.shrunk.happens_again:
            return "not stable"
        if self.replayed.confirms:
            return "confirmed"
        return "not stable" if self.replayed.was_tried else "not replayed"


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


def _found_text(finding: Finding) -> str:
    case = finding.case
    return write_case(replace(case, about=f"{case.about}; {finding.signature}".strip("; ")))


def directory_of(finding: Finding, out: Path) -> Path:
    """Where the finding is kept: the same for the same case."""
    return out / f"{slug(finding.signature)}-{content_hash(_found_text(finding).encode())}"


def keep_found(finding: Finding, out: Path) -> Path:
    """Write the case as it was found, and what is known so far; the directory. InputError when that is impossible."""
    directory = directory_of(finding, out)
    write_new(directory / FOUND, _found_text(finding))
    write_finding(finding, directory, Progress())
    return directory


def keep_smallest(finding: Finding, case: Case, directory: Path) -> None:
    """Write a case that is simpler than any before; InputError when that is impossible."""
    about = f"shrunk from {finding.case.name}; {finding.signature}"
    write_new(directory / SMALLEST, write_case(replace(case, about=about)))


def read_finding(directory: Path) -> Finding:
    """The finding of a directory, as it was when it was kept; InputError for a directory that holds none."""
    path = directory / DATA
    (case,) = load_cases(directory / FOUND)
    try:
        data = json.loads(read_file(path))
        return Finding(
            data["signature"],
            case,
            tuple(map(read_violation, data["violations"])),
            data["engine"],
            data["seed"],
            data["number"],
            data["cases"],
            data["seconds"],
            data["family"],
            tuple(data["options"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"expected a finding of a campaign by the laws: {error!r}", source=str(path)) from None


def write_finding(finding: Finding, directory: Path, progress: Progress) -> None:
    """Write everything that is known; what was written before is replaced. InputError when that is impossible."""
    reduced = progress.reduced
    if reduced is not None:
        shown = tuple(dict.fromkeys(build.plan for build in reduced.judgement.builds))
        keep_smallest(finding, replace(reduced.shrunk.case, cuts=shown or reduced.shrunk.case.cuts), directory)
    smallest = directory / (SMALLEST if (directory / SMALLEST).exists() else FOUND)
    command = shlex.join(["fragdiff", "laws", "--engine", finding.engine])
    write_new(directory / REPLAY, f'#!/bin/sh\nexec {command} "$(dirname "$0")/{smallest.name}"\n')
    (directory / REPLAY).chmod(0o755)
    lines = _lines(finding, f"{command} {shlex.quote(str(smallest))}", progress)
    write_new(directory / REPORT, "\n".join(lines) + "\n")
    write_new(directory / DATA, json.dumps(_data(finding, directory, progress), indent=2) + "\n")


def found_after(finding: Finding) -> str:
    """``after 30 cases and 3.1 s``, of cases that were judged."""
    return f"after {finding.cases:,} {'case' if finding.cases == 1 else 'cases'} judged and {finding.seconds:.1f} s"


def _lines(finding: Finding, replay: str, progress: Progress) -> Sequence[str]:
    said = "" if progress.replayed is None else f": {progress.replayed.text}"
    family = f", family {finding.family}" if finding.family else ""
    lines = [
        finding.signature,
        "",
        f"{STATE_LINE}{progress.state}{said}",
        f"replay      {replay}",
        f"found       seed {finding.seed}, case {finding.number}, {found_after(finding)}{family}",
        f"generated   {regenerate_command(finding.seed, finding.number, [finding.engine], finding.options, laws=True)}",
        *(f"{name:<11} {value}" for name, value in environment([finding.engine])),
        "",
        *_smallest_lines(progress.reduced),
    ]
    return [*lines, "", f"{FOUND}:", *_violations(finding.violations)]


def _smallest_lines(reduced: Reduced | None) -> Sequence[str]:
    if reduced is None:
        return ["not shrunk yet"]
    if not reduced.shrunk.happens_again:
        return ["it did not happen again when the case was judged once more: the engine is unsteady"]
    lines = [f"{SMALLEST}: {reduced.shape}", *_violations(reduced.judgement.violations), ""]
    lines += [f"  {line}" for line in reduced.sizes.lines()]
    end = "nothing simpler was found" if reduced.shrunk.finished else "the time for it was used up"
    return [*lines, "", f"shrinking took {reduced.shrunk.seconds:.1f} s; {end}"]


def _violations(violations: Sequence[Violation]) -> list[str]:
    return [wrapped(describe(violation)) for violation in violations]


def _data(finding: Finding, directory: Path, progress: Progress) -> dict[str, object]:
    reduced, replayed = progress.reduced, progress.replayed
    return {
        "signature": finding.signature,
        "state": progress.state,
        "replayed": None if replayed is None else {"again": replayed.again.value, "reason": replayed.reason},
        "engine": finding.engine,
        "seed": finding.seed,
        "number": finding.number,
        "options": list(finding.options),
        "family": finding.family,
        "cases": finding.cases,
        "seconds": round(finding.seconds, 2),
        "found": FOUND,
        "smallest": SMALLEST if (directory / SMALLEST).exists() else None,
        "violations": [violation_json(item) for item in finding.violations],
        "shape": None if reduced is None else reduced.shape,
        "sizes": None if reduced is None else reduced.sizes.as_json(),
        "smallest_violations": None
        if reduced is None
        else [violation_json(item) for item in reduced.judgement.violations],
        "happens_again": None if reduced is None else reduced.shrunk.happens_again,
        "shrinking_finished": None if reduced is None else reduced.shrunk.finished,
        "environment": dict(environment([finding.engine])),
    }
