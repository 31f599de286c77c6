"""The cases on which the real VM's engines were recorded to differ, and an engine that says to be the real VM."""

import json
from dataclasses import replace
from pathlib import Path

from made_engines import MadeEngine

from harness.backend import REAL_VM
from reference.definition.cuts import ONE_FRAGMENT
from reference.definition.formats.case_json import read_case

_RECORDED = Path(__file__).parents[1] / "data" / "vm" / "divergences.jsonl"

CASES = {
    document["name"]: json.dumps(document)
    for document in (json.loads(line)["case"] for line in _RECORDED.read_text("utf-8").splitlines())
}
"""Texts of cases by name."""


def case_named(name, plan=ONE_FRAGMENT):
    return replace(read_case(CASES[name], name), cuts=(plan,))


def small_case(nodes, plan=ONE_FRAGMENT, **members):
    program = {"nodes": nodes, "roots": [len(nodes) - 1], "entry": len(nodes) - 1}
    document = {"name": "small", "program": program, **members}
    return replace(read_case(json.dumps(document), "small"), cuts=(plan,))


def impostor(answer):
    """An engine that says of itself to be the real VM."""
    return MadeEngine("exec:impostor", answer, identity=REAL_VM)
