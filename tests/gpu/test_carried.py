"""Recordings in files that need NumPy alone: the same walks, and refusals of everything else."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core_run import vm_cases
from walked_cases import VARIED, demand_vm_trace, recording_of

from gpu.carried import CarriedRecording, coarser, from_bytes, to_bytes
from gpu.errors import RawStateError
from gpu.host_device import HostDevice
from gpu.lifecycle import walk
from gpu.raw import pack
from gpu.recordings import QUEUE_FIELDS, SNAPSHOT_FIELDS, is_known
from gpu.tables import ProgramTables
from parallel.executor import record
from parallel.recording import QUEUES, SNAPSHOT
from reference.definition.cuts import Every
from reference.definition.errors import InputError


@pytest.mark.parametrize("name", VARIED)
def test_a_carried_recording_packs_to_the_same_raw_state(name: str) -> None:
    recording = recording_of(name)
    carried = from_bytes(to_bytes(recording), name)
    tables, own = ProgramTables.of(recording.lowered), ProgramTables.of(carried.lowered)
    assert own.digests_hold == tables.digests_hold
    assert own.arrays.keys() == tables.arrays.keys()
    for key, array in tables.arrays.items():
        assert array.dtype == own.arrays[key].dtype
        assert np.array_equal(array, own.arrays[key]), key
    for first, end in ((0, None), (1, 3)):
        expected, found = pack(recording, tables, first, end), pack(carried, own, first, end)
        assert (found.counts, found.fingerprint) == (expected.counts, expected.fingerprint)
    assert to_bytes(carried) == to_bytes(recording)


@pytest.mark.parametrize("name", VARIED[:3])
def test_coarser_cuts_of_a_carried_recording_give_the_real_vms_trace(device: HostDevice, name: str) -> None:
    carried = from_bytes(to_bytes(recording_of(name, Every(7))), name)
    for factor in (1, 3, 10**6):
        cut = coarser(carried, factor)
        assert len(cut.snapshots) == -(-len(carried.snapshots) // factor)
        assert cut.rows_of_fragment(0) == min(7 * factor, carried.core_rows)
        demand_vm_trace(name, walk(cut, device))
    assert carried.rows_of_fragment(len(carried.snapshots) - 1) == carried.core_rows - 7 * (len(carried.snapshots) - 1)
    with pytest.raises(ValueError, match="every 0-th cut"):
        coarser(carried, 0)


def test_the_shape_of_a_recording_is_the_recorders() -> None:
    assert sorted(SNAPSHOT_FIELDS) == sorted(SNAPSHOT.names or ())
    assert {name: np.dtype(entry).names or () for name, entry in QUEUES.items()} == QUEUE_FIELDS
    recording = recording_of(VARIED[0])
    assert is_known(recording)
    floats = np.zeros(3, [(name, "<f8") for name in QUEUE_FIELDS["pops"]])
    assert not is_known(replace(recording, queues={**recording.queues, "pops": floats}))
    assert not is_known(replace(recording, snapshots=recording.snapshots[["pc", "clk"]]))
    assert not is_known(replace(recording, queues={}))


def test_a_failed_program_is_not_carried() -> None:
    failing = next(case for name, case in vm_cases().items() if name.startswith("op_assert_"))
    recordings = (record(replace(case, cuts=(Every(7),))) for case in vm_cases().values() if case.name != failing.name)
    failed = next(recording for recording in recordings if not recording.final_stack)
    with pytest.raises(RawStateError, match="nothing to replay"):
        to_bytes(failed)


def with_arrays(recording: Any, **changed: Any) -> bytes:
    """The file of a recording with arrays replaced; None leaves one out."""
    with np.load(io.BytesIO(to_bytes(recording))) as archive:
        arrays = {name: archive[name] for name in archive.files} | changed
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file.getvalue()


U64 = np.uint64


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ace": None}, "these differ: ace"),
        ({"extra": np.zeros(1)}, "these differ: extra"),
        ({"numbers": np.zeros(6, np.int64)}, "expected version 1, found 0"),
        ({"numbers": np.array([1, 99, 0, 0, 0, 0])}, "expected layout 1, found 99"),
        ({"numbers": np.zeros(2, np.int64)}, "expected 6 integers"),
        ({"numbers": np.array([1, 1, -1, 0, 0, 0])}, "canonical numbers"),
        ({"outputs": np.zeros(16)}, "expected 16 integers, found float64"),
        ({"program_hash": np.full(4, 2**64 - 1, U64)}, "canonical numbers"),
        ({"q_permutations": np.zeros((1, 8, 12), U64)}, r"expected uint64 \(n, 2, 12\)"),
        ({"ace": np.zeros(16, U64)}, r"expected uint64 \(n, 16\)"),
        ({"snapshots": np.array([{}], object)}, "an archive of arrays"),
    ],
)
def test_a_file_that_is_no_carried_recording_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"here.npz: .*{says}"):
        from_bytes(with_arrays(recording_of(VARIED[0]), **changed), "here.npz")


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100, np.zeros(3).tobytes()])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="expected an archive of arrays"):
        from_bytes(content, "file")


def test_a_file_that_ends_early_or_was_altered_is_refused() -> None:
    content = to_bytes(recording_of(VARIED[0]))
    for end in range(0, len(content), len(content) // 50):
        with pytest.raises(InputError):
            from_bytes(content[:end], "file")
    middle = len(content) // 3
    with pytest.raises(InputError, match="archive of arrays"):
        from_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :], "file")


def test_a_carried_recording_that_contradicts_itself_is_refused_when_it_is_packed() -> None:
    carried = from_bytes(to_bytes(recording_of(VARIED[0])), "file")
    wrong = CarriedRecording(**{**vars(carried), "queues": {**carried.queues, "ends": carried.queues["ends"][:1]}})
    with pytest.raises(RawStateError, match="ends"):
        pack(wrong, ProgramTables.of(wrong.lowered))
