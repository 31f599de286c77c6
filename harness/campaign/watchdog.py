"""Processes and what they started, from /proc: how much memory they hold, and how to end them all.

An engine may start programs in process groups of their own, so a group is not enough; parents are.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def children() -> dict[int, list[int]]:
    """Process ids by that of the parent, now; nothing where there is no /proc."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdecimal() and (fields := _stat(entry)):
            found[int(fields[1])].append(int(entry.name))
    return found


def family(pid: int, known: Mapping[int, list[int]]) -> list[int]:
    """The process and its descendants, parents first."""
    found = [pid]
    for each in found:
        found += known.get(each, [])
    return found


def resident(pid: int, known: Mapping[int, list[int]]) -> int:
    """Bytes of memory that the process and its descendants hold; shared pages count for each of them."""
    total = 0
    for each in family(pid, known):
        with suppress(OSError, ValueError, IndexError):
            total += int((_PROC / str(each) / "statm").read_text("ascii").split()[1]) * _PAGE
    return total


def end_family(pid: int, *, itself: bool = True) -> None:
    """Kill the process and all its descendants, with the groups that they lead."""
    end(family(pid, children())[0 if itself else 1 :])


def end(pids: Sequence[int]) -> None:
    """Kill the processes, with the groups that they lead; harmless for those that have ended."""
    for each in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)
        # Whoever lost its parent meanwhile is still in the group.
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(each) == each:
                os.killpg(each, signal.SIGKILL)


def _stat(entry: Path) -> list[str]:
    """State, parent and so on: what follows the name, which is in parentheses and may hold anything."""
    try:
        return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
