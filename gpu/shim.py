"""Kernels as functions of a shared library: the same text behind a small shim, compiled by a C++ compiler.

One library per file of kernels, built when its first kernel is launched, kept in a cache directory under a key of everything
that went in: shim, text, options, compiler. A library is written under another name and then renamed, so that processes
that build at the same time never see half of one (spec 10, section 13).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from gpu.errors import DeviceUnavailable, KernelBuildError
from gpu.source import KernelFile, Signature, Source

SANITIZERS: Final = ("address", "undefined")

_OPTIONS: Final = ("-std=c++17", "-shared", "-fPIC", "-fno-exceptions", "-fno-rtti", "-Wno-unknown-pragmas")
_PLAIN: Final = ("-O2",)
_SANITIZED: Final = (
    "-O1",
    "-g",
    f"-fsanitize={','.join(SANITIZERS)}",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
_C_TYPES: Final[dict[str, Any]] = {"u8": ctypes.c_uint8, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64}


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler: how to call it, and what its version text says."""

    command: tuple[str, ...]
    version: str
    """First line of what it says of itself."""
    identity: str
    """Everything that can change what it produces: command, version text, this machine's architecture."""


def find_compiler() -> Compiler:
    """The compiler of ``$CXX``, else ``g++``, else ``clang++`` of the path.

    Raises DeviceUnavailable that says which were looked for.
    """
    return _find_compiler(os.environ.get("CXX", ""), os.environ.get("PATH", ""))


@lru_cache(maxsize=8)
def _find_compiler(chosen: str, path: str) -> Compiler:
    candidates = [tuple(shlex.split(chosen))] if chosen.strip() else [("g++",), ("clang++",)]
    for command in candidates:
        found = shutil.which(command[0], path=path)
        if found is not None:
            return _compiler((found, *command[1:]))
    names = "CXX names " + chosen if chosen.strip() else "neither g++ nor clang++ is on the path, and CXX is not set"
    raise DeviceUnavailable(f"no C++ compiler: {names}")


def _compiler(command: tuple[str, ...]) -> Compiler:
    try:
        shown = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise DeviceUnavailable(f"no C++ compiler: {shlex.join(command)} --version fails: {error}") from error
    version = next(iter(shown.stdout.splitlines()), command[0])
    return Compiler(command, version, f"{shlex.join(command)}\n{shown.stdout}\n{platform.machine()}")


def sanitizer_library(compiler: Compiler) -> Path:
    """The address sanitizer's library, to be named in ``LD_PRELOAD`` of a process that loads kernels built with it.

    Raises DeviceUnavailable when the compiler brings none.
    """
    clang = f"libclang_rt.asan-{platform.machine()}.so"
    for name in ("libasan.so", clang):
        shown = subprocess.run(
            [*compiler.command, f"-print-file-name={name}"], capture_output=True, text=True, timeout=60, check=False
        )
        found = Path(shown.stdout.strip())
        if found.is_absolute() and found.exists():
            return found.resolve()
    raise DeviceUnavailable(f"{compiler.version} brings no address sanitizer")


def cache_directory() -> Path:
    """Where built libraries are kept: ``$FRAGDIFF_CACHE``, else the user's cache folder."""
    base = (
        os.environ.get("FRAGDIFF_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fragdiff"
    )
    return Path(base) / "kernels-host"


class HostKernels:
    """The exported kernels of a source as ctypes functions; thread-safe."""

    def __init__(self, source: Source, compiler: Compiler, cache: Path, *, sanitize: bool = False) -> None:
        self.source = source
        self.compiler = compiler
        self.cache = cache
        self.options = (*_OPTIONS, *(_SANITIZED if sanitize else _PLAIN))
        self._shim = KernelFile("shim.h", (source.directory / "shim.h").read_text(encoding="utf-8")).numbered
        self._lock = threading.Lock()
        self._libraries: dict[str, ctypes.CDLL] = {}
        self._functions: dict[str, Any] = {}

    def function(self, kernel: str) -> Any:
        """The launcher ``(grid, block, order, *arguments) -> None`` of a kernel: pointers as integers, None for null.

        Raises KernelBuildError with the compiler's message when the kernel's file does not compile.
        """
        found = self._functions.get(kernel)
        if found is None:
            with self._lock:
                found = self._functions[kernel] = self._bound(kernel)
        return found

    def build(self, files: Iterable[str] | None = None) -> list[Path]:
        """Builds these files of kernels, or all, as far as they are not in the cache; the compilers run at the same time.

        Returns the libraries' paths. Raises KernelBuildError with the first compiler's message.
        """
        wanted = {each.file for each in self.source.signatures.values()} if files is None else set(files)
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            return list(pool.map(self._library, sorted(wanted)))

    def library_path(self, file: str) -> Path:
        """Where the library of a file of kernels is kept, built or not."""
        return self._path_of(self._unit(file))

    def _bound(self, kernel: str) -> Any:
        signature = self.source.signatures[kernel]
        library = self._libraries.get(signature.file)
        if library is None:
            library = ctypes.CDLL(str(self._library(signature.file)))
            self._libraries[signature.file] = library
        function = getattr(library, f"launch_{kernel}")
        kinds = [ctypes.c_void_p if each.pointer else _C_TYPES[each.type] for each in signature.parameters]
        function.argtypes = [ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, *kinds]
        function.restype = None
        return function

    def _unit(self, file: str) -> str:
        exported = [signature for signature in self.source.signatures.values() if signature.file == file]
        return self._shim + self.source.unit(file) + '#line 1 "launchers"\n' + _launchers(exported)

    def _path_of(self, unit: str) -> Path:
        key = hashlib.sha256("\0".join((unit, *self.options, self.compiler.identity)).encode()).hexdigest()[:32]
        return self.cache / f"{key}.so"

    def _library(self, file: str) -> Path:
        unit = self._unit(file)
        target = self._path_of(unit)
        if target.exists():
            return target
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="build-", dir=target.parent) as folder:
                self._compile(file, unit, Path(folder)).replace(target)
        except OSError as error:
            raise DeviceUnavailable(f"no place for built kernels, {target.parent}: {error}") from error
        return target

    def _compile(self, file: str, unit: str, folder: Path) -> Path:
        (folder / "unit.cpp").write_text(unit, encoding="utf-8")
        command = [*self.compiler.command, *self.options, "-o", "unit.so", "unit.cpp"]
        run = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise KernelBuildError(f"{file} does not compile for the host:\n{run.stderr}{run.stdout}")
        return folder / "unit.so"


def _environment() -> dict[str, str]:
    # A sanitizer that is preloaded into this process must not be preloaded into the compiler.
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def _launchers(signatures: Iterable[Signature]) -> str:
    return "\n".join(_launcher(signature) for signature in signatures) + "\n"


def _launcher(signature: Signature) -> str:
    declared = "".join(
        f", {'const ' if each.const else ''}{each.type} {'*' if each.pointer else ''}{each.name}"
        for each in signature.parameters
    )
    names = ", ".join(each.name for each in signature.parameters)
    return (
        f'extern "C" void launch_{signature.name}(u32 shim_grid, u32 shim_block, u32 shim_order{declared}) '
        f"{{ shim_launch(shim_grid, shim_block, shim_order, [&] {{ {signature.name}({names}); }}); }}"
    )
