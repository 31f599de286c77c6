"""Compiling kernels before the first case: what is said then, and the program that is run for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.backend import Engine
from reference.definition.case import Case
from reference.definition.isa import NOOP_OPERATION
from reference.definition.mast import Block, Forest
from reference.definition.program import Program

SMALLEST: Final = Case("smallest", Program(Forest((Block((NOOP_OPERATION,)),), (0,)), 0))


def prepare(engine: Engine, kernels: str, say: Callable[[str], None], *, compiled: bool) -> None:
    """Run the smallest program, which compiles what is not ``compiled``; ``say`` is told of that.

    Raises what the engine raises.
    """
    if not compiled:
        say(f"compiling {kernels}, about a minute, once for this version of the sources ..")
    engine.run(SMALLEST)
