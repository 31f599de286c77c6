"""The reference, and the real VM: what was recorded of it, or itself where it is named."""

import os
import sys
from pathlib import Path

import pytest

from harness.backends.exec import ExecEngine
from harness.backends.reference import ReferenceEngine
from harness.engines import find_engine
from harness.known import KNOWN_VARIABLE, NO_ENTRIES

RECORDED = Path(__file__).with_name("recorded_vm.py")


@pytest.fixture(scope="module")
def reference():
    return ReferenceEngine()


@pytest.fixture(scope="module")
def live_vm():
    command = os.environ.get("FRAGDIFF_ORACLE")
    if not command:
        pytest.skip("FRAGDIFF_ORACLE does not name the real VM's command")
    engine = find_engine(f"exec:{command} run")
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=["recorded", pytest.param("live", marks=pytest.mark.oracle)])
def real_vm(request):
    if request.param == "live":
        yield request.getfixturevalue("live_vm")
        return
    engine = ExecEngine("exec:recorded", [sys.executable, str(RECORDED)])
    yield engine
    engine.close()


@pytest.fixture
def nothing_known(monkeypatch):
    """No divergence of the real VM is excused."""
    monkeypatch.setenv(KNOWN_VARIABLE, NO_ENTRIES)
