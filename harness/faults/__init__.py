"""Planted faults: engines, comparisons and generators that are wrong on purpose, by which the harness is judged.

A pass of the harness is worth what it would not have passed. The catalogue says what is planted; :func:`engine` makes the
parallel engine with one of its faults in it, and ``fragdiff selftest`` tries them all.
"""

from harness.faults.catalogue import ENGINE_FAULTS, FAULTS, find_fault
from harness.faults.fault import Check, Fault
from harness.faults.faulty_engine import FaultyEngine, engine

__all__ = ["ENGINE_FAULTS", "FAULTS", "Check", "Fault", "FaultyEngine", "engine", "find_fault"]
