"""``fragdiff replay``: every case of a corpus, or of findings, on all engines, after a fix."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from harness.cli import AGREE, BAD_INPUT, DIVERGENCE, INTERRUPTED
from harness.commands.diff import counts_text
from harness.commands.named_path import NamedPath
from harness.commands.options import Number, audit_option, echo_json, open_engines, prepare_audit
from harness.commands.replay_screen import Screen
from harness.corpus.junit import write_junit
from harness.corpus.pool import Answer, Result, judge_files
from harness.corpus.replaying import Targets, engines_of_finding, targets
from harness.engines import available_engines
from harness.reporting import counts_json, wrapped
from harness.verdict import Counts
from reference.definition.errors import InputError

SECONDS = 300.0
"""For a file, with all its cut plans: the slowest of the shipped corpus takes 5 s, compiling kernels a minute."""

_SHOWN_NOT_RUN = 10

_UNDECIDED = "undecided: "

_SHOWN_LINES = 4
"""Differences of a case: at sixty cut plans they are sixty times the same."""


@click.command()
@click.argument("places", metavar="DIR..", nargs=-1, required=True, type=NamedPath(path_type=Path))
@click.option("--engines", metavar="A,B..", multiple=True, help="Instead of all installed engines that are usable.")
@click.option("--engine", metavar="NAME", multiple=True, help="One more; its name may hold commas: exec:COMMAND.")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Processes (default: one a processor).")
@click.option("--slow", is_flag=True, help="Also the cases in folders called bench or slow.")
@click.option(
    "--seconds-per-case",
    "seconds",
    type=Number(min=0.1),
    default=SECONDS,
    show_default=True,
    help="For a case with all its cut plans; one that takes longer counts as crashed.",
)
@audit_option
@click.option("--junit", metavar="FILE", type=NamedPath(path_type=Path), help="Write the results as JUnit XML, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case and one total instead of text.")
@click.pass_context
def replay(
    ctx: click.Context,
    places: tuple[Path, ...],
    engines: tuple[str, ...],
    engine: tuple[str, ...],
    jobs: int | None,
    slow: bool,
    seconds: float,
    no_audit: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Run every case below DIR at each of its cut plans on all engines, and compare.

    \b
    fragdiff replay corpus
    fragdiff replay corpus --engines "reference,mine" --junit replay.xml
    fragdiff replay findings

    Engines are compared with each other and with what a case's file says is expected; where nothing is, every plan's
    trace with the first one's. The trace that two engines or more agree on is audited. A case on which an engine crashes
    or hangs is a failure of that case, and the rest goes on. Of the findings of a campaign the cases are replayed, and it
    is said which findings are fixed. A finding stays undecided when the engines that it was found with are not replayed
    here, or not everything of it was compared: that is no agreement.

    The exit code is 0 when everything agreed, 1 when something differed, could not be compared or crashed, when a finding
    stays undecided, and when nothing was compared, 2 when there is no case or a file holds none, 130 after an interrupt.

    JSON keys of a case: file, name, answer, plans, expected, seconds, counts, lines, known; the last line has cases
    (by answer), total (counts), expected, findings, left_out, not_run and exit_code.
    """
    found = targets(places)
    chosen = Targets((*found.quick, *found.slow), ()) if slow else found
    if not chosen.quick:
        raise InputError("all cases are in folders called bench or slow; say --slow", source=str(places[0]))
    names = engines_to_replay(engines, engine)
    if not no_audit and len(names) > 1:
        prepare_audit()
    with open_engines(names):
        # Whatever has to be compiled is compiled here, once, instead of in every process.
        pass
    replaying = _Replay(chosen, names, as_json)
    replaying.run(jobs or os.cpu_count() or 1, audit=not no_audit, seconds=seconds)
    if junit is not None:
        write_junit(junit, replaying.results, replaying.not_run, replaying.undecided(), replaying.seconds)
    ctx.exit(replaying.finish())


def engines_to_replay(engines: Sequence[str], engine: Sequence[str]) -> list[str]:
    """The engines asked for; otherwise all installed ones that are usable here."""
    names = [name.strip() for group in engines for name in group.split(",")] + [name.strip() for name in engine]
    if names:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"engine {twice!r} is named twice", place="--engines")
        return names
    found = available_engines()
    for name, availability in found.items():
        if not availability.usable:
            click.echo(f"{name} is left out: {availability.reason}", err=True)
    return [name for name, availability in found.items() if availability.usable]


