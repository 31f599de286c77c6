"""Findings on disk: a directory that a stranger can use.

``found.case.json`` is written before anything else is tried; ``smallest.case.json`` follows with every improvement. When the
finding has been replayed, shrunk and localised, the rest is written: ``report.txt`` and ``report.html`` say what differs, why,
and how to see it again; ``finding.json`` says the same to programs; the failing fragment stands by itself under ``fragment/``,
both traces around the place under ``rows.*.txt``; and ``test_finding.py`` is green when the engines agree again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from harness.corpus import content_hash, slug, write_new
from harness.localise.localisation import Localisation
from harness.localise.signature import Signature
from harness.localise.words import localisation_json, localisation_lines
from harness.report.again import Replayed
from harness.report.commands import environment, regenerate_command, replay_command
from harness.report.fragment_files import FragmentFiles, write_fragment
from harness.report.page import About, page
from harness.report.pytest_file import FILE as TEST
from harness.report.pytest_file import pytest_text
from harness.report.rows_text import window_text
from harness.reporting import divergence_json, read_divergence, wrapped
from harness.shrink import Shrunk
from harness.verdict import Comparison, Counts, Kind, Verdict, describe
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import write_case
from reference.definition.formats.load import load_cases, read_file

FOUND = "found.case.json"
SMALLEST = "smallest.case.json"
REPORT = "report.txt"
PAGE = "report.html"
DATA = "finding.json"
REPLAY = "replay"
ENVIRONMENT = "environment.json"

STATE_LINE = "state       "
"""How the line of a report begins that says what became of a finding."""


class Finding(NamedTuple):
    """A difference and where it came from."""

    signature: str
    """Of the first divergence; found without running anything again."""
    case: Case
    comparison: Comparison
    engines: tuple[str, ...]
    seed: int
    number: int
    options: tuple[str, ...] = ()
    """Of the campaign's generator, where they are not the defaults."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a finding besides; None for what was not done yet."""

    signature: Signature | None = None
    """None as well when the difference did not show once more."""
    replayed: Replayed | None = None
    shrunk: Shrunk | None = None
    smallest: Comparison | None = None
    """None as well when nothing simpler was found."""
    localisation: Localisation | None = None

    @property
    def state(self) -> str:
        """``confirmed``, ``not stable``, ``not replayed`` or ``new``."""
        if self.replayed is None:
            return "new"
        unstable = self.localisation is not None and not self.localisation.is_stable
        if self.signature is None or unstable or (self.shrunk is not None and not self.shrunk.happens_again):
            return "not stable"
        if self.replayed.confirms:
            return "confirmed"
        return "not stable" if self.replayed.was_tried else "not replayed"


def found_text(finding: Finding) -> str:
    """The case as it is kept."""
    return write_case(replace(finding.case, about=f"{finding.case.about}; {finding.signature}"))


def directory_of(finding: Finding, out: Path) -> Path:
    """Where the finding is kept: the same for the same case."""
    return out / f"{slug(finding.signature)}-{content_hash(found_text(finding).encode())}"


def keep_found(finding: Finding, out: Path) -> Path:
    """Write the case, and then what is known so far; the directory.

    Raises InputError when that is impossible.
    """
    directory = directory_of(finding, out)
    write_new(directory / FOUND, found_text(finding))
    write_report(finding, directory, Progress())
    return directory


def read_finding(directory: Path) -> Finding:
    """The finding of a directory, as far as it was known when it was kept.

    Raises InputError for a directory that holds none.
    """
    path = directory / DATA
    (case,) = load_cases(directory / FOUND)
    try:
        data = json.loads(read_file(path))
        divergences = tuple(read_divergence(item) for item in data["divergences"])
        comparison = Comparison(case.name, Verdict.DIFFER, divergences, (), Counts())
        engines, options = tuple(data["engines"]), tuple(data.get("options", ()))
        return Finding(data["signature"], case, comparison, engines, data["seed"], data["number"], options)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"expected a finding: {error!r}", source=str(path)) from None


