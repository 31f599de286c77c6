"""Plays back what the real VM said about the recorded cases, as a program that speaks the line protocol."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "data"


def main():
    directory = Path(sys.argv[sys.argv.index("--dump") + 1])
    with (DATA / "vm" / "divergences.jsonl").open(encoding="utf-8") as file:
        names = {
            json.dumps(case["program"]["nodes"]): case["name"] for case in (json.loads(line)["case"] for line in file)
        }
    with gzip.open(DATA / "known" / "records.jsonl.gz", "rt", encoding="utf-8") as file:
        said = {(item["case"], tuple(item["cuts"])): item for item in map(json.loads, file)}
    traces = np.load(DATA / "known" / "traces.npz")
    for line in sys.stdin:
        case = json.loads(line)
        item = said[names[json.dumps(case["program"]["nodes"])], tuple(case["cuts"])]
        if item["trace"]:
            traces[item["trace"]].astype("<u8").tofile(directory / f"{case['name']}.trace")
        print(json.dumps({**item["record"], "name": case["name"]}), flush=True)


main()
