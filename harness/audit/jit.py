"""How the audit compiles: its own decorator and its own cache, keyed by the audit's sources.

The audit shares nothing with the engines that it judges, so it does not compile with theirs. numba reads its cache folder
from one global setting when a function is decorated; it is set for that moment only, because other packages use it too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
import numba.extending

import reference.definition

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES = (Path(__file__).parent, Path(reference.definition.__file__).parent)
_configuration: Any = numba.config


def sources_key() -> str:
    """Hash of every Python source of the audit and of the definition, of numba, and of the host's processor."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    host = (numba.__version__, platform.machine(), platform.python_version(), os.environ.get("NUMBA_CPU_NAME", ""))
    digest.update(repr(host).encode())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Where compiled rules of exactly these sources are kept: ``$FRAGDIFF_CACHE``, else the user's cache folder."""
    base = (
        os.environ.get("FRAGDIFF_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fragdiff"
    )
    return Path(base) / f"audit-{sources_key()}"


CACHE = cache_directory()
CACHE.mkdir(parents=True, exist_ok=True)


@contextmanager
def _own_cache() -> Iterator[None]:
    before = _configuration.CACHE_DIR
    _configuration.CACHE_DIR = str(CACHE)
    try:
        yield
    finally:
        _configuration.CACHE_DIR = before


def jit(function: F) -> F:
    """Compile without the interpreter lock, cached on disk; arithmetic errors do not raise."""
    with _own_cache():
        compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_part(function: F) -> F:
    """Like :func:`jit` for a function that is only called by compiled ones: it is kept in their cache entries."""
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_inline(function: F) -> F:
    """Like :func:`jit` for functions of a few statements, which become part of their callers' machine code."""
    compiled: Any = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's intrinsic: ``function(typing_context, *types)`` returns a signature and what emits its LLVM IR."""
    made: Callable[..., Any] = numba.extending.intrinsic(function)
    return made


def load_generated(name: str, text: str) -> ModuleType:
    """Write the module ``text`` into the cache folder, atomically, and import it from there, so that it can be cached."""
    path = CACHE / f"{name}.py"
    if not path.exists() or path.read_text() != text:
        temporary = path.with_suffix(f".{os.getpid()}-{id(text)}.tmp")
        temporary.write_text(text)
        temporary.replace(path)
    qualified = f"fragdiff_audit_{name}"
    specification = importlib.util.spec_from_file_location(qualified, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Cached kernels refer to their functions by module name.
    sys.modules[qualified] = module
    specification.loader.exec_module(module)
    return module
