"""Every planted fault is caught by its named error, at the place that it names, and leaves nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from faults import BITWISE_CASE, FAULTS, KERNEL_VARIANTS, Fault, walk_with
from walked_cases import walked

from gpu import errors, host_device, source
from gpu.chips import CHIP_ORDER
from gpu.errors import UnwrittenCells
from gpu.host_device import HostDevice
from gpu.invariants import INVARIANTS
from gpu.states import Cache

pytestmark = pytest.mark.usefixtures("device")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.covers[0]}: {fault.what}")
def test_a_planted_fault_is_caught_and_leaves_nothing(fault: Fault):
    with fault.device() as device:
        with pytest.raises(getattr(errors, fault.error), match=fault.says):
            fault.run(device)
        assert device.arena.total == 0
        assert device.arena.booked == 0
        assert device.arena.budget is None
        if fault.device is HostDevice:
            walked(device, BITWISE_CASE)  # the device serves the next case


def test_the_table_covers_every_invariant_and_every_point():
    covered = {name for fault in FAULTS for name in fault.covers}
    points = {f"B13.{number}" for number in range(1, 11)}
    # 8 is the kernel variant below, 9 are shapes and not faults: test_lifecycle.py.
    assert covered == {invariant.id for invariant in INVARIANTS} | points - {"B13.8", "B13.9"}


@pytest.mark.parametrize("kernel", KERNEL_VARIANTS)
def test_a_cell_that_a_kernel_leaves_unwritten_is_found(monkeypatch, tmp_path: Path, kernel):
    """B13.8: the kernels are compiled from sources with one line changed."""
    folder = tmp_path / "kernels"
    shutil.copytree(source.KERNELS, folder)
    file, before, after, name = KERNEL_VARIANTS[kernel]
    text = (folder / file).read_text()
    start = text.index(kernel)
    assert before in text[start:]
    (folder / file).write_text(text[:start] + text[start:].replace(before, after, 1))
    plain = source.load
    monkeypatch.setattr(host_device, "load", lambda defines, extra: plain(defines, extra, folder))
    with HostDevice() as device:
        with pytest.raises(UnwrittenCells, match=r"chip (bit|mem): Bad\(count=(20|1),"):
            walk_with(device, name=name)
        assert device.arena.total == 0


@pytest.mark.parametrize("cache", Cache)
@pytest.mark.parametrize("lanes", [1, 3])
def test_replays_run_twice_and_in_reverse_are_the_same(cache, lanes):
    """B13.3, where nothing is broken: INV-06 and INV-07 are checked at every one of these generations."""
    with HostDevice() as device:
        plain = walked(device, "mix_720020")
        found = walked(
            device, "mix_720020", cache=cache, lanes=lanes, order=tuple(reversed(CHIP_ORDER)), proofs=2, openings=2
        )
        assert found.manifests == plain.manifests
        assert found.checked["INV-07"] > len(CHIP_ORDER)
