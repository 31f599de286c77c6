"""Programs that fail: for every way a program can fail, code that certainly does when it runs.

Names are those that the engines report (spec 06, section 11). Not written here, because no program of a case can reach
them: the cycle limit of 2^29 rows, a malformed forest in the host, memory conflicts in one row, a processor used twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.generate import merkle
from harness.generate.branches import write_dead
from harness.generate.calls import add_call, add_dynamic, add_syscall, add_to_kernel, library_for, make_procedure
from harness.generate.circuit import draw_circuit, draw_folding, gate, store_words
from harness.generate.draft import Failure, Procedure
from harness.generate.events import IDS, on_stack
from harness.generate.forests import CONTROL, Cost
from harness.generate.loops import write_late_failure
from harness.generate.sequence import Sequence
from harness.generate.state import State
from harness.generate.values import ANY, draw_element, draw_u32, draw_word
from reference.definition.field import U32_LIMIT, P, Word
from reference.definition.isa import PUSH, Operation, opcode
from reference.definition.mast import Call, Dyn, Dyncall, External, Loop, Split, Syscall

Write = Callable[[Sequence], None]


def _operation(name: str, operands: Callable[[Sequence], list[int]], *, position: int = 0) -> Write:
    """The operation on operands that do not fit; the model goes on as if it had succeeded."""

    def write(sequence: Sequence) -> None:
        sequence.allow_shrink(1)
        sequence.prepare(operands(sequence), position=position)
        _emit_failing(sequence, name)

    return write


def _emit_failing(sequence: Sequence, name: str) -> None:
    """The model's arithmetic is for operands that fit, so it gets the effect on unknown ones."""
    items = sequence.state.items
    items[:] = [ANY] * len(items)
    sequence.emit(name)
    sequence.state.memory.clear()


def _not_u32(name: str, count: int) -> Write:
    """One operand, not always the first, is 2^32 or more."""

    def operands(sequence: Sequence) -> list[int]:
        values = [draw_u32(sequence.choices) for _ in range(count)]
        values[sequence.choices.integer(0, count - 1)] = _too_large(sequence)
        return values

    return _operation(name, operands)


def _too_large(sequence: Sequence) -> int:
    return sequence.choices.pick((U32_LIMIT, U32_LIMIT + 4, P - 1, 2**40))


def _not_binary(name: str, position: int) -> Write:
    def operands(sequence: Sequence) -> list[int]:
        return [sequence.choices.integer(0, 1) for _ in range(position)] + [_no_bit(sequence)]

    return _operation(name, operands)


def _no_bit(sequence: Sequence) -> int:
    return sequence.choices.pick((2, 3, P - 1, U32_LIMIT))


def _unaligned(sequence: Sequence) -> int:
    return sequence.choices.pick((1, 2, 3, U32_LIMIT - 1))


def _event(name: str, operands: Callable[[Sequence], list[int]]) -> Write:
    return _operation("EMIT", lambda sequence: [IDS[name], *operands(sequence)])


# ---- advice ---------------------------------------------------------------------------------------------------------


def _run_dry(name: str, position: int) -> Write:
    """The initial advice stack is empty when this failure is pending, and events are popped in full."""

    def write(sequence: Sequence) -> None:
        if position:
            sequence.prepare([8], position=position)
        sequence.emit(name)

    return write


def _contradiction(sequence: Sequence) -> None:
    """A key of the inputs gets another value."""
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1, 2, 3)
    sequence.prepare([IDS["mem_to_map"], *on_stack(key), 4, 4])
    sequence.emit("EMIT")


def _program_map(sequence: Sequence) -> None:
    """The program's own map contradicts the inputs: it fails before the first row."""
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1,)
    sequence.draft.program.advice_map[key] = (2,)


def _library_map(sequence: Sequence) -> None:
    """A library's map contradicts the inputs: it fails when the library is entered."""
    forest = library_for(sequence)
    if forest is None or forest.nodes:
        _contradiction(sequence)
        return
    node = forest.add_block(_mark(sequence))
    forest.make_root(node)
    key = sequence.draft.fresh_key()
    sequence.draft.advice_map[key] = (1,)
    forest.advice_map[key] = ()
    assert forest.index is not None
    sequence.add_node(sequence.forest.add(External(forest.digest(node), (forest.index, node)), Cost()))
    sequence.state.forget()


