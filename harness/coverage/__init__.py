"""The coverage map: what stood at the cuts, what never did, and why some of it never can (DESIGN: *Coverage map*)."""

from harness.coverage.cells import PHASE_MEANINGS, Cell, Phase, cell, number, parse
from harness.coverage.impossible import RULES, all_cells, possible_numbers, reason_impossible
from harness.coverage.map import CoverageMap, CutCells, Smallest
from harness.coverage.rows import NO_ROWS, RowCells, row_cells, row_operations

__all__ = [
    "NO_ROWS",
    "PHASE_MEANINGS",
    "RULES",
    "Cell",
    "CoverageMap",
    "CutCells",
    "Phase",
    "RowCells",
    "Smallest",
    "all_cells",
    "cell",
    "number",
    "parse",
    "possible_numbers",
    "reason_impossible",
    "row_cells",
    "row_operations",
]
