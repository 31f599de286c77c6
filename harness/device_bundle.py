"""Recorded cases for a machine with a device: ``python -m harness.device_bundle --out FILE``.

Recording needs compiled code and minutes that such a machine may not have. The cases are those that the engine's tests walk on
the host: the real VM's recorded programs, each at one cut plan and walk of its own, the boundary programs at four plans, the
chiplets' programs, the corpus, the reference prover's commitments, a few programs at every kind of walk; and the bench
programs, whose columns are the parallel engine's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from gpu.carried import to_bytes
from gpu.report import bundle
from gpu.report.bundle import BENCH, SUITE, Expected, Item
from gpu.walk import Options
from harness.backend import column_digest
from harness.backends.gpu import walk_options
from harness.backends.parallel import ParallelEngine
from harness.bench.programs import DIRECTORY, LEAST_ROWS, MOST_ROWS, programs
from harness.corpus import entries
from harness.records import LENGTHS
from parallel.executor import record
from parallel.recording import Recording
from reference.definition.case import Case
from reference.definition.cuts import ONE_FRAGMENT, CutPlan, Every
from reference.definition.errors import InputError
from reference.definition.formats.load import load_cases
from reference.definition.gpu_options import CACHE_LEVELS, CHIPS, GpuOptions

ROOT: Final = Path(__file__).parents[1]
REAL_VM: Final = "the real VM"
PARALLEL: Final = "the parallel engine"

PLANS: Final[tuple[CutPlan, ...]] = (Every(1), Every(7), Every(64), ONE_FRAGMENT)
WALKS: Final = tuple(
    GpuOptions(cache, lanes, shards=shards, order=order)
    for cache, lanes, shards, order in product(CACHE_LEVELS, (1, 3), (1, 2, 5), (CHIPS, CHIPS[::-1]))
)
"""Walks that a case can be given; the order of threads is the device's own."""

VARIED: Final = (
    "ctl_sys_many_703280", "op_u32and_700370", "mix_720020", "mix_720090", "ctl_dyn_lib_703350", "op_pipe_700722",
    "shape_core_62_705580", "shape_core_65_705610",
)  # fmt: skip
"""Programs that together have rows of every chip, and the smallest ones; asked first, at every kind of walk in turn."""

BENCH_FRAGMENT: Final = 64
"""Coarser cuts of the bench programs are taken from this one."""
BENCH_ROWS: Final = (2**20, 2**22)
LARGE: Final = ("fib", "u32", "hash")
"""Bench programs that are taken at all sizes; the others at the smallest of them only. At 2^22 rows hash takes 34 MB."""


@dataclass(frozen=True)
class Asked:
    """A case at one cut plan, how it is walked, and what is expected."""

    name: str
    case: Case
    walk: Mapping[str, Any]
    expected: Expected
    part: str = SUITE


def suite(data: Path) -> Iterator[Asked]:
    """The cases of the test suite; ``data`` is the folder of recorded data, tests/data of a checkout.

    Raises InputError when it is not there.
    """
    yield from _varied(data)
    yield from _recorded(data)
    yield from _boundaries(data)
    yield from _chiplets(data)
    yield from _programs(data)


def bench(sizes: Sequence[int], large: Sequence[str] = LARGE) -> Iterator[Asked]:
    """The bench programs, walked plainly; only ``large`` ones at more than the smallest size.

    Raises InputError for other sizes than powers of two.
    """
    engine = ParallelEngine()
    try:
        for rows in sizes:
            for case in programs(rows):
                if rows > min(sizes) and case.name not in large:
                    continue
                run = engine.run(replace(case, cuts=(ONE_FRAGMENT,)))
                assert run.summary is not None
                lengths = {name: getattr(run.summary, name) for name in LENGTHS}
                expected = Expected(PARALLEL, lengths, tuple(run.column_digests()))
                name = f"{case.name} 2^{rows.bit_length() - 1}"
                yield Asked(name, replace(case, cuts=(Every(BENCH_FRAGMENT),)), {}, expected, BENCH)
    finally:
        engine.close()


def write(path: Path, asked: Iterator[Asked], say: Callable[[str], None]) -> int:
    """Records the cases and writes the bundle; the number of cases. Failed programs are left out: they have no trace.

    Raises InputError when nothing is left or the file cannot be written.
    """
    items: list[Item] = []
    contents: dict[str, bytes] = {}
    for one in asked:
        recording = record(one.case)
        if not recording.final_stack:
            continue
        walk = {**_walk(one, recording), **one.walk}
        member = f"{len(items):04}.npz"
        contents[member] = to_bytes(recording)
        cut = _cut_text(one.case.cut)
        items.append(Item(one.name, one.part, cut, walk, one.expected, member, one.expected.lengths["rows"]))
        if one.part == BENCH or len(items) % 100 == 0:
            say(f"{len(items)} cases, {one.name}, {sum(map(len, contents.values())):,} bytes")
    if not items:
        raise InputError("no case is left to be written", source=str(path))
    try:
        bundle.write(path, items, contents)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", source=str(path)) from None
    return len(items)


def _walk(one: Asked, recording: Recording) -> dict[str, Any]:
    """The case's own options, as far as they are not the plainest."""
    plain, wanted = asdict(Options()), asdict(walk_options(one.case.gpu, recording))
    return {name: value for name, value in wanted.items() if value != plain[name]}


# ---- where they come from ------------------------------------------------------------------------------------------