# ---- Merkle ---------------------------------------------------------------------------------------------------------

Change = Callable[[Sequence, merkle.Opening], list[int]]
"""The operands of an opening with one of them spoilt: leaf, depth, index, root, top first."""


def _bad_depth(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    return [*on_stack(opening.leaf), 65, opening.index, *on_stack(opening.root)]


def _bad_index(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    return [*on_stack(opening.leaf), 5, 2**5, *on_stack(opening.root)]


def _bad_root(sequence: Sequence, opening: merkle.Opening) -> list[int]:
    return [*on_stack(opening.leaf), opening.depth, opening.index, *on_stack(draw_word(sequence.choices))]


def _too_deep(_sequence: Sequence, opening: merkle.Opening) -> list[int]:
    """One level below the leaf, which has no children."""
    return [*on_stack(opening.leaf), opening.depth + 1, 2 * opening.index, *on_stack(opening.root)]


def _bad_leaf(sequence: Sequence, opening: merkle.Opening) -> list[int]:
    return [*on_stack(draw_word(sequence.choices)), opening.depth, opening.index, *on_stack(opening.root)]


def _opening(name: str, change: Change) -> Write:
    """MPVERIFY, MRUPDATE or the event, on a spoilt opening."""

    def write(sequence: Sequence) -> None:
        opening = merkle.draw_opening(sequence, shallow=True)
        operands = change(sequence, opening)
        if name == "EMIT":
            operands = [IDS["merkle_node_to_stack"], *operands[4:]]
        elif name == "MRUPDATE":
            operands += draw_word(sequence.choices)
        sequence.prepare(operands)
        sequence.emit(name)

    return write


# ---- circuits and folding -------------------------------------------------------------------------------------------


def _folding(spoil: Callable[[list[int]], None]) -> Write:
    def operands(sequence: Sequence) -> list[int]:
        values = draw_folding(sequence.choices)
        spoil(values)
        return values

    return _operation("FRIE2F4", operands)


def _bad_segment(values: list[int]) -> None:
    values[9] = 4


def _bad_fold(values: list[int]) -> None:
    values[11] = (values[11] + 1) % P


def _circuit_sizes(variables: int, gates: int) -> Write:
    return _operation("EVALCIRCUIT", lambda _sequence: [8, variables, gates])


def _circuit(spoil: Callable[[list[int]], None]) -> Write:
    """A circuit of four variables and four gates with something wrong in memory."""

    def write(sequence: Sequence) -> None:
        elements = draw_circuit(sequence.choices, 2, 1)
        spoil(elements)
        store_words(sequence, 40, elements)
        sequence.prepare([40, 4, 4])
        sequence.emit("EVALCIRCUIT")

    return write


def _bad_gate(operation: int, left: int, right: int) -> Callable[[list[int]], None]:
    """Replaces the second gate; wire 3 is the first gate, wire 2 itself."""

    def spoil(elements: list[int]) -> None:
        elements[9] = gate(left, right, operation)

    return spoil


def _not_zero(elements: list[int]) -> None:
    elements[6] = (elements[6] + 1) % P


# ---- control flow ---------------------------------------------------------------------------------------------------


def _branch(sequence: Sequence) -> None:
    sequence.allow_shrink()
    sequence.prepare([_no_bit(sequence)])
    sequence.state.drop()
    sides = write_dead(sequence), write_dead(sequence)
    sequence.add_node(sequence.forest.add(Split(*sides), CONTROL))


def _loop_start(sequence: Sequence) -> None:
    sequence.allow_shrink()
    sequence.prepare([_no_bit(sequence)])
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(Loop(write_dead(sequence)), CONTROL))


def _loop_end(sequence: Sequence) -> None:
    sequence.allow_shrink()
    sequence.prepare([1])
    sequence.state.drop()
    inner = sequence.inner(sequence.state)
    inner.push(_no_bit(sequence))
    body = inner.finish()
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(Loop(body), CONTROL.then(sequence.cost(body))))


