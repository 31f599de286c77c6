"""The replay queues of every fragment, written out from the recording, against what the real VM recorded.

tests/data/vm/queue_digests.jsonl holds, per completed case and fragment size, the first 6 hexadecimal digits of the SHA-256 of
each fragment's queues as :func:`_text` writes them; the file was made from the real VM's own output.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from parallel.executor import record
from parallel.replays import Replays, replays
from reference.definition.cuts import Every
from reference.definition.formats.case_json import read_case

DATA = Path(__file__).parent.parent / "data" / "vm"
DIGITS = 6
CASES = {json.loads(line)["name"]: line for line in (DATA / "cases.jsonl").read_text().splitlines()}
EXPECTED = [json.loads(line) for line in (DATA / "queue_digests.jsonl").read_text().splitlines()]
SMALL = [record for record in EXPECTED if record["size"] != 1 and not record["name"].startswith("big_")]
LARGE = [record for record in EXPECTED if record["size"] == 1 or record["name"].startswith("big_")]


def _text(queues: Replays) -> str:
    values = [
        queues.node_starts,
        [[int(value) for value in astuple(end)] for end in queues.node_ends],
        queues.execution_contexts,
        queues.overflow_pops,
        queues.context_restores,
        queues.element_reads,
        queues.word_reads,
        queues.advice_elements,
        queues.advice_words,
        queues.advice_double_words,
        queues.block_addresses,
        queues.permutations,
        queues.merkle_roots,
        queues.merkle_updates,
    ]
    return json.dumps(values, separators=(",", ":"))


def _check(expected: dict[str, object]) -> None:
    name, size, digests = str(expected["name"]), expected["size"], str(expected["fragments"])
    assert isinstance(size, int)
    recording = record(replace(read_case(CASES[name], name), cuts=(Every(size),)))
    assert len(recording.snapshots) == len(digests) // DIGITS
    for fragment in range(len(recording.snapshots)):
        text = _text(replays(recording, fragment))
        digest = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
        place = fragment * DIGITS
        assert digest == digests[place : place + DIGITS], f"{name}, size {size}, fragment {fragment}: {text}"


def test_replay_queues_are_those_of_the_real_vm() -> None:
    for expected in SMALL:
        _check(expected)


@pytest.mark.slow
def test_replay_queues_are_those_of_the_real_vm_with_one_row_per_fragment_and_in_large_programs() -> None:
    for expected in LARGE:
        _check(expected)


def test_every_completed_case_has_its_queues_recorded() -> None:
    sizes: dict[str, set[int]] = {}
    for expected in EXPECTED:
        sizes.setdefault(expected["name"], set()).add(expected["size"])
    assert len(sizes) == 240
    assert all(found == ({64, 1024} if name.startswith("big_") else {1, 7, 64}) for name, found in sizes.items())