def _records(data: Path, folder: str) -> dict[str, dict[str, Any]]:
    path = data / folder / "records.jsonl"
    try:
        return {item["name"]: item for item in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    except OSError as error:
        raise InputError(f"no recorded data here: {error.strerror}", source=str(path)) from None


def _told(item: Mapping[str, Any], columns: Sequence[str]) -> Expected:
    return Expected(REAL_VM, item["lengths"], tuple(columns))


def _vm_cases(data: Path) -> list[tuple[Case, Expected | None]]:
    """The recorded programs, with None for those that fail."""
    records = _records(data, "vm")
    cases = load_cases(data / "vm" / "cases.jsonl")
    failing = [records[case.name]["outcome"]["status"] != "completed" for case in cases]
    return [
        (case, None if failed else _told(records[case.name], records[case.name]["columns"]))
        for case, failed in zip(cases, failing, strict=True)
    ]


def _varied(data: Path) -> Iterator[Asked]:
    known = {case.name: (case, expected) for case, expected in _vm_cases(data)}
    for number, walk in enumerate(WALKS):
        case, expected = known[VARIED[number % len(VARIED)]]
        assert expected is not None
        plan = PLANS[number // 2 % len(PLANS)]
        yield Asked(f"{case.name} walk {number}", replace(case, cuts=(plan,), gpu=walk), {}, expected)


def _recorded(data: Path) -> Iterator[Asked]:
    """Each at one plan and one walk: neighbouring programs have different ones."""
    for number, (case, expected) in enumerate(_vm_cases(data)):
        if expected is not None:
            walk = WALKS[number * 41 % len(WALKS)]
            yield Asked(case.name, replace(case, cuts=(PLANS[number % len(PLANS)],), gpu=walk), {}, expected)


def _boundaries(data: Path) -> Iterator[Asked]:
    roots = _roots(data)
    for case in load_cases(data / "fragment_boundaries" / "cases.jsonl"):
        trace = _trace(data / "fragment_boundaries" / f"{case.name}.npz").T
        expected = Expected(REAL_VM, {"rows": trace.shape[1]}, tuple(map(column_digest, trace)))
        for plan in PLANS:
            yield Asked(f"{case.name} {_cut_text(plan)}", replace(case, cuts=(plan,)), {}, expected)
        for blowup, root in roots.get(case.name, ()):
            asked = replace(case, cuts=(Every(7),))
            yield Asked(
                f"{case.name} commitment", asked, {"merkle": blowup}, replace(expected, merkle_root=tuple(root))
            )


def _roots(data: Path) -> dict[str, list[tuple[int, list[int]]]]:
    """Blow-up and root of the reference prover's commitments, by case."""
    found: dict[str, list[tuple[int, list[int]]]] = {}
    for proof in json.loads((data / "commitment" / "vectors.json").read_text(encoding="utf-8"))["proofs"]:
        if proof["hash"] == "rpo":
            blowup = proof["lde_length"] // proof["trace_length"]
            found.setdefault(f"case_{proof['golden_case']:02}", []).append((blowup, proof["main_trace_root"]))
    return found


def _chiplets(data: Path) -> Iterator[Asked]:
    records = _records(data, "chiplets")
    for case in load_cases(data / "chiplets" / "cases.jsonl"):
        path = data / "chiplets" / f"{case.name}.npz"
        if path.exists():
            expected = _told(records[case.name], tuple(map(column_digest, _trace(path))))
            yield Asked(case.name, replace(case, cuts=(Every(7),)), {}, expected)


def _programs(data: Path) -> Iterator[Asked]:
    records = _records(data, "programs")
    for entry in entries(DIRECTORY.parent):
        item = records.get(entry.case.name)
        if item is not None:
            asked = replace(entry.case, cuts=(Every(64),), gpu=GpuOptions(lanes=2))
            yield Asked(entry.case.name, asked, {}, _told(item, item["columns"]))


def _cut_text(plan: CutPlan) -> str:
    if plan == ONE_FRAGMENT:
        return "one"
    return f"every:{plan.size}" if isinstance(plan, Every) else f"at:{','.join(map(str, plan.rows))}"


def _trace(path: Path) -> Any:
    with np.load(path) as archive:
        return archive["trace"].astype(np.uint64)


# ---- the command ---------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0 when the bundle is written, 2 for what it cannot be made from or written to."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.device_bundle", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the bundle to write")
    parser.add_argument("--data", type=Path, default=ROOT / "tests" / "data", metavar="DIR", help="recorded data")
    parser.add_argument(
        "--rows", type=_size, nargs="*", default=list(BENCH_ROWS), metavar="N", help="sizes of the bench programs"
    )
    parser.add_argument(
        "--large", nargs="*", default=list(LARGE), metavar="NAME", help="programs taken at more than the smallest size"
    )
    parser.add_argument("--most", type=int, metavar="N", help="only the first N cases of the suite")
    chosen = parser.parse_args(arguments)
    try:
        asked = [one for number, one in enumerate(suite(chosen.data)) if chosen.most is None or number < chosen.most]
        count = write(
            chosen.out,
            _chained(asked, chosen.rows, chosen.large),
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    except InputError as error:
        print(f"device_bundle: {error}", file=sys.stderr)
        return 2
    print(f"{chosen.out}: {count} cases, {chosen.out.stat().st_size:,} bytes")
    return 0


def _chained(asked: Sequence[Asked], rows: Sequence[int], large: Sequence[str]) -> Iterator[Asked]:
    yield from asked
    if rows:
        yield from bench(rows, large)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _size(text: str) -> int:
    base, power, exponent = text.partition("^")
    number = exponent if power else base
    known = (
        number.isascii()
        and number.isdecimal()
        and len(number) < 10
        and (not power or (base == "2" and len(number) < 3))
    )
    rows = 0 if not known else 1 << int(number) if power else int(number)
    if not LEAST_ROWS <= rows <= MOST_ROWS or rows & (rows - 1):
        raise argparse.ArgumentTypeError(
            f"expected a power of two from {LEAST_ROWS} to {MOST_ROWS}, found {text!r:.40}"
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
