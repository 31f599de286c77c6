"""The executor's compiled loop: generated from the step texts, one function over flat tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from parallel.executor_control import CONTROL_STEPS
from parallel.executor_macros import ERROR_CODE, MACROS
from parallel.executor_steps import block_step_codes
from parallel.rows import (
    END,
    END_CALL,
    END_LOOP,
    END_SYSCALL,
    ENTER_FOREST,
    EXTERNAL,
    REPEAT,
    RESPAN,
)
from parallel.source import dispatch, load_generated
from reference.definition.isa import opcode

FINISHED, NEED_ROOM, NEED_HOST, FAILED = 1, 2, 3, 4

REGISTERS = (
    "pc", "t", "depth", "clk", "ctx", "hasher_addr", "n_blocks", "n_frames", "n_callers", "n_memory", "n_bitwise",
    "n_snapshots", "n_ends", "n_pops", "n_restores", "n_accesses", "n_advice", "n_permutations", "n_targets",
    "n_continuations", "n_ace", "next_cut", "stop", "room_clk", "answered", "target_pc", "enters_forest", "error",
    "room_needed", "memory_limit",
)  # fmt: skip
"""Scalars that live in one int64 array between calls, loaded at entry and stored at exit."""

ARRAYS = (
    "registers", "fn_hash", "transcript", "kind", "immediate", "first_target", "second_target", "digests", "stack",
    "pushed", "blocks", "block_flags", "continuations", "callers", "keys", "memory", "kernel_calls", "answer", "cuts",
    "constants", "item", "folded", "snapshots", "ends", "pops", "restores", "accesses", "advice", "permutations",
    "permutation_words", "targets", "continuation_pool", "ace",
)  # fmt: skip

_HEADER = '''"""Generated from parallel/executor_steps.py by parallel/executor_source.py; changes belong there."""

import numpy as np

from parallel.circuit import circuit_rows
from parallel.circuit import evaluate as evaluate_circuit
from parallel.circuit import record as record_circuit
from parallel.extension import extension_multiply, fri_fold, horner_base, horner_extension
from parallel.field import ONE, ZERO, add, inverse_or_zero, multiply, subtract
from parallel.jit import jit
from parallel.memory import find_slot
from parallel.merkle import merkle_root, same_word
from parallel.permutation import permutation_states

U32_MAX = np.uint64(2**32 - 1)
S32 = np.uint64(32)
S63 = np.uint64(63)
WORD_MASK = np.uint64(2**64 - 4)
FRAME_POINTER_WORD = np.uint64(2**32 - 4)
FRAME_POINTER_START = np.uint64(2**31)
'''

_SNAPSHOT_TEXT = """
if clk == stop:
    if kind[pc] != EXTERNAL:
        if clk == cuts[next_cut]:
            if n_snapshots == snapshots.shape[0] or n_continuations + n_frames > continuation_pool.shape[0]:
                status = NEED_ROOM
                break
            snapshot = snapshots[n_snapshots]
            snapshot.pc = pc
            snapshot.clk = clk
            snapshot.ctx = ctx
            snapshot.depth = depth
            snapshot.overflow_addr = pushed[t - 16] if depth > 16 else 0
            snapshot.current_addr = blocks[n_blocks - 1] if n_blocks > 0 else 0
            snapshot.parent_addr = blocks[n_blocks - 2] if n_blocks > 1 else 0
            snapshot.hasher_addr = hasher_addr
            for i in range(4):
                snapshot.fn_hash[i] = fn_hash[i]
                snapshot.transcript_state[i] = transcript[i]
            for i in range(16):
                snapshot.stack[i] = stack[t - i]
            snapshot.ends = n_ends
            snapshot.pops = n_pops
            snapshot.restores = n_restores
            snapshot.accesses = n_accesses
            snapshot.advice = n_advice
            snapshot.permutations = n_permutations
            snapshot.targets = n_targets
            snapshot.bitwise = n_bitwise
            snapshot.continuations = n_continuations
            snapshot.continuation_count = n_frames
            for i in range(n_frames):
                continuation_pool[n_continuations + i] = continuations[i]
            n_continuations += n_frames
            n_snapshots += 1
            next_cut += 1
        if clk >= room_clk:
            status = NEED_ROOM
            break
        stop = min(cuts[next_cut], room_clk)
"""


def _constants() -> list[str]:
    names = {
        "FINISHED": FINISHED,
        "NEED_ROOM": NEED_ROOM,
        "NEED_HOST": NEED_HOST,
        "FAILED": FAILED,
        "EXTERNAL": EXTERNAL,
        "REPEAT": REPEAT,
        "FIRST_ROWLESS": ENTER_FOREST,
        "ENTER_FOREST_PC": 1,
        "NO_PROCEDURE": -1,
        "CIRCULAR": -2,
        "IS_LOOP_BODY": 1,
        "IS_LOOP": 2,
        "LOOP_ENTERED": 4,
        "IS_CALL": 8,
        "IS_SYSCALL": 16,
        "ACCESS_READ": 1,
        "ACCESS_WORD": 2,
    }
    for name, code in ERROR_CODE.items():
        if name:
            names[error_constant(name)] = code
    return [f"{name} = {value}" for name, value in names.items()]


def error_constant(name: str) -> str:
    """``MemoryError.AddressOutOfBounds`` -> ``ADDRESS_OUT_OF_BOUNDS``: the last variant, in capitals."""
    parts = [part for part in name.split(".") if part not in {"Word", "QuadExtension"}]
    return "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(parts[-1])).upper()


def _steps() -> dict[int, str]:
    ends = {"END": END, "END_LOOP": END_LOOP, "END_CALL": END_CALL, "END_SYSCALL": END_SYSCALL}
    others = {"REPEAT": REPEAT, "RESPAN": RESPAN, "EXTERNAL": EXTERNAL}
    control = {ends.get(name) or others.get(name) or opcode(name): text for name, text in CONTROL_STEPS.items()}
    return {**block_step_codes(), **control}


def executor_text() -> str:
    """The generated module."""
    lines = [_HEADER, *_constants(), "", ""]
    lines += [
        "@jit",
        "def pop_continuation(continuations, n_frames, kind):",
        "    while n_frames > 0:",
        "        n_frames -= 1",
        "        pc = continuations[n_frames]",
        "        if kind[pc] < FIRST_ROWLESS:",
        "            return n_frames, pc",
        "    return 0, -1",
        "",
        "",
        "@jit",
        f"def run({', '.join(ARRAYS)}):",
    ]
    lines += [f"    {name} = registers[{index}]" for index, name in enumerate(REGISTERS)]
    lines += ["    status = 0", "    while True:"]
    lines += ["        " + line for line in _SNAPSHOT_TEXT.strip("\n").splitlines()]
    lines += ["        next_pc = pc + 1", "        code = kind[pc]"]
    lines += dispatch(_steps(), MACROS, "code", 2)
    lines += [
        "        else:",
        "            status = FAILED",
        "            break",
        "        clk += 1",
        "        pc = next_pc",
        "        if pc < 0:",
        "            status = FINISHED",
        "            break",
        "    if error:",
        "        status = FAILED",
    ]
    lines += [f"    registers[{index}] = {name}" for index, name in enumerate(REGISTERS)]
    lines += ["    return status", ""]
    return "\n".join(lines)


@cache
def load_executor() -> Callable[..., int]:
    """The compiled loop; compiled on its first call, about ten seconds the first time ever."""
    run: Callable[..., int] = load_generated("executor_loop", executor_text()).run
    return run
