"""Faults of the executor: what a program does, and what is recorded of it.

A wrong recording with a right machine shows in rebuilt cells and in no boundary state; a wrong machine shows in outcomes and
boundaries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.faults.fault import Check, Fault, InKernels, InRecording
from harness.faults.planting import Change
from harness.faults.units import EXECUTOR_LOOP
from parallel.recording import Recording
from reference.definition.isa import opcode
from reference.definition.outcome import Completed, Failed

_CELL: Final = (Check.CELL,)
_MACHINE: Final = (Check.BOUNDARY, Check.OUTCOME, Check.CELL, Check.SUMMARY)

_POPPED_WORDS: Final = """
for i in range(8):
    advice[n_advice + i] = answer[i]
    stack[t - 7 + i] = answer[i]
""".strip()

DEEPEST_STACK: Final = 24
"""Where the planted stack limit is; the real one, about 6,600 items, no generated program reaches."""

DEEPEST_NEST: Final = 8


def _executor(right: str, wrong: str, *within: str) -> Change:
    return Change(EXECUTOR_LOOP, right, wrong, within)


def _in_executor(right: str, wrong: str, *within: str) -> InKernels:
    return InKernels((_executor(right, wrong, *within),))


def _failing_one_late(recording: Recording) -> Recording:
    outcome = recording.outcome
    if isinstance(outcome, Completed) or outcome.clk is None:
        return recording
    return replace(recording, outcome=Failed(outcome.error, outcome.clk + 1, outcome.detail))


def _stopping_at_bad_return(recording: Recording) -> Recording:
    outcome = recording.outcome
    if isinstance(outcome, Failed) and outcome.error == "InvalidStackDepthOnReturn":
        raise AssertionError("the stack of a callee has 16 items at its end")
    return recording


def _without_deep_nests(recording: Recording) -> Recording:
    if recording.snapshots["continuation_count"].max(initial=0) > DEEPEST_NEST:
        raise RecursionError("maximum recursion depth exceeded")
    return recording


EXECUTOR_FAULTS: Final = (
    Fault(
        "restored-overflow-address-of-older-entry",
        "executor",
        "the END of a call restores the overflow address of the entry below the caller's newest",
        "A12: overflow address of the wrong moment in call bookkeeping",
        _CELL,
        _in_executor(
            "restore.overflow_addr = pushed[t - 16] if depth > 16 else 0",
            "restore.overflow_addr = pushed[t - 17] if depth > 17 else 0",
            "END_CALL",
            "END_SYSCALL",
        ),
    ),
    Fault(
        "caller-is-root",
        "executor",
        "the END of a call is recorded as a return to the root context",
        "C8: END of a call inside a call",
        _CELL,
        _in_executor("restore.ctx = ctx", "restore.ctx = 0", "END_CALL", "END_SYSCALL"),
    ),
    Fault(
        "restored-hash-of-callee",
        "executor",
        "the END of a call is recorded with the callee's hash",
        "C8: hash of the wrong row at the END of a call",
        _CELL,
        _in_executor(
            "fn_hash[i] = caller.fn_hash[i]\nrestore.fn_hash[i] = fn_hash[i]",
            "restore.fn_hash[i] = fn_hash[i]\nfn_hash[i] = caller.fn_hash[i]",
            "END_CALL",
            "END_SYSCALL",
        ),
    ),
    Fault(
        "dyncall-depth-before-pop",
        "executor",
        "DYNCALL saves the depth from before its address is popped",
        "A12: DYNCALL bookkeeping",
        _CELL,
        _in_executor(
            "restore.depth = depth",
            f"restore.depth = depth + 1 if kind[pc - 1] == {opcode('DYNCALL')} else depth",
            "END_CALL",
        ),
    ),
    Fault(
        "pop-with-own-address",
        "executor",
        "DROP records its overflow pop with the address of the entry that is popped, not of the one below",
        "C4: overflow address of the row before",
        _CELL,
        _in_executor("pop.overflow_addr = pushed[t - 17] if depth > 16 else 0", "pop.overflow_addr = pushed[t - 16]"),
    ),
    Fault(
        "pop-of-visible-item",
        "executor",
        "DROP records its overflow pop with item 15 instead of the item below it",
        "class: a replayed value from the entry next to the right one",
        _CELL,
        _in_executor("pop.value = stack[t - 16]", "pop.value = stack[t - 15]", "DROP"),
    ),
    Fault(
        "loop-entered-not-recorded",
        "executor",
        "the END of a loop is recorded as if the loop had not been entered",
        "A1: the flag that tells an entered loop from a skipped one",
        (Check.CELL, Check.ENGINE_FAILURE),
        _in_executor(
            "end.node_flags = block_flags[n_blocks]", "end.node_flags = block_flags[n_blocks] & ~LOOP_ENTERED"
        ),
    ),
    Fault(
        "syscall-marked-as-call",
        "executor",
        "a SYSCALL stands on the block stack as a CALL",
        "C9: flags of the wrong kind",
        _CELL,
        _in_executor("own = IS_SYSCALL", "own = IS_CALL", "SYSCALL"),
    ),
    Fault(
        "loop-body-one-level-too-deep",
        "executor",
        "children of a loop's body are marked as loop bodies too",
        "C9: the loop body flag of a node that is none",
        _CELL,
        _in_executor(
            "if n_blocks > 0 and block_flags[n_blocks - 1] & IS_LOOP:",
            "if n_blocks > 0 and (block_flags[n_blocks - 1] | block_flags[max(0, n_blocks - 2)]) & IS_LOOP:",
        ),
    ),
    Fault(
        "grandparent-after-end",
        "executor",
        "an END records the parent of the node that becomes current in the place of that node",
        "C7: the wrong relative in the block tables",
        (Check.CELL, Check.ENGINE_FAILURE),
        _in_executor(
            "end.current_addr = blocks[n_blocks - 1] if n_blocks > 0 else 0",
            "end.current_addr = blocks[n_blocks - 2] if n_blocks > 1 else 0",
        ),
    ),
    Fault(
        "stored-word-reversed",
        "executor",
        "MSTOREW records its word last element first",
        "C11: only four distinct elements show the order of a word",
        _CELL,
        _in_executor("entry.word[i] = memory[slot, i]", "entry.word[i] = memory[slot, 3 - i]", "MSTOREW"),
    ),
    Fault(
        "pipe-records-one-word",
        "executor",
        "PIPE does not record its second word",
        "C11: PIPE not requested",
        (Check.ENGINE_FAILURE, Check.SUMMARY, Check.CELL),
        _in_executor(
            f"RECORD_ACCESS(ACCESS_WORD)\n{_POPPED_WORDS}",
            _POPPED_WORDS,
            "PIPE",
        ),
    ),
    Fault(
        "popped-word-reversed",
        "executor",
        "ADVPOPW records its word last element first",
        "B5: the machine is right and its replay is not",
        _CELL,
        _in_executor("advice[n_advice + i] = answer[i]", "advice[n_advice + i] = answer[3 - i]", "ADVPOPW"),
    ),
    Fault(
        "frame-pointer-in-callers-context",
        "executor",
        "CALL and DYNCALL write the new frame pointer into the caller's memory",
        "B1: the write that a call makes at its own clk in the context it opens",
        (Check.CELL, Check.SUMMARY, Check.OUTCOME, Check.BOUNDARY),
        _in_executor(
            "key = (np.uint64(ctx) << S32) | FRAME_POINTER_WORD",
            "key = (np.uint64(callers[n_callers - 1].ctx) << S32) | FRAME_POINTER_WORD",
            "CALL",
            "DYNCALL",
        ),
    ),
    Fault(
        "kernel-calls-counted-once",
        "executor",
        "a kernel procedure that is called again is not counted again",
        "C6: kernel rows right for exactly one call",
        (Check.SUMMARY, Check.CELL),
        _in_executor("kernel_calls[second_target[pc]] += 1", "kernel_calls[second_target[pc]] = 1", "SYSCALL"),
    ),
    Fault(
        "any-value-ends-a-loop",
        "executor",
        "a loop condition that is neither 0 nor 1 ends the loop",
        "C14: LOOP exit on a non-binary value",
        # Where the run completes, the builder, which is right, finds no rows for what it goes on with.
        (Check.OUTCOME, Check.ENGINE_FAILURE),
        _in_executor("if stack[t] == ZERO:", "if stack[t] != ONE:", "END", "END_LOOP", "END_CALL", "END_SYSCALL"),
    ),
    Fault(
        "deep-stack-refused",
        "executor",
        f"PAD or PUSH onto a stack of {DEEPEST_STACK} items ends the program",
        "B4: the stack buffer's limit",
        (Check.OUTCOME,),
        _in_executor(
            "depth += 1", f"depth += 1\nif depth > {DEEPEST_STACK}:\n    ERROR(OUTPUT_STACK_OVERFLOW)", "PAD", "PUSH"
        ),
    ),
    Fault(
        "syscall-keeps-context",
        "executor",
        "SYSCALL runs in the caller's context",
        "C15: what SYSCALL does not reset",
        _MACHINE,
        _in_executor("ctx = 0", "pass", "SYSCALL"),
    ),
    Fault(
        "mrupdate-takes-half-its-rows",
        "executor",
        "MRUPDATE advances the hasher address by one path instead of two",
        "C10: the second path of MRUPDATE",
        (Check.SUMMARY, Check.BOUNDARY, Check.ENGINE_FAILURE, Check.CELL),
        _in_executor("hasher_addr += 16 * levels", "hasher_addr += 8 * levels", "MRUPDATE"),
    ),
    Fault(
        "library-advice-not-merged",
        "executor",
        "a library that DYN or DYNCALL enters does not bring its advice map along",
        "B5: advice map of forests loaded at run time",
        (Check.OUTCOME, Check.BOUNDARY),
        InKernels(
            (
                Change(
                    "executor",
                    "self._host.merge(lowered.forests[provider].advice_map, self.clk)",
                    "pass",
                    switch="self.fault",
                ),
            )
        ),
    ),
    Fault(
        "failure-one-clk-late",
        "executor",
        "an error is reported with the clk of the row after",
        "B6: off by one at the end of a run",
        (Check.OUTCOME,),
        InRecording(_failing_one_late),
    ),
    Fault(
        "assertion-at-bad-return",
        "executor",
        "a callee that leaves items behind stops the process instead of failing the program",
        "B9: assertions reachable from programs",
        (Check.ENGINE_FAILURE,),
        InRecording(_stopping_at_bad_return),
    ),
    Fault(
        "deep-nest-overflows",
        "executor",
        f"more than {DEEPEST_NEST} continuations overflow a native stack",
        "A10: recursion over the program's tree",
        (Check.ENGINE_FAILURE,),
        InRecording(_without_deep_nests),
    ),
)
