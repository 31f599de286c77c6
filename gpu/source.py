"""One source text for every kernel, on every back end.

Compilers of kernels cache by the text they are given; what an include brings in is not part of their key. So the files are
joined into one text, with the constants that the definition already knows generated between them, and everything that can
change a kernel goes into one fingerprint. The exported kernels' parameter lists are parsed here, once, so that both back ends
launch by the same signature (spec 10, sections 13.1 and 14).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gpu.errors import KernelBuildError
from reference.definition.columns import COLUMN_NAMES
from reference.definition.isa import OPERATIONS
from reference.definition.rpo_constants import ARK1, ARK2, MDS_FIRST_ROW

LAYOUT_VERSION: Final = 1
"""Raised when the meaning of a raw array, a seed or a plan changes: state of another layout is refused."""

KERNELS: Final = Path(__file__).parent / "kernels"
"""The folder of kernel files."""

CONSTANTS: Final = "constants (generated)"

SHARED: Final = ("types.cuh", "layout.cuh", CONSTANTS, "field.cuh", "rpo.cuh", "bus.cuh", "replay_state.cuh")
"""Files whose functions any kernel may use."""

CHIPS: Final = (
    "raw.cuh",
    "replay.cuh",
    "expand.cuh",
    "hasher.cuh",
    "bitwise.cuh",
    "memory.cuh",
    "ace.cuh",
    "kernel_rom.cuh",
    "ranges.cuh",
    "padding.cuh",
    "digest.cuh",
    "ntt.cuh",
    "merkle.cuh",
    "proof.cuh",
)
"""Files of kernels, in the order of the text."""

BITS_OF_TYPE: Final = {"u8": 8, "u32": 32, "u64": 64}

_EXPORT = re.compile(r"^GLOBAL\s+(?:__launch_bounds__\((\d+)(?:,\s*\d+)?\)\s+)?(\w+)\s*\(([^)]*)\)", re.MULTILINE)
_PARAMETER = re.compile(r"(const )? ?(u8|u32|u64) ?(\*)? ?(?:__restrict__ )?(\w+)")
_DEFINES = re.compile(
    r"^(?:DEV\b[^(;={]*?\b(\w+)\s*\(|\s*#define\s+(\w+)|(?:struct|enum(?: class)?|union|using)\s+(\w+)"
    r"|(?:static|constexpr|const)\b[^=;({]*?\b(\w+)\s*[\[={])",
    re.MULTILINE,
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a kernel: a scalar, or a pointer to scalars."""

    name: str
    type: str
    """u8, u32 or u64."""
    pointer: bool
    const: bool
    """A pointer that the kernel only reads."""


@dataclass(frozen=True, slots=True)
class Signature:
    """An exported kernel as its file declares it."""

    name: str
    file: str
    parameters: tuple[Parameter, ...]
    block: int | None
    """The largest block that ``__launch_bounds__`` allows, None without."""


@dataclass(frozen=True, slots=True)
class KernelFile:
    """A kernel file's name and text."""

    name: str
    text: str

    @property
    def numbered(self) -> str:
        """The text, announced to a compiler so that messages name this file and its own lines."""
        return f'#line 1 "{self.name}"\n{self.text}\n'


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All kernel files in order, and the signatures of the exported kernels by name."""

    directory: Path
    defines: tuple[str, ...]
    files: tuple[KernelFile, ...]
    signatures: MappingProxyType[str, Signature]
    fingerprint: str
    """Hash of every file, of the generated constants and of the defines; 64 hexadecimal digits."""

    @property
    def text(self) -> str:
        """The whole amalgamated text."""
        return self._joined(self.files)

    def unit(self, file: str) -> str:
        """The part of the text that one file of kernels needs: the shared files, other files it names functions of, and it.

        The host compiles by units, so that a change of one file costs the compilation of that file.
        """
        wanted = self._needed_by(file)
        return self._joined(entry for entry in self.files if entry.name in SHARED or entry.name in wanted)

    def _joined(self, files: Iterable[KernelFile]) -> str:
        head = "".join(f"#define {define.replace('=', ' ', 1)}\n" for define in self.defines)
        return head + "".join(file.numbered for file in files)

    def _needed_by(self, file: str) -> set[str]:
        bodies = {entry.name: _COMMENT.sub("", entry.text) for entry in self.files if entry.name not in SHARED}
        defined = {name: _defined_names(body) for name, body in bodies.items()}
        wanted: set[str] = set()
        pending = [file]
        while pending:
            name = pending.pop()
            if name not in wanted:
                wanted.add(name)
                words = set(re.findall(r"\w+", bodies[name]))
                pending += [other for other, names in defined.items() if names & words and other not in wanted]
        return wanted


def _defined_names(body: str) -> set[str]:
    return {name for match in _DEFINES.finditer(body) for name in match.groups() if name}


def constants() -> str:
    """Text of the generated constants: layout version, OP_*, COL_*, and RPO's ARK[168] ([round][24]) and MDS[12]."""
    lines = [f"static constexpr u32 LAYOUT_VERSION = {LAYOUT_VERSION}u;"]
    lines += [f"static constexpr u32 OP_{operation.name} = {operation.opcode}u;" for operation in OPERATIONS]
    lines += [f"static constexpr u32 COL_{name.upper()} = {index}u;" for index, name in enumerate(COLUMN_NAMES)]
    ark = [constant for pair in zip(ARK1, ARK2, strict=True) for half in pair for constant in half]
    lines += [_table("ARK", ark), _table("MDS", MDS_FIRST_ROW)]
    return "\n".join(lines)