def set_state(directory: Path, state: str, reason: str) -> None:
    """Write what became of a finding that was neither shrunk nor localised; InputError when that is impossible."""
    data = json.loads(read_file(directory / DATA))
    write_new(directory / DATA, json.dumps({**data, "state": state}, indent=2) + "\n")
    lines = read_file(directory / REPORT).decode("utf-8").splitlines(keepends=True)
    said = [f"{STATE_LINE}{state}: {reason}\n" if line.startswith(STATE_LINE) else line for line in lines]
    write_new(directory / REPORT, "".join(said))


def keep_smallest(finding: Finding, case: Case, directory: Path) -> None:
    """Write a case that is simpler than any before."""
    about = f"shrunk from {finding.case.name}; {finding.signature}"
    write_new(directory / SMALLEST, write_case(replace(case, about=about)))


def write_report(finding: Finding, directory: Path, progress: Progress) -> None:
    """Write everything that is known; what was written before is replaced.

    Raises InputError when that is impossible.
    """
    found = progress.localisation
    files: list[tuple[str, str]] = [(FOUND, "the case as it was generated")]
    if (directory / SMALLEST).exists():
        files.append((SMALLEST, "the smallest case that differs for the same reason"))
    fragment = FragmentFiles((), has_context=False)
    if found is not None:
        fragment = _write_localised(finding, directory, found, files)
    _write_replay(directory, finding.engines)
    write_new(directory / ENVIRONMENT, json.dumps(dict(environment(finding.engines)), indent=2) + "\n")
    files += [(REPLAY, "the command that compares once more"), (ENVIRONMENT, "versions and machine")]
    write_new(directory / REPORT, "\n".join(_lines(finding, directory, progress, fragment)) + "\n")
    write_new(directory / DATA, json.dumps(_data(finding, directory, progress), indent=2) + "\n")
    if found is not None:
        about = _about(finding, directory, progress, fragment, files)
        write_new(directory / PAGE, page(found, about))


def _write_localised(
    finding: Finding, directory: Path, found: Localisation, files: list[tuple[str, str]]
) -> FragmentFiles:
    """Windows, fragment and test; their names are added to ``files``."""
    if found.windows is not None:
        names = _file_names(found.windows.names)
        for side, (engine, name) in enumerate(zip(found.windows.names, names, strict=True)):
            text = window_text(found, side)
            if text:
                write_new(directory / name, text)
                files.append((name, f"rows of {engine} around the place, decoded and cell by cell"))
    fragment = FragmentFiles((), has_context=False)
    if found.fragment is not None and found.rows is not None:
        fragment = write_fragment(found.fragment, found.rows, directory)
        files += fragment.files
    # Without any change the parallel engine's own rebuild can only be at fault when it is one of the engines.
    rebuilds = fragment.has_context and "parallel" in finding.engines
    cases = sorted({FOUND, _smallest_file(directory).name})
    title = f"Finding: {found.signature.text}."
    audit = found.cause.kind is Kind.AUDIT
    write_new(directory / TEST, pytest_text(title, finding.engines, cases, audit=audit, rebuilds_fragment=rebuilds))
    files.append((TEST, "red while the engines differ, green once they agree"))
    return fragment


def _write_replay(directory: Path, engines: Sequence[str]) -> None:
    """A script of one command; it works wherever the directory is moved to."""
    command = replay_command(Path("HERE"), engines).replace(
        "HERE", f'"$(dirname "$0")/{_smallest_file(directory).name}"'
    )
    write_new(directory / REPLAY, f"#!/bin/sh\nexec {command}\n")
    (directory / REPLAY).chmod(0o755)


def _file_names(engines: Sequence[str]) -> list[str]:
    """``rows.NAME.txt``; the position is added where two engines would have one file."""
    names = [slug(engine) for engine in engines]
    same = len(set(names)) < len(names)
    return [f"rows.{name}{f'-{index + 1}' if same else ''}.txt" for index, name in enumerate(names)]


def _smallest_file(directory: Path) -> Path:
    return directory / (SMALLEST if (directory / SMALLEST).exists() else FOUND)


# ---- report.txt -----------------------------------------------------------------------------------------------------


