"""Engines are found by name, and a wrong name says which names there are."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from made_engines import MadeEngine

from harness import engines
from harness.backends.exec import ExecEngine
from harness.backends.reference import ReferenceEngine
from harness.engines import available_engines, find_engine, installed_names
from reference.definition.errors import InputError

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def make_engine():
    return MadeEngine("mine")


@pytest.fixture
def entries(monkeypatch):
    """The reference as this project declares it, and two engines of somebody else."""
    declared = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["entry-points"][engines.GROUP]
    found = [EntryPoint("reference", declared["reference"], engines.GROUP)]
    found.append(EntryPoint("mine", f"{__name__}:make_engine", engines.GROUP))
    found.append(EntryPoint("broken", "no_such_module_here:Engine", engines.GROUP))
    monkeypatch.setattr(engines, "entry_points", lambda group: [item for item in found if item.group == group])


def test_the_reference_is_an_entry_point(entries):
    assert isinstance(find_engine("reference"), ReferenceEngine)


def test_an_engine_of_somebody_else_is_found(entries):
    assert find_engine("mine").name == "mine"


def test_exec_runs_a_command_split_like_a_shell_line():
    engine = find_engine("exec:'a b/vm' run --fast")
    assert isinstance(engine, ExecEngine)
    assert engine.name == "exec:'a b/vm' run --fast"
    assert engine.probe().reason == "there is no program 'a b/vm'"


@pytest.mark.parametrize("name", ["refrence", "", "exec", "EXEC:vm"])
def test_an_unknown_name_lists_what_exists(entries, name):
    with pytest.raises(InputError, match="broken, mine, reference, exec:COMMAND"):
        find_engine(name)


@pytest.mark.parametrize(("name", "said"), [("exec:", "needs a command"), ("exec:'vm", "cannot be split")])
def test_a_bad_command_is_refused(name, said):
    with pytest.raises(InputError, match=said):
        find_engine(name)


def test_an_engine_that_cannot_be_imported_is_refused_with_the_reason(entries):
    with pytest.raises(InputError, match=r"'broken'.*cannot be imported.*no_such_module_here"):
        find_engine("broken")


def test_all_engines_are_listed_with_their_availability(entries):
    found = available_engines()
    assert sorted(found) == ["broken", "mine", "reference"]
    assert {name: item.usable for name, item in found.items()} == {"broken": False, "mine": True, "reference": True}
    assert "no_such_module_here" in found["broken"].reason


def test_listing_names_imports_no_engine(entries):
    assert installed_names() == ("broken", "mine", "reference")