def _deep_callee(sequence: Sequence) -> Procedure:
    """A procedure of this forest that ends one item too deep."""
    inner = sequence.inner(State())
    inner.push(draw_element(sequence.choices))
    node = inner.finish()
    sequence.forest.make_root(node)
    return Procedure("context", sequence.forest, node)


def _deep_call(sequence: Sequence) -> None:
    add_call(sequence, _deep_callee(sequence).node)


def _deep_syscall(sequence: Sequence) -> None:
    procedure = _deep_callee(sequence)
    add_syscall(sequence, add_to_kernel(sequence.draft, procedure))


def _deep_dyncall(sequence: Sequence) -> None:
    procedure = _deep_callee(sequence)
    _store(sequence, sequence.forest.digest(procedure.node))
    add_dynamic(sequence, procedure)


def _store(sequence: Sequence, word: Word) -> None:
    """Write a target to memory and leave its address on top."""
    sequence.prepare([8, *on_stack(word)])
    sequence.emit_all("MSTOREW DROP DROP DROP DROP")
    sequence.push(8)


def _not_in_kernel(sequence: Sequence) -> None:
    callee = make_procedure(sequence, sequence.forest, "context", lambda inner: inner.push(sequence.draft.serial()))
    sequence.add_node(sequence.forest.add(Syscall(callee.node), CONTROL))
    sequence.state.forget()


def _dynamic(node: type[Dyn] | type[Dyncall]) -> Write:
    """The target is no procedure of any forest."""

    def write(sequence: Sequence) -> None:
        sequence.allow_shrink()
        _store(sequence, sequence.draft.fresh_key())
        _add_dynamic(sequence, node)

    return write


def _add_dynamic(sequence: Sequence, node: type[Dyn] | type[Dyncall]) -> None:
    sequence.state.drop()
    sequence.add_node(sequence.forest.add(node(), CONTROL))
    sequence.state.forget()


def _dynamic_address(node: type[Dyn] | type[Dyncall], address: Callable[[Sequence], int]) -> Write:
    def write(sequence: Sequence) -> None:
        sequence.allow_shrink()
        sequence.prepare([address(sequence)])
        _add_dynamic(sequence, node)

    return write


def _missing_external(sequence: Sequence) -> None:
    """Bare, or as callee."""
    node = sequence.forest.add(External(sequence.draft.fresh_key()), Cost())
    if sequence.choices.flag(50):
        node = sequence.forest.add(Call(node), CONTROL)
    sequence.add_node(node)
    sequence.state.forget()


def _circular(sequence: Sequence) -> None:
    """A library offers a procedure and, first in its list of roots, an external node of the same digest."""
    forest = library_for(sequence)
    if forest is None:
        _missing_external(sequence)
        sequence.draft.place("NoMastForestWithProcedure")
        return
    node = forest.add_block(_mark(sequence))
    digest = forest.digest(node)
    forest.roots += [forest.add(External(digest), Cost()), node]
    sequence.add_node(sequence.forest.add(External(digest), Cost()))
    sequence.state.forget()


def _mark(sequence: Sequence) -> list[Operation]:
    """Operations that no other block of the case has."""
    return [Operation(PUSH, sequence.draft.serial()), Operation(opcode("DROP"))]


def _outputs(sequence: Sequence) -> None:
    """The program's end is too deep; everything before runs as usual."""
    sequence.draft.extra_outputs = sequence.choices.integer(1, 3)


