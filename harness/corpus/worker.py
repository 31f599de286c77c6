"""A process that judges one case after another: a line of JSON in, a line of JSON out, so that a crash costs one case."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from harness.corpus.directory import read_entry
from harness.corpus.judging import judge
from harness.engines import find_engine
from harness.guarded import GuardedEngine
from harness.reporting import counts_json
from reference.definition.errors import InputError


def main() -> None:
    """Answer until standard input ends; the arguments are the engines' names and whether to audit, as JSON."""
    # The workers share the cores; whoever set another number has it.
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    names, audit = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    with _private_output() as answers, ExitStack() as stack:
        engines = []
        for name in names:
            engine = find_engine(name)
            stack.callback(engine.close)
            engines.append(GuardedEngine(engine))
        for path in _requests():
            answers.write(json.dumps(_judged(path, engines, audit)) + "\n")
            answers.flush()


def _requests() -> Iterator[Path]:
    for line in sys.stdin:
        yield Path(json.loads(line))


def _judged(path: Path, engines: list[GuardedEngine], audit: bool) -> dict[str, Any]:
    try:
        entry = read_entry(path)
    except InputError as error:
        return {"refused": f"{error.place}: {error.reason}" if error.place else error.reason}
    expect = entry.kept.expect if entry.kept else None
    judged = judge(entry.case, expect, engines, audit=audit)
    return {
        "name": entry.case.name,
        "kind": entry.kept.kind.value if entry.kept else None,
        "verdict": judged.verdict.value,
        "counts": counts_json(judged.counts),
        "plans": judged.plans,
        "expected": judged.expected,
        "lines": judged.lines,
        "known": judged.known,
    }


def _private_output() -> IO[str]:
    """Standard output for answers only: whatever else an engine prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
