"""Folders of dumps go with their owner, or with whoever makes the next one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.backends.dump_folder import DumpFolder, remove_abandoned

OWNER = """
import sys, time
from pathlib import Path
from harness.backends.dump_folder import DumpFolder
folder = DumpFolder(Path(sys.argv[1]))
(folder.path / "case-1.trace").write_bytes(bytes(100))
print(folder.path, flush=True)
time.sleep(600)
"""


def age(path):
    before = time.time() - 3600
    os.utime(path, (before, before))


@pytest.fixture
def abandoned(tmp_path):
    """A folder whose owner was killed, young."""
    with subprocess.Popen([sys.executable, "-c", OWNER, tmp_path], stdout=subprocess.PIPE, text=True) as owner:
        path = Path(owner.stdout.readline().strip())
        age(path)
        remove_abandoned(tmp_path)
        assert (path / "case-1.trace").exists(), "somebody holds it"
        owner.kill()
    os.utime(path)
    return path


def test_what_a_killed_owner_left_goes_with_the_next_folder(abandoned, tmp_path):
    age(abandoned)
    DumpFolder(tmp_path).remove()
    assert list(tmp_path.iterdir()) == []


def test_a_young_folder_may_have_an_owner_that_has_not_locked_it_yet(abandoned, tmp_path):
    remove_abandoned(tmp_path)
    assert abandoned.is_dir()


def test_what_one_holds_stays_until_it_is_removed(tmp_path):
    folder = DumpFolder(tmp_path)
    age(folder.path)
    other = DumpFolder(tmp_path)
    assert folder.path.is_dir()
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == [other.path]


def test_only_folders_of_this_name_are_removed(abandoned, tmp_path):
    stranger = tmp_path / "fragdiff-findings"
    stranger.mkdir()
    link = tmp_path / "fragdiff-dumps-link"
    link.symlink_to(stranger)
    for path in (abandoned, stranger):
        age(path)
    remove_abandoned(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [link.name, stranger.name]
