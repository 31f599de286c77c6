"""``fragdiff doctor``."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version

from harness.commands import doctor


def test_versions_and_engines(fragdiff):
    result = fragdiff("doctor", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"] == version("numpy")
    assert found["engines"]["reference"]["usable"] is True
    assert found["engines"]["unusable"] == {"usable": False, "reason": "no device"}


def test_text_says_why_an_engine_is_not_usable(fragdiff):
    lines = fragdiff("doctor").stdout.splitlines()
    assert any(line.split() == ["unusable", "not", "usable:", "no", "device"] for line in lines)


def test_an_engine_asked_for_that_is_not_usable_fails(fragdiff):
    result = fragdiff("doctor", "--engine", "exec:/no/such/program run")
    assert result.exit_code == 1
    assert "there is no program '/no/such/program'" in result.stdout


def test_packages_that_are_missing_say_how_to_get_them(fragdiff, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    result = fragdiff("doctor")
    assert "not installed (the gpu engine on a device; pip install 'fragdiff[gpu]')" in result.stdout
