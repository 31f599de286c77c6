"""The device that runs the kernels on any machine with a C++ compiler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reported_cases import write_cases

from gpu.host_device import HostDevice


@pytest.fixture(scope="session")
def device() -> Iterator[HostDevice]:
    usable, reason = HostDevice.probe()
    if not usable:
        pytest.skip(reason)
    with HostDevice() as host:
        yield host


@pytest.fixture
def host(device: HostDevice) -> Iterator[HostDevice]:
    """A device of its own, whose arena must be empty again at the end."""
    with HostDevice() as own:
        yield own
        assert own.arena.total == 0
        assert own.arena.booked == 0


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for the device report."""
    path = tmp_path_factory.mktemp("bundle") / "cases.zip"
    write_cases(path)
    return path
