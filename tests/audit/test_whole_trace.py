"""Rules on the whole trace: public data, length, random row, replies, program; and traces that are none."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from golden_traces import GoldenTrace, judged, named, vm_traces

from harness.audit.engine import audit
from harness.audit.known import Known
from harness.audit.report import report_lines
from harness.audit.rule import Variant
from harness.audit.tiling import TILE_ROWS, BadTrace
from harness.audit.trace.random_row import random_row
from harness.backend import Window
from harness.backends.reference import ReferenceEngine
from reference.definition.case import Case, Replies
from reference.definition.columns import COLUMN, WIDTH
from reference.definition.field import P
from reference.definition.isa import BY_NAME, Operation
from reference.definition.mast import Block, Call, Forest, Loop
from reference.definition.program import Program
from reference.definition.rpo import Coin

TRACE = named("case_24")


def violated(trace: GoldenTrace, **known) -> list[str]:
    result = judged(trace.cells, replace(trace.known, **known))
    return [violation.rule.name for violation in result.violations]


# ---- what is known ---------------------------------------------------------------------------------------------------


def test_other_inputs_outputs_and_row_counts_than_the_traces_are_noticed() -> None:
    trace = vm_traces()[0]
    known = trace.known
    assert violated(trace) == []
    inputs, outputs = known.stack_inputs, known.stack_outputs
    assert violated(trace, stack_inputs=(inputs[0] + 1, *inputs[1:])) == ["ends.stack inputs"]
    assert violated(trace, stack_outputs=(*outputs[:15], outputs[15] + 1)) == ["ends.stack outputs"]
    assert violated(trace, core_rows=known.core_rows + 1) == ["ends.executed rows"]


def test_another_program_hash_is_noticed_by_the_last_end_the_block_table_and_the_random_row() -> None:
    found = violated(TRACE, program_hash=(1, 2, 3, 4))
    assert {"ends.program hash", "trace.random row", "trace.random pad", "buses.block hash"} == set(found)


def test_without_the_program_hash_the_random_row_is_that_of_the_traces_own() -> None:
    result = judged(TRACE.cells, Known())
    assert result.accepted
    assert result.checked["trace.random row"] == 1
    wrong = TRACE.cells.copy()
    wrong[20, -1] += np.uint64(1)
    result = judged(wrong, Known())
    assert [violation.rule.name for violation in result.violations] == ["trace.random row"]
    assert result.violations[0].row == 63


def test_the_draws_are_those_of_the_coin() -> None:
    for seed in ((0, 0, 0, 0), (1, 2, 3, 4), (P - 1, 2**63, 5, P - 2)):
        coin = Coin(seed)
        assert random_row(seed).tolist() == [coin.draw() for _ in range(WIDTH)]


def test_draws_that_the_specification_lists() -> None:
    drawn = random_row((1, 2, 3, 4))[:4].tolist()
    assert drawn == [9110946198063587797, 9528254571450122018, 4117273754066098686, 5146545323308375419]


def test_the_sequential_builders_repeat_rows_and_pad_column() -> None:
    """The real VM's sequential builder copies END's registers into the REPEAT row (spec 08, A7) and draws 71 cells (A9)."""
    trace = named("ctl_loop_body_syscall_703160")
    opcodes = sum(trace.cells[COLUMN["dec_op_bit_0"] + bit].astype(int) << bit for bit in range(7))
    repeats = np.flatnonzero(opcodes[:-1] == BY_NAME["REPEAT"].opcode)
    cells = trace.cells.copy()
    registers = slice(COLUMN["dec_h5"], COLUMN["dec_h7"] + 1)
    cells[registers, repeats] = cells[registers, repeats - 1]
    cells[COLUMN["pad_0"], -1] = 0
    assert not np.array_equal(cells[:71], trace.cells[:71])
    assert judged(cells, trace.known, Variant.SEQUENTIAL).accepted
    as_parallel = {violation.rule.name for violation in judged(cells, trace.known).violations}
    assert as_parallel == {"decoder.REPEAT.register.7", "trace.random pad"}
    as_sequential = judged(trace.cells, trace.known, Variant.SEQUENTIAL).violations
    assert {violation.rule.name for violation in as_sequential} == {"decoder.REPEAT.copy.7", "trace.zero pad"}


# ---- replies and program ---------------------------------------------------------------------------------------------


def with_replies() -> list[GoldenTrace]:
    return [trace for trace in vm_traces() if trace.known.replies is not None]


@pytest.mark.parametrize("kind", ["elements", "words", "dwords", "paths"])
def test_a_reply_that_the_program_did_not_get_is_noticed(kind: str) -> None:
    altered = 0
    for trace in with_replies():
        told = getattr(trace.known.replies, kind)
        if not told:
            continue
        altered += 1
        last = told[-1]
        for wrong, rules in {
            (*told[:-1], _changed(last)): {"paths" if kind == "paths" else kind},
            told[:-1]: {"path depths", "paths"} if kind == "paths" else {kind},
            (*told, last): {"path depths", "paths"} if kind == "paths" else {kind},
        }.items():
            found = violated(trace, replies=replace(trace.known.replies, **{kind: wrong}))
            assert set(found) == {f"replies.{rule}" for rule in rules}, trace.name
    assert altered


def _changed(reply):
    if isinstance(reply, int):
        return (reply + 1) % P
    return (_changed(reply[0]), *reply[1:])


def test_a_program_that_asks_its_host_nothing_needs_no_replies() -> None:
    asking = with_replies()[0]
    reasons = {item.rule.name for item in judged(asking.cells, replace(asking.known, replies=None)).not_checked}
    assert "replies.elements" in reasons
    assert not any(item.rule.name.startswith("replies.") for item in judged(TRACE.cells, TRACE.known).not_checked)
    assert violated(TRACE, replies=Replies(elements=(1,))) == ["replies.elements"]


def test_rows_that_show_what_the_program_does_not_have_are_noticed() -> None:
    other = Forest((Block((Operation(BY_NAME["SWAP"].opcode),)),), (0,))
    found = set(violated(TRACE, forests=(other,)))
    assert {"program.node", "program.batch", "program.end"} <= found
    # The procedure that DYNCALL calls is the block of one SWAP, which the other program has too.
    assert "program.procedure" not in found


def test_without_the_program_its_rules_are_not_checked() -> None:
    result = judged(TRACE.cells, replace(TRACE.known, forests=None))
    assert {item.rule.name for item in result.not_checked} >= {"program.node", "program.batch", "program.procedure"}
    assert "program.node" not in result.checked


# ---- length ----------------------------------------------------------------------------------------------------------


def test_a_trace_twice_as_long_as_it_needs_to_be_is_noticed() -> None:
    cells = np.concatenate(
        (TRACE.cells[:, :-1], np.repeat(TRACE.cells[:, -2:-1], 64, axis=1), TRACE.cells[:, -1:]), axis=1
    )
    cells[0, :-1] = np.arange(127)
    cells[49:51, :-1] = 0
    cells[49:51, 64:-1] = TRACE.cells[49:51, :-1]
    result = judged(cells, TRACE.known)
    (violation,) = result.violations
    assert violation.rule.name == "ends.length"
    assert violation.details[0].endswith("need 64 rows, not 128")


SWAP = Operation(BY_NAME["SWAP"].opcode)


@pytest.mark.parametrize("root", ["block", "loop", "call"])
def test_a_trace_without_a_halt_row_is_judged_by_a_row_that_does_not_exist(root: str) -> None:
    """63 executed rows in 64: spec 08, A5. The END of a loop drops its condition behind the last judged row."""
    # 59 operations become 60 rows of a block with 62 rows; the loop and the call add two rows around a smaller one.
    nodes = (Block((SWAP,) * (60 if root == "block" else 58)),)
    nodes += {"block": (), "loop": (Loop(0),), "call": (Call(0),)}[root]
    case = Case(root, Program(Forest(nodes, (len(nodes) - 1,)), len(nodes) - 1), stack=(1, 0, 7, 8, 9))
    run = ReferenceEngine().run(case)
    assert (run.summary.core, run.summary.rows) == (63, 64)
    known = replace(Known.of(case, run.outcome.stack), core_rows=63)
    result = audit(run.windows, 64, known)
    assert report_lines(result)[0].startswith("accepted")
    wrong = replace(known, stack_outputs=(run.outcome.stack[0] + 1, *run.outcome.stack[1:]))
    assert [item.rule.name for item in audit(run.windows, 64, wrong).violations] == ["ends.stack outputs"]


# ---- traces that are none --------------------------------------------------------------------------------------------


def test_windows_that_are_no_trace_are_refused() -> None:
    cells = TRACE.cells
    for windows, rows in (
        ([Window(0, cells)], 65),
        ([Window(0, cells)], 63),
        ([], 64),
        ([Window(1, cells[:, 1:])], 64),
        ([Window(0, cells[:, :10]), Window(11, cells[:, 11:])], 64),
        ([Window(0, cells[:71])], 64),
        ([Window(0, cells.astype(np.int64))], 64),
        ([Window(0, cells[:, :1])], 1),
        ([], 0),
    ):
        with pytest.raises(BadTrace):
            audit(lambda windows=windows: windows, rows, TRACE.known)


def test_a_rule_that_does_not_exist_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match=r"no rule is called stack\.nothing"):
        judged(TRACE.cells, TRACE.known, without=frozenset({"stack.nothing"}))


def test_an_audit_of_zeros_finds_much_and_accepts_nothing() -> None:
    for rows in (2, 3, 64, TILE_ROWS, TILE_ROWS + 1, TILE_ROWS + 2):
        result = judged(np.zeros((72, rows), dtype=np.uint64), Known())
        assert not result.accepted
        assert len(result.violations) > 5


HOSTILE = [0, 1, 2, 3, 7, 8, 9, 16, 255, 2**16, 2**32 - 1, 2**32, 2**63 - 1, 2**63, P - 1, P, P + 1, 2**64 - 1]


@pytest.mark.parametrize("seed", range(12))
def test_cells_that_no_trace_has_are_reported_and_never_a_crash(seed: int) -> None:
    """Anything may stand anywhere: any values with any opcode bits, or a real trace with hostile cells in it."""
    chance = random.Random(seed)
    values = np.random.default_rng(seed)
    for _ in range(12):
        rows = chance.choice([2, 3, 5, 64, 100, 200])
        cells = values.choice(np.array(HOSTILE, dtype=np.uint64), (72, rows))
        if chance.random() < 0.8:
            cells[7:14] = values.integers(0, 2, (7, rows), dtype=np.uint64)
        if chance.random() < 0.6:
            # Some chiplet in every row.
            cells[51:56] = values.integers(0, 2, (5, rows), dtype=np.uint64)
        if chance.random() < 0.5:
            cells = values.integers(0, 2**64 - 1, (72, rows), dtype=np.uint64, endpoint=True)
            cells[7:14] &= np.uint64(1)
        known = chance.choice([Known(), TRACE.known, replace(TRACE.known, replies=Replies((1,), (), (), ()))])
        result = judged(cells, known)
        assert not result.accepted
        assert report_lines(result)
    for trace in (named("case_13"), named("shape_chiplets_ace_709080"), with_replies()[-1]):
        cells = trace.cells.copy()
        for _ in range(20):
            cells[chance.randrange(72), chance.randrange(trace.rows)] = np.uint64(chance.choice(HOSTILE))
        assert report_lines(judged(cells, trace.known))
