"""A worker of a search: ``python -m harness.shrink.worker``, told on standard input what to judge, a line a candidate.

Its first line says which engines and which signature; it answers every line with one. It ends when its standard input does, on
SIGTERM, and when the search is there no more, even if what it judges does not come back: a search that was killed leaves nobody
behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, BinaryIO, Final

from harness.campaign.watchdog import end_family
from harness.commands.options import open_engines
from harness.localise.signature import Signature, Signer
from harness.shrink.judges import PARTING_SECONDS
from harness.shrink.termination import ends
from harness.verdict import Kind
from reference.definition.errors import InputError
from reference.definition.formats.case_json import read_case

Json = dict[str, Any]

_LOOK_SECONDS: Final = 0.5


def judge_all(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer every line of ``asked`` until there are no more; InputError when the engines cannot be had."""
    order = _heard(asked.readline())
    signature = _signature(order["signature"])
    with open_engines(order["engines"]) as engines:
        signer = Signer(engines, audit=order["audit"])
        _say(answers, {"is": "ready"})
        for text in asked:
            task = _heard(text)
            candidate = read_case(task["case"])
            is_same = ends(candidate, task["row_limit"]) and signer.has(candidate, signature)
            _say(answers, {"is": "judged", "same": is_same})


def _heard(text: bytes) -> Json:
    document: Json = json.loads(text)
    return document


def _signature(document: Json) -> Signature:
    names = ("dependence", "operation", "phase", "part")
    return Signature(Kind(document["kind"]), tuple(document["engines"]), *(document[name] for name in names))


def _say(answers: BinaryIO, document: Json) -> None:
    answers.write(json.dumps(document).encode() + b"\n")
    answers.flush()


def _leave(number: int, _frame: FrameType | None) -> None:
    """Engines are closed on the way out."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def _end_with(parent: int) -> None:
    """End this process when that one does; what does not end by itself is killed, with all that it started."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PARTING_SECONDS)
    end_family(os.getpid(), itself=False)
    os._exit(1)


def main() -> None:
    """The program."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Whoever interrupts the search tells it, and the search ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What engines print is no answer.
    os.dup2(2, 1)
    try:
        judge_all(sys.stdin.buffer, answers)
    except InputError as refusal:
        _say(answers, {"is": "refused", "reason": str(refusal)})
    except BrokenPipeError:
        # Nobody is there to be told.
        os._exit(1)


if __name__ == "__main__":
    main()
