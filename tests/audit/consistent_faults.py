"""Chiplets of the reference that do one thing wrongly, and a run that follows consistently from that.

Such a trace has no stray cell: what the fault touches is copied, hashed, looked up and answered as it is. Only the rule that
says what should have been computed can notice it, so these faults show which rules are needed that single cells do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from golden_traces import DATA
from pytest import MonkeyPatch

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.backend import Window
from reference.chiplets import ace, bitwise, hasher, memory, range_checker
from reference.chiplets.ace import Ace
from reference.chiplets.bitwise import Bitwise
from reference.chiplets.hasher import Hasher
from reference.chiplets.kernel_rom import KernelRom
from reference.chiplets.memory import Memory
from reference.definition.case import Case
from reference.definition.formats.load import load_cases
from reference.definition.outcome import Completed
from reference.definition.rpo import apply_round
from reference.machine import Machine
from reference.processor import execute

MOST_ROWS = 2_000
"""A fault can keep a loop from ending."""

CASES = {
    case.name: case for case in (*load_cases(DATA / "vm" / "cases.jsonl"), *load_cases(DATA / "audit" / "cases.jsonl"))
}


def violated(case: Case) -> tuple[str, ...] | None:
    """Rules that the reference's trace of a case violates as it computes now; None when the program fails."""
    execution = execute(case, max_cycles=MOST_ROWS)
    if not isinstance(execution.outcome, Completed) or execution.trace is None:
        return None
    cells = execution.trace.columns
    known = Known.of(case, execution.outcome.stack)
    result = audit(lambda: [Window(0, cells)], cells.shape[1], known, threads=1)
    return tuple(violation.rule.name for violation in result.violations)


@dataclass(frozen=True)
class Fault:
    """A chiplet that works wrongly, and the rules that notice it: no others do."""

    name: str
    plant: Callable[[MonkeyPatch], None]
    case: str
    """A recorded case that it shows on."""
    noticed_by: tuple[str, ...]
    """Every rule that the case then violates."""


def _or_for_xor(patch: MonkeyPatch) -> None:
    patch.setattr(Bitwise, "xor", lambda self, a, b: (self._requests.extend((bitwise.XOR, a, b)), a | b)[1])

    def append_cycle(rows, op, a, b):
        z = a & b if op == bitwise.AND else a | b
        for shift in range(28, -1, -4):
            x, y = a >> shift, b >> shift
            rows.extend(
                (op, x, y, *(x >> i & 1 for i in range(4)), *(y >> i & 1 for i in range(4)), z >> shift + 4, z >> shift)
            )

    patch.setattr(bitwise, "_append_cycle", append_cycle)


def _answers_backwards(patch: MonkeyPatch) -> None:
    right = Bitwise.table
    patch.setattr(
        Bitwise, "table", lambda self: right(self).reshape(-1, 8, bitwise.WIDTH)[::-1].reshape(-1, bitwise.WIDTH)
    )


def _untouched_words_hold_ones(patch: MonkeyPatch) -> None:
    patch.setattr(memory, "ZERO_WORD", (1, 1, 1, 1))


def _element_writes_clear_their_word(patch: MonkeyPatch) -> None:
    right = Memory.write_element

    def write_element(self, ctx, addr, value, clk):
        self._words.pop((ctx, addr - addr % 4), None)
        right(self, ctx, addr, value, clk)

    patch.setattr(Memory, "write_element", write_element)


def _deltas_one_less(patch: MonkeyPatch) -> None:
    right = Memory._sorted

    def sorted_(self):
        accesses, limbs, same_word = right(self)
        limbs = limbs.copy()
        limbs[1:, 0] -= (limbs[1:, 0] > 0).astype(np.uint64)
        return accesses, limbs, same_word

    patch.setattr(Memory, "_sorted", sorted_)


def _capacity_not_carried(patch: MonkeyPatch) -> None:
    def basic_block(self, batches):
        address = self.next_address
        for i, groups in enumerate(batches):
            first = hasher.LINEAR if i == 0 else hasher.CONTINUE
            last = hasher.RETURN_HASH if i == len(batches) - 1 else hasher.LINEAR
            self._cycle((0, 0, 0, 0, *groups), first, last)
        return address

    patch.setattr(Hasher, "basic_block", basic_block)


def _rounds_exchanged(patch: MonkeyPatch) -> None:
    """HPERM's second and third round with each other's constants."""

    def permute(self, state):
        address = self.next_address
        states = [state]
        for index in (0, 2, 1, 3, 4, 5, 6):
            states.append(apply_round(states[-1], index))
        patch.setattr(hasher, "permutation_states", lambda _: tuple(states))
        result = self._cycle(state, hasher.LINEAR, hasher.RETURN_STATE)
        patch.setattr(hasher, "permutation_states", _PERMUTATION_STATES)
        return address, result

    patch.setattr(Hasher, "permute", permute)


