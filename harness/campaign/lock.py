"""One campaign at a time in a directory."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from reference.definition.errors import InputError

FILE: Final = "campaign.lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else runs a campaign in the directory, which is made when it is missing.

    The lock ends with the process, however that ends. Raises InputError when another campaign runs there, naming its process,
    and when the directory cannot be written.
    """
    path = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(path, os.pread(file, 4096, 0)) from None
        except OSError as error:
            raise InputError(f"cannot be locked: {error.strerror}", source=str(path)) from None
        _sign(file, path)
        yield
    finally:
        os.close(file)


def is_taken(directory: Path) -> bool | None:
    """Whether somebody runs a campaign in the directory; None where that cannot be seen."""
    try:
        file = os.open(directory / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Held for an instant; it gives way to nobody, and nobody waits for it.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False


def _sign(file: int, path: Path) -> None:
    text = json.dumps({"process": os.getpid(), "since": time.time()}).encode()
    try:
        os.pwrite(file, text, 0)
        os.ftruncate(file, len(text))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None


def _taken(path: Path, content: bytes) -> InputError:
    try:
        said = json.loads(content)
        since = datetime.fromtimestamp(said["since"]).astimezone().isoformat(" ", "seconds")
        who = f"process {said['process']}, since {since}"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        who = "a process that has not said which"
    return InputError(
        f"another campaign runs in this directory ({who}); wait for it, stop it, or name another directory with --out",
        source=str(path),
    )
