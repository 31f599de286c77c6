"""Programs and kernels (spec 02, section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from reference.definition.errors import InputError
from reference.definition.field import Word
from reference.definition.mast import Forest

MAX_KERNEL_PROCEDURES = 255


def word_bytes(word: Word) -> bytes:
    """The 32-byte form: each element as 8 little-endian bytes, element 0 first."""
    return b"".join(element.to_bytes(8, "little") for element in word)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The digests of the procedures that SYSCALL may call, in kernel order."""

    procedures: tuple[Word, ...] = ()

    @staticmethod
    def of(procedures: Iterable[Word]) -> Kernel:
        """A kernel of these procedures, sorted by their 32-byte forms.

        Raises InputError for duplicates and for more than 255 procedures.
        """
        ordered = sorted(procedures, key=word_bytes)
        if len(ordered) > MAX_KERNEL_PROCEDURES:
            raise InputError(
                f"a kernel has at most {MAX_KERNEL_PROCEDURES} procedures, found {len(ordered)}", place="kernel"
            )
        for one, other in pairwise(ordered):
            if one == other:
                raise InputError("a kernel lists a procedure once, found one twice", place="kernel")
        return Kernel(tuple(ordered))


@dataclass(frozen=True)
class Program:
    """A forest, the node it starts with (one of the forest's roots), and a kernel."""

    forest: Forest
    entry: int
    kernel: Kernel = Kernel()

    @property
    def hash(self) -> Word:
        """The digest of the entry node."""
        return self.forest.digests[self.entry]
