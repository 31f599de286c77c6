"""Decorators of a forest as the text form prints them (spec 02, section 10)."""

from __future__ import annotations

from reference.definition.formats.decorators import ASSEMBLY_OPERATION
from reference.definition.formats.wire import Reader
from reference.definition.mast import DebugSections, Forest


class DecoratorTexts:
    """The texts of a forest's decorators by node, in the order in which they take effect."""

    def __init__(self, forest: Forest) -> None:
        sections = forest.debug_sections
        self._before: dict[int, list[str]] = {}
        self._after: dict[int, list[str]] = {}
        self._in_block: dict[int, dict[int, list[str]]] = {}
        if sections is None:
            return
        texts = [_text(sections, variant, offset) for variant, offset in sections.decorators]
        for by_node, lists in ((self._before, sections.before_enter), (self._after, sections.after_exit)):
            by_node.update({node_id: [texts[decorator] for decorator in ids] for node_id, ids in lists})
        for node_id, links in sections.in_blocks:
            by_operation = self._in_block.setdefault(node_id, {})
            for operation, decorator in links:
                by_operation.setdefault(operation, []).append(texts[decorator])

    def before(self, node_id: int) -> list[str]:
        """Decorators that take effect when the node is entered."""
        return self._before.get(node_id, [])

    def after(self, node_id: int) -> list[str]:
        """Decorators that take effect when the node is left."""
        return self._after.get(node_id, [])

    def woven(self, node_id: int, operations: list[str]) -> list[str]:
        """The texts of a block's executed operations, each behind its decorators; entering first, leaving last."""
        by_operation = self._in_block.get(node_id, {})
        items = list(self.before(node_id))
        for index, operation in enumerate(operations):
            items += by_operation.get(index, [])
            items.append(operation)
        return items + by_operation.get(len(operations), []) + self.after(node_id)


def _text(sections: DebugSections, variant: int, offset: int) -> str:
    data = Reader(sections.data, offset)
    match variant:
        case 1:
            return "debug(stack)"
        case 2:
            return f"debug(stack.{data.u8('a count')})"
        case 3:
            return "debug(mem)"
        case 4:
            return f"debug(mem.{data.u32('a start')}.{data.u32('an end')})"
        case 5:
            return f"debug(local.{data.u16('a start')}.{data.u16('an end')})"
        case 6:
            return f"debug(adv_stack.{data.u16('a count')})"
        case 7:
            return f"trace({data.u32('an id')})"
        case _:
            assert variant == ASSEMBLY_OPERATION
            return _assembly_operation(sections, data)


def _assembly_operation(sections: DebugSections, data: Reader) -> str:
    cycles = data.u8("a number of cycles")
    data.boolean("the break flag")
    if data.boolean("the location flag"):
        data.vint("the index of a file name")
        data.u32("the start of a location")
        data.u32("the end of a location")
    data.vint("the index of a context name")
    operation = sections.string_offsets[data.vint("the index of an operation's text")]
    return f"asmOp({Reader(sections.strings, operation).string('the text of an operation')}, {cycles})"
