"""index.txt: findings by signature, confirmed ones first, damaged ones too."""

import json

from harness.campaign.index import write_index


def finding(out, name, **data):
    folder = out / name
    folder.mkdir()
    (folder / "finding.json").write_text(json.dumps(data), encoding="utf-8")


def test_findings_are_listed_by_signature_and_none_is_missing(tmp_path):
    finding(tmp_path, "b", signature="cell", state="not stable")
    finding(tmp_path, "c", signature="cell", full_signature={"text": "cell MUL"}, state="confirmed")
    finding(tmp_path, "d", signature="cell", state="not replayed")
    finding(tmp_path, "a", signature="cell")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "finding.json").write_text("{", encoding="utf-8")
    write_index(tmp_path)
    assert (tmp_path / "index.txt").read_text("utf-8").splitlines() == [
        "cell MUL",
        "  confirmed     c",
        "cell",
        "  not stable    b",
        "  not replayed  d",
        "finding.json cannot be read",
        "  damaged       a",
        "  damaged       e",
    ]
