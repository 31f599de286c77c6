"""Queues derived from the reference's rows are those that the parallel engine's executor records, and nothing wrong in a
recording is missed."""

from dataclasses import replace

import numpy as np
import pytest
from recorded_cases import SMALL, recorded_case, recorded_rows

from harness.localise.recorded import wrong_items
from parallel.executor import record
from parallel.recording import QUEUES, SNAPSHOT
from reference.definition.cuts import Every

FAST = SMALL[::6]
ENTRIES = {
    "ends": ["node_flags", "current_addr", "parent_addr"],
    "pops": ["value", "overflow_addr"],
    "restores": ["ctx", "fn_hash", "depth", "overflow_addr"],
    "accesses": ["key", "clk", "kind", "word"],
    "advice": [""],
    "permutations": [""],
    "targets": ["pc", "enters_forest"],
}


def checked(names):
    """How many cases agree, and the entries of each queue that were compared."""
    entries = dict.fromkeys(ENTRIES, 0)
    cases = 0
    for name in names:
        rows = recorded_rows(name)
        if rows is None:
            continue
        case = recorded_case(name, Every(3))
        recording = record(case)
        assert wrong_items(recording, rows, case.cut.starts(rows.count)) == [], name
        cases += 1
        for queue in entries:
            entries[queue] += len(recording.queues[queue])
    return cases, entries


def test_derived_queues_are_those_that_are_recorded():
    cases, entries = checked(FAST)
    assert cases > 30
    assert min(entries.values()) > 0, entries


@pytest.mark.slow
def test_derived_queues_are_those_that_are_recorded_in_all_small_cases():
    cases, entries = checked(SMALL)
    assert cases > 200
    assert min(entries.values()) > 10, entries


# ---- one thing wrong ------------------------------------------------------------------------------------------------


def whole_of(queue):
    """A case with at least three entries of a queue, its recording in fragments of three rows, and its rows."""
    for name in SMALL:
        rows = recorded_rows(name)
        if rows is not None and rows.taken[queue][-1] > 2 and rows.count > 9:
            case = recorded_case(name, Every(3))
            return record(case), rows, case.cut.starts(rows.count)
    raise AssertionError(f"no recorded case has three {queue}")


def with_queue(recording, name, entries):
    return replace(recording, queues={**recording.queues, name: entries})


@pytest.mark.parametrize(("queue", "field"), [(queue, field) for queue, each in ENTRIES.items() for field in each])
def test_a_wrong_entry_is_named_with_the_row_that_takes_it(queue, field):
    recording, rows, starts = whole_of(queue)
    entries = recording.queues[queue].copy()
    index = len(entries) - 1
    place = entries[field] if field else entries
    if queue == "targets" and field == "pc":
        place[index] = recording.lowered.entry
    else:
        place[index] ^= 1
    (first, *_) = wrong_items(with_queue(recording, queue, entries), rows, starts)
    assert first.name.startswith(f"{queue}[{index}]{'.' if field else ''}{field}")
    assert rows.takes[queue][first.row] > 0
    assert rows.taken[queue][first.row] <= index < rows.taken[queue][first.row + 1]
    assert first.expected != first.recorded


@pytest.mark.parametrize("queue", ENTRIES)
@pytest.mark.parametrize("change", ["missing", "surplus"])
def test_a_queue_that_is_too_short_or_too_long_is_named(queue, change):
    recording, rows, starts = whole_of(queue)
    entries = recording.queues[queue]
    other = entries[:-1] if change == "missing" else np.concatenate((entries, entries[-1:]))
    found = wrong_items(with_queue(recording, queue, other), rows, starts)
    assert [item.name for item in found] == [f"{queue} count"]


@pytest.mark.parametrize("field", [name for name in SNAPSHOT.names if name not in ("clk", "continuations")])
def test_a_wrong_field_of_a_snapshot_is_named(field):
    recording, rows, starts = whole_of("pops")
    snapshots = recording.snapshots.copy()
    if field == "continuation_count":
        snapshots[field][2] -= 1
    elif field == "pc":
        snapshots[field][2] = snapshots[field][0]
    else:
        snapshots[field][2] += 1
    found = wrong_items(replace(recording, snapshots=snapshots), rows, starts)
    assert found
    assert {item.row for item in found} == {int(snapshots["clk"][2])}
    wanted = {"pc": "position", "continuation_count": "continuations"}.get(field, field)
    wanted = f"first entry of {field}" if field in QUEUES else wanted
    assert found[0].name.startswith(f"snapshot 2: {wanted}")


def test_a_snapshot_that_is_missing_is_named():
    recording, rows, starts = whole_of("pops")
    found = wrong_items(replace(recording, snapshots=np.delete(recording.snapshots, 2)), rows, starts)
    assert [(item.row, item.name) for item in found] == [(starts[2], f"snapshot at row {starts[2]}: presence")]


@pytest.mark.parametrize("field", ["core_rows", "hasher_rows", "bitwise_requests"])
def test_a_wrong_length_is_named(field):
    recording, rows, starts = whole_of("pops")
    found = wrong_items(replace(recording, **{field: getattr(recording, field) + 8}), rows, starts)
    assert [item.name for item in found] == [field]


def test_wrong_outputs_and_kernel_calls_are_named():
    recording, rows, starts = whole_of("pops")
    stack = list(recording.final_stack)
    stack[4] += 1
    calls = recording.kernel_calls.copy()
    assert [item.name for item in wrong_items(replace(recording, final_stack=tuple(stack)), rows, starts)] == [
        "final stack[4]"
    ]
    name = next(name for name in SMALL if (found := recorded_rows(name)) and found.trace.lengths.kernel_rom > 1)
    rows = recorded_rows(name)
    recording = record(recorded_case(name, Every(3)))
    calls = recording.kernel_calls.copy()
    calls[0] += 1
    found = wrong_items(replace(recording, kernel_calls=calls), rows, Every(3).starts(rows.count))
    assert [item.name for item in found] == ["kernel_rom rows"]


def test_wrong_circuit_rows_are_named_with_the_row_of_the_circuit():
    name = next(name for name in SMALL if (found := recorded_rows(name)) and len(found.ace))
    rows = recorded_rows(name)
    recording = record(recorded_case(name, Every(3)))
    ace = recording.ace.copy()
    ace[1, 15] += 1
    (item,) = wrong_items(replace(recording, ace=ace), rows, Every(3).starts(rows.count))
    assert item.name == "ace[1].chip_19"
    assert rows.operation(item.row) == "EVALCIRCUIT"