def _table(name: str, values: Sequence[int]) -> str:
    listed = ", ".join(f"{value}ULL" for value in values)
    return f"static __device__ __constant__ const u64 {name}[{len(values)}] = {{{listed}}};"


def _parameter(text: str, file: str, kernel: str) -> Parameter:
    match = _PARAMETER.fullmatch(" ".join(text.replace("*", " * ").split()))
    if match is None or (match[1] and not match[3]):
        raise KernelBuildError(
            f"{file}: kernel {kernel}: parameter {text.strip()!r} is not `[const] u8|u32|u64 [* [__restrict__]] name`"
        )
    return Parameter(match[4], match[2], match[3] is not None, match[1] is not None)


def _signatures_of(file: KernelFile) -> list[Signature]:
    found = []
    for match in _EXPORT.finditer(file.text):
        listed = [part for part in match[3].split(",") if part.strip()]
        parameters = tuple(_parameter(part, file.name, match[2]) for part in listed)
        found.append(Signature(match[2], file.name, parameters, int(match[1]) if match[1] else None))
    mentioned = len(re.findall(r"\bGLOBAL\b", _COMMENT.sub("", file.text)))
    if mentioned != len(found):
        raise KernelBuildError(
            f"{file.name}: GLOBAL stands {mentioned} times but {len(found)} kernels begin a line with `GLOBAL name(`"
        )
    return found


def _signatures(files: Iterable[KernelFile]) -> MappingProxyType[str, Signature]:
    found: dict[str, Signature] = {}
    for file in files:
        if file.name in SHARED:
            continue
        for signature in _signatures_of(file):
            if signature.name in found:
                raise KernelBuildError(f"kernel {signature.name}: in {found[signature.name].file} and in {file.name}")
            found[signature.name] = signature
    return MappingProxyType(found)


def _read(directory: Path, extra: Sequence[Path]) -> tuple[KernelFile, ...]:
    names = (*SHARED, *CHIPS)
    files = [KernelFile(name, constants() if name == CONSTANTS else _text(directory / name)) for name in names]
    return (*files, *(KernelFile(path.name, _text(path)) for path in extra))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KernelBuildError(f"kernel file {path}: {error.strerror}") from error


@lru_cache(maxsize=16)
def load(defines: tuple[str, ...] = (), extra: tuple[Path, ...] = (), directory: Path = KERNELS) -> Source:
    """The source as the files are now; once per process, set of defines and extra files.

    ``defines`` are ``NAME`` or ``NAME=VALUE``; ``extra`` are files of further kernels, appended to the text (tests bring
    such). Raises KernelBuildError when a file or a kernel's declaration cannot be read or two kernels have one name.
    """
    files = _read(directory, extra)
    digest = hashlib.sha256(repr(defines).encode())
    for file in files:
        digest.update(f"\0{file.name}\0{len(file.text)}\0{file.text}".encode())
    return Source(directory, defines, files, _signatures(files), digest.hexdigest())
