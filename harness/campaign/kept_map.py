"""The coverage map of a campaign's directory: that of the campaign, and that of those which ran there before it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.coverage import CoverageMap
from harness.coverage.saved import FILE, read_map, write_map

EARLIER: Final = "coverage.earlier.json"
"""What was covered before the campaign began. Kept apart, so that whatever is lost of the sum can be added up again."""


class KeptMap:
    """coverage.json of a directory. Every method raises InputError when a map cannot be read or written."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._earlier_path = directory / EARLIER
        self._earlier = CoverageMap()

    def begin(self) -> None:
        """A campaign begins: what is there is earlier than it."""
        if self._path.exists():
            write_map(read_map(self._path), self._earlier_path)

    def read_earlier(self) -> CoverageMap:
        """What was covered before the campaign."""
        self._earlier = read_map(self._earlier_path) if self._earlier_path.exists() else CoverageMap()
        return self._earlier

    def keep(self, coverage: CoverageMap) -> None:
        """Write the map of the campaign together with what was there before it."""
        whole = CoverageMap()
        whole.merge(self._earlier)
        whole.merge(coverage)
        write_map(whole, self._path)
