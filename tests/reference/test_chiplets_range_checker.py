"""The range table: the worked examples of spec 05, section 8."""

from __future__ import annotations

import pytest

from reference.chiplets.range_checker import RangeChecker

WITHOUT_LOOKUPS = [*range(0, 63424, 2187), 64152, 64881, 65124, 65367, 65448, 65529, 65532, 65535, 65535]


def rows_of(values):
    checker = RangeChecker()
    checker.add_all(values)
    return [tuple(row) for row in checker.table().tolist()]


def test_a_table_without_lookups():
    assert rows_of([]) == [(0, value) for value in WITHOUT_LOOKUPS]
    assert len(WITHOUT_LOOKUPS) == 39


@pytest.mark.parametrize(
    ("values", "head", "count"),
    [
        ([0, 0, 1, 5], [(2, 0), (1, 1), (0, 4), (1, 5)], 41),
        ([0, 0, 0, 256], [(3, 0), (0, 243), (0, 252), (0, 255), (1, 256), (0, 2443)], 45),
        (
            [0, 1, *[2] * 4, *[3] * 3, *[4] * 2, 100, 355, 620],
            list(
                zip(
                    [1, 1, 4, 3, 2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1],
                    [0, 1, 2, 3, 4, 85, 94, 97, 100, 343, 352, 355, 598, 607, 616, 619, 620],
                    strict=True,
                )
            ),
            None,
        ),
        ([1, 0, 9, 0, 13, 0], [(3, 0), (1, 1), (0, 4), (0, 7), (0, 8), (1, 9), (0, 12), (1, 13)], 49),
    ],
)
def test_the_worked_examples(values, head, count):
    rows = rows_of(values)
    assert rows[: len(head)] == head
    assert count is None or len(rows) == count


def test_the_largest_value_is_counted_in_its_row_and_repeated_without():
    assert rows_of([65535, 65535])[-2:] == [(2, 65535), (0, 65535)]


def test_a_u32_pair_is_four_lookups():
    checker = RangeChecker()
    assert checker.add_u32_pair(0x00020001, 0x00040003) == (1, 2, 3, 4)
    counted = [tuple(row) for row in checker.table().tolist() if row[0]]
    assert counted == [(1, 1), (1, 2), (1, 3), (1, 4)]


def test_a_copy_counts_on_its_own():
    checker = RangeChecker()
    twin = checker.copy()
    twin.add_all([7])
    assert checker.table().tolist() == RangeChecker().table().tolist()
    assert [1, 7] in twin.table().tolist()
