"""Cases for engines with another hash: every digest in the text gives way to the name of the node that it is the digest of.

``external @LIBRARY:NODE`` is part of the case format. Engines that understand more of the kind get, for the target of a dynamic
call, ``PUSH(@LIBRARY:NODE.ELEMENT)`` (``@NODE.ELEMENT`` in the node's own forest), the same as a string for a stack input, and
``"@NODE"`` for a procedure of the kernel.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from harness.shrink.edits import forests_of
from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.field import U32_LIMIT
from reference.definition.formats.case_json import case_line
from reference.definition.formats.children_first import children_first
from reference.definition.mast import Dyn, Dyncall, External

_PUSH: Final = re.compile(r"PUSH\((\d+)\)")
_ELEMENTS: Final = 4


@dataclass(frozen=True, slots=True)
class Naming:
    """What an engine understands of names."""

    names: bool
    """``PUSH(@..)``, named stack inputs and kernel procedures."""
    turned: bool = False
    """Words lie on its stack the other way round: element 0 on top."""

    def write(self, case: Case) -> str:
        """The case as a line of text.

        Raises InputError when it cannot be written, or holds a digest for which there is no name.
        """
        if not self.names:
            return case_line(case)
        case = children_first(case)
        document = json.loads(case_line(case))
        if needs_names(case):
            _Named(case, self.turned).change(document)
        if self.turned:
            _turn_keys(document)
        return json.dumps(document, separators=(",", ":"))


BY_DIGEST: Final = Naming(names=False)


def needs_names(case: Case) -> bool:
    """Whether the case finds procedures by digest: dynamic calls and system calls."""
    nodes = (node for forest in forests_of(case) for node in forest.nodes)
    return bool(case.program.kernel.procedures) or any(isinstance(node, Dyn | Dyncall) for node in nodes)


def has_bare_digests(case: Case) -> bool:
    """Whether an external node names its target by digest alone."""
    nodes = (node for forest in forests_of(case) for node in forest.nodes)
    return any(isinstance(node, External) and node.symbol is None for node in nodes)


class _Named:
    """The names of all procedure roots, as each forest may use them."""

    def __init__(self, case: Case, turned: bool) -> None:
        self._case = case
        self._turned = turned
        self._forests = forests_of(case)

    def change(self, document: dict[str, Any]) -> None:
        parts = [document["program"], *document.get("libraries", [])]
        for index, part in enumerate(parts):
            names = self._elements(index)
            part["nodes"] = [self._node(text, names) for text in part["nodes"]]
        names = self._elements(0)
        document["stack"] = [f"@{names[value]}" if value in names else value for value in document["stack"]]
        if "kernel" in document["program"]:
            document["program"]["kernel"] = [self._procedure(word) for word in self._case.program.kernel.procedures]

    def _elements(self, index: int) -> dict[int, str]:
        """Elements of digests -> NAME.ELEMENT, of what forest ``index`` may name: its own roots and later libraries'."""
        found: dict[int, str] = {}
        later = [index, *range(max(index + 1, 1), len(self._forests))]
        for other in later:
            for root in self._forests[other].roots:
                for at, value in enumerate(self._forests[other].digests[root]):
                    if value >= U32_LIMIT:
                        element = _ELEMENTS - 1 - at if self._turned else at
                        found.setdefault(value, f"{_name(other, root, own=other == index)}.{element}")
        return found

    def _node(self, text: str, names: dict[int, str]) -> str:
        def named(match: re.Match[str]) -> str:
            name = names.get(int(match[1]))
            return match[0] if name is None else f"PUSH(@{name})"

        return _PUSH.sub(named, text)

    def _procedure(self, digest: tuple[int, ...]) -> str:
        for index, forest in enumerate(self._forests):
            for node, each in enumerate(forest.digests):
                if each == digest:
                    return f"@{_name(index, node, own=index == 0)}"
        raise InputError("a procedure of the kernel is no node of the case", place="program.kernel")


def _name(forest: int, node: int, *, own: bool) -> str:
    return str(node) if own else f"{forest - 1}:{node}"


def _turn_keys(document: dict[str, Any]) -> None:
    """A key that a program pushes lies the other way round, so the key of the map has to be turned as well."""
    parts = [document["program"], *document.get("libraries", [])]
    for part, key in [*((part, "advice_map") for part in parts), (document.get("advice", {}), "map")]:
        if key in part:
            part[key] = {_turned(word): values for word, values in part[key].items()}


def _turned(word: str) -> str:
    digits = word.removeprefix("0x")
    return "0x" + "".join(reversed([digits[at : at + 16] for at in range(0, 64, 16)]))
