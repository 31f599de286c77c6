"""Recordings and single contexts in files: what is written comes back, and nothing else is believed."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tampering import recording_of

from parallel.assemble import Builder
from parallel.context_error import ContextError
from parallel.contexts import boundary_state, fragment_context, rebuild_alone
from parallel.cost import recording_cost
from parallel.recording import Recording
from parallel.saved import load, save
from reference.definition.cuts import Every
from reference.definition.errors import InputError

NAMES = ("op_mrupdate_700781", "op_evalcircuit_700771", "ctl_dyn_lib_703350", "op_pipe_700722")


def _recording(name: str = "ctl_dyn_lib_703350") -> Recording:
    return recording_of(name, Every(16))


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_recording_builds_the_same_trace(name: str, tmp_path: Path) -> None:
    recording = _recording(name)
    path = tmp_path / "run.context"
    save(recording, path)
    loaded = load(path, recording.lowered)
    builder = Builder(threads=1)
    expected = builder.build(recording).columns.copy()
    assert (builder.build(loaded).columns == expected).all()
    fragments = range(len(recording.snapshots))
    assert [boundary_state(loaded, f) for f in fragments] == [boundary_state(recording, f) for f in fragments]


@pytest.mark.parametrize("name", NAMES)
def test_a_single_saved_context_rebuilds_exactly_its_rows(name: str, tmp_path: Path) -> None:
    recording = _recording(name)
    core = Builder(threads=1).build(recording).columns[:49]
    path = tmp_path / "fragment.context"
    for fragment in range(len(recording.snapshots)):
        save(fragment_context(recording, fragment), path)
        first = int(recording.snapshots["clk"][fragment])
        rows = rebuild_alone(load(path, recording.lowered))
        assert rows.shape == (49, recording.fragment_end(fragment) - first)
        assert (rows == core[:, first : first + rows.shape[1]]).all()


def test_a_context_shares_nothing_with_its_recording() -> None:
    recording = _recording()
    context = fragment_context(recording, 2)
    arrays = [context.snapshots, context.ace, *context.queues.values()]
    theirs = [recording.snapshots, recording.ace, *recording.queues.values()]
    assert not any(np.shares_memory(mine, other) for mine in arrays for other in theirs)


def test_a_file_cut_short_or_too_long_is_refused_with_its_place(tmp_path: Path) -> None:
    recording = _recording()
    path = tmp_path / "run.context"
    save(recording, path)
    content = path.read_bytes()
    for length in (0, 1, 15, 16, 60, 200, 300, *range(301, len(content), 997), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="byte") as refusal:
            load(path, recording.lowered)
        assert refusal.value.source == str(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(InputError, match=r"expected \d+ bytes"):
        load(path, recording.lowered)


@pytest.mark.parametrize(
    ("place", "named"), [(0, "byte 0"), (16, "byte 16"), (20, "byte 20"), (28, "byte 28"), (60, "byte 60")]
)
def test_another_header_is_refused(place: int, named: str, tmp_path: Path) -> None:
    recording = _recording()
    path = tmp_path / "run.context"
    save(recording, path)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"byte {place}:"):
        load(path, recording.lowered)


def test_a_context_of_another_program_or_other_libraries_is_refused(tmp_path: Path) -> None:
    recording, other = _recording(), _recording("op_mrupdate_700781")
    path = tmp_path / "run.context"
    save(recording, path)
    with pytest.raises(InputError, match="another program"):
        load(path, other.lowered)


def test_counts_of_the_header_ask_for_no_memory(tmp_path: Path) -> None:
    # Any count larger than the file is refused before an array is made: 2^62 entries would not fit anywhere.
    recording = _recording()
    path = tmp_path / "run.context"
    save(recording, path)
    content = bytearray(path.read_bytes())
    counts = 64 + 8 * 3 + 8 * 16
    for array in range(11):
        changed = content.copy()
        changed[counts + 8 * array : counts + 8 * array + 8] = (2**62).to_bytes(8, "little")
        path.write_bytes(changed)
        with pytest.raises(InputError, match="by the counts of the header"):
            load(path, recording.lowered)


def test_no_changed_byte_gets_past_by_a_crash(tmp_path: Path) -> None:
    recording = _recording()
    core = Builder(threads=1).build(recording).columns[:49]
    path = tmp_path / "fragment.context"
    save(fragment_context(recording, 3), path)
    content = path.read_bytes()
    random_ = random.Random(5)
    refused = 0
    for _ in range(400):
        changed = bytearray(content)
        changed[random_.randrange(len(changed))] = random_.randrange(256)
        path.write_bytes(changed)
        try:
            rows = rebuild_alone(load(path, recording.lowered))
        except (InputError, ContextError):
            refused += 1
        else:
            assert rows.shape[0] == core.shape[0]
    assert refused > 100


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "none", _recording().lowered)


def test_what_load_would_refuse_is_not_saved(tmp_path: Path) -> None:
    recording = _recording()
    with pytest.raises(ContextError):
        save(replace(recording, core_rows=recording.core_rows + 10**6), tmp_path / "run.context")
    assert not (tmp_path / "run.context").exists()


def test_the_cost_of_a_recording_is_that_of_its_arrays() -> None:
    recording = _recording("op_pipe_700722")
    cost = recording_cost(recording)
    assert (cost.rows, cost.fragments) == (192, 12)
    # 62 pops of 16 bytes, 56 elements of advice of 8 bytes: counted by hand from the program's operations
    assert cost.per_row("pops") == pytest.approx(62 * 16 / 192)
    assert cost.per_fragment("advice") == pytest.approx(56 * 8 / 12)
    assert cost.bytes == sum(a.nbytes for a in (recording.snapshots, recording.ace, *recording.queues.values()))
    assert cost.lines()[-1].split()[:3] == ["total", str(sum(q.entries for q in cost.queues)), str(cost.bytes)]
