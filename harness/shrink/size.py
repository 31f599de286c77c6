"""How large a case is to somebody who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.isa import NOOP
from reference.definition.mast import Block
from reference.processor import execute


@dataclass(frozen=True, slots=True)
class Size:
    """What a person has to read: operations but for NOOPs, which stand where a block would be empty, nodes, cuts."""

    operations: int
    nodes: int
    cuts: int

    @property
    def text(self) -> str:
        """In words."""
        counts = (("operation", self.operations), ("node", self.nodes), ("cut", self.cuts))
        return ", ".join(f"{count:,} {name}{'s'[: count != 1]}" for name, count in counts)


def size_of(case: Case) -> Size:
    """The size of a case with one cut plan, whose program the reference runs to its end or failure; BeyondLimits."""
    nodes = [node for forest in forests_of(case) for node in forest.nodes]
    blocks = [node for node in nodes if isinstance(node, Block)]
    operations = sum(item.code != NOOP for block in blocks for item in block.operations)
    return Size(operations, len(nodes), len(case.cut.starts(execute(case).core_rows)) - 1)
