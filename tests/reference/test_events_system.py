"""The 16 system events: what they read from the stack, and what they leave for later pops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from machines import CLK, machine_with, run

from reference.definition.case import Advice
from reference.definition.errors import BeyondLimits, ExecutionFailure
from reference.definition.field import P
from reference.definition.rpo import merge
from reference.host import AdviceHost, system_events
from reference.host.system_events import SYSTEM_EVENTS

IDS = json.loads((Path(__file__).parent.parent / "data" / "isa_vectors.json").read_text())["system_events"]
KEY = (1, 2, 3, 4)
ON_STACK = [4, 3, 2, 1]
U32_MAX = 2**32 - 1


def emit(name, operands, advice=None):
    """The machine after the event with these items below the id."""
    machine = machine_with([IDS[name], *operands], host=AdviceHost(advice or Advice(), stdlib=False))
    before = list(machine.stack)
    run(machine, "EMIT")
    assert machine.stack == before
    assert len(machine.memory.table()) == 0
    return machine


def advice_stack(machine):
    return list(reversed(machine.host.stack))


def failure_of(name, operands, advice=None):
    with pytest.raises(ExecutionFailure) as caught:
        emit(name, operands, advice)
    return caught.value.name, caught.value.clk


def test_ids_and_names_are_those_of_the_real_vm():
    assert {event.name: event.id for event in SYSTEM_EVENTS} == {f"sys::{name}": number for name, number in IDS.items()}
    assert len(SYSTEM_EVENTS) == 16


@pytest.mark.parametrize("event_id", [0, 255, 16308489928383702680])
def test_other_ids_are_unknown_without_the_standard_library(event_id):
    with pytest.raises(ExecutionFailure, match="EventError: no event handler"):
        run(machine_with([event_id]), "EMIT")


# ---- map to stack ---------------------------------------------------------------------------------------------------


def test_map_values_are_popped_in_list_order_above_what_was_there():
    advice = Advice(stack=(9,), map={KEY: (5, 6, 7)})
    assert advice_stack(emit("map_value_to_stack", ON_STACK, advice)) == [5, 6, 7, 9]
    assert advice_stack(emit("map_value_to_stack_n", ON_STACK, advice)) == [3, 5, 6, 7, 9]


def test_an_empty_list_is_a_value():
    advice = Advice(map={KEY: ()})
    assert advice_stack(emit("map_value_to_stack", ON_STACK, advice)) == []
    assert advice_stack(emit("map_value_to_stack_n", ON_STACK, advice)) == [0]
    assert advice_stack(emit("has_map_key", ON_STACK, advice)) == [1]
    assert advice_stack(emit("has_map_key", [4, 3, 2, 2], advice)) == [0]


@pytest.mark.parametrize("name", ["map_value_to_stack", "map_value_to_stack_n"])
def test_a_missing_key_fails_with_the_clock(name):
    assert failure_of(name, ON_STACK) == ("AdviceError.MapKeyNotFound", CLK)


# ---- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("u32_clz", 0, 32),
        ("u32_clz", 1, 31),
        ("u32_clz", U32_MAX, 0),
        ("u32_clz", 0x0001_0000, 15),
        ("u32_ctz", 0, 32),
        ("u32_ctz", 1, 0),
        ("u32_ctz", 2**31, 31),
        ("u32_ctz", 0x0001_0010, 4),
        ("u32_clo", 0, 0),
        ("u32_clo", U32_MAX, 32),
        ("u32_clo", 0xF000_0001, 4),
        ("u32_cto", 0, 0),
        ("u32_cto", U32_MAX, 32),
        ("u32_cto", 0x8000_0007, 3),
        ("ilog2", 1, 0),
        ("ilog2", U32_MAX, 31),
        ("ilog2", 2**32, 32),
        ("ilog2", P - 1, 63),
    ],
)
def test_bit_counts(name, value, result):
    assert advice_stack(emit(name, [value])) == [result]


@pytest.mark.parametrize("name", ["u32_clz", "u32_ctz", "u32_clo", "u32_cto"])
def test_bit_counts_take_u32_only(name):
    assert failure_of(name, [2**32]) == ("NotU32Values", None)


def test_the_logarithm_of_zero_fails_with_the_clock():
    assert failure_of("ilog2", [0]) == ("LogArgumentZero", CLK)


def test_the_extension_inverse_is_popped_low_coefficient_first():
    assert advice_stack(emit("ext2_inv", [0, 2])) == [9223372034707292161, 0]
    # phi * (1 - phi) = phi - phi^2 = 2, so phi^-1 = (1 - phi) / 2
    assert advice_stack(emit("ext2_inv", [1, 0])) == [9223372034707292161, P - 9223372034707292161]
    assert failure_of("ext2_inv", [0, 0]) == ("DivideByZero", CLK)


# ---- into the map ---------------------------------------------------------------------------------------------------

# spec 06, section 14
HDWORD_KEY = (15975159621759139720, 15720844923951376941, 16013969809933496273, 13608701685256682132)
DOMAIN_9_KEY = (13430772694770011730, 8236398963995740039, 7382461323038702456, 14704640736813324321)
HPERM_KEY = (18017871645231105278, 10221447231092625179, 12636475876943806954, 17989581404143297261)
HQWORD_KEY = (7981037089706296458, 693210443262094005, 10149050286089171417, 9050967122996299175)
A_AND_B = [8, 7, 6, 5, 4, 3, 2, 1]
ONE_TO_EIGHT = tuple(range(1, 9))


@pytest.mark.parametrize(
    ("name", "operands", "key", "values"),
    [
        ("hdword_to_map", [*A_AND_B, 9], HDWORD_KEY, ONE_TO_EIGHT),
        ("hdword_to_map_with_domain", [*A_AND_B, 9], DOMAIN_9_KEY, ONE_TO_EIGHT),
        ("hperm_to_map", [*A_AND_B, 0, 0, 9, 0], DOMAIN_9_KEY, ONE_TO_EIGHT),
        ("hperm_to_map", [*A_AND_B, 13, 12, 11, 10], HPERM_KEY, ONE_TO_EIGHT),
        ("hqword_to_map", list(range(16, 0, -1)), HQWORD_KEY, tuple(range(1, 17))),
    ],
)
def test_words_are_mapped_under_their_hash(name, operands, key, values):
    assert emit(name, operands).host.map == {key: values}
    emit(name, operands, Advice(map={key: values}))
    assert failure_of(name, operands, Advice(map={key: values[:-1]})) == ("AdviceError.MapKeyAlreadyPresent", CLK)


def test_hqword_reads_zero_beyond_the_depth_and_the_overflow_below_it():
    assert next(iter(emit("hqword_to_map", list(range(16, 1, -1))).host.map.values()))[0] == 0
    machine = emit("hqword_to_map", [*range(16, 0, -1), 99])
    assert machine.depth == 18
    assert next(iter(machine.host.map.values()))[0] == 1


def mem_to_map(start, end, advice=None):
    machine = machine_with(
        [IDS["mem_to_map"], *ON_STACK, start, end], host=AdviceHost(advice or Advice(), stdlib=False)
    )
    machine.ctx = 3
    machine.memory.write_word(3, 8, (11, 12, 13, 14), 1)
    machine.memory.write_word(0, 12, (21, 22, 23, 24), 2)
    run(machine, "EMIT")
    assert len(machine.memory.table()) == 2
    return machine.host.map


def test_mem_to_map_reads_elements_of_this_context_without_a_row():
    assert mem_to_map(9, 14) == {KEY: (12, 13, 14, 0, 0)}
    assert mem_to_map(9, 9) == {KEY: ()}
    assert mem_to_map(2**32 - 2, 2**32 - 1) == {KEY: (0,)}


@pytest.mark.parametrize(
    ("start", "end", "name", "detail"),
    [
        (2**32, P - 1, "MemoryError.AddressOutOfBounds", "address 4294967296"),
        (5, P - 1, "MemoryError.AddressOutOfBounds", f"address {P - 1}"),
        (2**32, 5, "MemoryError.AddressOutOfBounds", "address 4294967296"),
        (5, 4, "MemoryError.InvalidMemoryRange", "start 5, end 4"),
    ],
)
def test_mem_to_map_checks_start_then_end_then_order(start, end, name, detail):
    with pytest.raises(ExecutionFailure) as caught:
        mem_to_map(start, end)
    assert (caught.value.name, caught.value.clk, caught.value.detail) == (name, None, detail)


def test_mem_to_map_into_a_key_with_other_values_fails():
    with pytest.raises(ExecutionFailure, match=r"AdviceError\.MapKeyAlreadyPresent"):
        mem_to_map(8, 9, Advice(map={KEY: (12,)}))


def test_mem_to_map_refuses_an_absurd_range(monkeypatch):
    monkeypatch.setattr(system_events, "MAX_MAPPED_ELEMENTS", 4)
    assert mem_to_map(8, 12) == {KEY: (11, 12, 13, 14)}
    with pytest.raises(BeyondLimits, match="mem_to_map copies at most"):
        mem_to_map(8, 13)


# ---- Merkle nodes ---------------------------------------------------------------------------------------------------

LEFT, RIGHT = (1, 2, 3, 4), (5, 6, 7, 8)


def test_merging_nodes_takes_the_lower_word_as_left():
    machine = emit("merkle_node_merge", A_AND_B)
    assert machine.host.node(merge(LEFT, RIGHT), 1, 1, CLK) == RIGHT


def test_a_merkle_node_is_popped_element_0_first():
    advice = Advice(stack=(9,), store=((LEFT, RIGHT),))
    root = list(reversed(merge(LEFT, RIGHT)))
    assert advice_stack(emit("merkle_node_to_stack", [1, 0, *root], advice)) == [1, 2, 3, 4, 9]
    assert advice_stack(emit("merkle_node_to_stack", [1, 1, *root], advice)) == [5, 6, 7, 8, 9]
    assert advice_stack(emit("merkle_node_to_stack", [0, 0, *root], advice))[:4] == list(merge(LEFT, RIGHT))


@pytest.mark.parametrize(
    ("depth", "index", "root", "name"),
    [
        (65, 0, (9, 9, 9, 9), "AdviceError.InvalidMerkleTreeNodeIndex"),
        (1, 2, (9, 9, 9, 9), "AdviceError.InvalidMerkleTreeNodeIndex"),
        (1, 1, (9, 9, 9, 9), "AdviceError.MerkleStoreLookupFailed.RootNotInStore.Word"),
        (2, 1, merge(LEFT, RIGHT), "AdviceError.MerkleStoreLookupFailed.NodeIndexNotFoundInStore.Word"),
    ],
)
def test_failing_node_lookups(depth, index, root, name):
    advice = Advice(store=((LEFT, RIGHT),))
    assert failure_of("merkle_node_to_stack", [depth, index, *reversed(root)], advice) == (name, CLK)
