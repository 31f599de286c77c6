"""Recorded cases and what is expected of them, in one file: what a machine without compiler and real VM is asked to replay.

A zip archive: ``index.json`` and one carried recording per case. What is expected was recorded from the real VM where it was
asked, and says so; for longer programs it comes from the parallel engine.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gpu.carried import CarriedRecording, from_bytes
from gpu.walk import Options
from reference.definition.errors import InputError

FORMAT: Final = "fragdiff-device-cases/1"
SUITE: Final = "suite"
BENCH: Final = "bench"

_INDEX: Final = "index.json"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every member, so that equal cases make equal files."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a walk of the case has to find."""

    by: str
    """Whose answer it is."""
    lengths: Mapping[str, int]
    """Rows of the trace and of its sections, by the names of ``reference.definition.lengths``; those that are known."""
    columns: tuple[str, ...]
    """The first 16 bytes of SHA-256 of each of the 72 columns, in hexadecimal."""
    merkle_root: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One recorded case."""

    name: str
    part: str
    """SUITE or BENCH."""
    cut: str
    """How it is cut into fragments, for people."""
    walk: Mapping[str, Any]
    """Arguments of :class:`gpu.walk.Options`."""
    expected: Expected
    member: str
    """Name in the archive."""
    rows: int

    @property
    def options(self) -> Options:
        """How it is walked."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in self.walk.items()
        }
        return Options(**plain)


def write(path: Path, items: Sequence[Item], contents: Mapping[str, bytes]) -> None:
    """Writes a bundle; ``contents`` are the recordings by member. Raises OSError, KeyError for a missing member."""
    index = {"format": FORMAT, "cases": [asdict(item) for item in items]}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        head = zipfile.ZipInfo(_INDEX, _EARLIEST)
        head.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(head, json.dumps(index, sort_keys=True))
        for member in dict.fromkeys(item.member for item in items):
            archive.writestr(zipfile.ZipInfo(member, _EARLIEST), contents[member])


class Bundle:
    """An opened bundle. Raises InputError for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"no bundle of recorded cases: {reason}", source=str(path)) from None
        try:
            self.items = _items(self._read(_INDEX), f"{path}:{_INDEX}")
        except BaseException:
            self._archive.close()
            raise

    def of(self, part: str) -> list[Item]:
        """The cases of one part, in their order."""
        return [item for item in self.items if item.part == part]

    def recording(self, item: Item) -> CarriedRecording:
        """A case's recording. Raises InputError."""
        return from_bytes(self._read(item.member), f"{self.path}:{item.member}")

    def close(self) -> None:
        """Closes the file."""
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, member: str) -> bytes:
        try:
            return self._archive.read(member)
        except KeyError:
            raise InputError(f"no member {member}", source=str(self.path)) from None
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(f"member {member}: {error}", source=str(self.path)) from None


def _items(content: bytes, source: str) -> tuple[Item, ...]:
    try:
        index = json.loads(content)
        if index["format"] != FORMAT:
            raise InputError(f"expected {FORMAT}, found {index['format']!r:.60}", place="$.format", source=source)
        return tuple(map(_item, index["cases"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"expected an index of cases ({type(error).__name__}: {error})", source=source) from None


def _item(data: dict[str, Any]) -> Item:
    if data.keys() != {field.name for field in fields(Item)}:
        raise ValueError(f"a case with {', '.join(sorted(data))}")
    root = data["expected"]["merkle_root"]
    expected = Expected(
        by=str(data["expected"]["by"]),
        lengths={str(name): int(rows) for name, rows in data["expected"]["lengths"].items()},
        columns=tuple(map(str, data["expected"]["columns"])),
        merkle_root=None if root is None else tuple(map(int, root)),
    )
    if data["part"] not in (SUITE, BENCH) or len(expected.columns) != 72:
        raise ValueError(f"case {data['name']}: part {data['part']!r}, {len(expected.columns)} columns")
    item = Item(**{**data, "expected": expected, "rows": int(data["rows"])})
    _ = item.options
    return item
