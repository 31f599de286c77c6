"""Function types and attributes of exported procedures: checked and stepped over (spec 02, section 9).

They describe procedures to tools and take no part in a run. Types nest; a stack of what is still to come replaces
recursion, so that no file can be too deep.
"""

from __future__ import annotations

from reference.definition.formats.wire import Reader

CALLING_CONVENTIONS = 6
POINTER, STRUCT, ARRAY, LIST, FUNCTION = 16, 17, 18, 19, 20
TYPE_TAGS = 21
STRUCT_REPRESENTATIONS = 4
ALIGNED_REPRESENTATIONS = (1, 2)
MARKER, META_LIST, KEY_VALUE = 0, 1, 2


def skip_function_type(reader: Reader) -> None:
    """Calling convention, parameter types, result types.

    Raises InputError for unknown tags and for counts that the file cannot hold.
    """
    pending = _Pending(reader)
    pending.function()
    while pending.next_type():
        tag = reader.below(TYPE_TAGS, 1, "a type")
        if tag == POINTER:
            reader.below(2, 1, "an address space")
        elif tag == STRUCT:
            _skip_representation(reader)
            pending.types(reader.u8("the number of fields"))
        elif tag == ARRAY:
            reader.vint("the length of an array")
        elif tag == FUNCTION:
            pending.function()
        if tag in (POINTER, ARRAY, LIST):
            pending.types(1)


class _Pending:
    """Types that are still to come: a stack of counts, where 0 stands for the results of a function."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._counts: list[int] = []
        self._total = 0

    def types(self, count: int) -> None:
        """``count`` types come next."""
        self._total += count
        if self._total > self._reader.remaining:
            raise self._reader.refuse(
                f"expected at most {self._reader.remaining} types in the bytes left, found {self._total} promised"
            )
        if count:
            self._counts.append(count)

    def function(self) -> None:
        """The parameters of a function come next, then its results."""
        self._reader.below(CALLING_CONVENTIONS, 1, "a calling convention")
        self._counts.append(0)
        self.types(self._reader.count(1, "parameters"))

    def next_type(self) -> bool:
        """Takes one type off; False when none is left."""
        while self._counts:
            if self._counts[-1] > 0:
                self._counts[-1] -= 1
                self._total -= 1
                if self._counts[-1] == 0:
                    self._counts.pop()
                return True
            self._counts.pop()
            self.types(self._reader.count(1, "results"))
        return False


def _skip_representation(reader: Reader) -> None:
    representation = reader.below(STRUCT_REPRESENTATIONS, 1, "a struct representation")
    if representation in ALIGNED_REPRESENTATIONS:
        start = reader.position
        if reader.u16("an alignment") == 0:
            raise reader.refuse("expected an alignment above 0, found 0", start)


def skip_attributes(reader: Reader) -> None:
    """A list of attributes.

    Raises InputError for unknown tags.
    """
    for _ in range(reader.count(2, "attributes")):
        tag = reader.below(KEY_VALUE + 1, 1, "an attribute")
        reader.string("the name of an attribute")
        if tag == MARKER:
            continue
        for _ in range(reader.count(2, "items of an attribute")):
            if tag == KEY_VALUE:
                reader.string("a key")
            _skip_expression(reader)


def _skip_expression(reader: Reader) -> None:
    match reader.below(4, 1, "an expression"):
        case 1:
            reader.felt("an integer")
        case 2:
            reader.word("a word")
        case _:
            reader.string("a text")
