"""Where the boxes beside a drawing of the trace stand: inside of it, whatever the row that they feed."""

import re
from itertools import pairwise

import numpy as np
import pytest

from harness.localise.source import CellAt, From, Source
from harness.localise.windows import Windows
from harness.report.arrows import Feed, arrow_lines, boxes_end
from harness.report.layout import Layout
from reference.definition.columns import WIDTH


def layout_of(rows):
    cells = np.zeros((WIDTH, len(rows)), np.uint64)
    return Layout(Windows(("a", "b"), rows, (cells, cells), cuts=()), named=())


def queue_feed(index):
    return Feed(Source(From.QUEUE, "restores.fn_hash", "an entry", index=index, row=3), (f"fn_hash_{index % 4}",))


def boxes(lines):
    """(top, bottom) of each box."""
    found = re.findall(
        r'<rect class="box" x="[0-9.]+" y="(-?[0-9.]+)" width="[0-9.]+" height="([0-9.]+)"', "\n".join(lines)
    )
    return [(float(top), float(top) + float(height)) for top, height in found]


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("row", [10, 14, 19])
def test_boxes_end_with_the_rows_when_there_is_room(row, count):
    layout = layout_of(tuple(range(10, 20)))
    feeds = [queue_feed(index) for index in range(count)]
    found = boxes(arrow_lines(layout, feeds, row))
    assert len(found) == count
    assert min(top for top, _ in found) >= 0
    assert max(bottom for _, bottom in found) <= layout.height + 0.1
    assert all(bottom < top for (_, bottom), (top, _) in pairwise(found)), "one above the other"


def test_more_boxes_than_fit_beside_the_rows_make_the_drawing_higher():
    layout = layout_of((10, 11))
    feeds = [queue_feed(index) for index in range(5)]
    found = boxes(arrow_lines(layout, feeds, 11))
    end = boxes_end(layout, feeds, 11)
    assert end > layout.height
    assert found[0][0] == 0
    assert found[-1][1] == pytest.approx(end)


def test_a_source_that_stands_in_the_drawing_has_no_box():
    layout = layout_of((10, 11))
    cell = Feed(Source(From.ROW, "ADD", "row 10", cells=(CellAt(10, "stack_0"),)), ("stack_0",))
    row = Feed(Source(From.ROW, "ADD", "row 10", row=10), ("stack_1",))
    assert boxes(arrow_lines(layout, [cell, row], 11)) == []
    assert boxes_end(layout, [cell, row], 11) == 0
    assert len([line for line in arrow_lines(layout, [cell, row], 11) if 'class="arrow"' in line]) == 2
