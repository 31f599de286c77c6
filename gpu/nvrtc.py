"""The run-time compiler as a library: real machine code for a named architecture, without a device, driver or toolkit.

The library is that of the wheel ``nvidia-cuda-nvrtc``. It compiles the same text that a device would get, and its log says
what each kernel costs (spec 10, section 14.1).
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from gpu.errors import DeviceUnavailable, KernelBuildError

WHEEL: Final = "nvidia-cuda-nvrtc"

_SECTION_HEADERS: Final = 0x28
"""Where an ELF file says where its section headers are; their size, count and names follow at 0x3A."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler made of a text."""

    cubin: bytes
    log: str
    seconds: float


def library_path() -> Path:
    """The library's file. Raises DeviceUnavailable when the wheel is not installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    found = [path for folder in folders for path in Path(folder).rglob("libnvrtc.so*") if path.is_file()]
    if not found:
        raise DeviceUnavailable(f"no run-time compiler: the package {WHEEL} is not installed")
    return max(found, key=lambda path: path.as_posix())


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        return ctypes.CDLL(str(library_path()))
    except OSError as error:
        raise DeviceUnavailable(f"no run-time compiler: {error}") from error


def version() -> str:
    """The library's version, like 13.5. Raises DeviceUnavailable."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}"


def architectures() -> list[str]:
    """The architectures that the library compiles for, like sm_90, oldest first. Raises DeviceUnavailable."""
    count = ctypes.c_int()
    _library().nvrtcGetNumSupportedArchs(ctypes.byref(count))
    numbers = (ctypes.c_int * count.value)()
    _library().nvrtcGetSupportedArchs(numbers)
    return [f"sm_{number}" for number in numbers]


def compile_text(text: str, architecture: str, options: tuple[str, ...] = ("--std=c++17",)) -> Compiled:
    """Machine code of the text for an architecture like sm_90; the lock of the interpreter is free meanwhile.

    Raises DeviceUnavailable without the library, KernelBuildError with the compiler's message.
    """
    library = _library()
    program = ctypes.c_void_p()
    _check(library, library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None))
    try:
        every = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", *options]
        passed = (ctypes.c_char_p * len(every))(*(option.encode() for option in every))
        begun = time.perf_counter()
        result = library.nvrtcCompileProgram(program, len(every), passed)
        seconds = time.perf_counter() - begun
        log = _bytes(library, program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
        if result != 0:
            raise KernelBuildError(f"the kernels do not compile for {architecture}:\n{log or _reason(library, result)}")
        return Compiled(_bytes(library, program, "CUBIN"), log, seconds)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _bytes(library: Any, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(library, getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def _check(library: Any, result: int) -> None:
    if result != 0:
        raise KernelBuildError(f"the run-time compiler: {_reason(library, result)}")


def _reason(library: Any, result: int) -> str:
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    text: bytes = library.nvrtcGetErrorString(result)
    return text.decode()


def section_sizes(cubin: bytes) -> dict[str, int]:
    """Bytes of each section of a cubin, an ELF file; a kernel's instructions are in ``.text.KERNEL``."""
    (start,) = struct.unpack_from("<Q", cubin, _SECTION_HEADERS)
    size, number, names = struct.unpack_from("<HHH", cubin, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", cubin, start + index * size) for index in range(number)]
    base = headers[names][4]
    return {cubin[base + each[0] : cubin.index(b"\0", base + each[0])].decode(): each[5] for each in headers}
