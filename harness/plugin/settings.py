"""What a pytest run was asked for, checked before anything is collected."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import pytest

from harness.commands.options import engine_names
from harness.engines import find_engine
from harness.pytest_plugin import DEFAULT_ENGINES
from reference.definition.errors import InputError

DEVICE_ENGINES: Final = frozenset({"gpu"})
"""Engines that are not usable without a device."""

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)")


@dataclass(frozen=True, slots=True)
class Settings:
    """Engines, corpus and campaign of a run."""

    engines: tuple[str, ...]
    corpus: tuple[Path, ...]
    """Directories, resolved; every case file below them is collected."""
    files: tuple[Path, ...]
    """Case files that were named one by one, resolved."""
    slow: tuple[str, ...]
    """Patterns of paths, matched from the right."""
    fuzz_seconds: float | None
    seed: int
    out: Path
    """Directory for the findings of the campaign."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every two engines, in the order in which they were given."""
        return tuple(combinations(self.engines, 2))

    def has(self, file: Path) -> bool:
        """Whether a case file is to be collected; below folders that are links none is, as in the other commands."""
        return Path(os.path.realpath(file)) in self.files or any(_is_below(file, each) for each in self.corpus)

    def is_slow(self, file: Path) -> bool:
        """Whether a case file is marked as slow."""
        return any(file.match(pattern) for pattern in self.slow)


def _is_below(file: Path, directory: Path) -> bool:
    """Whether the file is in the resolved directory or in a folder below it, and no link leads from one to the other."""
    for folder in reversed(file.parents):
        if os.path.realpath(folder) == str(directory):
            return os.path.realpath(file.parent) == str(directory / file.parent.relative_to(folder))
    return False


def settings_of(config: pytest.Config, corpus: Sequence[Path], files: Sequence[Path]) -> Settings:
    """The settings; pytest's UsageError for engines that do not exist, directories that are missing, times that are none."""
    for directory in corpus:
        if not directory.is_dir():
            raise pytest.UsageError(f"fragdiff_corpus: {directory} is no directory")
    seed = config.getoption("--fragdiff-seed")
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--fragdiff-seed: expected a number from 0, found {seed}")
    if not config.getoption("--fragdiff-out"):
        raise pytest.UsageError("--fragdiff-out: the name is empty")
    return Settings(
        engines=_engines(config),
        corpus=tuple(corpus),
        files=tuple(files),
        slow=tuple(config.getini("fragdiff_slow")),
        fuzz_seconds=_seconds(config.getoption("--fragdiff-fuzz")),
        seed=secrets.randbelow(2**32) if seed is None else seed,
        out=config.invocation_params.dir / config.getoption("--fragdiff-out"),
    )


def _engines(config: pytest.Config) -> tuple[str, ...]:
    groups, single = config.getoption("--fragdiff-engines"), config.getoption("--fragdiff-engine")
    if not groups and not single:
        groups = config.getini("fragdiff_engines") or DEFAULT_ENGINES
    try:
        names = engine_names(groups, single)
        for name in names:
            find_engine(name).close()
    except InputError as refusal:
        raise pytest.UsageError(f"fragdiff: {refusal.reason}") from None
    return tuple(names)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = _TIME.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds:
        raise pytest.UsageError(f"--fragdiff-fuzz: expected a time such as 60s, 5m or 1h, found {text!r}")
    return seconds
