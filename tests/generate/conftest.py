"""A few hundred seeded cases, each run once on the reference, shared by the tests of this folder."""

from __future__ import annotations

import pytest
from ran_cases import Ran, run

from harness.generate import generate_case

SEED = 20
CASES = 260


@pytest.fixture(scope="session")
def sample() -> list[Ran]:
    return [run(generate_case(SEED, number), number) for number in range(CASES)]
