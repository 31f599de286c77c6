"""Waiting for what other processes do."""

import time


def wait_until(holds, seconds=60.0):
    """Wait for something to hold; AssertionError when it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
