"""Hasher rows, compared with traces of the real VM. A root block alone occupies the first eight rows of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reference.chiplets.hasher import Hasher
from reference.definition.field import ZERO_WORD

REQUESTS = json.loads((Path(__file__).parent.parent / "data" / "chiplets" / "merkle_requests.json").read_text())
GOLDEN = Path(__file__).parent.parent / "data" / "fragment_boundaries"
BLOCK_ROWS = 8


def words(lists):
    return [tuple(word) for word in lists]


def payload(rows, first, count):
    """chip_1..chip_16 of ``count`` rows; they must be hasher rows."""
    part = rows[first : first + count]
    assert len(part) == count
    assert not part[:, 0].any()
    return part[:, 1:17]


@pytest.mark.parametrize("name", [name for name in REQUESTS if "verify" in name])
def test_merkle_path_rows_of_every_depth(name, recorded_chiplets):
    request = REQUESTS[name]
    rows = recorded_chiplets(name)
    depth = len(request["path"])
    hasher = Hasher()
    address, root = hasher.merkle_path(tuple(request["value"]), words(request["path"]), request["index"])
    np.testing.assert_array_equal(hasher.table(), payload(rows, BLOCK_ROWS, 8 * depth))
    assert rows[BLOCK_ROWS + 8 * depth, 0] == 1
    assert (address, hasher.next_address) == (1, 1 + 8 * depth)
    assert list(root) == rows[BLOCK_ROWS + 8 * depth - 1, 8:12].tolist()


def test_the_paths_recorded_have_one_two_and_63_legs():
    assert {len(request["path"]) for name, request in REQUESTS.items() if "verify" in name} == {1, 2, 63}


def test_root_update_walks_the_old_path_then_the_new(recorded_chiplets):
    request = REQUESTS["merkle_update_3_5"]
    rows = recorded_chiplets("merkle_update_3_5")
    hasher = Hasher()
    old, new, path = tuple(request["old"]), tuple(request["new"]), words(request["path"])
    address, old_root, new_root = hasher.merkle_update(old, new, path, request["index"])
    np.testing.assert_array_equal(hasher.table(), payload(rows, BLOCK_ROWS, 48))
    assert address == 1
    assert list(old_root) == rows[BLOCK_ROWS + 23, 8:12].tolist()
    assert list(new_root) == rows[BLOCK_ROWS + 47, 8:12].tolist()
    assert rows[BLOCK_ROWS, 1:4].tolist() == [1, 1, 0]
    assert rows[BLOCK_ROWS + 24, 1:4].tolist() == [1, 1, 1]


def test_permutation_returns_the_whole_state(recorded_chiplets):
    rows = recorded_chiplets("permute")
    hasher = Hasher()
    address, state = hasher.permute(tuple(range(12)))
    np.testing.assert_array_equal(hasher.table(), payload(rows, BLOCK_ROWS, 8))
    assert address == 1
    # spec 01, section 14
    assert state[0] == 15056646954853821376
    assert state[11] == 16548919317472389167


def test_requests_of_a_join_over_a_block_of_several_batches():
    """Golden case 20: JOIN, a block of 80 operations in two batches, then a small block."""
    with np.load(GOLDEN / "case_20.npz") as archive:
        rows = archive["trace"][:, 51:71]
    hasher = Hasher()
    count = int(np.argmax(rows[:, 0] == 1))
    groups = [rows[first, 8:16].tolist() for first in range(8, count, 8)]
    join = rows[0, 8:16].tolist()
    assert hasher.control_block(tuple(join[:4]), tuple(join[4:]), 0x57) == 1
    assert hasher.basic_block(groups[:2]) == 9
    assert hasher.basic_block(groups[2:]) == 25
    assert len(groups) == 3
    np.testing.assert_array_equal(hasher.table(), payload(rows, 0, count))
    assert rows[15, 1:4].tolist() == [1, 0, 0]
    assert rows[16, 1:4].tolist() == [0, 0, 0]


def test_an_empty_path_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="at least one sibling"):
        Hasher().merkle_path(ZERO_WORD, [], 0)


def test_no_request_no_row():
    assert Hasher().table().shape == (0, 16)
    assert Hasher().next_address == 1
