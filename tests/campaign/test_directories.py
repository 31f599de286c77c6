"""What a directory may be: taken, read-only, full, of another campaign."""

import json
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
from waiting import wait_until

FEW = ("--engines", "reference,twin", "--seed", 3, "--no-filling")


def test_two_campaigns_in_one_directory(fuzz):
    with fuzz.start(*FEW, "--seconds", 300) as first:
        lock = fuzz.folder / "findings" / "campaign.lock"
        wait_until(lambda: lock.exists() and lock.read_text("utf-8"))
        second = fuzz(*FEW, "--seconds", 300)
        os.killpg(first.pid, signal.SIGINT)
        stdout, _ = first.communicate(timeout=60)
    assert second.returncode == 2
    assert f"another campaign runs in this directory (process {first.pid}, since 20" in second.stderr
    assert "stopped before the end" in stdout
    # The lock went with its process.
    assert fuzz(*FEW, "--cases", 4).returncode == 0


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--seed", 4), "seed 3 there, 4 asked for"),
        (("--engines", "honest,reference"), "engines reference,honest there, honest,reference asked for"),
        (("--max-rows", 9), "max_rows 200 there, 9 asked for"),
        (("--failing-rate", 0), "failing_rate 0.15 there, 0.0 asked for"),
        (("--no-known",), 'known "" there, "none" asked for'),
    ],
)
def test_another_campaign_is_refused(fragdiff_here, option, said):
    assert fragdiff_here("--cases", 2).exit_code == 0
    before = Path("findings/campaign.sqlite").read_bytes()
    result = fragdiff_here("--cases", 4, *option)
    assert result.exit_code == 2
    assert "the directory holds another campaign" in result.stderr
    assert said in result.stderr
    assert Path("findings/campaign.sqlite").read_bytes() == before
    assert fragdiff_here("--cases", 3, *option, "--fresh").exit_code == 0
    assert json.loads(Path("findings/summary.json").read_text("utf-8"))["cases"] == 3


def test_a_campaign_goes_on_as_it_is(fragdiff_here, fragdiff):
    fragdiff_here("--cases", 2, "--max-rows", 50)
    result = fragdiff("fuzz", "--cases", 3)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "comparing reference with honest, seed 3",
        "going on after 2 cases in 1 run",
    ]


def test_cases_of_a_campaign_are_run_again_by_themselves(fragdiff_here):
    fragdiff_here("--cases", 4)
    before = Path("findings/campaign.sqlite").read_bytes(), Path("findings/summary.json").read_bytes()
    result = fragdiff_here("--first", 1, "--cases", 2, "--seed", 99)
    assert result.stdout.splitlines()[0] == "comparing reference with honest, seed 99, from case 1"
    assert result.stdout.splitlines()[1].startswith("2 cases ")
    assert (Path("findings/campaign.sqlite").read_bytes(), Path("findings/summary.json").read_bytes()) == before


def test_cases_by_themselves_are_the_campaigns_own_without_a_seed(fragdiff_here, fragdiff):
    fragdiff_here("--cases", 3, "--max-rows", 50, "--no-audit")
    before = Path("findings/campaign.sqlite").read_bytes()
    result = fragdiff("fuzz", "--first", 1, "--cases", 1)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "comparing reference with honest, seed 3, from case 1"
    assert "audited      0 traces" in result.stdout
    # Others see the same case, and a seed of one's own is another campaign's.
    others = fragdiff("fuzz", "--engines", "reference,wrong-mul", "--first", 1, "--cases", 1)
    assert others.stdout.splitlines()[0] == "comparing reference with wrong-mul, seed 3, from case 1"
    assert fragdiff("fuzz", "--first", 1, "--cases", 1, "--seed", 99).exit_code == 2
    assert Path("findings/campaign.sqlite").read_bytes() == before


def test_a_campaign_whose_engines_cannot_be_had_is_in_nobodys_way(fragdiff):
    assert fragdiff("fuzz", "--engines", "reference,unusable", "--cases", 1).exit_code == 2
    assert fragdiff("fuzz", "--engines", "reference,honest", "--cases", 1).exit_code == 0


def test_a_directory_without_a_name(fragdiff_here, tmp_path):
    result = fragdiff_here("--cases", 1, "--out", "")
    assert result.exit_code == 2
    assert "Invalid value for '--out' / '--dir': The name is empty." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written(fragdiff_here, tmp_path):
    """Whoever may write everywhere may not make folders where the kernel shows its objects."""
    folder = Path("/sys") if os.geteuid() == 0 else tmp_path / "readable"
    if folder.parent == tmp_path:
        folder.mkdir(mode=0o555)
    result = fragdiff_here("--cases", 1, "--out", folder / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{folder}/out/campaign.lock: cannot be written: " in result.stderr


def test_a_campaign_that_cannot_be_written_any_more(fragdiff_here):
    assert fragdiff_here("--cases", 2).exit_code == 0
    shutil.rmtree("findings/running")
    Path("findings/running").write_text("in the way", encoding="utf-8")
    result = fragdiff_here("--cases", 4)
    assert result.exit_code == 2
    assert "findings/running/here: cannot be written: " in result.stderr
    Path("findings/running").unlink()
    assert fragdiff_here("--cases", 4).exit_code == 0


def test_half_a_line_of_events_does_not_spoil_the_next(fragdiff_here):
    fragdiff_here("--cases", 1)
    log = Path("findings/events.jsonl")
    log.write_bytes(log.read_bytes()[:-20])
    fragdiff_here("--cases", 2)
    first, torn, *others = log.read_text("utf-8").splitlines()
    with pytest.raises(ValueError, match=r".+"):
        json.loads(torn)
    assert [json.loads(line)["event"] for line in (first, *others)] == ["started", "resumed", "finished"]


def limited(size):
    """No file may become larger: the disk is full for whoever writes more."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize(
    "size", [2000, 70_000, pytest.param(0, marks=pytest.mark.slow), pytest.param(20_000, marks=pytest.mark.slow)]
)
def test_a_full_disk_ends_a_campaign_which_then_goes_on(fuzz, size):
    options = (*FEW, "--cases", 12)
    full = fuzz(*options, preexec_fn=limited(size))
    assert full.returncode == 2, full.stderr
    assert any(words in full.stderr for words in ("cannot be written", "cannot be read or written")), full.stderr
    assert "Traceback" not in full.stderr
    done = fuzz(*options)
    assert done.returncode == 0, done.stderr
    assert fuzz.summary()["cases"] == 12
    assert fuzz.rows("SELECT sum(count) FROM batches") == [(12,)]
