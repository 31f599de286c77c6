"""Families meet what they are there for: each hunts a mistake, and its programs contain the situation in which it shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from harness.coverage import Cell, cell, row_cells, row_operations
from harness.generate import FAMILIES, Generated, Profile, generate_case
from harness.generate.choices import SeededChoices
from harness.generate.draft import Draft
from harness.generate.families import families_in_use
from harness.generate.places import Place, write_place
from harness.generate.sequence import Sequence
from harness.generate.state import State
from harness.generate.values import U32_EDGES
from reference.definition.columns import COLUMN
from reference.definition.isa import PUSH
from reference.definition.mast import Block, Call, External, Join, Loop, Split, children_of
from reference.definition.outcome import Completed
from reference.execution import Execution
from reference.processor import execute

CASES = 12


class Run(NamedTuple):
    generated: Generated
    execution: Execution
    cells: tuple[Cell, ...]
    """Of the cuts at rows 1 and after, what is behind them."""
    operations: tuple[str, ...]


@cache
def runs(family: str, count: int = CASES) -> tuple[Run, ...]:
    profile = Profile(families=(family,), failing_rate=0, swarm_percent=0)
    return tuple(run(generate_case(31, number, profile)) for number in range(count))


def run(generated: Generated) -> Run:
    execution = execute(generated.case)
    assert isinstance(execution.outcome, Completed), (generated.case.name, execution.outcome)
    cells = row_cells(execution)
    behind = tuple(cell(each) for each in cells.behind[1:].tolist())
    return Run(generated, execution, behind, tuple(row_operations(cells)))


def meets(family: str, holds: Callable[[Run], bool]) -> int:
    return sum(map(holds, runs(family)))


def column(each: Run, name: str) -> np.ndarray:
    return each.execution.core[:, COLUMN[name]]


def blocks(each: Run) -> list[Block]:
    forests = (each.generated.case.program.forest, *each.generated.case.libraries)
    return [node for forest in forests for node in forest.nodes if isinstance(node, Block)]


def phases(each: Run) -> set[str]:
    return {found.phase for found in each.cells}


# ---- the aims -------------------------------------------------------------------------------------------------------


def test_mixed_programs_have_several_constructs() -> None:
    constructs = {"SPLIT", "LOOP", "CALL", "SYSCALL", "DYN", "DYNCALL"}
    assert meets("mixed", lambda each: len(constructs & set(each.operations)) >= 2) >= 3


def test_one_operation_is_a_tiny_program() -> None:
    assert meets("one_operation", lambda each: len(each.operations) <= 40) >= CASES // 2
    assert meets("one_operation", lambda each: len(each.operations) <= 4) >= 1


def test_one_construct_is_first_and_last_of_a_program() -> None:
    roots = {
        type(each.generated.case.program.forest.nodes[each.generated.case.program.entry])
        for each in runs("one_construct")
    }
    assert roots & {Split, Loop, Call}
    assert len(roots) >= 3


def test_the_overflow_table_is_deep_in_the_caller_and_used_in_the_callee() -> None:
    def churns(each: Run) -> bool:
        depth, context = column(each, "stack_b0"), column(each, "ctx")
        return bool((depth[context == 0] > 18).any() and (depth[context > 0] > 16).any())

    assert meets("stack", churns) >= 2
    assert meets("contexts", churns) >= 2


def test_arithmetic_has_operands_at_the_edges() -> None:
    def at_edges(each: Run) -> bool:
        items = {int(value) for name in ("stack_0", "stack_1") for value in column(each, name)}
        return len(items & (set(U32_EDGES) - {0, 1, 2, 3})) >= 2

    assert meets("arithmetic", at_edges) >= CASES // 2
    assert len({name for each in runs("arithmetic") for name in each.operations if name.startswith("U32")}) >= 9


def test_batches_are_full_and_immediates_stand_at_their_ends() -> None:
    made = [batch for each in runs("batches") for block in blocks(each) for batch in block.batches]
    assert sum(batch.group_count == 8 for batch in made) >= 5
    assert any(len(batch.operations) >= 72 for batch in made)
    assert any(
        item.code == PUSH and index == 7
        for batch in made
        for item, (_, index) in zip(batch.operations, batch.places, strict=True)
    )
    assert meets("batches", lambda each: "RESPAN" in each.operations) >= 5


def test_loops_are_left_out_entered_once_and_often() -> None:
    ends = [name for each in runs("loops") for name in each.operations]
    assert ends.count("END skipped loop") >= 5
    assert ends.count("END loop") >= 10
    assert ends.count("REPEAT") >= 10


def test_behind_loops_that_are_left_out_the_top_is_0_and_1_and_something_else() -> None:
    tops = set()
    for each in runs("loops"):
        rows = [row for row, name in enumerate(each.operations) if name == "END skipped loop"]
        tops |= {min(2, int(column(each, "stack_0")[row])) for row in rows}
    assert tops == {0, 1, 2}


def test_calls_return_to_callers_whose_stack_is_deep() -> None:
    def returns_deep(each: Run) -> bool:
        depth = column(each, "stack_b0")
        return any(
            found.phase == "return" and row + 2 < len(depth) and depth[row + 2] > 16
            for row, found in enumerate(each.cells)
        )

    assert meets("contexts", returns_deep) >= 5
    assert meets("contexts", lambda each: any(found.nest == "called twice" for found in each.cells)) >= 3


def test_kernels_are_called() -> None:
    assert meets("kernel", lambda each: each.operations.count("SYSCALL") >= 2) >= 4
    assert meets("kernel", lambda each: len(each.generated.case.program.kernel.procedures) >= 2) >= 3


def test_dynamic_targets_are_in_both_forests() -> None:
    assert meets("dynamic", lambda each: "dynamic" in phases(each)) >= 3
    assert meets("dynamic", lambda each: "foreign" in phases(each)) >= 3


def test_libraries_are_entered_from_libraries() -> None:
    assert meets("libraries", lambda each: "external" in phases(each)) >= CASES // 2
    assert (
        meets(
            "libraries",
            lambda each: any(
                isinstance(node, External) for forest in each.generated.case.libraries for node in forest.nodes
            ),
        )
        >= 2
    )
    entry = [
        each.generated.case.program.forest.nodes[each.generated.case.program.entry] for each in runs("external_entry")
    ]
    assert all(isinstance(node, External) for node in entry)


def test_memory_is_read_where_it_was_written_some_rows_before() -> None:
    def reads_back(each: Run) -> bool:
        written: dict[tuple[int, int], int] = {}
        contexts, addresses = column(each, "ctx"), column(each, "stack_0")
        for row, name in enumerate(each.operations):
            key = int(contexts[row]), int(addresses[row])
            if name in ("MSTORE", "MSTOREW"):
                written[key] = row
            elif name in ("MLOAD", "MLOADW") and row - written.get(key, row) >= 2:
                return True
        return False

    assert meets("memory", reads_back) >= 4


def test_advice_and_merkle_paths_are_replayed() -> None:
    pops = {"ADVPOP", "ADVPOPW", "PIPE"}
    assert meets("advice", lambda each: bool(pops & set(each.operations))) >= CASES // 2
    assert meets("advice", lambda each: "EMIT" in each.operations) >= CASES // 2
    assert meets("merkle", lambda each: bool({"MPVERIFY", "MRUPDATE"} & set(each.operations))) >= CASES // 2
    assert (
        meets("proofs", lambda each: bool({"FRIE2F4", "HORNEREXT", "HORNERBASE", "EVALCIRCUIT"} & set(each.operations)))
        >= CASES // 2
    )


def test_traces_are_as_long_as_their_range_table_and_their_chiplets() -> None:
    def lengths(each: Run) -> tuple[int, int, int]:
        trace = each.execution.trace
        assert trace is not None
        return trace.lengths.core, trace.lengths.range, trace.lengths.chiplets

    assert sum(table > max(core, chips) for core, table, chips in map(lengths, runs("range_table"))) >= 2
    assert sum(chips > max(core, table) for core, table, chips in map(lengths, runs("chiplets"))) >= CASES // 2


def test_lengths_are_on_both_sides_of_powers_of_two() -> None:
    rows = [len(each.operations) for each in runs("lengths")]
    offsets = {min((count - 2**k for k in range(5, 13)), key=abs) for count in rows}
    assert offsets <= set(range(-3, 4))
    assert min(offsets) < 0 < max(offsets)


def test_places_are_those_that_others_seldom_meet() -> None:
    seen = {found for each in runs("places") for found in each.cells}
    behind = {found for found in seen if found.phase == "batch_switch" and found.operation not in ("RESPAN", "NOOP")}
    assert len({found.operation for found in behind}) >= 10
    assert {found.nest for found in behind} >= {"called", "called twice"}
    assert {found.depth for found in behind} == {"16", "17", "18+"}
    assert {found.item for found in behind} == {"0", "1", "other"}
    assert len({found for found in seen if found.phase == "first"}) >= 20


def test_entries_are_of_every_kind() -> None:
    seen = {(found.operation, found.phase) for each in runs("entries", 2 * CASES) for found in each.cells}
    for phase in ("body", "call", "dynamic", "foreign", "external"):
        assert len({operation for operation, where in seen if where == phase}) >= 3, phase
    assert meets("entries", lambda each: "REPEAT" in each.operations) >= 2


def test_nests_are_deep_and_lopsided() -> None:
    def levels(each: Run) -> tuple[int, bool]:
        forest = each.generated.case.program.forest
        height: list[int] = []
        lopsided = 0
        for node in forest.nodes:
            below = [height[child] for child in children_of(node)]
            height.append(1 + max(below, default=0))
            lopsided += isinstance(node, Join) and abs(below[0] - below[1]) >= 4
        return height[each.generated.case.program.entry], lopsided >= 4

    found = [levels(each) for each in runs("nests")]
    assert max(height for height, _ in found) >= 20
    assert sum(lopsided for _, lopsided in found) >= 3


def test_a_root_that_is_external_goes_on_to_other_libraries() -> None:
    roots = [
        each.generated.case.program.forest.nodes[each.generated.case.program.entry]
        for each in runs("resolved_entry", 6)
    ]
    assert all(isinstance(node, External) for node in roots)
    assert any(len(each.generated.case.libraries) >= 2 for each in runs("resolved_entry", 6))


def test_stacks_grow_by_the_hundred_and_are_shifted_left_for_long() -> None:
    assert max(int(column(each, "stack_b0").max()) for each in runs("deep_stack", 4)) > 100
    longest = max(len(each.operations) for each in runs("worn_stack", 2))
    assert longest > 200


@pytest.mark.slow
def test_a_long_program_has_more_rows_than_two_to_the_sixteen() -> None:
    found = run(generate_case(31, 0, Profile(families=("long",), max_rows=70_000, failing_rate=0)))
    assert 2**16 <= len(found.operations) < 2**17


def test_a_long_program_is_counted_as_such_and_is_small_itself() -> None:
    profile = Profile(families=("long",), max_rows=2**20, failing_rate=0)
    made = [generate_case(31, number, profile) for number in range(4)]
    assert all(2**16 <= each.rows < 2**21 for each in made)
    assert all(len(each.case.program.forest.nodes) < 100 for each in made)


# ---- all together ---------------------------------------------------------------------------------------------------


def test_every_family_has_a_name_a_weight_and_a_mistake() -> None:
    assert len({family.name for family in FAMILIES}) == len({family.hunts for family in FAMILIES}) == len(FAMILIES)
    assert all(family.weight > 0 and family.hunts for family in FAMILIES)


def test_families_that_need_more_rows_are_left_out_and_asked_for_in_vain() -> None:
    assert {family.name for family in families_in_use((), 2**16)} - {
        family.name for family in families_in_use((), 200)
    } == {"long"}
    with pytest.raises(ValueError, match="family long needs max_rows of 65536 at least, found 200"):
        families_in_use(("mixed", "long"), 200)


def test_stacks_are_not_all_zeros() -> None:
    stacks = [each.generated.case.stack for family in FAMILIES[:6] for each in runs(family.name)]
    distinct = sum(len(set(stack)) >= 12 and 0 not in stack for stack in stacks)
    assert distinct > 0.4 * len(stacks)


@pytest.mark.parametrize("name", ["SWAP", "U32DIV", "MRUPDATE", "MSTREAM", "EVALCIRCUIT", "FRIE2F4", "EMIT", "PIPE"])
@pytest.mark.parametrize("depth", [16, 17, 18])
def test_a_place_is_where_it_was_asked_for(name: str, depth: int) -> None:
    for where in ("inside", "first", "behind RESPAN"):
        draft = Draft(SeededChoices(f"{name}{depth}{where}"), Profile(), budget=1000)
        sequence = Sequence(draft, draft.program, State(list(draft.inputs)), level=0, live=True)
        write_place(sequence, name, Place(where, depth, "other", taken=True))
        assert sequence.open_operations[-1].name == name
        block = Block(sequence.open_operations)
        assert (len(block.operations) == 1) == (where == "first")
        if where == "behind RESPAN":
            assert block.batches[-1].operations[0].name == name
            assert len(block.batches) > 1
