"""Manifests: what a shard, and a program, came to, as text that two runs can compare byte for byte.

No times, no bytes, no identifiers of a run: nothing that differs between back ends, lanes, cache levels or orders of chips. A
shard's manifest names its cut and the fingerprint of its raw state; the program's holds what no cut changes (spec 09, B11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from gpu.chips import CHIP_ORDER
from gpu.digest import ColumnDigests
from gpu.fingerprint import Fingerprint
from gpu.layout import Extent, lengths
from gpu.plans import Plan
from gpu.shards import MemoryRecords, fingerprint, overflow_balance
from gpu.sides import REQUEST, RESPONSE, Label, Sides
from gpu.source import LAYOUT_VERSION
from reference.definition.field import Word

FORMAT: Final = "fragdiff-gpu-manifest/1"


def _text(contents: Mapping[str, Any]) -> str:
    return json.dumps(contents, indent=1, sort_keys=True) + "\n"


def _hex(number: int) -> str:
    return f"{number:016x}"


def _sides(sides: Sides) -> dict[str, Any]:
    buses = {}
    for label in Label:
        asked, answered = sides.bus[REQUEST, label].tolist(), sides.bus[RESPONSE, label].tolist()
        buses[label.name] = {
            "requests": [asked[0], _hex(asked[1])],
            "responses": [answered[0], _hex(answered[1])],
        }
    return {
        "buses": buses,
        "kernel_calls": sides.kernel_calls.tolist(),
        "multiplicities": {"digest": sides.multiplicity_digest(), "sum": sides.lookups},
        "range_checked_rows": sides.u32_operations,
    }


def _header(kind: str, program_hash: Word, extent: Extent) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": kind,
        "layout_version": LAYOUT_VERSION,
        "lengths": asdict(lengths(extent)),
        "program_hash": [_hex(element) for element in program_hash],
    }


def _records(records: MemoryRecords) -> list[Any]:
    return [len(records.key), _hex(fingerprint([records]))]


def shard_manifest(
    program_hash: Word,
    shard: tuple[int, int],
    plans: Mapping[str, Plan],
    digests: Mapping[str, ColumnDigests],
    sides: Sides,
    raw: Fingerprint,
    memory: tuple[MemoryRecords, MemoryRecords],
) -> str:
    """One shard. ``shard``: its number and how many there are; ``memory``: words that it needs and words that it leaves."""
    extent = plans[CHIP_ORDER[0]].extent
    chips = {
        name: {
            "digest": digests[name].text,
            "tiles": [[*tile[:4], int(tile.runs)] for tile in plans[name].tiles if tile.cells],
        }
        for name in CHIP_ORDER
    }
    balance = overflow_balance(sides)
    return _text(
        _header("shard", program_hash, extent)
        | _sides(sides)
        | {
            "chips": chips,
            "handed_on": {
                "memory_needed": _records(memory[0]),
                "memory_left": _records(memory[1]),
                "overflow": [balance.entries, _hex(balance.fingerprint)],
            },
            "raw_fingerprint": [_hex(half) for half in raw],
            "shard": {
                "number": shard[0], "of": shard[1], "fragments": extent.fragments,
                "rows": [extent.first_row, extent.end_row], "hasher": [extent.hasher_first, extent.hasher_rows],
                "bitwise": [extent.bitwise_first, extent.bitwise_rows], "memory_rows": extent.memory_rows,
                "ace": [extent.ace_first, extent.ace_rows],
            },
        }
    )  # fmt: skip


def program_manifest(
    program_hash: Word, extent: Extent, shards: Sequence[Mapping[str, ColumnDigests]], sides: Sides
) -> str:
    """All shards together: equal for every cut into fragments and into shards."""
    chips = {}
    for name in CHIP_ORDER:
        total = ColumnDigests({})
        for digests in shards:
            total = total + digests[name]
        chips[name] = total.text
    return _text(_header("program", program_hash, extent) | _sides(sides) | {"chips": chips})
