"""``python -m harness.audit.trust CASES TRACES``: corrupts real traces and prints what the audit notices of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from harness.audit.checks import row_rules, trace_checks
from harness.audit.known import Known
from harness.audit.rule import Rule, Variant
from harness.audit.trust.corruption import Corruption, SingleCells
from harness.audit.trust.families import FAMILIES, several_cells
from harness.audit.trust.subject import Subject, load_subjects
from harness.audit.trust.tally import lines_of, tally_of


def all_rules(known: Known) -> tuple[Rule, ...]:
    """Every rule for traces of the parallel builder that is checked with this knowledge."""
    of_rows = chain.from_iterable(group.rules for group in row_rules(known))
    of_traces = chain.from_iterable(check.rules for check in trace_checks(known, Variant.PARALLEL))
    return tuple(rule for rule in (*of_rows, *of_traces) if rule.variant in {None, Variant.PARALLEL})


def corruptions_of(subjects: Sequence[Subject], single: int, several: int, seed: int) -> Iterator[Corruption]:
    """Single cells, then each family of several cells."""
    yield from SingleCells(subjects, seed).draw(single)
    for number, family in enumerate(FAMILIES):
        yield from several_cells(subjects, family, several, seed + 1 + number)


def main() -> None:
    """Reads the arguments, prints the tables; ends with 1 when a corruption escaped."""
    parser = argparse.ArgumentParser(prog="python -m harness.audit.trust", description=__doc__)
    parser.add_argument("cases", type=Path, help="cases, one a line")
    parser.add_argument("traces", type=Path, help="folder with NAME.npz for cases, array `trace` of (72, rows)")
    parser.add_argument("--records", type=Path, help="what the runs put out, one JSON record a line")
    parser.add_argument("--single", type=int, default=20_000, help="corruptions of one cell")
    parser.add_argument("--several", type=int, default=1_500, help="corruptions of each family of several cells")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-rows", type=int, default=1_024, help="longer traces are left out")
    arguments = parser.parse_args()
    subjects = [
        subject
        for subject in load_subjects(arguments.cases, arguments.traces, arguments.records, arguments.most_rows)
        if subject.judge().accepted
    ]
    if not subjects:
        parser.error("no case has a trace that the audit accepts")
    tally = tally_of(corruptions_of(subjects, arguments.single, arguments.several, arguments.seed))
    print("\n".join(lines_of(tally, all_rules(subjects[0].known))))
    raise SystemExit(1 if tally.escaped else 0)


if __name__ == "__main__":
    main()
