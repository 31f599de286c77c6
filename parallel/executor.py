"""The fast executor: runs a program on flat tables and records what every fragment needs to be rebuilt.

The compiled loop leaves when a queue is full, when only the host can answer, and at the end; between these it touches no
Python object. An answer is put into the ``answer`` array and the same row runs again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parallel.circuit import MAX_READ_ROWS
from parallel.executor_macros import ERRORS
from parallel.executor_source import ARRAYS, FAILED, FINISHED, NEED_HOST, NEED_ROOM, REGISTERS, load_executor
from parallel.host import Host, LiveHost, ScriptedHost
from parallel.jit import records
from parallel.lower import Lowered, lower
from parallel.memory import Tables, find_slot, rehash
from parallel.permutation import ROUND_CONSTANTS
from parallel.recording import FRAME, QUEUES, SNAPSHOT, Array, Recording
from reference.definition.case import Case
from reference.definition.cuts import CutPlan, Every
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import Word, as_word
from reference.definition.isa import opcode
from reference.definition.outcome import Completed, Failed, Outcome

MAX_CYCLES: Final = 2**29
STACK_DEPTH: Final = 16

_REGISTER: Final = {name: index for index, name in enumerate(REGISTERS)}
_PER_ROW: Final = {"ends": 1, "pops": 1, "restores": 1, "accesses": 2, "advice": 8, "targets": 1}
"""Most entries that one row adds to each queue; what can add more checks for itself."""

_INSERTS_PER_ROW: Final = 16
"""Memory words that can become used before the loop, having passed its limit, leaves for a larger table."""

_AHEAD: Final = 8
_AHEAD_BYTES: Final = 2**26
"""How much a growing queue gets beyond what is needed: so many times the need, at most so many bytes."""

_FIRST_TOP: Final = 64
"""Index of the stack top at depth 16: the slots below it are read (never used) when depth is 17."""

_NO_CUT: Final = 2**62


_TABLES = Tables()


class Executor:
    """One run. Use :func:`record`."""

    def __init__(self, lowered: Lowered, stack: Sequence[int], host: Host, plans: Sequence[CutPlan]) -> None:
        self._lowered = lowered
        self._host = host
        self._plans = plans
        rows, sizes = lowered.rows, lowered.last_sizes
        registers = np.zeros(len(REGISTERS), np.int64)
        self.arrays: dict[str, Array] = {
            "registers": registers,
            "fn_hash": np.zeros(4, np.uint64),
            "transcript": np.zeros(4, np.uint64),
            "kind": rows.kind,
            "immediate": rows.immediate,
            "first_target": rows.first_target,
            "second_target": rows.second_target,
            "digests": lowered.hashes.digests,
            "stack": np.zeros(1024, np.uint64),
            "pushed": np.zeros(1024, np.int64),
            "blocks": np.empty(64, np.int64),
            "block_flags": np.empty(64, np.int64),
            "continuations": np.empty(64, np.int64),
            "callers": np.empty(16, FRAME),
            **dict(zip(("keys", "memory"), _TABLES.take(sizes.get("keys", 256)), strict=True)),
            "kernel_calls": np.zeros(max(1, len(lowered.program.kernel.procedures)), np.int64),
            "answer": np.zeros(256, np.uint64),
            "cuts": np.empty(0, np.int64),
            "constants": ROUND_CONSTANTS,
            "item": np.zeros(16, np.uint64),
            "folded": np.zeros(24, np.uint64),
            "snapshots": np.empty(sizes.get("snapshots", 0), SNAPSHOT),
            **{name: np.empty(sizes.get(name, 0), entry) for name, entry in QUEUES.items() if name != "continuations"},
            "continuation_pool": np.empty(sizes.get("continuation_pool", 256), np.int64),
            "ace": np.empty((0, 16), np.uint64),
        }
        self.arrays["permutation_words"] = self.arrays["permutations"].reshape(-1)
        for position, value in enumerate(stack):
            self.arrays["stack"][_FIRST_TOP - position] = value
        self.set("pc", lowered.entry)
        self.set("t", _FIRST_TOP)
        self.set("depth", STACK_DEPTH)
        self.set("hasher_addr", 1)

    def get(self, name: str) -> int:
        """A register."""
        return int(self.arrays["registers"][_REGISTER[name]])

    def set(self, name: str, value: int) -> None:
        """Change a register."""
        self.arrays["registers"][_REGISTER[name]] = value

    # ---- what event handlers see (parallel.host.View) ---------------------------------------------------------------

    @property
    def clk(self) -> int:
        """The running row."""
        return self.get("clk")

    @property
    def ctx(self) -> int:
        """The running context."""
        return self.get("ctx")

    def item(self, position: int) -> int:
        """Stack item, 0 beyond the depth."""
        if position >= self.get("depth"):
            return 0
        return int(self.arrays["stack"][self.get("t") - position])

    def element(self, address: int) -> int:
        """Memory element of the running context, 0 where nothing was written."""
        key = np.uint64(self.ctx << 32 | address & ~3)
        slot = find_slot(self.arrays["keys"], key)
        return int(self.arrays["memory"][slot, address & 3]) if self.arrays["keys"][slot] == key else 0

    # ---- the run ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run to the end.

        Raises ExecutionFailure with the real VM's name and clk.
        """
        self._host.merge(self._lowered.program.forest.advice_map, 0)
        loop = load_executor()
        self._make_room()
        while True:
            status = loop(*[records(self.arrays[name]) for name in ARRAYS])
            if status == FINISHED:
                break
            if status == NEED_ROOM:
                if self.clk >= MAX_CYCLES:
                    raise ExecutionFailure("CycleLimitExceeded", detail=f"more than {MAX_CYCLES} rows")
                self._make_room()
            elif status == NEED_HOST:
                self._answer()
                self.set("answered", 1)
            elif status == FAILED:
                name, has_clk = ERRORS[self.get("error")]
                if name == "TooManyReads":
                    raise BeyondLimits(f"EVALCIRCUIT reads at most {2 * MAX_READ_ROWS} variables here")
                raise ExecutionFailure(name, clk=self.clk if has_clk else None)
        if self.get("depth") > STACK_DEPTH:
            excess = self.get("depth") - STACK_DEPTH
            raise ExecutionFailure("OutputStackOverflow", detail=f"{excess} items beyond the 16 outputs")
        leftover = self._host.leftover()
        if leftover is not None:
            raise ExecutionFailure("RepliesLeftOver", detail=leftover)

    def _make_room(self) -> None:
        """Grow whatever is close to full; queues grow geometrically with the rows run so far."""
        arrays = self.arrays
        rows = max(256, self.clk)
        needed = self.get("room_needed")
        self.set("room_needed", 0)
        for name, per_row in _PER_ROW.items():
            self._grow(name, self.get(f"n_{name}"), rows * per_row + (needed if name == "accesses" else 0))
        self._grow("ace", self.get("n_ace"), needed)
        self._grow("permutations", self.get("n_permutations"), 130, geometric=True)
        arrays["permutation_words"] = arrays["permutations"].reshape(-1)
        self._grow("continuation_pool", self.get("n_continuations"), self.get("n_frames") + 16, geometric=True)
        for name, used in (("blocks", "n_blocks"), ("block_flags", "n_blocks"), ("continuations", "n_frames")):
            self._grow(name, self.get(used), 32, geometric=True)
        self._grow("callers", self.get("n_callers"), 8, geometric=True)
        for name in ("stack", "pushed"):
            self._grow(name, self.get("t") + 1, rows + 128)
        if self.get("n_memory") + _INSERTS_PER_ROW > len(arrays["keys"]) // 2:
            keys, memory = _TABLES.take(4 * len(arrays["keys"]))
            rehash(arrays["keys"], arrays["memory"], keys, memory)
            _TABLES.give_back(arrays["keys"], arrays["memory"])
            arrays["keys"], arrays["memory"] = keys, memory
        self.set("memory_limit", len(arrays["keys"]) // 2 - _INSERTS_PER_ROW)
        room_clk = min(self.clk + rows, MAX_CYCLES)
        # The next calls stop for room at room_clk at the latest, so cuts beyond it can wait.
        cuts = _joined([cut_rows(plan, self.clk, room_clk) for plan in self._plans])
        arrays["cuts"] = np.append(cuts, _NO_CUT)
        # At the running row the boundary may have been noted already, before the loop left for room or for the host.
        taken = self.get("n_snapshots") > 0 and int(arrays["snapshots"][self.get("n_snapshots") - 1]["clk"]) == self.clk
        self.set("next_cut", int(taken and len(cuts) > 0 and int(cuts[0]) == self.clk))
        self._grow("snapshots", self.get("n_snapshots"), len(cuts))
        self.set("room_clk", room_clk)
        self.set("stop", self.clk)

    def give_back(self) -> None:
        """The run is over: its memory table may serve another one."""
        _TABLES.give_back(self.arrays["keys"], self.arrays["memory"])

    def _grow(self, name: str, used: int, wanted: int, *, geometric: bool = False) -> None:
        old = self.arrays[name]
        if len(old) - used >= wanted:
            return
        # Memory that is never written costs nothing, but what was written is copied to fresh pages.
        ahead = min(_AHEAD * wanted, _AHEAD_BYTES // (old.itemsize * math.prod(old.shape[1:])))
        size = max(used + wanted + ahead, 2 * len(old) if geometric else 0)
        larger = np.empty((size, *old.shape[1:]), old.dtype)
        larger[:used] = old[:used]
        self.arrays[name] = larger

    def _word(self, position: int) -> Word:
        return as_word(self.item(position + 3 - i) for i in range(4))

    def _answer(self) -> None:
        """Ask the host what the row at pc needs."""
        pc = self.get("pc")
        kind = int(self._lowered.rows.kind[pc])
        answer = self.arrays["answer"]
        clk = self.clk
        if kind == _EMIT:
            self._host.emit(self)
        elif kind in _POPS:
            count = _POPS[kind]
            answer[:count] = self._host.pop(count, clk)
        elif kind in (_MPVERIFY, _MRUPDATE):
            root, depth, index = self._word(6), self.item(4), self.item(5)
            if kind == _MPVERIFY:
                path = self._host.path(root, depth, index, clk)
            else:
                path = self._host.update(root, depth, index, self._word(10), clk)
            if not path:
                same = self._word(0) == root
                raise ExecutionFailure("EmptyMerklePath" if same else "MerklePathVerificationFailed")
            answer[: 4 * len(path)] = [element for word in path for element in word]
        elif kind in (_DYN, _DYNCALL):
            self._resolve(pc, as_word(int(element) for element in answer[:4]))
        else:
            provider = int(self._lowered.rows.second_target[pc])
            self._host.merge(self._lowered.forests[provider].advice_map, clk)

    def _resolve(self, pc: int, callee: Word) -> None:
        """Find the target of DYN or DYNCALL: a root of the current forest, else the host's forest for the digest."""
        lowered = self._lowered
        current = lowered.forest_of_node(int(lowered.rows.node[pc]))
        target = lowered.roots[current].get(callee)
        self.set("enters_forest", 0)
        if target is None:
            provider = lowered.providers.get(callee)
            if provider is None:
                raise ExecutionFailure("DynamicNodeNotFound", detail=f"no procedure {callee}")
            target = lowered.roots[provider][callee]
            self._host.merge(lowered.forests[provider].advice_map, self.clk)
            self.set("enters_forest", 1)
        self.set("target_pc", target)


_EMIT = opcode("EMIT")
_MPVERIFY, _MRUPDATE = opcode("MPVERIFY"), opcode("MRUPDATE")
_DYN, _DYNCALL = opcode("DYN"), opcode("DYNCALL")
_POPS = {opcode("ADVPOP"): 1, opcode("ADVPOPW"): 4, opcode("PIPE"): 8}


def cut_rows(cut: CutPlan, first: int, last: int) -> NDArray[np.int64]:
    """The rows first .. last, both included, that begin a fragment; row 0 always does."""
    if isinstance(cut, Every):
        return np.arange(-(-first // cut.size) * cut.size, last + 1, cut.size, dtype=np.int64)
    return np.array(sorted({row for row in (0, *cut.rows) if first <= row <= last}), np.int64)


def _joined(plans: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows of any of the plans, ascending, each once."""
    filled = [rows for rows in plans if len(rows)]
    # Mostly the second plan has row 0 alone, as all have.
    if len(filled) == 1 or (len(filled) == 2 and len(filled[1]) == 1 and filled[0][0] == filled[1][0]):
        return filled[0]
    return np.unique(np.concatenate(plans))


def record(case: Case, *, largest_fragment: int | None = None) -> Recording:
    """Run a case and record a fragment from each row on that its one cut plan names.

    Rows past the end begin nothing. ``largest_fragment``: rows after which a fragment is recorded as a further one, so that
    a plan with few cuts still gives every thread something to rebuild; the trace is the same (law 2). Never raises for a
    failing program. Raises BeyondLimits.
    """
    lowered = lower(case.program, case.libraries)
    host: Host = (
        LiveHost(case.advice, stdlib=case.host == "stdlib") if case.replies is None else ScriptedHost(case.replies)
    )
    plans = (case.cut,) if largest_fragment is None else (case.cut, Every(largest_fragment))
    executor = Executor(lowered, case.stack, host, plans)
    try:
        executor.run()
    except ExecutionFailure as failure:
        outcome: Outcome = Failed(failure.name, failure.clk, failure.detail)
        return _recording(executor, lowered, outcome, completed=False)
    finally:
        executor.give_back()
    top = executor.get("t")
    stack = tuple(executor.arrays["stack"][top - STACK_DEPTH + 1 : top + 1][::-1].tolist())
    return _recording(executor, lowered, Completed(stack), completed=True)


def _recording(executor: Executor, lowered: Lowered, outcome: Outcome, *, completed: bool) -> Recording:
    get: Any = executor.get if completed else lambda _: 0
    arrays = executor.arrays
    if completed:
        kept = ("keys", "snapshots", "continuation_pool", *(name for name in QUEUES if name != "continuations"))
        lowered.last_sizes.update({name: len(arrays[name]) for name in kept})
    queues = {name: arrays[name][: get(f"n_{name}")] for name in QUEUES if name != "continuations"}
    queues["continuations"] = arrays["continuation_pool"][: get("n_continuations")]
    return Recording(
        lowered=lowered,
        outcome=outcome,
        core_rows=get("clk"),
        hasher_rows=max(0, get("hasher_addr") - 1),
        bitwise_requests=get("n_bitwise"),
        snapshots=arrays["snapshots"][: get("n_snapshots")],
        queues=queues,
        ace=arrays["ace"][: get("n_ace")],
        kernel_calls=arrays["kernel_calls"],
        final_stack=(*outcome.stack, STACK_DEPTH, 0, 0) if isinstance(outcome, Completed) else (),
    )
