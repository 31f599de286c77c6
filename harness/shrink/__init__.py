"""Shrinking: a failing case becomes the smallest case that fails for the same reason."""

from harness.shrink.search import shrink
from harness.shrink.shrunk import Budget, PassStatistics, Shrunk

__all__ = ["Budget", "PassStatistics", "Shrunk", "shrink"]
