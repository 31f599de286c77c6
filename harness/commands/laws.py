"""``fragdiff laws``: one engine judged by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from harness.cli import AGREE, DIVERGENCE
from harness.commands.options import case_arguments, cuts_option, echo_json, load_all
from harness.laws.acceptance import learn_names
from harness.laws.build import Subject
from harness.laws.judge import Judgement, judge
from harness.laws.plans import BOUND, law_plans
from harness.laws.record_subject import RecordSubject
from harness.laws.sizes import sizes_of
from harness.laws.subjects import open_subject
from harness.laws.violation import MEANING, Law, describe, violation_json
from harness.reporting import wrapped
from reference.definition.case import Case
from reference.definition.formats.children_first import children_first


@click.command()
@case_arguments
@click.option("--engine", required=True, metavar="NAME", help="An installed engine, or exec:COMMAND.")
@click.option(
    "--up-to",
    "bound",
    type=click.IntRange(min=1),
    default=BOUND,
    show_default=True,
    help="Build with fragments of every size up to this one; some larger ones are built as well.",
)
@cuts_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a case and one total instead of text.")
@click.pass_context
def laws(
    ctx: click.Context, files: tuple[str, ...], engine: str, bound: int, cuts: tuple[str, ...], as_json: bool
) -> None:
    """Judge one engine by itself: build each CASE at many cuts and hold the laws of cutting against the builds.

    \b
    fragdiff laws --engine mine corpus/*.case.json
    fragdiff laws --engine "exec:target/release/next-release" case.json

    \b
    law 1        the trace does not depend on the cuts: fragments of one row, of every size, one fragment, single cuts
    law 2        cutting a fragment again changes nothing
    law 3        the boundary state of a row is the same whatever the other cuts are
    law 4        a build made twice gives the same twice
    constraints  the engine's own check accepts its traces, where it has one

    What --cuts names, or what the case's own plans are, is built besides. No other engine is asked. The engine may be
    another machine altogether: instruction set, hash, columns and layout are its own. A program of exec:COMMAND gets a
    case with many cuts on a line and prints a record with a member of `fragments` for each: `fragment` (the size),
    `status` (completed, failed, panicked), `message`, and of `columns` (a digest each), `differences`, `constraints`
    and `contexts` what it has.

    A program that fails alike at every cut keeps the laws; one that completes at some cuts only breaks the first. What an
    engine cannot show is listed as not judged. The exit code is 0 when every case was judged and keeps the laws, 1 when a law
    is broken or a case was not judged at all.

    JSON keys of a case: file, name, engine, verdict (keeps, breaks, not_judged), builds, judged, not_judged, violations,
    sizes; the last line has total and exit_code.
    """
    loaded = load_all(files, cuts)
    total: Counter[str] = Counter()
    with open_subject(engine) as subject:
        if isinstance(subject, RecordSubject):
            # It may have another hash, and then wants the targets of dynamic calls by name.
            subject.write = learn_names(subject)[0].write
        for item in loaded:
            judgement = judge_case(subject, item.case, bound)
            total[verdict(judgement)] += 1
            if as_json:
                echo_json({"file": item.file, **_json(judgement)})
            else:
                click.echo(_text(item.file, judgement))
    code = AGREE if total["keeps"] == sum(total.values()) else DIVERGENCE
    if as_json:
        echo_json({"total": dict(total), "exit_code": code})
    elif len(loaded) > 1:
        counts = [f"{count} {name.replace('_', ' ')}" for name, count in sorted(total.items())]
        click.echo(f"total: {', '.join(counts)}")
    ctx.exit(code)


def judge_case(subject: Subject, case: Case, bound: int) -> Judgement:
    """The case at the plans of this command."""
    case = children_first(case)
    return judge(subject, case, law_plans(case, bound=bound, free=subject.cuts_freely))


def verdict(judgement: Judgement) -> str:
    """``keeps``, ``breaks`` or ``not_judged``."""
    if judgement.violations:
        return "breaks"
    return "not_judged" if judgement.nothing else "keeps"


def _text(file: str, judgement: Judgement) -> str:
    said = {"keeps": "keeps the laws", "breaks": "breaks the laws", "not_judged": "not judged: this is no pass"}
    lines = [f"{judgement.case.name}  ({file}, {judgement.engine}): {said[verdict(judgement)]}"]
    if judgement.refused is not None:
        return "\n".join([*lines, f"  refused: {judgement.refused}"])
    ends = Counter(build.status.value for build in judgement.builds)
    lines.append(f"  {len(judgement.builds)} builds: {', '.join(f'{count} {end}' for end, count in ends.items())}")
    lines += _law_lines(judgement)
    lines += [wrapped(describe(violation)) for violation in judgement.violations]
    if judgement.violations:
        lines += [f"  {line}" for line in sizes_of(judgement.builds).lines()]
    return "\n".join(lines)


def _law_lines(judgement: Judgement) -> Sequence[str]:
    """A line for each law: broken, kept, or why it was not judged."""
    broken = {violation.law for violation in judgement.violations}
    lines = []
    for law in (Law.CUTS, Law.AGAIN, Law.STATES, Law.TWICE, Law.CONSTRAINTS):
        if law in broken:
            said = f"broken      {MEANING[law]}"
        elif judgement.judged[law]:
            said = f"kept        {MEANING[law]} ({judgement.judged[law]:,} compared)"
        else:
            said = f"not judged  {judgement.not_judged.get(law, 'nothing to compare')}"
        lines.append(f"  {law.value:<12} {said}")
    return lines


def _json(judgement: Judgement) -> dict[str, Any]:
    return {
        "name": judgement.case.name,
        "engine": judgement.engine,
        "verdict": verdict(judgement),
        "refused": judgement.refused,
        "builds": len(judgement.builds),
        "judged": {law.value: count for law, count in judgement.judged.items()},
        "not_judged": {law.value: reason for law, reason in judgement.not_judged.items()},
        "violations": [violation_json(item) for item in judgement.violations],
        "sizes": sizes_of(judgement.builds).as_json(),
    }