def _lines(finding: Finding, directory: Path, progress: Progress, fragment: FragmentFiles) -> Sequence[str]:
    title = finding.signature if progress.signature is None else progress.signature.text
    lines = [
        title,
        "",
        f"{STATE_LINE}{_state_text(progress)}",
        f"replay      {replay_command(_smallest_file(directory), finding.engines)}",
        f"as found    {replay_command(directory / FOUND, finding.engines)}",
        f"generated   {_regenerate(finding)}",
        *(f"{name:<11} {value}" for name, value in environment(finding.engines)),
        "",
    ]
    if progress.localisation is not None:
        lines += [f"localised in {_smallest_file(directory).name}:"]
        lines += [f"  {line}" for line in localisation_lines(progress.localisation)]
        lines += [f"  {fragment.note}"] if fragment.note else []
        lines.append("")
    else:
        command = replay_command(_smallest_file(directory), finding.engines, verb="locate")
        lines += [f"not localised; that is done by {command}", ""]
    lines += [f"{FOUND}:", *(wrapped(describe(item)) for item in finding.comparison.divergences), ""]
    return [*lines, *_shrinking_lines(progress)]


def _regenerate(finding: Finding) -> str:
    return regenerate_command(finding.seed, finding.number, finding.engines, finding.options)


def _state_text(progress: Progress) -> str:
    said = "" if progress.replayed is None else f": {progress.replayed.text}"
    return f"{progress.state}{said}"


def _shrinking_lines(progress: Progress) -> Sequence[str]:
    shrunk = progress.shrunk
    if shrunk is None:
        return ["not shrunk yet"]
    if not shrunk.happens_again:
        return ["it did not happen again when the case was run once more: the engines or this machine are unsteady"]
    lines = [f"{SMALLEST}:"] if progress.smallest is not None else ["nothing simpler fails for the same reason"]
    lines += [wrapped(describe(item)) for item in (progress.smallest.divergences if progress.smallest else ())]
    end = "nothing simpler was found" if shrunk.finished else "the time for it was used up"
    lines += ["", f"shrinking took {shrunk.seconds:.1f} s; {end}"]
    tried = {name: counts for name, counts in shrunk.passes.items() if counts.tried}
    return [*lines, *(f"  {name:<18} {each.accepted:>5} of {each.tried} tried" for name, each in tried.items())]


# ---- report.html and finding.json -----------------------------------------------------------------------------------


def _about(
    finding: Finding, directory: Path, progress: Progress, fragment: FragmentFiles, files: Sequence[tuple[str, str]]
) -> About:
    smallest = _smallest_file(directory)
    commands = [
        ("Compare the smallest case once more:", replay_command(smallest, finding.engines)),
        ("Localise it once more:", replay_command(smallest, finding.engines, verb="locate")),
        ("Run the ready test:", f"pytest {directory / TEST}"),
        ("Generate the case as it was found:", _regenerate(finding)),
    ]
    notes = [f"State: {_state_text(progress)}.", *([fragment.note] if fragment.note else [])]
    return About(commands, files, environment(finding.engines), smallest.read_text("utf-8"), notes)


def _data(finding: Finding, directory: Path, progress: Progress) -> dict[str, Any]:
    shrunk, smallest = progress.shrunk, progress.smallest
    return {
        "signature": finding.signature,
        "full_signature": None if progress.signature is None else progress.signature.as_json(),
        "state": progress.state,
        "replayed": None
        if progress.replayed is None
        else {"again": progress.replayed.again.value, "reason": progress.replayed.reason},
        "engines": list(finding.engines),
        "seed": finding.seed,
        "number": finding.number,
        "options": list(finding.options),
        "found": FOUND,
        "smallest": SMALLEST if (directory / SMALLEST).exists() else None,
        "replay": replay_command(_smallest_file(directory), finding.engines),
        "divergences": [divergence_json(item) for item in finding.comparison.divergences],
        "smallest_divergences": [divergence_json(item) for item in smallest.divergences] if smallest else None,
        "localisation": None if progress.localisation is None else localisation_json(progress.localisation),
        "happens_again": None if shrunk is None else shrunk.happens_again,
        "shrinking_finished": None if shrunk is None else shrunk.finished,
        "environment": dict(environment(finding.engines)),
    }
