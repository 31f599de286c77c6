"""How large and how wild generated cases are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits and rates of generation; shared by the whole program, not per node.

    Raises ValueError for a rate outside 0..1 and for limits below 1.
    """

    max_rows: int = 200
    """Budget of trace rows: no new construct starts when it is used up. Operand set-up and the clean-up of what is open
    may exceed it by a few dozen rows."""
    max_level: int = 4
    """Nesting of branches, loops and calls; each level multiplies what can meet; 200 rows rarely reach five."""
    failing_rate: float = 0.15
    """Share of programs that are meant to fail."""
    families: tuple[str, ...] = ()
    """Names of the families in use; empty: all whose programs ``max_rows`` has room for."""
    failures: tuple[str, ...] = ()
    """Names of the failures in use; empty: all."""
    continue_percent: int = 93
    """Chance that the program's own sequence goes on after an element: 14 elements on average."""
    varied_ends: bool = True
    """Sequences end with operations of all kinds that change the depth; otherwise with DROP and PAD only."""
    swarm_percent: int = 20
    """Chance that a case does without a group of operations or a construct."""

    def __post_init__(self) -> None:
        if not 0 <= self.failing_rate <= 1:
            raise ValueError(f"failing_rate is a share between 0 and 1, found {self.failing_rate}")
        for name in ("max_rows", "max_level"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, found {getattr(self, name)}")


SMALL = Profile(
    max_rows=60,
    max_level=3,
    continue_percent=80,
    varied_ends=False,
    swarm_percent=0,
    families=("mixed", "one_operation", "one_construct"),
)
"""For property tests under Hypothesis, where a case costs hundreds of draws. Families that only weigh the same grammar
differently are left out: a choice then means the same in all of them, so that a shrinker can go from one to another. An
operation is written where it was chosen and not as the end of a sequence, for the same reason."""