class _Replay:
    """One replay and what came of it."""

    def __init__(self, chosen: Targets, engines: Sequence[str], as_json: bool) -> None:
        self._targets = {target.path: target for target in chosen.quick}
        self._left_out = len(chosen.slow)
        self._engines = engines
        self._as_json = as_json
        self.results: list[Result] = []
        self.total = Counts()
        self.seconds = 0.0
        self._interrupted = False

    @property
    def not_run(self) -> list[Path]:
        """The files that an interrupt has left."""
        ran = {result.path for result in self.results}
        return [path for path in self._targets if path not in ran]

    def run(self, jobs: int, *, audit: bool, seconds: float) -> None:
        """Replay everything, or until an interrupt."""
        started = time.monotonic()
        paths = list(self._targets)
        with ExitStack() as stack:
            screen = stack.enter_context(Screen(len(paths), self._as_json))
            screen.say(f"replaying {len(paths):,} cases on {', '.join(self._engines)}")
            coming = judge_files(paths, self._engines, jobs=jobs, audit=audit, seconds=seconds)
            stack.callback(coming.close)
            try:
                for result in coming:
                    self._take(result, screen)
            except (KeyboardInterrupt, SystemExit):
                self._interrupted = True
        self.seconds = time.monotonic() - started

    def _take(self, result: Result, screen: Screen) -> None:
        self.results.append(result)
        self.total += result.counts
        screen.count(failed=result.answer is not Answer.AGREE)
        if self._as_json:
            echo_json(_result_json(result))
        elif result.answer is not Answer.AGREE:
            screen.say(f"{result.path}: {result.answer.value.replace('_', ' ')}")
            for line in result.lines[:_SHOWN_LINES]:
                screen.say(wrapped(line))
            if len(result.lines) > _SHOWN_LINES:
                screen.say(f"  and {len(result.lines) - _SHOWN_LINES:,} more differences (--json has all)")

    def finish(self) -> int:
        """Say what came of it; the exit code."""
        answers = Counter(result.answer for result in self.results)
        expected = sum(result.expected for result in self.results)
        findings = self._findings()
        code = self._exit_code(answers, expected, len(self.undecided()))
        if self._as_json:
            echo_json(
                {
                    "cases": {answer.value: answers[answer] for answer in Answer},
                    "total": counts_json(self.total),
                    "expected": expected,
                    "findings": {str(path): state for path, state in findings.items()},
                    "left_out": self._left_out,
                    "not_run": [str(path) for path in self.not_run],
                    "exit_code": code,
                }
            )
            return code
        for line in [*self._account(answers, expected), *_finding_lines(findings), *self._not_run_lines()]:
            click.echo(line)
        return code

    def undecided(self) -> dict[Path, str]:
        """The findings of which nobody can say what became of them, and why."""
        return {path: state for path, state in self._findings().items() if state.startswith(_UNDECIDED)}

    def _exit_code(self, answers: Counter[Answer], expected: int, undecided: int) -> int:
        if self._interrupted:
            return INTERRUPTED
        if answers[Answer.DIFFER] or answers[Answer.NOT_COMPARABLE] or answers[Answer.CRASHED]:
            return DIVERGENCE
        if answers[Answer.REFUSED]:
            return BAD_INPUT
        return DIVERGENCE if undecided or (self.total.nothing and not expected) else AGREE

    def _account(self, answers: Counter[Answer], expected: int) -> Iterable[str]:
        parts = [f"{answers[answer]:,} {answer.value.replace('_', ' ')}" for answer in Answer if answers[answer]]
        yield f"{len(self.results):,} cases: {', '.join(parts) or 'none run'}, in {self.seconds:.1f} s"
        compared = [counts_text(self.total)] if not self.total.nothing else []
        compared += [f"{expected:,} runs as expected of them"] if expected else []
        yield f"compared: {', '.join(compared)}" if compared else "nothing was compared: this is no agreement"
        known = Counter(entry for result in self.results for entry in result.known)
        if known:
            yield f"known: {', '.join(f'{entry} in {times:,} cases' for entry, times in sorted(known.items()))}"
        if self._left_out:
            yield f"left out: {self._left_out:,} slow cases (--slow runs them)"

    def _findings(self) -> dict[Path, str]:
        """What became of each finding: fixed, still there, or why nobody can say."""
        answers: dict[Path, list[Answer]] = {}
        asked: dict[Path, int] = Counter(target.finding for target in self._targets.values() if target.finding)
        for result in self.results:
            finding = self._targets[result.path].finding
            if finding is not None:
                answers.setdefault(finding, []).append(result.answer)
        return {path: self._state(path, answers.get(path, []), count) for path, count in asked.items()}

    def _state(self, finding: Path, answers: Sequence[Answer], count: int) -> str:
        if any(answer in (Answer.DIFFER, Answer.CRASHED) for answer in answers):
            return "still there"
        try:
            names = engines_of_finding(finding)
        except InputError as error:
            return f"{_UNDECIDED}{error.reason}"
        missing = [name for name in names if name not in self._engines]
        if missing:
            options = shlex.join(f"--engine={name}" for name in names)
            return f"{_UNDECIDED}found with {', '.join(missing)}; replay it with {options}"
        if len(answers) < count or any(answer is not Answer.AGREE for answer in answers):
            return f"{_UNDECIDED}not everything of it was compared"
        return "fixed"

    def _not_run_lines(self) -> Iterable[str]:
        left = self.not_run
        if not left:
            return
        yield f"interrupted: {len(left):,} of {len(self._targets):,} cases were not run"
        yield from (f"  {path}" for path in left[:_SHOWN_NOT_RUN])
        if len(left) > _SHOWN_NOT_RUN:
            yield f"  and {len(left) - _SHOWN_NOT_RUN:,} more"


def _finding_lines(findings: dict[Path, str]) -> Iterable[str]:
    if not findings:
        return
    states = Counter(state.partition(":")[0] for state in findings.values())
    undecided = "; undecided is no agreement" if states["undecided"] else ""
    yield f"findings: {', '.join(f'{count:,} {state}' for state, count in sorted(states.items()))}{undecided}"
    yield from (f"  {path}: {state}" for path, state in findings.items())


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "file": str(result.path),
        "name": result.name,
        "answer": result.answer.value,
        "plans": result.plans,
        "expected": result.expected,
        "seconds": round(result.seconds, 3),
        "counts": counts_json(result.counts),
        "lines": list(result.lines),
        "known": list(result.known),
    }
