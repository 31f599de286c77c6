"""Hypothesis strategies for tests of an engine: programs, cut plans, and cases, which are programs that are cut.

A failing test shrinks to a small program and few cuts. Deadlines have to be off: kernels compile on their first call.

>>> from hypothesis import given, settings
>>> from harness.backends.parallel import ParallelEngine
>>> from harness.backends.reference import ReferenceEngine
>>> from harness.compare import compare
>>> from harness.verdict import Verdict
>>> engines = [ReferenceEngine(), ParallelEngine()]
>>> @given(cases(families=("arithmetic", "stack"), max_rows=40))
... @settings(deadline=None, max_examples=5)
... def test_engines_agree(case):
...     assert compare(case, engines, audit=False).verdict is Verdict.AGREE
>>> test_engines_agree()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from harness.cuts import random_cut
from harness.generate.failures import failures_in_use
from harness.generate.families import families_in_use
from harness.generate.generated import Generated
from harness.generate.hypothesis_driver import DrawnChoices
from harness.generate.hypothesis_driver import generated as _generated
from harness.generate.profile import SMALL, Profile
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, CutPlan

__all__ = ["SMALL", "Profile", "cases", "cut_plans", "generated", "programs", "register_profiles"]

QUICK_EXAMPLES, NIGHTLY_EXAMPLES = 20, 2000


def programs(
    *,
    profile: Profile = SMALL,
    families: Sequence[str] | None = None,
    max_rows: int | None = None,
    failing: float | None = None,
    failures: Sequence[str] | None = None,
) -> st.SearchStrategy[Case]:
    """Programs in one piece, each with the libraries, stack, advice and kernel that it needs: cases without a cut.

    What is not given is as in ``profile``. ``families``: names of :data:`harness.generate.FAMILIES`. ``max_rows``: the
    budget of trace rows, at least 1. ``failing``: share of programs that are meant to fail, 0 to 1. ``failures``: names of
    :data:`harness.generate.FAILURES`, of those that do.

    Raises ValueError for a value out of range and an unknown name.
    """
    wanted = _profile(profile, families, max_rows, failing, failures)
    return _generated(wanted).map(lambda each: replace(each.case, cuts=(ONE_FRAGMENT,)))


def cases(
    *,
    profile: Profile = SMALL,
    families: Sequence[str] | None = None,
    max_rows: int | None = None,
    failing: float | None = None,
    failures: Sequence[str] | None = None,
    cuts: st.SearchStrategy[CutPlan] | None = None,
) -> st.SearchStrategy[Case]:
    """Programs as of :func:`programs`, each with one cut plan: of ``cuts``, or one fragment or fragments of 1 to 64 rows.

    Raises ValueError as :func:`programs` does.
    """
    wanted = _profile(profile, families, max_rows, failing, failures)
    found = _generated(wanted).map(lambda each: each.case)
    return found if cuts is None else _with_cuts(found, cuts)


def generated(
    *,
    profile: Profile = SMALL,
    families: Sequence[str] | None = None,
    max_rows: int | None = None,
    failing: float | None = None,
    failures: Sequence[str] | None = None,
) -> st.SearchStrategy[Generated]:
    """Cases with what their writer meant them to do: to complete, or the error they end with.

    Raises ValueError as :func:`programs` does.
    """
    return _generated(_profile(profile, families, max_rows, failing, failures))


@st.composite
def cut_plans(draw: st.DrawFn, rows: int = 64, *, multiples_only: bool = False) -> CutPlan:
    """Plans for a program of about ``rows`` rows, at least 1: fragments of any size up to a row more than that, or up to
    eight single cuts.

    ``multiples_only`` leaves the single cuts out, for engines that cut every n rows only. Raises ValueError for fewer rows.
    """
    if rows < 1:
        raise ValueError(f"a program has at least 1 row, found {rows}")
    return random_cut(DrawnChoices(draw), rows, multiples_only=multiples_only)


def register_profiles() -> None:
    """Register ``quick``, ``default`` and ``nightly``, for ``pytest --hypothesis-profile=NAME``: 20, 100 and 2000 examples
    of each test, without deadlines. ``default`` replaces Hypothesis's own, so call it in a conftest.py of your own."""
    settings.register_profile("quick", deadline=None, max_examples=QUICK_EXAMPLES)
    settings.register_profile("default", deadline=None)
    settings.register_profile("nightly", deadline=None, max_examples=NIGHTLY_EXAMPLES)
    settings.load_profile("default")


@st.composite
def _with_cuts(draw: st.DrawFn, found: st.SearchStrategy[Case], cuts: st.SearchStrategy[CutPlan]) -> Case:
    # The plan first: behind the program a shrinker would lose it whenever the program gets shorter.
    plan = draw(cuts)
    return replace(draw(found), cuts=(plan,))


def _profile(
    profile: Profile,
    families: Sequence[str] | None,
    max_rows: int | None,
    failing: float | None,
    failures: Sequence[str] | None,
) -> Profile:
    wanted = replace(
        profile,
        families=profile.families if families is None else tuple(families),
        max_rows=profile.max_rows if max_rows is None else max_rows,
        failing_rate=profile.failing_rate if failing is None else failing,
        failures=profile.failures if failures is None else tuple(failures),
    )
    families_in_use(wanted.families, wanted.max_rows)
    failures_in_use(wanted.failures)
    return wanted