_PERMUTATION_STATES = hasher.permutation_states


def _kernel_backwards(patch: MonkeyPatch) -> None:
    def table(self):
        rows = [
            row
            for digest, accesses in reversed(self._accesses.items())
            for row in ((1, *digest), *((0, *digest),) * accesses)
        ]
        return np.array(rows, dtype=np.uint64).reshape(-1, 5)

    patch.setattr(KernelRom, "table", table)


def _calls_before_procedures(patch: MonkeyPatch) -> None:
    def table(self):
        rows = [row for d, n in self._accesses.items() for row in (*((0, *d),) * n, (1, *d))]
        return np.array(rows, dtype=np.uint64).reshape(-1, 5)

    patch.setattr(KernelRom, "table", table)


def _an_input_used_twice_counts_once(patch: MonkeyPatch) -> None:
    right = ace._Circuit._use

    def use(self, wire):
        value = right(self, wire)
        self.uses[wire] = 1
        return value

    patch.setattr(ace._Circuit, "_use", use)


def _one_gate_more(patch: MonkeyPatch) -> None:
    """On READ rows, which say how many gates follow."""
    right = Ace.table

    def table(self):
        rows = right(self).copy()
        reads = rows[:, 1] == 0
        rows[reads, 12] += np.uint64(1)
        return rows

    patch.setattr(Ace, "table", table)


def _small_bridges_first(patch: MonkeyPatch) -> None:
    def append_bridge(rows, previous, value):
        steps = []
        gap = value - previous
        for exponent in range(7, -1, -1):
            steps += [3**exponent] * (gap // 3**exponent)
            gap %= 3**exponent
        for step in reversed(steps[1:]):
            previous += step
            rows.extend((0, previous))
        return previous

    patch.setattr(range_checker, "_append_bridge", append_bridge)


def _another_sibling_for_the_new_root(patch: MonkeyPatch) -> None:
    def merkle_update(self, old, new, path, index):
        address = self.next_address
        old_root = self._path(old, path, index, hasher.MR_OLD)
        *lower, top = path
        return address, old_root, self._path(new, (*lower, (top[0] + 1, *top[1:])), index, hasher.MR_NEW)

    patch.setattr(Hasher, "merkle_update", merkle_update)


def _transcript_forgets(patch: MonkeyPatch) -> None:
    """LOGPRECOMPILE always begins with the empty state."""
    patch.setattr(Machine, "transcript_state", property(lambda _: (0, 0, 0, 0), lambda _, __: None), raising=False)


_DIGEST = tuple(f"kernel_rom.same.digest.{i}" for i in range(4))
_ABSORBED = tuple(f"hasher.absorbs.capacity.{i}" for i in range(4))
_UNTOUCHED = tuple(f"memory.{rule}.v{i}" for rule in ("first", "kept") for i in range(4))

FAULTS = (
    Fault("XOR is OR", _or_for_xor, "op_u32xor_700381", ("bitwise.z",)),
    Fault("bitwise answers backwards", _answers_backwards, "op_u32and_700370", ("requests.bitwise.order",)),
    Fault("untouched words hold ones", _untouched_words_hold_ones, "op_mloadw_700431", _UNTOUCHED),
    Fault("element writes clear their word", _element_writes_clear_their_word, "op_mstore_700440", ("memory.kept.v2",)),
    Fault(
        "deltas one less",
        _deltas_one_less,
        "op_mload_700060",
        ("memory.delta", "memory.n1.binary", "memory.word.stays", "memory.scw"),
    ),
    Fault("capacity not carried", _capacity_not_carried, "ctl_batches_mixed_703470", (*_ABSORBED, "buses.hasher")),
    Fault("rounds exchanged", _rounds_exchanged, "op_hperm_700700", tuple(f"hasher.round.{i}" for i in range(12))),
    Fault(
        "another sibling for the new root", _another_sibling_for_the_new_root, "merkle_update_3_4", ("buses.siblings",)
    ),
    Fault("the transcript forgets", _transcript_forgets, "log_precompile_twice", ("requests.transcript",)),
    Fault("kernel backwards", _kernel_backwards, "ctl_sys_many_703280", ("requests.kernel.order",)),
    Fault(
        "calls before procedures",
        _calls_before_procedures,
        "ctl_sys_many_703280",
        ("kernel_rom.table.starts", *_DIGEST),
    ),
    Fault(
        "an input used twice counts once", _an_input_used_twice_counts_once, "op_evalcircuit_700771", ("buses.wiring",)
    ),
    Fault("one gate more than there are", _one_gate_more, "op_evalcircuit_700771", ("buses.ace", "ace.evals.first")),
    Fault("small bridges first", _small_bridges_first, "op_u32add_700620", ("range.table",)),
)
