"""The sequential processor: runs a program row by row and writes the core columns of its trace.

A loop over a stack of continuations, so that no nesting of the program nests calls here. Every row begins with noting the
boundary state, before anything of the row happens, and ends with writing its cells, which advances the clock. Sources: spec
03 (decoder), 07 section 5 (continuations), 01 section 8.8 and 06 section 6 (control flow, resolution, errors).
"""

from __future__ import annotations

import numpy as np

from reference.block_rows import BatchRows, block_rows
from reference.core_rows import NO_FLAGS, CoreRows
from reference.definition.batching import BATCH_FLAGS
from reference.definition.boundary import Position
from reference.definition.case import Case
from reference.definition.columns import CORE_WIDTH
from reference.definition.errors import ExecutionFailure
from reference.definition.field import ZERO_WORD, Word, as_word
from reference.definition.isa import opcode
from reference.definition.mast import (
    NODE_OPCODE,
    Block,
    Call,
    Dyn,
    Dyncall,
    External,
    Forest,
    Join,
    Loop,
    Node,
    Split,
    Syscall,
)
from reference.definition.outcome import Completed, Failed
from reference.execution import BlockEntry, Execution, Frame, RowMark, SavedContext
from reference.forests import ForestStore
from reference.host import AdviceHost, Host, ReplyHost
from reference.machine import Machine
from reference.operations import BLOCK_OPERATION
from reference.trace import assemble

MAX_CYCLES = 2**29
"""The real VM's default limit; the trace of a longer program would not fit a machine anyway (576 bytes a row)."""

FRAME_POINTER_ADDRESS = 2**32 - 2
FRAME_POINTER_START = 2**31

_END = opcode("END")
_REPEAT = opcode("REPEAT")
_RESPAN = opcode("RESPAN")


def execute(case: Case, *, max_cycles: int = MAX_CYCLES) -> Execution:
    """Run the program of a case and build its trace; the cuts play no part.

    Never raises for a failing program: its outcome is :class:`Failed`, and it has no trace.
    """
    host: Host = (
        AdviceHost(case.advice, stdlib=case.host == "stdlib") if case.replies is None else ReplyHost(case.replies)
    )
    machine = Machine(case.stack, case.program.kernel, host)
    processor = Processor(case, machine, max_cycles)
    try:
        processor.run()
    except ExecutionFailure as failure:
        outcome = Failed(failure.name, failure.clk, failure.detail)
        return Execution(case.program.hash, outcome, None, np.empty((0, CORE_WIDTH), np.uint64), [])
    core = processor.rows.cells()
    trace = assemble(core, processor.rows.stack_cells(), machine, case.program.hash)
    return Execution(case.program.hash, Completed(tuple(machine.stack)), trace, core, processor.rows.marks)


