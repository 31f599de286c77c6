"""The parallel engine and the real VM on the programs that a device is measured with: ``python -m harness.bench.beside``.

One JSON object a line on standard output; ``gpu.device_report`` starts it in a process of its own, so that a machine without
numba loses these lines and nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from harness.backend import EngineFailure
from harness.bench.programs import programs
from reference.definition.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0 when every program was timed, 2 when numba or the programs are missing, 3 when the real VM fails."""
    parser = argparse.ArgumentParser(prog="python -m harness.bench.beside", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[2**20], metavar="N", help="sizes of the traces")
    parser.add_argument("--fragment", type=int, default=4096, metavar="N", help="rows of a fragment")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds; the best counts")
    parser.add_argument("--against", metavar="PATH", help="the real VM's program, without `run`")
    chosen = parser.parse_args(arguments)
    try:
        _measure(chosen)
    except ImportError as error:
        print(f"beside: the parallel engine cannot be imported: {error}", file=sys.stderr)
        return 2
    except InputError as error:
        print(f"beside: {error}", file=sys.stderr)
        return 2
    except EngineFailure as error:
        print(f"beside: {error}", file=sys.stderr)
        return 3
    return 0


def _measure(chosen: argparse.Namespace) -> None:
    from harness.bench.measure import Bench  # noqa: PLC0415 - numba is imported only where it is needed
    from harness.bench.real_vm import real_times  # noqa: PLC0415 - see above
    from parallel.jit import THREADS  # noqa: PLC0415 - see above

    bench = Bench(threads=THREADS, fragment=chosen.fragment, rounds=chosen.rounds)
    for rows in chosen.rows:
        for case in programs(rows):
            times = bench.warm(case)
            real = None
            if chosen.against:
                real = real_times(chosen.against, case, fragment=chosen.fragment, threads=THREADS, rounds=chosen.rounds)
            line = {"name": f"{case.name} 2^{rows.bit_length() - 1}", "threads": THREADS, "parallel": asdict(times)}
            print(json.dumps({**line, "real_vm": real and asdict(real)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
