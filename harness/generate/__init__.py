"""Generation: programs that are valid and terminate by construction, from one grammar over a source of choices."""

from harness.generate.choices import Choices, SeededChoices
from harness.generate.failures import FAILURES
from harness.generate.families import FAMILIES, Family
from harness.generate.generated import COMPLETES, Generated, generate, generate_case
from harness.generate.profile import SMALL, Profile

__all__ = [
    "COMPLETES",
    "FAILURES",
    "FAMILIES",
    "SMALL",
    "Choices",
    "Family",
    "Generated",
    "Profile",
    "SeededChoices",
    "generate",
    "generate_case",
]
