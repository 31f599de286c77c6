"""The case under construction: forests, kernel, advice, inputs, and the budget that all parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from harness.generate.choices import Choices, Weighted
from harness.generate.forests import ForestDraft
from harness.generate.profile import Profile
from harness.generate.values import spread
from reference.definition.field import Word

if TYPE_CHECKING:
    from harness.generate.sequence import Sequence

PRIVATE_ADDRESS: Final = 0x4000_0000
"""Loop counters and loop targets live from here on; nothing else writes there."""

ProcedureKind = Literal["context", "inline"]
"""``context``: runs at depth 16 in a context of its own (CALL, DYNCALL) or in context 0 (SYSCALL); ``inline``: in the
caller's context at any depth and leaves the depth as it was (DYN, external)."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A finished procedure that may be entered again."""

    kind: ProcedureKind
    forest: ForestDraft
    node: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One way for a program to fail."""

    name: str
    error: str
    """The variant path that the engines report."""
    write: Callable[[Sequence], None]
    """Adds code that certainly fails when it runs."""


@dataclass
class Draft:
    """Everything that one case shares."""

    choices: Choices
    profile: Profile
    inputs: list[int] = field(default_factory=lambda: [0] * 16)
    program: ForestDraft = field(default_factory=lambda: ForestDraft(None))
    libraries: list[ForestDraft] = field(default_factory=list)
    kernel: list[Procedure] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    advice_map: dict[Word, tuple[int, ...]] = field(default_factory=dict)
    store: dict[tuple[Word, Word], None] = field(default_factory=dict)
    budget: int = 0
    weights: dict[str, int] = field(default_factory=dict)
    """Of the elements of a sequence, by name; from the family."""
    group_weights: dict[str, int] = field(default_factory=dict)
    """Of the groups of operations; from the family."""
    operation_names: Weighted[tuple[str, ...]] | None = None
    """Those groups, made when the first operation is written."""
    elements: dict[bool, Weighted[Callable[[Sequence], None]]] = field(default_factory=dict)
    """Those elements, made when they are first wanted: by whether constructs are left out."""
    pristine: bool = True
    """No code is written yet, so the operands of what comes first may be the stack inputs."""
    pending: Failure | None = None
    """The failure to be placed in code that certainly runs."""
    intended: str | None = None
    """The error of the placed failure."""
    extra_outputs: int = 0
    """Items that the program leaves beyond the 16 outputs; not 0 makes it fail at its end."""
    direct_pops: bool = True
    """Code may pop elements that only the initial advice stack provides."""
    exact_rows: bool = False
    """Every branch is known, so that rows are counted exactly."""
    _serial: int = 0

    def serial(self) -> int:
        """1, 2, 3, ...: what must differ within a case is made from it."""
        self._serial += 1
        return self._serial

    def fresh_key(self) -> Word:
        """A word that no other part of the case uses as key of the advice map."""
        return spread(self.serial() << 32 | 1)

    def private_address(self) -> int:
        """A word address that nobody else writes."""
        return PRIVATE_ADDRESS + 4 * self.serial()

    def place(self, error: str) -> None:
        """From here on the program is known to end with this error."""
        self.pending = None
        self.intended = error
