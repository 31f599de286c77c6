"""Another program as a partner in a conversation: a line goes in, a line comes out.

The program is started when it is first asked and kept alive. Whatever it does instead of answering with one whole line
in time (ends, hangs, closes its output, answers twice) is a :class:`ProcessFault`; it is then killed, and started anew
when it is next asked.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO

MAX_LINE = 2**29
"""Bytes of an answer (512 MiB: the boundary states of a million rows); more is taken for a program that rambles."""

KEPT_STDERR = 16384
"""Bytes of standard error that are kept, the last ones."""

_CHUNK = 2**18


class ProcessFault(Exception):  # noqa: N818 - what the other program did
    """The program did not answer with one line in time; ``stderr`` is the end of its standard error.

    ``is_late`` when time was all that it lacked.
    """

    def __init__(self, reason: str, stderr: str, *, is_late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stderr = stderr
        self.is_late = is_late


class LineProcess:
    """One program, started at need."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._process: subprocess.Popen[bytes] | None = None
        self._answer = bytearray()
        self._stderr = bytearray()

    def ask(self, line: bytes, seconds: float) -> bytes:
        """Send ``line`` (without line end) and return the answer, without line end.

        Raises ProcessFault.
        """
        deadline = time.monotonic() + seconds
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        try:
            return self._converse(process, memoryview(line + b"\n"), deadline, seconds)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Kill the program and all it started; harmless when none runs."""
        process, self._process = self._process, None
        self._answer.clear()
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        self._stderr.clear()
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessFault(f"cannot be started: {error}", "") from error
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._process = process
        return process

    def _converse(self, process: subprocess.Popen[bytes], unsent: memoryview, deadline: float, limit: float) -> bytes:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._fault(f"no answer within {limit:g} s", is_late=True)
                for key, _ in selector.select(left):
                    if key.fileobj is process.stdin:
                        unsent = self._send(process.stdin, unsent)
                        if not unsent:
                            selector.unregister(process.stdin)
                    elif key.fileobj is process.stderr:
                        if not self._read_stderr(process.stderr):
                            selector.unregister(process.stderr)
                    else:
                        answer = self._read_answer(process)
                        if answer is not None:
                            if unsent:
                                raise self._fault("answered before it was asked")
                            self._read_stderr(process.stderr)
                            return answer

    def _send(self, pipe: IO[bytes], unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(pipe.fileno(), unsent[:_CHUNK]) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            raise self._ended() from None

    def _read_stderr(self, pipe: IO[bytes]) -> bool:
        """Takes what is there now; False at the end."""
        try:
            chunk = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self._stderr += chunk
        del self._stderr[:-KEPT_STDERR]
        return bool(chunk)

    def _read_answer(self, process: subprocess.Popen[bytes]) -> bytes | None:
        assert process.stdout is not None
        try:
            chunk = os.read(process.stdout.fileno(), _CHUNK)
        except BlockingIOError:
            return None
        if not chunk:
            raise self._ended()
        self._answer += chunk
        end = chunk.find(b"\n")
        if end < 0:
            if len(self._answer) > MAX_LINE:
                raise self._fault(f"its answer is longer than {MAX_LINE} bytes")
            return None
        at = len(self._answer) - len(chunk) + end
        answer, rest = bytes(self._answer[:at]), bytes(self._answer[at + 1 :])
        self._answer.clear()
        if rest:
            raise self._fault(f"more than one line in answer to one case: {_shown(rest)}")
        return answer

    def _ended(self) -> ProcessFault:
        """The program closed a pipe: it has ended, or is about to."""
        assert self._process is not None
        try:
            code: int | None = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            code = None
        partial = f" after the partial line {_shown(bytes(self._answer))}" if self._answer else ""
        if code is None:
            return self._fault(f"closed its pipes without ending{partial}")
        return self._fault((f"ended by signal {-code}" if code < 0 else f"ended with code {code}") + partial)

    def _fault(self, reason: str, *, is_late: bool = False) -> ProcessFault:
        if self._process is not None and self._process.stderr is not None:
            while self._stderr_waits(self._process.stderr) and self._read_stderr(self._process.stderr):
                pass
        return ProcessFault(reason, self._stderr.decode("utf-8", "replace").strip(), is_late=is_late)

    @staticmethod
    def _stderr_waits(pipe: IO[bytes]) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            return bool(selector.select(0))


def _shown(raw: bytes) -> str:
    return repr(raw[:60].decode("utf-8", "replace"))
