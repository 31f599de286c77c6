"""How this package compiles: one decorator, one cache directory keyed by every source that can change a kernel.

numba's own file cache looks only at the file of the compiled function, not at what that file imports; a cache that cannot
see a change would serve yesterday's kernel. So the directory carries a hash of all sources, of numba and of the host.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

# Spinning OpenMP threads cost a scheduler time slice per launch when the second core is busy (measured: 4 ms instead of
# 4 us); the policy is read when the threading layer loads, so it is set before numba is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numba
import numba.extending
import numpy as np

import reference.definition

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES = (Path(__file__).parent, Path(reference.definition.__file__).parent)


def sources_key() -> str:
    """Hash of every Python source of this package and of the definition, of numba, and of the host's processor."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    host = (numba.__version__, platform.machine(), platform.python_version(), os.environ.get("NUMBA_CPU_NAME", ""))
    digest.update(repr(host).encode())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Where compiled kernels of exactly these sources are kept: ``$FRAGDIFF_CACHE``, else the user's cache folder."""
    base = (
        os.environ.get("FRAGDIFF_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fragdiff"
    )
    return Path(base) / f"kernels-{sources_key()}"


CACHE = cache_directory()
CACHE.mkdir(parents=True, exist_ok=True)
_configuration: Any = numba.config
_configuration.CACHE_DIR = str(CACHE)
# workqueue, numba's last resort, aborts the process when two threads launch kernels at once.
_configuration.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

THREADS: int = _configuration.NUMBA_NUM_THREADS
"""Most threads a kernel can use: ``$NUMBA_NUM_THREADS``, else the number of cores."""


COMPILES: bool = not _configuration.DISABLE_JIT
"""False under ``NUMBA_DISABLE_JIT=1``: the kernels then run as plain Python, slowly, so that branches can be counted."""


def records(array: Any) -> Any:
    """A structured array whose entries have their fields as attributes.

    In compiled code they always do; in plain Python only those of a record array.
    """
    return array if COMPILES or array.dtype.names is None else array.view(np.recarray)


def is_compiled() -> bool:
    """Whether the main kernels of these sources are in the cache: then the first run takes seconds, not a minute."""
    return any(CACHE.rglob("fragment_tasks.some-*.nbi"))


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's intrinsic: ``function(typing_context, *types)`` returns a signature and what emits its LLVM IR."""
    made: Callable[..., Any] = numba.extending.intrinsic(function)
    return made


def plain_or_intrinsic(plain: Callable[..., Any], emitted: Callable[..., Any]) -> Callable[..., Any]:
    """The intrinsic, or the Python function that does the same where nothing is compiled."""
    return emitted if COMPILES else plain


def jit(function: F) -> F:
    """Compile without the interpreter lock, cached on disk; arithmetic errors do not raise."""
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_inline(function: F) -> F:
    """Like :func:`jit` for functions of a few statements that are inlined into their callers before type inference."""
    compiled: Any = numba.njit(inline="always", nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_parallel(function: F) -> F:
    """Like :func:`jit` with ``prange`` loops spread over threads."""
    compiled: Any = numba.njit(cache=True, nogil=True, parallel=True, error_model="numpy")(function)
    return cast(F, compiled)
