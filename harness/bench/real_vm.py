"""The real VM's own times on a case, as its ``bench`` sub-command gives them."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.backend import EngineFailure
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.case_json import case_line

TIMEOUT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class RealTimes:
    """Seconds: plain execution, execution that records, and building the trace from it, as little as possible each."""

    rows: int
    core_rows: int
    execute_s: float
    record_s: float
    build_s: float


def real_times(program: str, case: Case, *, fragment: int, threads: int, rounds: int) -> RealTimes:
    """Runs ``program bench FILE --fragment N --threads T --reps R --seq 0``, which prints one JSON object.

    Raises InputError when the program cannot be started, EngineFailure when it fails or answers something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.json"
        file.write_text(case_line(case), encoding="utf-8")
        numbers = ("--fragment", fragment, "--threads", threads, "--reps", rounds, "--seq", 0)
        command = [program, "bench", str(file), *map(str, numbers)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
        except OSError as error:
            raise InputError(f"{program} cannot be started: {error.strerror}", place="--against") from None
        except subprocess.TimeoutExpired:
            raise EngineFailure(program, f"{case.name}: no answer in {TIMEOUT_S} s") from None
    said = done.stderr.decode("utf-8", "replace")[-2000:]
    if done.returncode != 0:
        raise EngineFailure(program, f"{case.name}: exit code {done.returncode}", said)
    try:
        answer = json.loads(done.stdout)
        return RealTimes(
            rows=int(answer["rows"]),
            core_rows=int(answer["core_rows"]),
            execute_s=float(answer["fast_execute_s"]),
            record_s=float(answer["execute_for_trace_s"]),
            build_s=float(answer["build_trace_s"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        shown = done.stdout[:80].decode("utf-8", "replace")
        raise EngineFailure(
            program, f"{case.name}: answered {shown!r} ({type(error).__name__}: {error})", said
        ) from None
