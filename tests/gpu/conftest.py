"""The device that runs the kernels on any machine with a C++ compiler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gpu.host_device import HostDevice


@pytest.fixture(scope="session")
def device() -> Iterator[HostDevice]:
    usable, reason = HostDevice.probe()
    if not usable:
        pytest.skip(reason)
    with HostDevice() as host:
        yield host
