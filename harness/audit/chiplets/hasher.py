"""The hasher's selectors, node index and what a state keeps between permutations (12 sections 5.2 and 8.1).

A permutation is eight rows. What the page multiplies by periodic columns stands here as a rule on the rows of that cycle.
The rounds are in ``rounds.py``.
"""

from __future__ import annotations

from typing import Final

from harness.audit.chiplets.names import HASHER_ROWS
from harness.audit.rule import Rule

_FIRST: Final = ("hasher 0",)
_INNER: Final = ("hasher 1-5", "hasher 6")
_SIXTH: Final = ("hasher 6",)
_LAST: Final = ("hasher 7",)
_NOT_SIXTH: Final = ("hasher 0", "hasher 1-5")
_NOT_LAST: Final = ("hasher 0", "hasher 1-5", "hasher 6")


def _vm(name: str, zero: str, on: tuple[str, ...]) -> Rule:
    return Rule(f"hasher.{name}", "hasher", zero, "12 section 5.2", on=on)


def _beyond(name: str, zero: str, on: tuple[str, ...]) -> Rule:
    return Rule(f"hasher.{name}", "hasher", zero, "12 section 8.1", on=on)


HASHER_RULES: Final = (
    *(_vm(f"t{j}.binary", f"t{j}^2 - t{j}", HASHER_ROWS) for j in range(3)),
    *(_vm(f"t{j}.stays", f"t{j}' - t{j}", _NOT_SIXTH) for j in (1, 2)),
    *(_vm(f"t{j}.stays.6", f"(1 - (1 - t0')*(1 - t1'))*(t{j}' - t{j})", _SIXTH) for j in (1, 2)),
    *(_vm(f"t{j}.stays.7", f"(1 - returns)*(t{j}' - t{j})", _LAST) for j in (1, 2)),
    _vm("absorbs.continues", "t0'*(t0*(1 - t1)*(1 - t2) + path)", _LAST),
    _vm("last.selectors", "(1 - t0)*t1", _LAST),
    _vm("returns.index", "returns*node", _LAST),
    _vm("index.bit.0", "path*(bit^2 - bit)", _FIRST),
    _vm("index.bit.7", "path*(bit^2 - bit)", _LAST),
    _vm("index.stays.0", "(1 - path)*(node' - node)", _FIRST),
    _vm("index.stays", "node' - node", _INNER),
    _vm("index.stays.7", "(1 - path - returns)*(node' - node)", _LAST),
    *(_vm(f"absorbs.capacity.{j}", f"t0*(1 - t1)*(1 - t2)*(H{j}' - H{j})", _LAST) for j in range(4)),
    *(
        _vm(f"path.digest.{j}", f"path*((1 - bit)*(H{4 + j}' - H{4 + j}) + bit*(H{8 + j}' - H{4 + j}))", _LAST)
        for j in range(4)
    ),
    _beyond("t0.zero", "t0", _INNER),
    _beyond("returns.next", "returns*(1 - c0')*(1 - t0')", _LAST),
    _beyond("ends.at.7", "c0'", _NOT_LAST),
    *(_beyond(f"path.capacity.first.{j}", f"path*H{j}", _FIRST) for j in range(4)),
    *(_beyond(f"path.capacity.next.{j}", f"path*H{j}'", _LAST) for j in range(4)),
)
