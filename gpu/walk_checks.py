"""Checks at the end of a session's life and at the end of a walk, from what the session and the device's log have kept."""

from __future__ import annotations

from collections import Counter
from typing import Final

from gpu.count_checks import check_cursors
from gpu.device import Device
from gpu.header import FIELD
from gpu.run_checks import check_estimates, check_generations, check_live, check_replays, check_strict
from gpu.session import Session

QUEUES: Final = ("ends", "pops", "restores", "accesses", "advice", "permutations", "targets", "bitwise", "circuits")
"""Queues whose offsets count from the shard's first entry."""


def check_session(session: Session, checked: Counter[str]) -> None:
    """INV-04, 05, 16, 23 of an opened session; ``checked`` also counts what was checked at every use and generation."""
    generator, counts = session.generator, session.counts
    check_live(generator.most_live, session.lanes)
    check_generations(generator.generations, session.rounds, session.cache)
    hdr = session.resident.host.arrays["hdr"]
    check_cursors({name: (int(hdr[FIELD[name], 0]), int(hdr[FIELD[name], -1])) for name in QUEUES}, counts)
    checked.update(("INV-04", "INV-23", "INV-16"))
    if session.lanes == 1:
        check_estimates(generator.history)
        checked["INV-05"] += len(generator.history)
    checked.update(dict.fromkeys(("INV-02", "INV-07", "INV-10"), session.uses))
    verified = sum(one.digest is not None for one in generator.history)
    checked.update({"INV-06": verified, "INV-09": verified})


def check_log(device: Device, first: tuple[int, int, int], checked: Counter[str]) -> None:
    """INV-08 and 22 from the device's log.

    ``first``: first launch of the walk, first launch and first event after its survey.
    """
    launches, surveyed, surveyed_events = first
    check_replays(device.log[launches:], device.source.signatures)
    check_strict(device.log[surveyed:], device.events[surveyed_events:])
    checked.update(("INV-08", "INV-22"))
