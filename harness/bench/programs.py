"""The six programs that are measured when no case is named: each a loop that spends its time in one part of the machine.

fib: stack; u32: range checks and bitwise; memory; stackdeep: overflow; calls: contexts; hash: one chain of permutations.
At full length each trace has 2^20 rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.corpus import Entry, entries
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case, write_case

DIRECTORY: Final = Path(__file__).parents[2] / "corpus" / "bench"

FULL_ROWS: Final = 2**20
LEAST_ROWS: Final = 2**10
MOST_ROWS: Final = 2**26
"""38 GB as a whole trace; the recording alone takes 1 GB and more."""

ITERATIONS: Final = {"fib": 74885, "u32": 29114, "memory": 47650, "stackdeep": 34940, "calls": 31762, "hash": 58240}
"""The number of iterations at full length; it stands once in the case's text."""


def programs(rows: int = FULL_ROWS, directory: Path = DIRECTORY) -> list[Case]:
    """The six cases, for traces of ``rows`` rows, a power of two from LEAST_ROWS to MOST_ROWS.

    Raises InputError for other numbers of rows, and where the cases are not installed: they belong to the project's
    corpus, which a checkout has and a wheel has not.
    """
    if not LEAST_ROWS <= rows <= MOST_ROWS or rows & (rows - 1):
        raise InputError(f"expected a power of two from {LEAST_ROWS} to {MOST_ROWS}, found {rows}", place="--rows")
    if not directory.is_dir():
        raise InputError(
            "the built-in programs are not here; name CASE files, or use a checkout", source=str(directory)
        )
    found = {entry.case.name: entry for entry in entries(directory)}
    missing = sorted(ITERATIONS.keys() - found.keys())
    if missing:
        raise InputError(f"no program {missing[0]!r}", source=str(directory))
    return [_scaled(found[name], count, rows) for name, count in ITERATIONS.items()]


def _scaled(entry: Entry, iterations: int, rows: int) -> Case:
    # The case without what is expected of it, in which the number stands, too.
    text = write_case(entry.case)
    if text.count(str(iterations)) != 1:
        raise InputError(f"expected the iteration count {iterations} once", source=str(entry.path))
    # One iteration less leaves room for the rows before and after the loop, which do not scale.
    count = iterations if rows == FULL_ROWS else iterations * rows // FULL_ROWS - 1
    return read_case(text.replace(str(iterations), str(count)), str(entry.path))
