"""How the audit compiles: its own decorator and its own cache, keyed by the sources that a function can depend on.

The audit shares nothing with the engines that it judges, so it does not compile with theirs. numba's cache looks only at the
file of the compiled function, not at what that file imports; a cache that cannot see a change would serve yesterday's rule.
So the folder carries a hash of the module and of every module of the audit that it imports, directly or not, of the
definition, of numba and of the host. numba reads the folder from one global setting when a function is decorated; it is set
for that moment only, because other packages use it too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
import numba.extending

import reference.definition

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = "harness.audit"
_ROOT = Path(__file__).parent
_IMPORT = re.compile(rf"^(?:from|import) ({re.escape(_PACKAGE)}[\w.]*)", re.MULTILINE)
_configuration: Any = numba.config


def _sources_of(name: str) -> tuple[Path, ...]:
    """Files of a module of the audit; for a package all files directly in it."""
    place = _ROOT.joinpath(*name.removeprefix(_PACKAGE).strip(".").split("."))
    if place.is_dir():
        return tuple(sorted(place.glob("*.py")))
    return (place.with_suffix(".py"),)


@cache
def _text_of(path: Path) -> str:
    return path.read_text()


def _imported_sources(text: str) -> tuple[Path, ...]:
    """Files of the audit that a module with this text imports, directly or not, sorted."""
    found: set[Path] = set()
    waiting = [text]
    while waiting:
        for name in _IMPORT.findall(waiting.pop()):
            for path in _sources_of(name):
                if path not in found:
                    found.add(path)
                    waiting.append(_text_of(path))
    return tuple(sorted(found))


@cache
def _surroundings() -> bytes:
    """Hash of the definition's sources, of numba and of the host's processor."""
    digest = hashlib.sha256()
    definition = Path(reference.definition.__file__).parent
    for path in sorted(definition.rglob("*.py")):
        digest.update(path.relative_to(definition).as_posix().encode())
        digest.update(path.read_bytes())
    host = (numba.__version__, platform.machine(), platform.python_version(), os.environ.get("NUMBA_CPU_NAME", ""))
    digest.update(repr(host).encode())
    return digest.digest()


def sources_key(text: str) -> str:
    """Hash of a module's text and of everything that what it compiles to can depend on."""
    digest = hashlib.sha256(_surroundings())
    digest.update(text.encode())
    for path in _imported_sources(text):
        digest.update(path.relative_to(_ROOT).as_posix().encode())
        digest.update(_text_of(path).encode())
    return digest.hexdigest()[:16]


def cache_folder(text: str) -> Path:
    """Where what a module with this text compiles to is kept: below ``$FRAGDIFF_CACHE``, else the user's cache folder."""
    base = (
        os.environ.get("FRAGDIFF_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fragdiff"
    )
    folder = Path(base) / f"audit-{sources_key(text)}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    before = _configuration.CACHE_DIR
    _configuration.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        _configuration.CACHE_DIR = before


def jit(function: F) -> F:
    """Compile without the interpreter lock, cached on disk; arithmetic errors do not raise."""
    with _cached_in(cache_folder(_text_of(Path(function.__code__.co_filename)))):
        compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_with(signature: Any) -> Callable[[F], F]:
    """Like :func:`jit` for one signature, into which arguments are converted: one compilation for arrays of any layout."""

    def compile_for_signature(function: F) -> F:
        with _cached_in(cache_folder(_text_of(Path(function.__code__.co_filename)))):
            compiled: Any = numba.njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        return cast(F, compiled)

    return compile_for_signature


def jit_part(function: F) -> F:
    """Like :func:`jit` for a function that is only called by compiled ones: it is kept in their cache entries."""
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_inline(function: F) -> F:
    """Like :func:`jit` for functions of a few statements, which become part of their callers' machine code."""
    compiled: Any = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def jit_merged(function: F) -> F:
    """Like :func:`jit_inline`, but merged into its callers before types are inferred.

    A loop around it can then be vectorised, which calls that only the machine code inlines prevent; every use is compiled anew.
    """
    compiled: Any = numba.njit(inline="always", nogil=True, error_model="numpy")(function)
    return cast(F, compiled)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's intrinsic: ``function(typing_context, *types)`` returns a signature and what emits its LLVM IR."""
    made: Callable[..., Any] = numba.extending.intrinsic(function)
    return made


def load_generated(name: str, text: str) -> ModuleType:
    """Write the module ``text`` into its cache folder, atomically, and import it from there, so that it can be cached."""
    path = cache_folder(text) / f"{name}.py"
    if not path.exists():
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
