"""The case: one program with its inputs and the places where its trace is cut (DESIGN: *Case files*).

Every engine gets the same case. Values are as in the case file: stacks top first, words element 0 first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from reference.definition.cuts import ONE_FRAGMENT, CutPlan
from reference.definition.field import Word
from reference.definition.gpu_options import DEFAULT_GPU_OPTIONS, GpuOptions
from reference.definition.mast import Forest
from reference.definition.parallel_options import DEFAULT_PARALLEL_OPTIONS, ParallelOptions
from reference.definition.program import Program

MAX_STACK_INPUTS = 16

Host = Literal["default", "stdlib"]
"""``stdlib``: the standard library's event handlers answer EMIT; ``default``: only the 16 system events are known."""


@dataclass(frozen=True)
class Advice:
    """What the advice provider holds before the first row."""

    stack: tuple[int, ...] = ()
    """Top first."""
    map: Mapping[Word, tuple[int, ...]] = field(default_factory=dict)
    store: tuple[tuple[Word, Word], ...] = ()
    """(left, right) children of the Merkle nodes; each parent is their hash."""


@dataclass(frozen=True)
class Replies:
    """What a host told the program, in the order of consumption, one queue per kind; replaces the host entirely."""

    elements: tuple[int, ...] = ()
    """Popped by ADVPOP."""
    words: tuple[Word, ...] = ()
    """Popped by ADVPOPW."""
    dwords: tuple[tuple[int, ...], ...] = ()
    """Eight elements each, popped by PIPE."""
    paths: tuple[tuple[Word, ...], ...] = ()
    """Siblings, leaf level first, of each MPVERIFY and MRUPDATE."""


@dataclass(frozen=True)
class Case:
    """A program, its libraries, its inputs and one or more cut plans; each cut plan is a run of its own."""

    name: str
    program: Program
    libraries: tuple[Forest, ...] = ()
    stack: tuple[int, ...] = ()
    """At most 16 values, top first; the rest is 0."""
    advice: Advice = field(default_factory=Advice)
    host: Host = "default"
    replies: Replies | None = None
    cuts: tuple[CutPlan, ...] = (ONE_FRAGMENT,)
    about: str = ""
    gpu: GpuOptions = DEFAULT_GPU_OPTIONS
    """For engines that walk the trace's life cycle on a device; the trace does not depend on them."""
    parallel: ParallelOptions = DEFAULT_PARALLEL_OPTIONS
    """For the engine that rebuilds fragments from their contexts; the trace does not depend on them either."""

    @property
    def cut(self) -> CutPlan:
        """The only cut plan; ValueError when the case has several (see :meth:`runs`)."""
        (plan,) = self.cuts
        return plan

    def runs(self) -> tuple[Case, ...]:
        """One case per cut plan."""
        return tuple(replace(self, cuts=(plan,)) for plan in self.cuts)
