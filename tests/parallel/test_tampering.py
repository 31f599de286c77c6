"""A tampered context is refused by name, provably changes nothing, or is on the list of what only another engine can see."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tampering import (
    HARMLESS,
    ONLY_ANOTHER_ENGINE,
    PROGRAMS,
    REFUSED,
    UNDETECTED,
    fields,
    judge,
    recording_of,
    table_lines,
    tampering_table,
    tamperings,
)

from parallel.assemble import Builder
from parallel.context_error import ContextError
from parallel.contexts import fragment_context, rebuild_alone
from parallel.recording import QUEUES, Recording
from parallel.validation import validate
from reference.definition.cuts import Every
from reference.definition.field import P

SAFE = "ctl_dyn_lib_703350"


def _assert_listed(table: dict[str, Counter[str]]) -> None:
    unlisted = {
        field: counts for field, counts in table.items() if counts[UNDETECTED]
    }.keys() - ONLY_ANOTHER_ENGINE.keys()
    assert not unlisted, "\n".join(table_lines(table))


def test_every_field_of_every_queue_is_tampered_with_and_refused_or_harmless() -> None:
    table = tampering_table(PROGRAMS, seed=1, each=3)
    print("\n".join(table_lines(table)))
    _assert_listed(table)
    for array, field in fields():
        counts = table[f"{array}.{field}" if field else array]
        assert counts[REFUSED] > counts[HARMLESS], (array, field)
        assert counts[REFUSED] >= 20, (array, field)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(PROGRAMS)))
def test_no_tampering_is_unseen_but_what_is_listed(seed: int, name: str) -> None:
    _assert_listed(tampering_table({name: PROGRAMS[name]}, seed, each=1))


def test_the_untouched_recording_is_harmless() -> None:
    # The judge tells the same trace from another one.
    builder = Builder(threads=1)
    recording = recording_of(SAFE, Every(5))
    expected = builder.build(recording).columns.copy()
    change = next(tamperings(recording, 1, 1))
    assert judge(replace(change, recording=recording), expected, builder) == HARMLESS
    expected[40, 3] ^= np.uint64(1)
    assert judge(replace(change, recording=recording), expected, builder) == UNDETECTED


def test_a_refused_recording_leaves_nothing_behind_in_the_builder() -> None:
    builder = Builder(threads=1)
    recording = recording_of("op_add_700330", Every(3))
    expected = builder.build(recording).columns.copy()
    ends = recording.queues["ends"].copy()
    ends["parent_addr"][5] += 8
    with pytest.raises(ContextError):
        builder.build(replace(recording, queues={**recording.queues, "ends": ends}))
    assert (builder.build(recording).columns == expected).all()


def _snapshot_with(recording: Recording, fragment: int, field: str, value: object) -> Recording:
    snapshots = recording.snapshots.copy()
    snapshots[field][fragment] = value
    return replace(recording, snapshots=snapshots)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pc", -1),
        ("pc", 0),
        ("pc", 1),
        ("pc", 2**40),
        ("clk", -1),
        ("clk", 10),
        ("clk", 2**62),
        ("ctx", -1),
        ("ctx", 2**32),
        ("fn_hash", P),
        ("transcript_state", P),
        ("stack", 2**64 - 1),
        ("depth", 15),
        ("depth", 2**40),
        ("overflow_addr", -1),
        ("hasher_addr", 0),
        ("hasher_addr", 10),
        ("hasher_addr", 2**40),
        ("current_addr", 2),
        ("parent_addr", -7),
        ("bitwise", 2**40),
        ("continuation_count", -1),
        ("continuation_count", 2**40),
        *((queue, -1) for queue in QUEUES),
        *((queue, 2**40) for queue in QUEUES),
    ],
)
def test_a_bad_snapshot_is_refused_with_its_fragment_and_field(field: str, value: int) -> None:
    recording = recording_of(SAFE, Every(5))
    with pytest.raises(ContextError) as refusal:
        validate(_snapshot_with(recording, 3, field, np.uint64(value) if value > 2**63 else value))
    assert refusal.value.fragment == 3
    # depth and overflow address, and a queue's offset and length, are told apart only together
    assert refusal.value.field in {field, "overflow_addr", "continuations", "continuation_count", "clk"}
    assert str(refusal.value).startswith("fragment 3: ")


@pytest.mark.parametrize("entry", [-1, 0, 2**40, "op row", "END of a block", "another child", "EnterForest"])
def test_a_continuation_that_cannot_lead_to_the_position_is_refused(entry: int | str) -> None:
    recording = recording_of("op_mrupdate_700781", Every(7))
    rows = recording.lowered.rows
    block_ends = np.flatnonzero(np.diff(rows.tag) != 0)
    pc = {
        "op row": int(np.flatnonzero(rows.tag == 1)[0]),
        "END of a block": int(next(i + 1 for i in block_ends if rows.tag[i] == 1 and rows.tag[i + 1] == 4)),
        "another child": int(recording.lowered.entry),
        "EnterForest": 1,
    }.get(str(entry), entry)
    pool = recording.queues["continuations"].copy()
    fragment = 4
    place = int(recording.snapshots["continuations"][fragment])
    assert recording.snapshots["continuation_count"][fragment] > 0
    pool[place] = pc
    with pytest.raises(ContextError, match=r"fragment 4: continuations: "):
        validate(replace(recording, queues={**recording.queues, "continuations": pool}))


def test_wrong_types_are_refused() -> None:
    recording = recording_of(SAFE, Every(5))
    for name, queue in recording.queues.items():
        for bad in (queue.view("u1"), np.zeros((2, 2, 2)), np.zeros(3, "O")):
            with pytest.raises(ContextError, match=name):
                validate(replace(recording, queues={**recording.queues, name: bad}))
    with pytest.raises(ContextError, match="snapshots"):
        validate(replace(recording, snapshots=recording.snapshots[:0]))
    with pytest.raises(ContextError, match="queues"):
        validate(replace(recording, queues={}))


def test_a_single_context_is_no_run_and_a_run_no_single_context() -> None:
    recording = recording_of(SAFE, Every(5))
    with pytest.raises(ContextError, match="fragment 0"):
        Builder(threads=1).build(fragment_context(recording, 3))
    # All fragments but the first would be lost: rows 0 to 4 are one fragment's, the queues are the whole run's.
    with pytest.raises(ContextError):
        rebuild_alone(replace(recording, snapshots=recording.snapshots[:1]))


@pytest.mark.slow
def test_no_tampering_reaches_outside_an_array(tmp_path: Path) -> None:
    # With bounds checks compiled in, an index outside an array raises IndexError, which nothing here catches.
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "NUMBA_BOUNDSCHECK": "1",
        "FRAGDIFF_CACHE": str(tmp_path),
        "PYTHONPATH": str(root),
    }
    command = [sys.executable, str(Path(__file__).parent / "tampering.py"), "2"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=580)
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert int(finished.stdout.splitlines()[-1].split()[1]) > 500
