"""What the real VM recorded about the programs of ``tests/data/chiplets``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

RecordedTrace = Callable[[str], NDArray[np.uint64]]

CHIPLET_DATA = Path(__file__).parent.parent / "data" / "chiplets"
FIRST_CHIPLET_COLUMN = 51


@pytest.fixture
def recorded_chiplets() -> RecordedTrace:
    """The chiplet columns of a recorded trace: shape (rows, 20), selectors included, by the program's name."""

    def load(name: str) -> NDArray[np.uint64]:
        with np.load(CHIPLET_DATA / f"{name}.npz") as archive:
            return archive["trace"][FIRST_CHIPLET_COLUMN : FIRST_CHIPLET_COLUMN + 20].T

    return load
