"""``fragdiff doctor``."""

import json
import platform
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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


def test_packages_that_may_be_missing_are_in_the_extra_that_is_named_and_are_used():
    root = Path(__file__).parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    sources = "".join(
        path.read_text("utf-8") for folder in ("gpu", "harness") for path in (root / folder).rglob("*.py")
    )
    modules = {"cupy-cuda12x": "cupy", "dask": "distributed"}
    assert set(modules) == set(doctor.OPTIONAL)
    for package, what in doctor.OPTIONAL.items():
        (extra,) = re.findall(r"'fragdiff\[(\w+)\]'", what)
        assert any(re.match(rf"{package}\b", each) for each in extras[extra])
        assert f'import_module("{modules[package]}")' in sources


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


def test_without_a_compiler_and_without_cupy_it_says_so(fragdiff, monkeypatch):
    monkeypatch.setenv("CXX", "/no/such/compiler")
    monkeypatch.setitem(sys.modules, "cupy", None)
    found = json.loads(fragdiff("doctor", "--json").stdout)["kernels"]
    assert found["compiler"] is None
    assert "CXX names /no/such/compiler" in found["compiler_version"]
    assert found["device"]["usable"] is False
    assert "CuPy" in found["device"]["reason"]
    lines = [" ".join(line.split()) for line in fragdiff("doctor").stdout.splitlines()]
    assert any(line.startswith("device none: CuPy") for line in lines)
    assert "C++ compiler no C++ compiler: CXX names /no/such/compiler" in lines


def test_the_folders_of_compiled_kernels_are_shown(fragdiff, monkeypatch, tmp_path):
    monkeypatch.setenv("FRAGDIFF_CACHE", str(tmp_path / "ours"))
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "cupy"))
    found = json.loads(fragdiff("doctor", "--json").stdout)["kernels"]
    assert found["host_cache"] == str(tmp_path / "ours" / "kernels-host")
    assert found["device_cache"] == str(tmp_path / "cupy")
