"""A folder for what another program dumps, removed sooner or later however its owner ends.

Dumps lie in shared memory, which nobody empties. Whoever is killed cannot remove its folder, so a folder is locked by its
owner: the system gives the lock up with the process, and whoever makes a folder next removes those that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
import weakref
from pathlib import Path
from typing import Final

_SHARED_MEMORY: Final = Path("/dev/shm")
_PREFIX: Final = "fragdiff-dumps-"

_SETTLED_SECONDS: Final = 60.0
"""A folder that is younger may have an owner that has not locked it yet."""


class DumpFolder:
    """A new folder, in shared memory where that can be written; OSError when none can be made."""

    def __init__(self, place: Path | None = None) -> None:
        chosen = place or (_SHARED_MEMORY if _is_writable(_SHARED_MEMORY) else Path(tempfile.gettempdir()))
        remove_abandoned(chosen)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=chosen))
        held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        # Where a file system has no locks, nobody can take the folder for an abandoned one either.
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._remove = weakref.finalize(self, _remove_held, self.path, held)

    def remove(self) -> None:
        """With all that is in it; a second call does nothing. An owner that ends without a call does it, too."""
        self._remove()


def remove_abandoned(place: Path) -> None:
    """Remove this user's folders there that no process holds; what cannot be removed stays."""
    for path in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if is_ours and time.time() - found.st_mtime > _SETTLED_SECONDS:
                _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # BlockingIOError, an OSError, when somebody holds it.
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(folder)


def _remove_held(path: Path, held: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(held)


def _is_writable(directory: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False
