"""The raw state of a shard: fragment headers and replay queues packed as one array per field (spec 09, B3; 10, section 3.1).

A recording's structured arrays become arrays that neighbouring threads read side by side, in the smallest types that hold
them: addresses, clks and contexts are 32 bits wide. Packing refuses what does not fit and what could lead a kernel outside
its arrays (offsets, row numbers); everything else is the kernels' to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpu.errors import RawStateError
from gpu.fingerprint import Fingerprint, fingerprint
from gpu.header import FIELD, FIELDS, HALTED, WORDS
from gpu.recordings import AnyRecording, is_known
from gpu.tables import ProgramTables
from reference.definition.field import P
from reference.definition.outcome import Completed

Array = NDArray[Any]

PADDING: Final = 8
"""Zero entries behind every queue, so that a read one row too far stays inside; they are counted as raw bytes."""

_U32: Final = 2**32 - 1
_OFFSETS: Final = ("ends", "pops", "restores", "accesses", "advice", "permutations", "targets", "bitwise")
"""Header fields that count entries from the shard's first one; ``bitwise`` has no queue."""

_ACE_START, _ACE_CLK = 0, 4
"""Cells of an ACE row: first row of its circuit, and clk."""


@dataclass(frozen=True)
class RawState:
    """Host arrays of one shard, by name, with what they hold; shapes and dtypes are in :func:`pack`.

    ``counts``: fragments, first_row, end_row, and entries: ends, pops, restores, accesses, advice, permutations, targets,
    bitwise, hasher_rows, circuits, ace_rows, kernel_procedures, nodes, rows (static), is_last (1 when the program ends here).
    """

    arrays: dict[str, Array]
    counts: dict[str, int]
    fingerprint: Fingerprint

    @property
    def bytes(self) -> int:
        """R_raw: the sum of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def fragment_of_row(self, row: int) -> int:
        """The fragment of the shard that holds a row; the number of fragments for the row after the last."""
        return max(0, int(np.searchsorted(self.arrays["hdr"][FIELD["clk"]], row, side="right")) - 1)


def pack(recording: AnyRecording, tables: ProgramTables, first: int = 0, end: int | None = None) -> RawState:
    """The raw state of fragments first .. end - 1 of a completed recording.

    Arrays, F fragments: hdr u32 (20, F + 1), hwords u64 (24, F + 1); ends_flags, ends_cur, ends_par u32; pop_value u64,
    pop_addr u32; res_ctx, res_depth, res_ovf u32, res_fn u64 (n, 4); acc_key u64, acc_clk u32, acc_kind u8, acc_word u64
    (n, 4); adv u64; perm_in, perm_out u64 (n, 12); tgt_pc, tgt_enters u32; cont u32; ext_key u64, ext_clk u32, ext_word u64
    (n, 4): for every word that the shard touches and that was touched before, the last access before, ascending by key.

    Raises RawStateError for a failed program, values that do not fit, offsets that run backwards or beyond their queue.
    """
    _check_kinds(recording)
    total = len(recording.snapshots)
    last = total if end is None else end
    if not 0 <= first < last <= total:
        raise RawStateError("shard", None, None, None, f"fragments {first} .. {last} of {total}")
    headers, words = _headers(recording, first, last)
    bounds = {name: (int(headers[name][0]), int(headers[name][-1])) for name in _OFFSETS}
    arrays = _queues(recording, bounds)
    arrays["cont"] = _continuations(recording, headers)
    arrays |= _external_reads(recording, bounds["accesses"])
    for name in (*_OFFSETS, "circuits", "ace_rows"):
        headers[name] -= headers[name][0]
    _check_headers(headers, words, tables)
    arrays["hdr"] = np.ascontiguousarray(np.stack([headers[name] for name in FIELDS]).astype(np.uint32))
    arrays["hwords"] = words
    counts = {name: stop - start for name, (start, stop) in bounds.items()}
    counts |= {
        "fragments": last - first,
        "first_row": int(headers["clk"][0]),
        "end_row": int(headers["clk"][-1]),
        "hasher_rows": int(headers["hasher_addr"][-1] - headers["hasher_addr"][0]),
        "circuits": int(headers["circuits"][-1]),
        "ace_rows": int(headers["ace_rows"][-1]),
        "kernel_procedures": len(tables.arrays["procs"]),
        "nodes": len(tables.arrays["digests"]),
        "rows": len(tables.arrays["eff"]),
        "is_last": int(last == total),
    }
    if counts["hasher_rows"] % 8 or (int(headers["hasher_addr"][0]) - 1) % 8:
        raise RawStateError("headers", None, None, "hasher_addr", "a hasher request begins on a multiple of 8 rows")
    return RawState(arrays, counts, fingerprint(arrays))


# ---- headers --------------------------------------------------------------------------------------------------------


def _headers(recording: AnyRecording, first: int, last: int) -> tuple[dict[str, Array], Array]:
    """Fields int64 (F + 1,) by name, offsets not yet relative, and words uint64 (24, F + 1)."""
    end = last - first
    snapshots = recording.snapshots[first : last + 1]
    headers: dict[str, Array] = {}
    for name in FIELDS:
        if name not in ("circuits", "ace_rows"):
            headers[name] = np.empty(end + 1, np.int64)
            headers[name][: len(snapshots)] = snapshots[name]
    words = np.zeros((len(WORDS), end + 1), np.uint64)
    for start, name in ((0, "stack"), (16, "fn_hash"), (20, "transcript_state")):
        words[start : start + snapshots[name].shape[1], : len(snapshots)] = snapshots[name].T
    if last == len(recording.snapshots):
        final = recording.final_stack
        ending = {
            "pc": HALTED, "clk": recording.core_rows, "ctx": 0, "current_addr": 0, "parent_addr": 0, "depth": final[16],
            "overflow_addr": final[17], "hasher_addr": recording.hasher_rows + 1, "bitwise": recording.bitwise_requests,
            "continuation_count": 0, **{name: len(queue) for name, queue in recording.queues.items()},
        }  # fmt: skip
        for name, value in ending.items():
            headers[name][-1] = value
        words[:16, -1] = final[:16]
    headers["circuits"], headers["ace_rows"] = _circuits_before(recording, headers["clk"])
    return headers, words


def _circuits_before(recording: AnyRecording, clks: Array) -> tuple[Array, Array]:
    """Per header, the circuits and the ACE rows of the rows before it."""
    ace = recording.ace
    row_clks = ace[:, _ACE_CLK].astype(np.int64)
    if (np.diff(row_clks) < 0).any() or (len(ace) and int(ace[:, _ACE_CLK].max()) > _U32):
        raise RawStateError("ace", None, None, "clk", "ACE rows are not in the order of their clk")
    starts = row_clks[ace[:, _ACE_START] == 1]
    return np.searchsorted(starts, clks).astype(np.int64), np.searchsorted(row_clks, clks).astype(np.int64)


def _check_headers(headers: dict[str, Array], words: Array, tables: ProgramTables) -> None:
    rows = len(tables.arrays["eff"])
    for name, values in headers.items():
        bad = np.flatnonzero((values < 0) | (values > _U32))
        if name == "pc":
            bad = np.flatnonzero(((values < 0) | (values >= rows)) & (values != HALTED))
        elif not len(bad) and name in (*_OFFSETS, "clk", "hasher_addr", "circuits", "ace_rows"):
            bad = np.flatnonzero(np.diff(values) < 0)
        if len(bad):
            fragment = int(bad[0])
            raise RawStateError("headers", fragment, None, name, f"{int(values[fragment])} cannot stand there")
    if (np.diff(headers["clk"]) < 1).any():
        raise RawStateError("headers", int(np.argmin(np.diff(headers["clk"]))), None, "clk", "a fragment without a row")
    wrong = np.flatnonzero((words >= np.uint64(P)).any(axis=0))
    if len(wrong):
        fragment = int(wrong[0])
        field = WORDS[int(np.argmax(words[:, fragment] >= np.uint64(P)))]
        raise RawStateError("headers", fragment, None, field, "not canonical")


# ---- queues ---------------------------------------------------------------------------------------------------------


def _check_kinds(recording: AnyRecording) -> None:
    if not isinstance(recording.outcome, Completed) or not len(recording.snapshots):
        raise RawStateError("recording", None, None, None, "the program failed, so there is nothing to replay")
    if not is_known(recording):
        raise RawStateError("recording", None, None, None, "not the arrays of this version")
    if len(recording.final_stack) != 19 or not all(0 <= value < P for value in recording.final_stack):
        raise RawStateError("recording", None, None, "final_stack", "not 16 elements at a depth")


def _queues(recording: AnyRecording, bounds: Mapping[str, tuple[int, int]]) -> dict[str, Array]:
    part: dict[str, Array] = {}
    for name, (start, stop) in bounds.items():
        if name == "bitwise":
            continue
        if not 0 <= start <= stop <= len(recording.queues[name]):
            raise RawStateError(
                "headers", None, None, name, f"entries {start} .. {stop} of {len(recording.queues[name])}"
            )
        part[name] = recording.queues[name][start:stop]
    ends, pops, restores, accesses = part["ends"], part["pops"], part["restores"], part["accesses"]
    return {
        "ends_flags": _narrow("ends.node_flags", ends["node_flags"]),
        "ends_cur": _narrow("ends.current_addr", ends["current_addr"]),
        "ends_par": _narrow("ends.parent_addr", ends["parent_addr"]),
        "pop_value": _canonical("pops.value", pops["value"]),
        "pop_addr": _narrow("pops.overflow_addr", pops["overflow_addr"]),
        "res_ctx": _narrow("restores.ctx", restores["ctx"]),
        "res_depth": _narrow("restores.depth", restores["depth"]),
        "res_ovf": _narrow("restores.overflow_addr", restores["overflow_addr"]),
        "res_fn": _canonical("restores.fn_hash", restores["fn_hash"]),
        "acc_key": _padded(accesses["key"]),
        "acc_clk": _narrow("accesses.clk", accesses["clk"]),
        "acc_kind": _narrow("accesses.kind", accesses["kind"], 15).astype(np.uint8),
        "acc_word": _canonical("accesses.word", accesses["word"]),
        "adv": _canonical("advice", part["advice"]),
        "perm_in": _canonical("permutations", part["permutations"].reshape(-1, 8, 12)[:, 0]),
        "perm_out": _canonical("permutations", part["permutations"].reshape(-1, 8, 12)[:, 7]),
        "tgt_pc": _narrow("targets.pc", part["targets"]["pc"]),
        "tgt_enters": _narrow("targets.enters_forest", part["targets"]["enters_forest"], 1),
    }


def _padded(values: Array) -> Array:
    """A contiguous copy with PADDING zero entries behind it."""
    out = np.zeros((len(values) + PADDING, *values.shape[1:]), values.dtype)
    out[: len(values)] = values
    return out


def _narrow(name: str, values: Array, limit: int = _U32) -> Array:
    bad = np.flatnonzero((values < 0) | (values > limit))
    if len(bad):
        raise RawStateError(name, None, None, None, f"entry {int(bad[0])} is {int(values[bad[0]])}")
    return _padded(values.astype(np.uint32))


def _canonical(name: str, values: Array) -> Array:
    bad = np.argwhere(values >= np.uint64(P))
    if len(bad):
        raise RawStateError(name, None, None, None, f"entry {int(bad[0][0])} is not canonical")
    return _padded(values)


def _continuations(recording: AnyRecording, headers: dict[str, Array]) -> Array:
    """The stacks of all headers, and makes the headers' offsets count from the first of them."""
    pool, starts, counts = recording.queues["continuations"], headers["continuations"], headers["continuation_count"]
    bad = np.flatnonzero((starts < 0) | (counts < 0) | (counts > len(pool)) | (starts > len(pool) - counts))
    if len(bad):
        raise RawStateError("headers", int(bad[0]), None, "continuations", f"beyond the {len(pool)} that were recorded")
    # The header behind the program's last row has no continuation, wherever it points.
    first = int(starts[:-1].min())
    starts[-1] = max(first, int(starts[-1]))
    stop = int((starts + counts).max())
    starts -= first
    return _narrow("continuations", pool[first:stop])


def _external_reads(recording: AnyRecording, bounds: tuple[int, int]) -> dict[str, Array]:
    """The last access before the shard of every word that it touches and that was touched before (spec 09, B7.1)."""
    start, stop = bounds
    accesses = recording.queues["accesses"]
    before = accesses[:start]
    # The last of equal keys: the first one in reverse order.
    keys, latest = np.unique(before["key"][::-1], return_index=True)
    wanted = np.isin(keys, accesses["key"][start:stop])
    entries = before[start - 1 - latest[wanted]]
    return {
        "ext_key": _padded(keys[wanted]),
        "ext_clk": _narrow("accesses.clk", entries["clk"]),
        "ext_word": _canonical("accesses.word", entries["word"]),
    }
