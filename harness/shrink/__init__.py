"""Shrinking: a failing case becomes the smallest case that fails for the same reason."""

from harness.shrink.search import Budget, PassStatistics, Shrunk, shrink

__all__ = ["Budget", "PassStatistics", "Shrunk", "shrink"]
