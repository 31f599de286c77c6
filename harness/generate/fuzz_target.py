"""A ready target for coverage fuzzers: bytes in, an exception out when engines differ.

import atheris
from harness.generate.fuzz_target import one_input
atheris.Setup(sys.argv, one_input)
atheris.Fuzz()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from harness.backend import Engine
from harness.compare import compare
from harness.cuts import random_cut
from harness.engines import find_engine
from harness.generate.bytes_driver import PROFILE, BytesChoices
from harness.generate.generated import generate
from harness.generate.profile import Profile
from harness.verdict import Comparison, Verdict, describe
from reference.definition.case import Case
from reference.definition.formats.case_json import write_case

ENGINES: Final = ("reference", "parallel")


class EnginesDifferError(AssertionError):
    """Engines differ on a case; the message names what differs and ends with the case as text."""

    def __init__(self, case: Case, comparison: Comparison) -> None:
        text = "\n".join(describe(item) for item in comparison.divergences)
        super().__init__(f"{text}\n{write_case(case)}")
        self.case = case
        self.comparison = comparison


class Target:
    """Compares engines on the cases that bytes stand for; one target serves any number of inputs.

    ``audit``: traces that agree are judged by the rules of traces too, which takes most of the time.
    """

    def __init__(self, engines: Sequence[Engine], profile: Profile = PROFILE, *, audit: bool = False) -> None:
        self._engines = tuple(engines)
        self._profile = profile
        self._audit = audit

    def __call__(self, data: bytes) -> Comparison:
        """What was compared; raises :class:`EnginesDifferError`."""
        case = case_with_cuts(data, self._profile)
        comparison = compare(case, self._engines, audit=self._audit)
        if comparison.verdict is Verdict.DIFFER:
            raise EnginesDifferError(case, comparison)
        return comparison


def case_with_cuts(data: bytes, profile: Profile = PROFILE) -> Case:
    """The case of the bytes; the first one says whether it is cut as the grammar draws it, or in any other way."""
    choices = BytesChoices(data)
    other = choices.flag(50)
    plan = random_cut(choices, profile.max_rows) if other else None
    case = generate(choices, profile, name="from-bytes").case
    return case if plan is None else replace(case, cuts=(plan,))


@cache
def _target() -> Target:
    return Target([find_engine(name) for name in ENGINES])


def one_input(data: bytes) -> None:
    """Compares ``reference`` with ``parallel``; raises :class:`EnginesDifferError`, and EngineFailure when an engine breaks."""
    _target()(data)
