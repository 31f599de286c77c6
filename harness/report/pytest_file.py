"""A ready pytest file: red while the engines differ on the finding's case, green once they agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FILE: Final = "test_finding.py"

_ENGINES: Final = '''\
"""{title}

Red while the engines differ, green once they agree. Run it with `pytest {file}` in the directory of this finding or anywhere.
"""

from pathlib import Path

import pytest

from harness.commands.options import open_engines
from harness.compare import compare
from harness.verdict import describe
from reference.definition.formats.load import load_cases

HERE = Path(__file__).parent
ENGINES = {engines}
CASES = {cases}


@pytest.mark.parametrize("file", CASES)
def test_the_engines_agree(file):
    with open_engines(ENGINES) as engines:
        for case in load_cases(HERE / file):
            for run in case.runs():
                comparison = compare(run, engines, audit={audit})
                differences = "\\n".join(map(describe, comparison.divergences))
                assert not differences, differences
                assert not comparison.counts.nothing, "nothing was compared: this is no agreement"
'''

_FRAGMENT: Final = """

def test_the_fragment_rebuilt_alone_has_the_expected_rows():
    (case,) = load_cases(HERE / "fragment" / "case.json")
    context = load(HERE / "fragment" / "context.bin", lower(case.program, case.libraries))
    rows, expected = read_expected(HERE / "fragment" / "expected.csv")
    wrong = [(rows[row], COLUMN_NAMES[column]) for column, row in zip(*(rebuild_alone(context) != expected).nonzero())]
    assert not wrong, f"wrong cells: {wrong[:8]}"
"""

_FRAGMENT_IMPORTS: Final = """\
from harness.report.fragment_files import read_expected
from harness.verdict import describe
from parallel.contexts import rebuild_alone
from parallel.lower import lower
from parallel.saved import load
from reference.definition.columns import COLUMN_NAMES
"""


def pytest_text(
    title: str, engines: Sequence[str], cases: Sequence[str], *, audit: bool, rebuilds_fragment: bool
) -> str:
    """The file's text.

    ``audit`` judges the traces too, for a difference that only the audit sees; ``rebuilds_fragment`` adds the standalone
    fragment, on the parallel engine's own rebuild.
    """
    values = {"engines": list(engines), "cases": list(cases), "audit": audit}
    text = _ENGINES.format(title=title.replace('"', "'"), file=FILE, **values)
    if not rebuilds_fragment:
        return text
    return text.replace("from harness.verdict import describe\n", _FRAGMENT_IMPORTS) + _FRAGMENT
