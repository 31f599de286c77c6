"""A worker that died is a finding: what it had in hand, how it ended, and where it stood."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Final

from harness.campaign.crew import Died
from harness.campaign.keeping import DATA, REPORT, Finding, keep_found
from harness.campaign.law_counts import LawCounts
from harness.campaign.profiles import profile_options
from harness.campaign.protocol import Json, Setup
from harness.campaign.running import Running, case_in_hand
from harness.campaign.totals import Totals
from harness.corpus import slug, write_new
from harness.laws.violation import Law
from harness.report.commands import regenerate_command
from harness.reporting import divergence_json, wrapped
from harness.verdict import Comparison, Counts, Divergence, Kind, Verdict

WORKER: Final = "worker"
"""Stands where an engine does: which engine it was is seen when the case is run again."""

DEATH: Final = f"{Kind.ENGINE_FAILURE.value} {WORKER} "
"""How the signatures begin."""


def divergence_of(died: Died) -> Divergence:
    """The death as an engine failure; its signature says how, not when."""
    return Divergence(Kind.ENGINE_FAILURE, WORKER, WORKER, detail=f"{died.reason}\n{died.detail}".rstrip())


def keep_death(died: Died, running: Running, setup: Setup, out: Path) -> Path:
    """The directory of the finding; InputError when it cannot be written.

    A worker that died while it generated the case leaves no case, nor does a machine that was lost: generating it here might
    end this process too.
    """
    divergence = divergence_of(died)
    case = case_in_hand(running, setup)
    if case is None:
        return keep_number(divergence, running, setup, out)
    comparison = Comparison(case.name, Verdict.DIFFER, (divergence,), (), Counts())
    options = profile_options(setup.profile)
    finding = Finding(divergence.signature, case, comparison, setup.engines, setup.seed, running.number, options)
    return keep_found(finding, out)


def totals_of(signature: str, *, laws: bool) -> Json:
    """What one case that ended a worker adds to the totals; by the laws the engine has not answered."""
    broken = LawCounts(broken=Counter({Law.ANSWER.value: 1})) if laws else None
    totals = Totals((), 0, 0, cases=1, laws=broken)
    totals.verdicts[Verdict.DIFFER] = 1
    totals.findings = Counter({signature: 1})
    return totals.addable()


def has_case(directory: Path) -> bool:
    """Whether the finding has a case that can be run again."""
    return json.loads((directory / DATA).read_text("utf-8"))["found"] is not None


def keep_number(divergence: Divergence, running: Running, setup: Setup, out: Path) -> Path:
    """The directory of a finding without a case; InputError when it cannot be written."""
    directory = out / f"{slug(divergence.signature)}-case-{running.number}"
    options = profile_options(setup.profile)
    command = regenerate_command(setup.seed, running.number, setup.engines, options, laws=setup.laws)
    lines = [divergence.signature, "", "state       not replayed", f"generated   {command} --jobs 1", ""]
    lines += ["nothing is known of the case but its number", wrapped(divergence.detail)]
    write_new(directory / REPORT, "\n".join(lines) + "\n")
    data = {
        "signature": divergence.signature,
        "full_signature": None,
        "state": "not replayed",
        "engines": list(setup.engines),
        "seed": setup.seed,
        "number": running.number,
        "found": None,
        "divergences": [divergence_json(divergence)],
    }
    write_new(directory / DATA, json.dumps(data, indent=2) + "\n")
    return directory