class Processor:
    """One run: the machine, the continuations, the block stack, and the rows written so far."""

    def __init__(self, case: Case, machine: Machine, max_cycles: int) -> None:
        self.machine = machine
        self.rows = CoreRows(machine, max_cycles)
        self._program = case.program
        self._libraries = ForestStore(case.libraries)
        self._forest = case.program.forest
        self._frames: Frame | None = None
        self._blocks: BlockEntry | None = None
        self._block_rows: dict[int, tuple[BatchRows, ...]] = {}

    def run(self) -> None:
        """Execute the program to its end.

        Raises ExecutionFailure with the name and clk of the real VM's parallel engine.
        """
        machine = self.machine
        machine.host.merge_map(self._program.forest.advice_map, 0)
        self._push_frame("StartNode", self._program.entry)
        while self._frames is not None:
            frame = self._frames
            self._frames = frame.below
            match frame.kind:
                case "StartNode":
                    self._start(frame.node)
                case "EnterForest":
                    self._forest = frame.forest
                case "FinishExternal":
                    pass
                case "FinishLoop":
                    self._finish_loop(frame.node)
                case "FinishCall" | "FinishDyn":
                    self._finish_call(frame.node)
                case _:
                    self._end(frame.node)
        if machine.overflow:
            raise ExecutionFailure("OutputStackOverflow", detail=f"{len(machine.overflow)} items beyond the 16 outputs")
        leftover = machine.host.leftover()
        if leftover is not None:
            raise ExecutionFailure("RepliesLeftOver", detail=leftover)

    def _begin_row(self, position: Position) -> None:
        self.rows.begin(RowMark(position, self._frames, self._blocks, self.machine.transcript_state))

    # ---- continuations, block stack, forests ------------------------------------------------------------------------

    def _push_frame(self, kind: str, node_id: int) -> None:
        self._frames = Frame(kind, node_id, self._forest, self._frames)

    def _parent_address(self) -> int:
        return self._blocks.address if self._blocks else 0

    def _enter(
        self, address: int, *, is_loop: bool = False, entered: bool = False, saved: SavedContext | None = None
    ) -> None:
        below = self._blocks
        self._blocks = BlockEntry(
            address,
            parent_address=self._parent_address(),
            is_loop=is_loop,
            is_loop_body=below is not None and below.is_loop,
            loop_entered=entered,
            saved_context=saved,
            below=below,
        )

    def _top_block(self) -> BlockEntry:
        assert self._blocks is not None, "a node ends that never started"
        return self._blocks

    def _enter_library(self, forest: Forest, digest: Word, missing: str) -> None:
        """Make a library current and go on with its procedure (spec 06, sections 6.2 and 6.3)."""
        root = forest.root_by_digest.get(digest)
        if root is None:
            raise ExecutionFailure(missing, detail=f"no procedure root {digest}")
        self.machine.host.merge_map(forest.advice_map, self.machine.clk)
        self._frames = Frame("EnterForest", -1, self._forest, self._frames)
        self._forest = forest
        self._push_frame("StartNode", root)

    # ---- starts -----------------------------------------------------------------------------------------------------

    def _start(self, node_id: int) -> None:
        node = self._forest.nodes[node_id]
        digests = self._forest.digests
        match node:
            case External(digest):
                self._resolve_external(node_id, digest)
            case Block():
                self._run_block(node_id, node)
            case Join(first, second):
                self._begin_row(Position("start", node_id))
                self._start_row(node, digests[first], digests[second])
                self._push_frame("FinishJoin", node_id)
                self._push_frame("StartNode", second)
                self._push_frame("StartNode", first)
            case Split(on_true, on_false):
                self._begin_row(Position("start", node_id))
                condition = self._pop_condition("NotBinaryValueIf")
                self._start_row(node, digests[on_true], digests[on_false])
                self._push_frame("FinishSplit", node_id)
                self._push_frame("StartNode", on_true if condition else on_false)
            case Loop(body):
                self._begin_row(Position("start", node_id))
                condition = self._pop_condition("NotBinaryValueLoop")
                self._start_row(node, digests[body], ZERO_WORD, is_loop=True, entered=condition == 1)
                if condition:
                    self._push_frame("FinishLoop", node_id)
                    self._push_frame("StartNode", body)
                else:
                    self._end(node_id)
            case Call(callee):
                self._begin_row(Position("start", node_id))
                self._start_row(node, digests[callee], ZERO_WORD, saved=self._save_context())
                self._open_context(digests[callee])
                self._push_frame("FinishCall", node_id)
                self._push_frame("StartNode", callee)
            case Syscall(callee):
                self._begin_row(Position("start", node_id))
                self.machine.kernel_rom.access(digests[callee])
                self._start_row(node, digests[callee], ZERO_WORD, saved=self._save_context())
                self.machine.ctx = 0
                self.machine.overflow = []
                self._push_frame("FinishCall", node_id)
                self._push_frame("StartNode", callee)
            case Dyn() | Dyncall():
                self._start_dynamic(node_id, node)

    def _start_row(
        self,
        node: Node,
        first: Word,
        second: Word,
        *,
        is_loop: bool = False,
        entered: bool = False,
        saved: SavedContext | None = None,
    ) -> None:
        """The row of a control node whose children have these digests; hashes them and enters the node."""
        code = NODE_OPCODE[type(node)]
        address = self.machine.hasher.control_block(first, second, code)
        self.rows.end_control(code, self._parent_address(), first, second)
        self._enter(address, is_loop=is_loop, entered=entered, saved=saved)

    def _pop_condition(self, error: str) -> int:
        condition = self.machine.stack[0]
        if condition > 1:
            raise ExecutionFailure(error, detail=f"the condition is {condition}, not 0 or 1")
        self.machine.drop()
        return condition

    def _save_context(self) -> SavedContext:
        return SavedContext(self.machine.ctx, self.machine.fn_hash, self.machine.overflow)

    def _open_context(self, callee: Word) -> None:
        """The new context of a CALL or DYNCALL, on whose row the clock already moved on: its id is that of its first row."""
        machine = self.machine
        machine.ctx = machine.clk
        machine.fn_hash = callee
        machine.overflow = []
        machine.memory.write_element(machine.ctx, FRAME_POINTER_ADDRESS, FRAME_POINTER_START, machine.clk - 1)

    def _start_dynamic(self, node_id: int, node: Dyn | Dyncall) -> None:
        machine = self.machine
        self._begin_row(Position("start", node_id))
        callee = machine.memory.read_word(machine.ctx, machine.stack[0], machine.clk)
        root = self._forest.root_by_digest.get(callee)
        library = self._libraries.find(callee) if root is None else None
        if root is None and library is None:
            raise ExecutionFailure("DynamicNodeNotFound", detail=f"no procedure {callee}")
        machine.drop()
        code = NODE_OPCODE[type(node)]
        address = machine.hasher.control_block(ZERO_WORD, ZERO_WORD, code)
        is_dyncall = isinstance(node, Dyncall)
        second = (machine.depth, machine.overflow_address, 0, 0) if is_dyncall else ZERO_WORD
        self._push_frame("FinishDyn", node_id)
        if root is not None:
            self._push_frame("StartNode", root)
        elif library is not None:
            self._enter_library(library, callee, "MalformedMastForestInHost")
        self.rows.end_control(code, self._parent_address(), callee, second)
        self._enter(address, saved=self._save_context() if is_dyncall else None)
        if is_dyncall:
            self._open_context(callee)

    def _resolve_external(self, node_id: int, digest: Word) -> None:
        """An external node has no row; its procedure runs in its place."""
        library = self._libraries.find(digest)
        if library is None:
            raise ExecutionFailure("NoMastForestWithProcedure", detail=f"no library has a procedure {digest}")
        self._push_frame("FinishExternal", node_id)
        self._enter_library(library, digest, "MalformedMastForestInHost")
        root = library.root_by_digest[digest]
        if isinstance(library.nodes[root], External):
            raise ExecutionFailure("CircularExternalNode.Word", detail=f"{digest} resolves to another external node")

    def _run_block(self, node_id: int, node: Block) -> None:
        machine = self.machine
        batches = self._block_rows.get(id(node))
        if batches is None:
            batches = self._block_rows[id(node)] = block_rows(node)
        parent = self._parent_address()
        for batch_index, batch in enumerate(batches):
            first, second = as_word(batch.groups[:4]), as_word(batch.groups[4:])
            flags = BATCH_FLAGS[min(batch.group_count_at_start, 8)]
            if batch_index == 0:
                self._begin_row(Position("start", node_id))
                address = machine.hasher.basic_block([each.groups for each in batches])
                code, row_address = NODE_OPCODE[Block], parent
            else:
                self._begin_row(Position("respan", node_id, batch_index))
                code, row_address = _RESPAN, address
                address += 8
            self.rows.end_control(code, row_address, first, second, group_count=batch.group_count_at_start, flags=flags)
            if batch_index == 0:
                self._enter(address)
            else:
                self._blocks = self._top_block()._replace(address=address)
            for operation_index, row in enumerate(batch.operations):
                self._begin_row(Position("op", node_id, batch_index, operation_index))
                helpers = BLOCK_OPERATION[row.operation.code](machine, row.operation.immediate)
                self.rows.end(
                    (
                        address,
                        *row.bits,
                        row.rest_of_group,
                        parent,
                        *helpers,
                        1,
                        row.group_count,
                        row.op_index,
                        *NO_FLAGS,
                        *row.extra,
                    )
                )
        self._end(node_id)

    # ---- ends -------------------------------------------------------------------------------------------------------

    def _finish_loop(self, node_id: int) -> None:
        """After a run of the body: 1 repeats it, 0 ends the loop, both are popped."""
        machine = self.machine
        condition = machine.stack[0]
        if condition > 1:
            raise ExecutionFailure("NotBinaryValueLoop", detail=f"the condition is {condition}, not 0 or 1")
        if condition == 0:
            self._end(node_id)
            return
        self._begin_row(Position("repeat", node_id))
        body = self._forest.nodes[node_id].body  # type: ignore[union-attr]  # only a Loop pushes FinishLoop
        machine.drop()
        self.rows.end_control(_REPEAT, self._parent_address(), self._forest.digests[body], (1, 0, 0, 0))
        self._push_frame("FinishLoop", node_id)
        self._push_frame("StartNode", body)

    def _finish_call(self, node_id: int) -> None:
        """The END of CALL, SYSCALL, DYN or DYNCALL; all but DYN give the caller its context back."""
        machine = self.machine
        saved = self._top_block().saved_context
        if saved is not None and machine.overflow:
            raise ExecutionFailure("InvalidStackDepthOnReturn", detail=f"the depth is {machine.depth}, not 16")
        self._end(node_id)
        if saved is not None:
            machine.ctx, machine.fn_hash, machine.overflow = saved

    def _end(self, node_id: int) -> None:
        """The END row of any node; an entered loop also pops its condition (spec 03, section 3)."""
        self._begin_row(Position("end", node_id))
        block = self._top_block()
        is_syscall = isinstance(self._forest.nodes[node_id], Syscall)
        is_call = block.saved_context is not None and not is_syscall
        if block.loop_entered:
            self.machine.drop()
        flags = (int(block.is_loop_body), int(block.loop_entered), int(is_call), int(is_syscall))
        self.rows.end_control(_END, block.address, self._forest.digests[node_id], flags)
        self._blocks = block.below
