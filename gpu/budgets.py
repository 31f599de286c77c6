"""How many registers each kernel may take, and why.

An SM has 65,536 registers. Registers per thread decide how many threads it holds to hide latency: 32 or fewer all 2,048, 64
half of them, 128 a quarter. A kernel that streams rows lives from many threads; one that computes for long does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Budget:
    """What a kernel may take on every architecture, or on those named."""

    registers: int
    reason: str
    stack: int = 0
    """Bytes of local memory per thread."""
    on: Mapping[str, int] = field(default_factory=dict)
    """Registers on architectures that differ."""

    def registers_on(self, architecture: str) -> int:
        """Registers allowed on an architecture."""
        return self.on.get(architecture, self.registers)


STREAMING: Final = Budget(64, "moves rows: half of an SM's threads stay resident and hide the loads")
EXPANSION: Final = Budget(48, "writes columns from seeds: 1,280 threads of an SM keep enough stores in flight")
PERMUTATION: Final = Budget(96, "holds 12 elements and their products; it is bound by arithmetic, not by latency")

_REPLAY: Final = Budget(
    216,
    "one thread per fragment, and a device has more room than there are fragments: 256 threads of an SM are plenty",
    on={"sm_100": 240, "sm_120": 240},
)
_LAST_ROW: Final = Budget(128, "one row of the trace, by one thread")
_INVERSES: Final = Budget(
    64, "holds eight values and their products for one inversion", on={"sm_100": 72, "sm_120": 72}
)
_HASHER_BUS: Final = Budget(64, "mixes messages of 12 elements", on={"sm_100": 80, "sm_120": 80})

BUDGETS: Final[Mapping[str, Budget]] = MappingProxyType(
    {
        **dict.fromkeys(("replay", "replay_sides"), _REPLAY),
        **dict.fromkeys(("helper_inverse", "mem_inverse"), _INVERSES),
        "last_row": _LAST_ROW,
        "hsh_bus": _HASHER_BUS,
        **dict.fromkeys(("hsh_states", "merkle_absorb", "merkle_level"), PERMUTATION),
        **dict.fromkeys(
            ("sys_expand", "dec_expand", "hsh_expand", "bit_expand", "mem_expand", "krm_expand", "pad_fill"), EXPANSION
        ),
    }
)
"""Kernels that are not STREAMING."""


def budget_of(kernel: str) -> Budget:
    """The kernel's own budget, else STREAMING."""
    return BUDGETS.get(kernel, STREAMING)
