"""What a cluster's worker does: JSON text in, JSON text out.

A watched process of its own runs the batch there, as on one machine, so that an engine that crashes or hangs takes no worker of
the cluster along and the case is named. The process stays for the next batch of the same campaign.
"""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any, Final

from harness.campaign.crew import Died
from harness.campaign.processes import Limits, Processes
from harness.campaign.protocol import BatchDone, Death, Message, Refused, line, read_line, read_setup
from harness.campaign.running import Running
from reference.definition.errors import InputError

_TICK_SECONDS: Final = 1.0

_mine = threading.local()
"""A cluster's worker may have several threads; each has a process."""


def run_text(setup: str, limits: str, task: str) -> str:
    """Run the batch of a task line; a line that says BatchDone, Death or Refused."""
    try:
        crew, said = _crew(setup, limits)
        said.clear()
        (worker,) = crew.free()
        crew.give(worker, read_line(task))
        while crew.is_busy:
            crew.wait(_TICK_SECONDS)
    except InputError as refusal:
        _mine.crew = None
        return line(Refused(str(refusal)))
    return line(next(each for each in said if isinstance(each, BatchDone | Death)))


def died_of(death: Death, task: Any) -> Died:
    """The death as a crew tells it."""
    running = None if death.running is None else Running(**death.running)
    return Died(task, death.reason, death.detail, running)


def _crew(setup: str, limits: str) -> tuple[Processes, list[Message]]:
    key = (setup, limits)
    crew = getattr(_mine, "crew", None)
    if crew is None or _mine.key != key:
        if crew is not None:
            crew.close()
        _mine.said = []
        _mine.folder = tempfile.TemporaryDirectory(prefix="fragdiff-")
        crew = Processes(
            read_setup(setup), Path(_mine.folder.name), 1, Limits(*json.loads(limits)), _listen(_mine.said)
        )
        crew.open(lambda: False)
        _mine.crew, _mine.key = crew, key
    return crew, _mine.said


def _listen(said: list[Message]) -> Any:
    def deliver(_worker: str, message: Message | Died) -> None:
        if isinstance(message, Died):
            running = None if message.running is None else message.running._asdict()
            message = Death(message.reason, message.detail, running)
        said.append(message)

    return deliver


def limits_text(limits: Limits) -> str:
    """The limits as :func:`run_text` takes them."""
    return json.dumps(list(limits))
