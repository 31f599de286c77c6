"""The engines of one process: found when the first item needs one, opened once, closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.backend import Availability, Preparable
from harness.engines import find_engine
from harness.guarded import GuardedEngine


class Engines:
    """Engines by name; ``say`` takes lines for people when an engine has something long to do first."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._found: dict[str, tuple[GuardedEngine, Availability]] = {}
        self._prepared: set[str] = set()
        self._audit_is_ready = False

    def availability(self, name: str) -> Availability:
        """Whether the engine is usable here; InputError for one that there is not."""
        return self._find(name)[1]

    def get(self, names: Sequence[str]) -> list[GuardedEngine]:
        """Usable engines, ready to run, the audit too."""
        if not self._audit_is_ready:
            from harness.audit.prepare import prepare  # noqa: PLC0415 - loads the compiler

            prepare(self._say)
            self._audit_is_ready = True
        return [self._ready(name) for name in names]

    def close(self) -> None:
        """Close every engine."""
        for engine, _ in self._found.values():
            engine.close()
        self._found.clear()
        self._prepared.clear()

    def _find(self, name: str) -> tuple[GuardedEngine, Availability]:
        if name not in self._found:
            engine = find_engine(name)
            self._found[name] = (GuardedEngine(engine), engine.probe())
        return self._found[name]

    def _ready(self, name: str) -> GuardedEngine:
        engine, _ = self._find(name)
        if name not in self._prepared and isinstance(engine.inner, Preparable):
            engine.inner.prepare(self._say)
        self._prepared.add(name)
        return engine
