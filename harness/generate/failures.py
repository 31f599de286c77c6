"""Programs that fail: for every way a program can fail, code that certainly does when it runs.

Names are those that the engines report (spec 06, section 11). Not written here, because no program of a case can reach
them: the cycle limit of 2^29 rows, a malformed forest in the host, memory conflicts in one row, a processor used twice.
"""

from __future__ import annotations

from typing import Final

from harness.generate.draft import Failure
from harness.generate.events import on_stack
from harness.generate.failing_control import (
    branch,
    circular,
    deep_call,
    deep_dyncall,
    deep_syscall,
    dynamic,
    dynamic_address,
    loop_end,
    loop_start,
    missing_external,
    not_in_kernel,
    outputs,
)
from harness.generate.failing_maps import library_map, map_behind, map_behind_circle
from harness.generate.failing_merkle import MERKLE_FAILURES
from harness.generate.failing_operations import (
    bad_depth,
    bad_fold,
    bad_gate,
    bad_index,
    bad_leaf,
    bad_root,
    bad_segment,
    circuit,
    circuit_sizes,
    contradiction,
    event,
    folding,
    not_binary,
    not_u32,
    not_zero,
    opening,
    operation,
    program_map,
    run_dry,
    too_deep,
    too_large,
    unaligned,
)
from harness.generate.loops import write_late_failure
from harness.generate.values import draw_u32
from reference.definition.field import U32_LIMIT, P
from reference.definition.mast import Dyn, Dyncall