FAILURES: Final[tuple[Failure, ...]] = tuple(
    Failure(name, error, write)
    for name, error, write in (
        ("assert", "FailedAssertion", _operation("ASSERT", lambda s: [s.choices.pick((0, 2, P - 1))])),
        ("inverse_of_0", "DivideByZero", _operation("INV", lambda _s: [0])),
        ("inverse_of_0_late", "DivideByZero", write_late_failure),
        ("divide_by_0", "DivideByZero", _operation("U32DIV", lambda s: [0, draw_u32(s.choices)])),
        ("not", "NotBinaryValueOp", _not_binary("NOT", 0)),
        ("and_first", "NotBinaryValueOp", _not_binary("AND", 0)),
        ("and_second", "NotBinaryValueOp", _not_binary("AND", 1)),
        ("or_first", "NotBinaryValueOp", _not_binary("OR", 0)),
        ("or_second", "NotBinaryValueOp", _not_binary("OR", 1)),
        ("cswap", "NotBinaryValueOp", _not_binary("CSWAP", 0)),
        ("cswapw", "NotBinaryValueOp", _not_binary("CSWAPW", 0)),
        *(
            (name.lower(), "NotU32Values", _not_u32(name, count))
            for name, count in (
                *((name, 2) for name in ("U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32AND", "U32XOR", "U32ASSERT2")),
                *((name, 3) for name in ("U32ADD3", "U32MADD")),
            )
        ),
        *(
            (f"{name.lower()}_address", "MemoryError.AddressOutOfBounds", _operation(name, lambda s: [_too_large(s)]))
            for name in ("MLOAD", "MSTORE", "MLOADW", "MSTOREW")
        ),
        *(
            (
                f"{name.lower()}_unaligned",
                "MemoryError.UnalignedWordAccess",
                _operation(name, lambda s: [_unaligned(s)]),
            )
            for name in ("MLOADW", "MSTOREW")
        ),
        *(
            (f"{name.lower()}_{what}", error, _operation(name, lambda _s, at=at: [at], position=position))  # type: ignore[misc]
            for name, position in (("MSTREAM", 12), ("HORNERBASE", 13), ("HORNEREXT", 13))
            for what, error, at in (
                ("address", "MemoryError.AddressOutOfBounds", U32_LIMIT),
                ("unaligned", "MemoryError.UnalignedWordAccess", 6),
            )
        ),
        (
            "mstream_second",
            "MemoryError.AddressOutOfBounds",
            _operation("MSTREAM", lambda _s: [U32_LIMIT - 4], position=12),
        ),
        ("advpop", "AdviceError.StackReadFailed", _run_dry("ADVPOP", 0)),
        ("advpopw", "AdviceError.StackReadFailed", _run_dry("ADVPOPW", 0)),
        ("pipe", "AdviceError.StackReadFailed", _run_dry("PIPE", 12)),
        ("event_unknown", "EventError", _operation("EMIT", lambda s: [s.choices.pick((0, 255, 12345, P - 1))])),
        (
            "map_key_missing",
            "AdviceError.MapKeyNotFound",
            _event("map_value_to_stack", lambda s: on_stack(s.draft.fresh_key())),
        ),
        (
            "map_key_missing_n",
            "AdviceError.MapKeyNotFound",
            _event("map_value_to_stack_n", lambda s: on_stack(s.draft.fresh_key())),
        ),
        ("map_contradiction", "AdviceError.MapKeyAlreadyPresent", _contradiction),
        ("map_of_program", "AdviceError.MapKeyAlreadyPresent", _program_map),
        ("map_of_library", "AdviceError.MapKeyAlreadyPresent", _library_map),
        ("inverse_event", "DivideByZero", _event("ext2_inv", lambda _s: [0, 0])),
        ("logarithm_of_0", "LogArgumentZero", _event("ilog2", lambda _s: [0])),
        *(
            (f"{name}_operand", "NotU32Values", _event(name, lambda s: [_too_large(s)]))
            for name in ("u32_clz", "u32_ctz", "u32_clo", "u32_cto")
        ),
        (
            "range_start",
            "MemoryError.AddressOutOfBounds",
            _event("mem_to_map", lambda s: [0, 0, 0, 0, _too_large(s), 4]),
        ),
        ("range_end", "MemoryError.AddressOutOfBounds", _event("mem_to_map", lambda s: [0, 0, 0, 0, 4, _too_large(s)])),
        ("range_order", "MemoryError.InvalidMemoryRange", _event("mem_to_map", lambda _s: [0, 0, 0, 0, 8, 4])),
        *(
            (f"{name.lower()}_{what}", error.format(store), _opening(name, change))
            for name, store in (("MPVERIFY", "Lookup"), ("MRUPDATE", "Update"), ("EMIT", "Lookup"))
            for what, error, change in (
                ("depth", "AdviceError.InvalidMerkleTreeNodeIndex", _bad_depth),
                ("index", "AdviceError.InvalidMerkleTreeNodeIndex", _bad_index),
                ("root", "AdviceError.MerkleStore{}Failed.RootNotInStore.Word", _bad_root),
                ("inner", "AdviceError.MerkleStore{}Failed.NodeIndexNotFoundInStore.Word", _too_deep),
            )
        ),
        ("mpverify_leaf", "MerklePathVerificationFailed", _opening("MPVERIFY", _bad_leaf)),
        ("fold_segment", "InvalidFriDomainSegment", _folding(_bad_segment)),
        ("fold_value", "InvalidFriLayerFolding.QuadExtension", _folding(_bad_fold)),
        ("circuit_too_large", "AceChipError", _circuit_sizes(2**30 - 4, 4)),
        ("circuit_no_variable", "AceChipError", _circuit_sizes(0, 4)),
        ("circuit_odd_variables", "AceChipError", _circuit_sizes(3, 4)),
        ("circuit_no_gate", "AceChipError", _circuit_sizes(2, 0)),
        ("circuit_gate_count", "AceChipError", _circuit_sizes(2, 6)),
        ("circuit_operation", "AceChipError", _circuit(_bad_gate(3, 4, 4))),
        ("circuit_left", "AceChipError", _circuit(_bad_gate(0, 2, 4))),
        ("circuit_right", "AceChipError", _circuit(_bad_gate(0, 4, 1))),
        ("circuit_not_zero", "AceChipError", _circuit(_not_zero)),
        (
            "circuit_address",
            "MemoryError.AddressOutOfBounds",
            _operation("EVALCIRCUIT", lambda s: [_too_large(s), 2, 4]),
        ),
        ("circuit_end", "MemoryError.AddressOutOfBounds", _operation("EVALCIRCUIT", lambda _s: [U32_LIMIT - 4, 4, 4])),
        ("circuit_unaligned", "MemoryError.UnalignedWordAccess", _operation("EVALCIRCUIT", lambda _s: [6, 2, 4])),
        ("branch", "NotBinaryValueIf", _branch),
        ("loop_start", "NotBinaryValueLoop", _loop_start),
        ("loop_end", "NotBinaryValueLoop", _loop_end),
        ("depth_of_call", "InvalidStackDepthOnReturn", _deep_call),
        ("depth_of_syscall", "InvalidStackDepthOnReturn", _deep_syscall),
        ("depth_of_dyncall", "InvalidStackDepthOnReturn", _deep_dyncall),
        ("not_in_kernel", "SyscallTargetNotInKernel", _not_in_kernel),
        ("dyn_missing", "DynamicNodeNotFound", _dynamic(Dyn)),
        ("dyncall_missing", "DynamicNodeNotFound", _dynamic(Dyncall)),
        ("dyn_address", "MemoryError.AddressOutOfBounds", _dynamic_address(Dyn, _too_large)),
        ("dyncall_address", "MemoryError.AddressOutOfBounds", _dynamic_address(Dyncall, _too_large)),
        ("dyn_unaligned", "MemoryError.UnalignedWordAccess", _dynamic_address(Dyn, _unaligned)),
        ("dyncall_unaligned", "MemoryError.UnalignedWordAccess", _dynamic_address(Dyncall, _unaligned)),
        ("external_missing", "NoMastForestWithProcedure", _missing_external),
        ("external_circular", "CircularExternalNode.Word", _circular),
        ("outputs", "OutputStackOverflow", _outputs),
    )
)
"""All of them; one is drawn for a program that is meant to fail."""

DRY: Final = frozenset({"advpop", "advpopw", "pipe"})
"""Failures that need an empty advice stack."""


def failures_in_use(names: tuple[str, ...]) -> tuple[Failure, ...]:
    """The failures with these names; all when none is given.

    Raises ValueError that names the unknown ones.
    """
    unknown = sorted(set(names) - {failure.name for failure in FAILURES})
    if unknown:
        raise ValueError(f"there is no failure {', '.join(unknown)}")
    return tuple(failure for failure in FAILURES if not names or failure.name in names)
