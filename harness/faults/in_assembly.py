"""Faults around the fragments: lengths, padding, the last row, and what is given out."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.altered import AlteredRun
from harness.backend import Run
from harness.faults.fault import Check, Fault, InKernels, InRun
from harness.faults.planting import Change

_CELL: Final = (Check.CELL,)


def _in_assembly(right: str, wrong: str, unit: str = "assemble", *, switch: str = "self.fault") -> InKernels:
    return InKernels((Change(unit, right, wrong, switch=switch),))


def _one_row_less(run: Run) -> Run:
    summary = run.summary
    return run if summary is None else AlteredRun(run, other_summary=replace(summary, core=summary.core - 1))


def _without_second_fragment(run: Run) -> Run:
    fragments = len(run.boundaries()) if run.summary is not None else 0
    return AlteredRun(run, skipped_window=1) if fragments > 1 else run


def _without_last_context(run: Run) -> Run:
    states = run.boundaries() if run.summary is not None else ()
    return AlteredRun(run, other_boundaries=states[:-1]) if len(states) > 1 else run


ASSEMBLY_FAULTS: Final = (
    Fault(
        "halt-row-reserved",
        "builder",
        "the trace's length makes room for a HALT row",
        "A5: the other rule, 0.21 and later",
        (Check.SUMMARY,),
        InKernels(
            (
                Change(
                    "assemble",
                    "lower_bound = trace_rows(max(core, chiplets))",
                    "lower_bound = trace_rows(max(core + 1, chiplets))",
                    switch="self.fault",
                ),
                Change(
                    "assemble",
                    "rows = trace_rows(max(core, chiplets, range_rows))",
                    "rows = trace_rows(max(core + 1, chiplets, range_rows))",
                    switch="self.fault",
                ),
            )
        ),
    ),
    Fault(
        "padding-without-hash",
        "builder",
        "HALT rows do not show the program's hash",
        "A8: where the program hash is taken from",
        _CELL,
        _in_assembly(
            "halt = halt_cells(recording.lowered.program_hash, recording.final_stack)",
            "halt = halt_cells((0, 0, 0, 0), recording.final_stack)",
        ),
    ),
    Fault(
        "padding-clk-one-late",
        "builder",
        "clk is one too large on padding rows",
        "C1: an index off by one behind the program",
        _CELL,
        _in_assembly(
            "out[base + row] = np.uint64(row)", "out[base + row] = np.uint64(row + 1)", "chiplets", switch="fault"
        ),
    ),
    Fault(
        "random-row-of-71-draws",
        "builder",
        "the pad column is 0 on the last row",
        "A9: the same, in the sequential builder of 0.19",
        _CELL,
        _in_assembly(
            "columns[:, rows - 1] = last_row(recording.lowered.program_hash)",
            "columns[:71, rows - 1] = last_row(recording.lowered.program_hash)[:71]\ncolumns[71, rows - 1] = 0",
        ),
    ),
    Fault(
        "random-row-without-seed",
        "builder",
        "the last row does not depend on the program",
        "A8: the last row is drawn from the program's hash",
        _CELL,
        _in_assembly("states[0, 7, 4:8] = seed", "", "last_row", switch="fault"),
    ),
    Fault(
        "range-counts-left-over",
        "builder",
        "range lookups are not cleared between two builds",
        "class: state that a build leaves to the next one",
        (Check.CELL, Check.SUMMARY),
        _in_assembly("counts[thread, value] = 0", "", "ranges", switch="fault"),
    ),
    Fault(
        "core-one-row-short",
        "builder",
        "the summary counts one program row too few",
        "A8: last program row N or N - 1",
        (Check.SUMMARY, Check.BOUNDARY),
        InRun(_one_row_less),
    ),
    Fault(
        "second-fragment-missing",
        "builder",
        "the rows of the second fragment are not given out",
        "A11: missing entries; and an engine that must not agree by giving nothing",
        (Check.ENGINE_FAILURE,),
        InRun(_without_second_fragment),
    ),
    Fault(
        "last-context-missing",
        "builder",
        "the context of the last fragment is not given out",
        "A11: missing entries",
        (Check.BOUNDARY,),
        InRun(_without_last_context),
    ),
)
"""Around the fragments: lengths, padding, last row, what is given out."""
