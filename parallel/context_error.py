"""The error of a context that is refused; a module of its own, because it is raised before and by the rebuild."""

from __future__ import annotations


class ContextError(Exception):
    """A context is refused: which fragment, which field of its snapshot or which queue, and why."""

    def __init__(self, fragment: int, field: str, reason: str) -> None:
        super().__init__(f"fragment {fragment}: {field}: {reason}")
        self.fragment = fragment
        self.field = field
        self.reason = reason