FAILURES: Final[tuple[Failure, ...]] = tuple(
    Failure(name, error, write)
    for name, error, write in (
        ("assert", "FailedAssertion", operation("ASSERT", lambda s: [s.choices.pick((0, 2, P - 1))])),
        ("inverse_of_0", "DivideByZero", operation("INV", lambda _s: [0])),
        ("inverse_of_0_late", "DivideByZero", write_late_failure),
        ("divide_by_0", "DivideByZero", operation("U32DIV", lambda s: [0, draw_u32(s.choices)])),
        ("not", "NotBinaryValueOp", not_binary("NOT", 0)),
        ("and_first", "NotBinaryValueOp", not_binary("AND", 0)),
        ("and_second", "NotBinaryValueOp", not_binary("AND", 1)),
        ("or_first", "NotBinaryValueOp", not_binary("OR", 0)),
        ("or_second", "NotBinaryValueOp", not_binary("OR", 1)),
        ("cswap", "NotBinaryValueOp", not_binary("CSWAP", 0)),
        ("cswapw", "NotBinaryValueOp", not_binary("CSWAPW", 0)),
        *(
            (name.lower(), "NotU32Values", not_u32(name, count))
            for name, count in (
                *((name, 2) for name in ("U32ADD", "U32SUB", "U32MUL", "U32DIV", "U32AND", "U32XOR", "U32ASSERT2")),
                *((name, 3) for name in ("U32ADD3", "U32MADD")),
            )
        ),
        *(
            (f"{name.lower()}_address", "MemoryError.AddressOutOfBounds", operation(name, lambda s: [too_large(s)]))
            for name in ("MLOAD", "MSTORE", "MLOADW", "MSTOREW")
        ),
        *(
            (
                f"{name.lower()}unaligned",
                "MemoryError.UnalignedWordAccess",
                operation(name, lambda s: [unaligned(s)]),
            )
            for name in ("MLOADW", "MSTOREW")
        ),
        *(
            (f"{name.lower()}_{what}", error, operation(name, lambda _s, at=at: [at], position=position))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            for name, position in (("MSTREAM", 12), ("HORNERBASE", 13), ("HORNEREXT", 13))
            for what, error, at in (
                ("address", "MemoryError.AddressOutOfBounds", U32_LIMIT),
                ("unaligned", "MemoryError.UnalignedWordAccess", 6),
            )
        ),
        (
            "mstream_second",
            "MemoryError.AddressOutOfBounds",
            operation("MSTREAM", lambda _s: [U32_LIMIT - 4], position=12),
        ),
        ("advpop", "AdviceError.StackReadFailed", run_dry("ADVPOP", 0)),
        ("advpopw", "AdviceError.StackReadFailed", run_dry("ADVPOPW", 0)),
        ("pipe", "AdviceError.StackReadFailed", run_dry("PIPE", 12)),
        ("event_unknown", "EventError", operation("EMIT", lambda s: [s.choices.pick((0, 255, 12345, P - 1))])),
        (
            "map_key_missing",
            "AdviceError.MapKeyNotFound",
            event("map_value_to_stack", lambda s: on_stack(s.draft.fresh_key())),
        ),
        (
            "map_key_missing_n",
            "AdviceError.MapKeyNotFound",
            event("map_value_to_stack_n", lambda s: on_stack(s.draft.fresh_key())),
        ),
        ("map_contradiction", "AdviceError.MapKeyAlreadyPresent", contradiction),
        ("map_of_program", "AdviceError.MapKeyAlreadyPresent", program_map),
        ("map_of_library", "AdviceError.MapKeyAlreadyPresent", library_map),
        ("map_behind_dyn", "AdviceError.MapKeyAlreadyPresent", map_behind("inline")),
        ("map_behind_dyncall", "AdviceError.MapKeyAlreadyPresent", map_behind("context")),
        ("map_behind_circle", "AdviceError.MapKeyAlreadyPresent", map_behind_circle),
        ("inverse_event", "DivideByZero", event("ext2_inv", lambda _s: [0, 0])),
        ("logarithm_of_0", "LogArgumentZero", event("ilog2", lambda _s: [0])),
        *(
            (f"{name}_operand", "NotU32Values", event(name, lambda s: [too_large(s)]))
            for name in ("u32_clz", "u32_ctz", "u32_clo", "u32_cto")
        ),
        (
            "range_start",
            "MemoryError.AddressOutOfBounds",
            event("mem_to_map", lambda s: [0, 0, 0, 0, too_large(s), 4]),
        ),
        ("range_end", "MemoryError.AddressOutOfBounds", event("mem_to_map", lambda s: [0, 0, 0, 0, 4, too_large(s)])),
        ("range_order", "MemoryError.InvalidMemoryRange", event("mem_to_map", lambda _s: [0, 0, 0, 0, 8, 4])),
        *(
            (f"{name.lower()}_{what}", error.format(store), opening(name, change))
            for name, store in (("MPVERIFY", "Lookup"), ("MRUPDATE", "Update"), ("EMIT", "Lookup"))
            for what, error, change in (
                ("depth", "AdviceError.InvalidMerkleTreeNodeIndex", bad_depth),
                ("index", "AdviceError.InvalidMerkleTreeNodeIndex", bad_index),
                ("root", "AdviceError.MerkleStore{}Failed.RootNotInStore.Word", bad_root),
                ("inner", "AdviceError.MerkleStore{}Failed.NodeIndexNotFoundInStore.Word", too_deep),
            )
        ),
        ("mpverify_leaf", "MerklePathVerificationFailed", opening("MPVERIFY", bad_leaf)),
        *MERKLE_FAILURES,
        ("fold_segment", "InvalidFriDomainSegment", folding(bad_segment)),
        ("fold_value", "InvalidFriLayerFolding.QuadExtension", folding(bad_fold)),
        ("circuit_too_large", "AceChipError", circuit_sizes(2**30 - 4, 4)),
        ("circuit_no_variable", "AceChipError", circuit_sizes(0, 4)),
        ("circuit_odd_variables", "AceChipError", circuit_sizes(3, 4)),
        ("circuit_no_gate", "AceChipError", circuit_sizes(2, 0)),
        ("circuit_gate_count", "AceChipError", circuit_sizes(2, 6)),
        ("circuit_operation", "AceChipError", circuit(bad_gate(3, 4, 4))),
        ("circuit_left", "AceChipError", circuit(bad_gate(0, 2, 4))),
        ("circuit_right", "AceChipError", circuit(bad_gate(0, 4, 1))),
        ("circuit_not_zero", "AceChipError", circuit(not_zero)),
        (
            "circuit_address",
            "MemoryError.AddressOutOfBounds",
            operation("EVALCIRCUIT", lambda s: [too_large(s), 2, 4]),
        ),
        ("circuit_end", "MemoryError.AddressOutOfBounds", operation("EVALCIRCUIT", lambda _s: [U32_LIMIT - 4, 4, 4])),
        ("circuit_unaligned", "MemoryError.UnalignedWordAccess", operation("EVALCIRCUIT", lambda _s: [6, 2, 4])),
        ("branch", "NotBinaryValueIf", branch),
        ("loop_start", "NotBinaryValueLoop", loop_start),
        ("loop_end", "NotBinaryValueLoop", loop_end),
        ("depth_of_call", "InvalidStackDepthOnReturn", deep_call),
        ("depth_of_syscall", "InvalidStackDepthOnReturn", deep_syscall),
        ("depth_of_dyncall", "InvalidStackDepthOnReturn", deep_dyncall),
        ("not_in_kernel", "SyscallTargetNotInKernel", not_in_kernel),
        ("dyn_missing", "DynamicNodeNotFound", dynamic(Dyn)),
        ("dyncall_missing", "DynamicNodeNotFound", dynamic(Dyncall)),
        ("dyn_address", "MemoryError.AddressOutOfBounds", dynamic_address(Dyn, too_large)),
        ("dyncall_address", "MemoryError.AddressOutOfBounds", dynamic_address(Dyncall, too_large)),
        ("dyn_unaligned", "MemoryError.UnalignedWordAccess", dynamic_address(Dyn, unaligned)),
        ("dyncall_unaligned", "MemoryError.UnalignedWordAccess", dynamic_address(Dyncall, unaligned)),
        ("external_missing", "NoMastForestWithProcedure", missing_external),
        ("external_circular", "CircularExternalNode.Word", circular),
        ("outputs", "OutputStackOverflow", outputs),
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
