"""Packing refuses what does not fit; the kernels name what they find wrong in what was packed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from core_run import core_run, recording_of, refusal, vm_cases

from gpu.device import Tag
from gpu.errors import CarryMismatch, QueueLeftover, QueueUnderflow, RawStateError
from gpu.fingerprint import fingerprint, fingerprint_on
from gpu.header import FIELD
from gpu.host_device import HostDevice
from gpu.raw import PADDING, RawState, pack
from gpu.tables import ProgramTables
from parallel.recording import Recording
from reference.definition.cuts import ONE_FRAGMENT, Every
from reference.definition.field import P

SEVEN = Every(7)


def mixed(plan: Every = SEVEN) -> Recording:
    return recording_of(vm_cases()["mix_720170"], plan)


def packed(recording: Recording) -> RawState:
    return pack(recording, ProgramTables.of(recording.lowered))


def changed(recording: Recording, queue: str, field: str, entry: int, value: int) -> Recording:
    array = (recording.snapshots if queue == "snapshots" else recording.queues[queue]).copy()
    if field:
        array[field][entry] = value
    else:
        array[entry] = value
    if queue == "snapshots":
        return replace(recording, snapshots=array)
    return replace(recording, queues={**recording.queues, queue: array})


# ---- packing --------------------------------------------------------------------------------------------------------


def test_the_sum_of_the_arrays_is_the_raw_state() -> None:
    raw = packed(mixed())
    assert raw.bytes == sum(array.size * array.dtype.itemsize for array in raw.arrays.values())
    fragments = raw.counts["fragments"]
    assert raw.arrays["hdr"].shape == (20, fragments + 1)
    assert raw.arrays["acc_word"].shape == (raw.counts["accesses"] + PADDING, 4)
    assert not raw.arrays["acc_word"][-PADDING:].any()


@pytest.mark.parametrize(
    ("queue", "field", "entry", "value", "named"),
    [
        ("snapshots", "pc", 3, 10**9, "pc"),
        ("snapshots", "ctx", 3, -1, "ctx"),
        ("snapshots", "depth", 2, 2**32, "depth"),
        ("snapshots", "clk", 3, 0, "clk"),
        ("snapshots", "pops", 3, -1, "pops"),
        ("snapshots", "accesses", 4, 10**12, "accesses"),
        ("snapshots", "continuation_count", 4, 10**12, "continuations"),
        ("snapshots", "continuations", 4, -5, "continuations"),
        ("snapshots", "stack", 3, P, "stack_0"),
        ("ends", "current_addr", 2, -1, "ends.current_addr"),
        ("ends", "node_flags", 2, 2**40, "ends.node_flags"),
        ("pops", "value", 0, 2**64 - 1, "pops.value"),
        ("accesses", "kind", 0, 16, "accesses.kind"),
        ("accesses", "word", 0, P, "accesses.word"),
        ("advice", "", 0, P, "advice"),
        ("permutations", "", 0, P, "permutations"),
        ("continuations", "", 0, -7, "continuations"),
    ],
)
def test_packing_names_what_does_not_fit(queue: str, field: str, entry: int, value: int, named: str) -> None:
    case = {"advice": "op_pipe_700722", "permutations": "op_mrupdate_700781"}.get(queue, "mix_720170")
    recording = recording_of(vm_cases()[case], Every(7))
    assert len(recording.snapshots) > 4
    with pytest.raises(RawStateError) as refused:
        packed(changed(recording, queue, field, entry, value))
    assert named in str(refused.value)


@pytest.mark.parametrize(("first", "end"), [(-1, None), (0, 0), (2, 1), (0, 10**6)])
def test_a_shard_without_fragments_is_refused(first: int, end: int | None) -> None:
    recording = mixed()
    with pytest.raises(RawStateError, match="fragments"):
        pack(recording, ProgramTables.of(recording.lowered), first, end)


def test_a_failed_program_has_no_raw_state() -> None:
    case = next(case for name, case in vm_cases().items() if name.startswith("fail") or "fail" in name)
    recording = recording_of(case, ONE_FRAGMENT)
    assert not recording.final_stack
    with pytest.raises(RawStateError, match="failed"):
        packed(recording)


def test_external_reads_are_the_last_accesses_before_the_shard() -> None:
    recording = mixed()
    tables = ProgramTables.of(recording.lowered)
    accesses = recording.queues["accesses"]
    cuts = recording.snapshots["accesses"]
    found = 0
    for first in range(1, len(recording.snapshots)):
        raw = pack(recording, tables, first, first + 1)
        start, stop = int(cuts[first]), int(cuts[first + 1]) if first + 1 < len(cuts) else len(accesses)
        # One word after another, from the accesses in the order in which they happened.
        latest = {int(entry["key"]): entry for entry in accesses[:start]}
        wanted = {int(key): latest[int(key)] for key in accesses["key"][start:stop] if int(key) in latest}
        keys = raw.arrays["ext_key"][:-PADDING].tolist()
        assert keys == sorted(wanted)
        assert raw.arrays["ext_clk"][:-PADDING].tolist() == [int(wanted[key]["clk"]) for key in keys]
        assert raw.arrays["ext_word"][:-PADDING].tolist() == [wanted[key]["word"].tolist() for key in keys]
        found += len(keys)
    assert found > 0


# ---- the fingerprint ------------------------------------------------------------------------------------------------


def test_host_and_device_give_the_same_fingerprint(device: HostDevice) -> None:
    raw = packed(mixed())
    buffers = {name: device.upload(Tag.RAW, name, array) for name, array in raw.arrays.items()}
    try:
        assert fingerprint_on(device, buffers) == raw.fingerprint == fingerprint(raw.arrays)
    finally:
        for buffer in buffers.values():
            buffer.free()


def test_every_bit_of_the_raw_state_is_in_the_fingerprint() -> None:
    raw = packed(recording_of(vm_cases()["op_mrupdate_700781"], Every(7)))
    seen = {raw.fingerprint}
    for name, array in raw.arrays.items():
        if array.size:
            altered = array.copy()
            altered.reshape(-1)[-1] ^= altered.dtype.type(1)
            seen.add(fingerprint({**raw.arrays, name: altered}))
    assert len(seen) == 1 + sum(array.size > 0 for array in raw.arrays.values())


def test_two_exchanged_entries_change_the_fingerprint() -> None:
    arrays = {"a": np.array([1, 2, 3], np.uint64), "b": np.array([1, 2, 3], np.uint64)}
    swapped = {**arrays, "a": np.array([2, 1, 3], np.uint64)}
    across = {"a": np.array([1, 2, 4], np.uint64), "b": np.array([1, 2, 2], np.uint64)}
    assert len({fingerprint(arrays), fingerprint(swapped), fingerprint(across)}) == 3


# ---- what the kernels find ------------------------------------------------------------------------------------------


def with_header(raw: RawState, field: str, fragment: int, difference: int) -> np.ndarray:
    header = raw.arrays["hdr"].copy()
    header[FIELD[field], fragment] = (int(header[FIELD[field], fragment]) + difference) % 2**32
    return header


@pytest.mark.parametrize("field", ["ctx", "current_addr", "parent_addr", "overflow_addr"])
def test_a_changed_header_field_is_a_carry_mismatch(device: HostDevice, field: str) -> None:
    recording = mixed()
    raw = packed(recording)
    error = refusal(device, recording, hdr=with_header(raw, field, 5, 8))
    assert isinstance(error, RawStateError)
    if isinstance(error, CarryMismatch):
        assert (error.field, error.fragment) == (field, 5)


def test_a_changed_stack_item_names_the_header_and_the_item(device: HostDevice) -> None:
    recording = mixed()
    words = packed(recording).arrays["hwords"].copy()
    words[9, 4] ^= np.uint64(1)
    error = refusal(device, recording, hwords=words)
    assert isinstance(error, CarryMismatch)
    assert (error.field, error.fragment, error.row) == ("stack_9", 4, 28)


@pytest.mark.parametrize("queue", ["ends", "pops", "accesses"])
def test_an_entry_too_many_or_too_few_names_queue_and_fragment(device: HostDevice, queue: str) -> None:
    recording = mixed(Every(16))
    raw = packed(recording)
    offsets = raw.arrays["hdr"][FIELD[queue]].astype(np.int64)
    fragment = int(np.flatnonzero(np.diff(offsets) > 0)[1])
    short = refusal(device, recording, hdr=with_header(raw, queue, fragment + 1, -1))
    long = refusal(device, recording, hdr=with_header(raw, queue, fragment + 1, 1))
    assert isinstance(short, QueueUnderflow)
    assert (short.field, short.fragment) == (queue, fragment)
    assert isinstance(long, QueueLeftover)
    assert (long.field, long.fragment) == (queue, fragment)


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("acc_key", 1),
        ("acc_clk", 1),
        ("acc_kind", 1),
        ("acc_word", 1),
        ("ends_cur", 8),
        ("ends_flags", 2),
        ("tgt_pc", 1),
    ],
)
def test_altered_entries_are_refused(device: HostDevice, array: str, value: int) -> None:
    name = "ctl_dyn_lib_703350" if array == "tgt_pc" else "op_mstorew_700450" if array == "acc_word" else "mix_720170"
    recording = recording_of(vm_cases()[name], Every(7))
    altered = packed(recording).arrays[array].copy()
    flat = altered.reshape(-1)
    flat[0] ^= flat.dtype.type(value)
    error = refusal(device, recording, **{array: altered})
    assert isinstance(error, RawStateError)


def test_an_unaltered_recording_is_not_refused(device: HostDevice) -> None:
    assert refusal(device, mixed()) is None


def test_nothing_stays_after_a_refusal(device: HostDevice) -> None:
    before = device.pool_bytes()
    recording = mixed()
    assert refusal(device, recording, hdr=with_header(packed(recording), "depth", 3, 1)) is not None
    with pytest.raises(RawStateError), core_run(device, changed(recording, "pops", "value", 0, P)):
        pass
    after = device.pool_bytes()
    assert after == before
