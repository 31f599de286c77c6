"""What the kernels cost on real architectures, told by the compiler: ``python -m gpu.compile_report``.

Registers, stack, spills, shared memory and code size of every kernel, against budgets that are written down with a reason. A
kernel that spills or keeps an array in local memory still computes the right cells, so no comparison would ever notice.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from gpu import nvrtc
from gpu.budgets import Budget, budget_of
from gpu.errors import DeviceUnavailable, KernelBuildError
from gpu.source import Source, load

ARCHITECTURES: Final = ("sm_80", "sm_90", "sm_100")
"""What is compiled for unless asked otherwise: three generations of data-centre devices."""

_ENTRY = re.compile(r"Compiling entry function '(\w+)'")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kernel takes on one architecture."""

    registers: int
    stack: int
    """Bytes of local memory per thread."""
    spills: int
    """Bytes stored and loaded because registers ran out."""
    shared: int
    """Bytes of shared memory per block."""
    code: int
    """Bytes of instructions."""

    def excesses(self, budget: Budget, architecture: str) -> list[str]:
        """What exceeds the budget, in words; empty when nothing does."""
        allowed = budget.registers_on(architecture)
        checks = (
            (self.registers > allowed, f"{self.registers} registers, {allowed} allowed"),
            (self.stack > budget.stack, f"{self.stack} bytes of stack, {budget.stack} allowed"),
            (self.spills > 0, f"{self.spills} bytes spilled"),
            (self.shared > 0, f"{self.shared} bytes of shared memory, the portable subset has none"),
        )
        return [text for exceeded, text in checks if exceeded]


@dataclass(frozen=True, slots=True)
class Report:
    """What the whole source takes on one architecture."""

    architecture: str
    seconds: float
    cubin_bytes: int
    kernels: dict[str, Usage]

    def excesses(self) -> dict[str, list[str]]:
        """What exceeds the budgets, by kernel; kernels within theirs are left out."""
        found = {name: use.excesses(budget_of(name), self.architecture) for name, use in self.kernels.items()}
        return {name: texts for name, texts in found.items() if texts}


def parse_log(log: str) -> dict[str, tuple[int, int, int, int]]:
    """Registers, stack, spills and shared memory by kernel, from the assembler's log."""
    found: dict[str, tuple[int, int, int, int]] = {}
    kernel, stack, spills = "", 0, 0
    for line in log.splitlines():
        if entry := _ENTRY.search(line):
            kernel, stack, spills = entry[1], 0, 0
        elif frame := _FRAME.search(line):
            stack, spills = int(frame[1]), int(frame[2]) + int(frame[3])
        elif used := _USED.search(line):
            shared = _SHARED.search(line)
            found[kernel] = (int(used[1]), stack, spills, int(shared[1]) if shared else 0)
    return found


def report_on(source: Source, architecture: str) -> Report:
    """Compiles the source for one architecture.

    Raises DeviceUnavailable without the compiler, KernelBuildError when a kernel does not compile or is missing in the log.
    """
    compiled = nvrtc.compile_text(source.text, architecture)
    sizes = nvrtc.section_sizes(compiled.cubin)
    figures = parse_log(compiled.log)
    missing = sorted(source.signatures.keys() - figures.keys())
    if missing:
        raise KernelBuildError(f"{architecture}: the compiler's log does not mention {', '.join(missing)}")
    kernels = {name: Usage(*figures[name], sizes[f".text.{name}"]) for name in source.signatures}
    return Report(architecture, compiled.seconds, len(compiled.cubin), kernels)


def lines(found: Sequence[Report]) -> Iterator[str]:
    """The reports as text, one kernel per line."""
    columns = ("registers", "stack", "spills", "shared", "code")
    for report in found:
        yield f"{report.architecture}: {report.seconds:.1f} s, cubin {report.cubin_bytes} bytes"
        yield "  ".join(("kernel".ljust(24), *(name.rjust(9) for name in columns), "   budget"))
        for name, use in report.kernels.items():
            figures = (str(getattr(use, column)).rjust(9) for column in columns)
            allowed = str(budget_of(name).registers_on(report.architecture)).rjust(9)
            yield "  ".join((name.ljust(24), *figures, allowed))
        for name, texts in report.excesses().items():
            yield f"  over budget: {name}: {'; '.join(texts)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0 when all kernels are within their budgets, 1 when not, 2 when there is no compiler."""
    parser = argparse.ArgumentParser(prog="python -m gpu.compile_report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--arch", nargs="+", default=list(ARCHITECTURES), metavar="sm_XX", help="architectures")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = parser.parse_args(arguments)
    try:
        found = [report_on(load(), architecture) for architecture in chosen.arch]
    except (DeviceUnavailable, KernelBuildError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, DeviceUnavailable) else 1
    if chosen.json:
        print(json.dumps({"nvrtc": nvrtc.version(), "reports": [asdict(report) for report in found]}, indent=2))
    else:
        print("\n".join(lines(found)))
    return 1 if any(report.excesses() for report in found) else 0


if __name__ == "__main__":
    sys.exit(main())
