"""What a report comes to: nothing that was left out counts as agreement, and everything that was is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

HELD, WRONG, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes, those of the other commands."""

_COMPARING: Final = ("suite", "faults", "bench", "together", "tools")
"""Stages that compare something with what it has to be."""


class Verdict(NamedTuple):
    """Of a report, complete or not."""

    verdict: str
    exit_code: int
    wrong: list[str]
    not_done: list[str]


def judge(stages: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """From what the stages found.

    Wrong is a case that differs or fails, a fault with another end than it must have, columns slower than their target on a
    CUDA device are only told. A report that compared nothing is wrong; a stage that failed is a failure of the report.
    """
    wrong, not_done, failed = [], [], []
    for name, part in stages.items():
        state = part["state"]
        if state in ("failed", "interrupted"):
            failed.append(f"{name}: {part.get('reason', state)}")
        elif state not in ("done", "cut short"):
            not_done.append(f"{name}: {part.get('reason', state)}")
        if "cut_short" in part:
            not_done.append(f"{name}: {part['cut_short']}")
        wrong += [f"{name}: {each}" for each in _wrong_in(name, part)]
        not_done += [f"{name}: {each}" for each in _left_out(name, part)]
    if not any(_compared(name, part) for name, part in stages.items() if name in _COMPARING):
        wrong.append("nothing was compared")
    if failed:
        return Verdict("a part of the report failed", FAILED, wrong + failed, not_done)
    if wrong:
        return Verdict("something is wrong", WRONG, wrong, not_done)
    return Verdict("all that was compared held" + (", not all was asked" if not_done else ""), HELD, wrong, not_done)


def _wrong_in(name: str, part: Mapping[str, Any]) -> list[str]:
    if name == "suite":
        counts = {what: part.get(what, 0) for what in ("different", "failed")}
        return [f"{count} cases {what}" for what, count in counts.items() if count]
    if name == "faults":
        return [f"{each['what']} ended in {each['came']}" for each in part.get("faults", ()) if not each["right"]]
    if name == "build":
        return [f"{kernel} is in local memory" for kernel in part.get("in_local_memory", ())]
    if name == "together" and not part.get("right", True):
        return ["two processes on one device disturb one another"]
    if name == "tools":
        bad = {tool: each for tool, each in part.get("tools", {}).items() if each["state"] in ("found", "failed")}
        return [f"{tool}: {each['state']}" for tool, each in bad.items()]
    return []


def _left_out(name: str, part: Mapping[str, Any]) -> list[str]:
    if name == "tools":
        every = part.get("tools", {}).items()
        return [
            f"{tool}: {each['reason']}" for tool, each in every if each["state"] not in ("clean", "found", "failed")
        ]
    if name == "bench":
        return [f"no room for {each}" for each in part.get("no_room", ())]
    return []


def _compared(name: str, part: Mapping[str, Any]) -> bool:
    """Whether the stage compared anything."""
    found = {"suite": part.get("equal"), "faults": part.get("faults"), "bench": part.get("results")}
    others = {"together": part.get("processes"), "tools": part.get("tools")}
    return bool({**found, **others}[name])
