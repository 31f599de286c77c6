"""The fake builder and a small case, for the tests of this folder."""

import sys
from pathlib import Path

from harness.laws.record_subject import RecordSubject
from reference.definition.formats.case_json import read_case

BUILDER = Path(__file__).parent / "fake_builder.py"

SMALL = read_case('{"name": "small", "program": {"nodes": ["block SWAP"], "roots": [0], "entry": 0}}')


def builder_name(*arguments: str) -> str:
    return " ".join(["exec:" + sys.executable, str(BUILDER), *arguments])


def builder(*arguments: str, seconds: float = 20.0) -> RecordSubject:
    return RecordSubject(builder_name(*arguments), seconds=seconds)
