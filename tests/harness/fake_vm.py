"""A program that speaks the line protocol for a made-up machine, well or badly: fake_vm.py MODE.

Column c of row r is 1000 c + r; every program has 10 core rows and 64 rows, whatever it says.
"""

import hashlib
import json
import os
import struct
import sys
import time
from pathlib import Path

ROWS, CORE = 64, 10


def context(row):
    positions = [
        "Start((3))",
        "BasicBlock { node_id: (1), batch_index: 2, op_idx_in_batch: 5 }",
        "Respan { node_id: (1), batch_index: 3 }",
        "LoopRepeat((4))",
        "End((0))",
    ]
    return {
        "clk": row,
        "ctx": 1,
        "fn_hash": "0x" + "02".ljust(64, "0"),
        "transcript_state": "0x" + "0" * 64,
        "current_addr": 9,
        "parent_addr": 1,
        "stack": list(range(row, row + 16)),
        "depth": 16,
        "overflow_addr": 0,
        "position": positions[row % 5],
        "continuation_top_first": ["FinishJoin 6", "EnterForest", "StartNode 5"],
    }


def size_of(cut):
    return cut if isinstance(cut, int) else cut["every"]


def fragments_of(cuts):
    for index, cut in enumerate(cuts):
        size = size_of(cut)
        entry = {"fragment": size, "status": "completed", "contexts": [context(row) for row in range(0, CORE, size)]}
        if index:
            entry["differences"] = []
        yield entry


def answer(case, mode, directory):
    columns = [struct.pack(f"<{ROWS}Q", *(1000 * column + row for row in range(ROWS))) for column in range(72)]
    lengths = dict.fromkeys(("range", "chiplets", "hasher", "bitwise", "memory", "kernel_rom"), 8)
    record = {
        "name": case["name"],
        "program_hash": "0x" + "01".ljust(64, "0"),
        "outcome": {"status": "completed", "stack": list(range(16))},
        "lengths": {"rows": ROWS, "core": CORE, **lengths},
        "columns": [hashlib.sha256(column).hexdigest()[:32] for column in columns],
        "fragments": list(fragments_of(case["cuts"])),
    }
    if mode == "real":
        record["sequential_outcome"] = record["outcome"]
    elif mode.startswith("listed:"):
        record["sequential_outcome"] = record["outcome"]
        record["sequential_lengths"] = {**record["lengths"], "rows": ROWS}
        record["sequential_vs_parallel"] = json.loads(mode.removeprefix("listed:"))
    elif mode == "sequential-only":
        record["sequential_outcome"] = record["outcome"]
        record["sequential_lengths"] = record["lengths"]
        record["sequential_vs_parallel"] = "one side built no trace"
        record["outcome"] = {"status": "panicked", "message": "queue is empty"}
        record["lengths"] = record["columns"] = None
    elif mode == "longer":
        record["sequential_outcome"] = record["outcome"]
        record["sequential_lengths"] = {**record["lengths"], "rows": 2 * ROWS}
        record["sequential_vs_parallel"] = []
    elif mode == "real-without-fragments":
        record["sequential_outcome"] = record["outcome"]
        del record["fragments"]
    elif mode == "failed":
        record["outcome"] = {"status": "failed", "error": "DivideByZero", "clk": 7, "message": "by zero"}
        record["lengths"] = record["columns"] = None
    elif mode == "panicked":
        record["outcome"] = {"status": "panicked", "message": "queue is empty"}
        record["lengths"] = record["columns"] = None
    elif mode == "wrong-name":
        record["name"] = "case-0"
    elif mode.startswith("without-"):
        del record[mode.removeprefix("without-")]
    elif mode == "no-contexts":
        for fragment in record["fragments"]:
            del fragment["contexts"]
    elif mode == "bad-position":
        record["fragments"][-1]["contexts"][0]["position"] = "Nowhere((1))"
    elif mode == "bad-stack":
        record["fragments"][-1]["contexts"][0]["stack"][3] = 2**64 - 1
    elif mode == "cuts-differ":
        record["fragments"][-1]["differences"] = [{"col": 3, "count": 1, "rows": [7], "len": [64, 64]}]
    elif mode == "lengths-differ":
        record["fragments"][-1]["differences"] = [{"col": 3, "count": 1, "rows": [7], "len": [64, 128]}]
    elif mode == "impossible-lengths":
        record["lengths"]["core"] = 10**12
    elif mode == "not-canonical":
        columns[5] = struct.pack(f"<{ROWS}Q", *[2**64 - 1] * ROWS)
        record["columns"][5] = hashlib.sha256(columns[5]).hexdigest()[:32]
    elif mode == "wrong-digest":
        record["columns"][71] = "0" * 32
    raw = b"".join(columns)
    if mode == "short-dump":
        raw = raw[:-8]
    if mode != "no-dump" and record.get("outcome", {}).get("status") == "completed":
        (directory / f"{case['name']}.trace").write_bytes(raw)
    return json.dumps(record)


def main():
    mode = sys.argv[1]
    directory = Path(sys.argv[sys.argv.index("--dump") + 1])
    assert "--contexts" in sys.argv
    print("started", file=sys.stderr, flush=True)
    if mode == "silent-end":
        sys.exit(3)
    for number, line in enumerate(sys.stdin):
        case = json.loads(line)
        now = mode.removeprefix("second-") if number or not mode.startswith("second-") else "good"
        if now == "crash":
            print("last words", file=sys.stderr, flush=True)
            os.abort()
        if now == "hang":
            time.sleep(1000)
        if now == "garbage":
            print("Segmentation fault")
        elif now == "list":
            print("[]")
        elif now == "partial":
            print('{"name": "ca', end="", flush=True)
            sys.exit(0)
        elif now == "close-pipe":
            os.close(1)
            time.sleep(1000)
        elif now == "rejected":
            print('{"rejected": "unknown operation FROB"}')
        elif now == "dump-refused":
            print(json.dumps({"rejected": f"{directory}/x.trace: No space left on device (os error 28)"}))
        elif now == "twice":
            print(answer(case, now, directory) + "\n" + answer(case, now, directory))
        elif now == "endless":
            while True:
                sys.stdout.write("x" * 65536)
        elif now == "chatty":
            print("noise " * 100_000, file=sys.stderr, flush=True)
            print(answer(case, now, directory))
        else:
            print(answer(case, now, directory))
        sys.stdout.flush()


main()
