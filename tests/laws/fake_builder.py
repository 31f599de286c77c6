"""A builder of another machine, one case a line: five columns of 20 rows, 10 of them cut.

fake_builder.py MODE [WORD[+WORD]] [--pause=SECONDS]: what is wrong is told by MODE; with WORDs only for programs whose text
holds all of them. Each case takes so many seconds more.
"""

import hashlib
import json
import os
import sys
import time

ROWS, CORE, COLUMNS = 20, 10, 5
MODE = sys.argv[1]
WORDS = sys.argv[2].split("+") if len(sys.argv) > 2 and not sys.argv[2].startswith("--") else []
PAUSE = sum(float(each.removeprefix("--pause=")) for each in sys.argv if each.startswith("--pause="))


def size_of(cut):
    return cut if isinstance(cut, int) else cut["every"]


def build(mode, size, again):
    cells = [[100 * column + row for row in range(ROWS)] for column in range(COLUMNS)]
    states = [{"clk": row, "depth": 16 + row, "queues": size} for row in range(0, CORE, size)]
    made = {"fragment": size, "status": "completed", "constraints": True}
    if mode in ("cells", "accepted") and size in (3, 7):
        cells[1][6] = cells[3][6] = cells[3][9] = 7
        made["constraints"] = mode == "accepted"
    if mode == "unsteady" and again:
        cells[0][0] = 5
    if mode == "rejected":
        made |= {"constraints": False, "rejection": "constraint 12 in row 4"}
    if mode == "states" and size == 3:
        states[2]["depth"] += 1
    if (mode == "panics" and size > 4) or mode == "always-panics":
        return {"fragment": size, "status": "panicked", "message": f"queue 3 is empty at size {size // 100}"}, None
    if mode == "fails" or (mode == "fails-otherwise" and size != 4):
        return {"fragment": size, "status": "failed", "message": "DivideByZero"}, None
    if mode == "fails-otherwise":
        return {"fragment": size, "status": "failed", "message": "NotBinaryValue"}, None
    made["columns"] = [hashlib.sha256(str(column).encode()).hexdigest()[:32] for column in cells]
    if mode != "no-states":
        made["contexts"] = states
    if mode == "no-digests":
        del made["columns"]
    if mode == "no-check":
        del made["constraints"]
    return made, cells


def differences(one, other):
    found = {}
    for column, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        rows = [row for row in range(ROWS) if mine[row] != theirs[row]]
        if rows:
            found[str(column)] = {"count": len(rows), "rows": rows}
    return found


def main():
    for line in sys.stdin:
        case = json.loads(line)
        mode = MODE if all(word in line for word in WORDS) else "good"
        time.sleep(3600 if mode == "hangs" else PAUSE)
        sizes = [size_of(cut) for cut in case["cuts"] if isinstance(cut, int) or "every" in cut]
        is_one = len(sizes) == 1
        if (mode in ("crashes", "crashes-or-is-silent") and 5 in sizes) or (
            mode in ("crashes-over-many", "crashes-then-refuses") and not is_one
        ):
            sys.stderr.write("fragment 5 of 9\nthread 'main' panicked: queue 3 is empty\n")
            sys.stderr.flush()
            os._exit(9)
        if mode == "rambles":
            print("not a record")
        elif mode in ("refuses", "crashes-then-refuses") or not sizes:
            print(json.dumps({"rejected": "no such operation" if sizes else "it cuts at multiples only"}))
        else:
            first, fragments = None, []
            for index, size in enumerate(sizes):
                if mode == "crashes-or-is-silent" and size == 3:
                    continue
                made, cells = build(mode, size, size in sizes[:index])
                if cells is not None:
                    made["differences"] = {} if first is None else differences(first, cells)
                    first = first or cells
                fragments.append(made)
            print(json.dumps({"name": case["name"], "lengths": {"core": CORE}, "fragments": fragments}))
        sys.stdout.flush()


main()
