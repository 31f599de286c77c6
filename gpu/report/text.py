"""A report as text: the same facts as in its JSON, in the order in which one asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def lines(report: Json) -> Iterator[str]:
    """All of it. Takes reports that ended anywhere."""
    yield from _head(report)
    stages = report["stages"]
    for name, part in stages.items():
        yield ""
        yield f"{name}: {part['state']}{_reason(part)}, {part.get('seconds', 0.0):.1f} s"
        yield from _PARTS.get(name, _nothing)(part)
    yield ""
    yield from verdict_lines(report)


def verdict_lines(report: Json) -> Iterator[str]:
    """How it ended, and what is wrong or missing."""
    yield f"verdict: {report['verdict']}"
    yield from (f"  wrong: {each}" for each in report["wrong"])
    yield from (f"  not done: {each}" for each in report["not_done"])


def _head(report: Json) -> Iterator[str]:
    facts = report["facts"]
    yield f"device report, {report['started']}, {report['seconds']:.0f} s of {report['allowed_s']:.0f}"
    yield f"  device    {facts['device']['name']}"
    clocks = facts["device"].get("clocks")
    if clocks:
        yield f"  clocks    {', '.join(f'{name} {value}' for name, value in clocks.items())}"
    known = facts["machine"]
    yield f"  machine   {known['processor']}, {known['cores']} cores, {known['system']}"
    yield f"  versions  {', '.join(f'{name} {value}' for name, value in facts['versions'].items())}"
    kernels = facts["kernels"]
    yield f"  kernels   {kernels['fingerprint'][:16]}, commit {kernels['commit'] or 'unknown'}"
    if facts["device"]["name"] == "host":
        yield "  Nothing here was measured on a device: the kernels ran on this machine's processor, one thread at a time."


def _reason(part: Json) -> str:
    said = part.get("reason") or part.get("cut_short")
    return f" ({said})" if said else ""


def _nothing(part: Json) -> Iterator[str]:
    del part
    yield from ()


def _build(part: Json) -> Iterator[str]:
    if "compile_s" in part:
        yield f"  kernels compiled or loaded in {part['compile_s']:.1f} s"
    if "kernels" in part:
        registers = {
            name: part["kernels"][name]["registers"] for name in ("replay", "replay_sides") if name in part["kernels"]
        }
        yield f"  registers {registers}; kernels in local memory: {', '.join(part['in_local_memory']) or 'none'}"


def _suite(part: Json) -> Iterator[str]:
    if "planned" not in part:
        return
    told = ", ".join(f"{count} with {by}" for by, count in part["compared_with"].items())
    yield f"  {part['equal']} of {part['planned']} cases equal in all {part['cells']:,} cells ({told or 'none'})"
    yield f"  {part['different']} different, {part['failed']} failed, {part['launches']:,} launches"
    never = [name for name, count in part["invariants"].items() if not count]
    yield f"  invariants checked: {24 - len(never)} of 24; not in these walks: {', '.join(never) or 'none'}"
    yield from (f"  different: {each}" for each in part["first_differences"])
    yield from (f"  failed: {each}" for each in part["first_failures"])


def _faults(part: Json) -> Iterator[str]:
    for each in part.get("faults", ()):
        mark = "as it should" if each["right"] else f"WRONG, left {each['left']}: {each['said']}"
        yield f"  {each['what']}: {each['came']}, {mark}"


def _compiler(part: Json) -> Iterator[str]:
    if "kernels" in part:
        registers, code = part["kernels"].get("replay", (0, 0))
        yield f"  {part['architecture']}, {len(part['kernels'])} kernels, cubin {part['cubin_bytes']:,} bytes"
        yield f"  replay {registers} registers and {code:,} bytes of code; over budget: {part['excesses'] or 'none'}"


def _bench(part: Json) -> Iterator[str]:
    if "ceilings" not in part:
        return
    ceilings, model = part["ceilings"], part["model"]
    moved = {name: ceilings[f"{name}_bytes_per_s"] / 1e9 for name in ("copy", "fill", "upload", "download")}
    yield f"  GB/s: {', '.join(f'{name} {value:.1f}' for name, value in moved.items())} (copy: read and written)"
    yield f"  model: {model['device']}; taken as given: {', '.join(model['assumed'])}; {model['uses']}"
    yield from (f"    estimate: {each}" for each in model["estimates"])
    yield "  kernels alone, and with everything that the host does in between, against a copy of the same cells"
    yield from _table(_totals(part["results"]))
    if part["results"]:
        yield "  chip by chip"
        yield from _table(_chips(part["results"]))
        yield "  slowest kernels"
        yield from _table(_kernels(part["results"]))
    if part["walks"]:
        yield "  whole life cycles without checks"
        yield from _table(_walks(part["walks"]))
    yield from (f"  over the target: {each}" for each in part["over_target"])
    yield from (f"  no room: {each}" for each in part["no_room"])
    if part.get("clocks"):
        yield f"  clocks after the last one: {', '.join(f'{name} {value}' for name, value in part['clocks'].items())}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


def _totals(results: Sequence[Json]) -> Iterator[list[str]]:
    yield [
        "program", "rows", "fragment", "kernels ms", "whole ms", "copy ms", "x copy", "whole x", "target", "predicted ms",
        "x predicted", "GB/s", "launches", "raw B/row of 576", "upload ms", "assign ms", "peak/estimate",
    ]  # fmt: skip
    for each in results:
        yield [
            each["name"], f"{each['rows']:,}", str(each["fragment_rows"]), _ms(each["kernel_s"]), _ms(each["whole_s"]),
            _ms(each["copy_s"]), f"{each['ratio']:.2f}", f"{each['whole_ratio']:.2f}", f"{each['target']:.0f}",
            _ms(each["predicted_s"]), f"{each['kernel_s'] / each['predicted_s']:.2f}",
            f"{each['bytes_per_s'] / 1e9:.1f}", str(each["launches"]),
            f"{each['raw_bytes_per_row']:.1f}", _ms(each["upload_s"]), _ms(each["assign_s"]),
            f"{each['peak_over_estimate']:.3f}",
        ]  # fmt: skip


def _chips(results: Sequence[Json]) -> Iterator[list[str]]:
    yield ["program", "fragment", "chip", "MB", "kernels ms", "whole ms", "copy ms", "GB/s", "predicted ms", "bound by"]
    for each in results:
        for chip in each["chips"]:
            if chip["copy"] is None:
                continue
            rate = chip["bytes"] / chip["kernel_s"] / 1e9 if chip["kernel_s"] else 0.0
            yield [
                each["name"], str(each["fragment_rows"]), chip["chip"], f"{chip['bytes'] / 1e6:.1f}",
                _ms(chip["kernel_s"]), _ms(chip["whole"]["median"]), _ms(chip["copy"]["median"]), f"{rate:.1f}",
                _ms(chip["predicted_s"]), chip["predicted_bound"],
            ]  # fmt: skip


def _kernels(results: Sequence[Json], most: int = 12) -> Iterator[list[str]]:
    yield ["program", "fragment", "chip", "kernel", "median ms", "least", "most"]
    every = [
        (kernel["median"], each, chip["chip"], name, kernel)
        for each in results
        for chip in each["chips"]
        for name, kernel in chip["kernels"].items()
    ]
    for _, each, chip, name, kernel in sorted(every, key=lambda found: -found[0])[:most]:
        times = (_ms(kernel[which]) for which in ("median", "least", "most"))
        yield [each["name"], str(each["fragment_rows"]), chip, name, *times]


def _walks(walks: Sequence[Json]) -> Iterator[list[str]]:
    yield ["program", "lanes", "cache", "seconds", "launches", "peak MB"]
    for each in walks:
        yield [
            each["name"], str(each["lanes"]), each["cache"], f"{each['seconds']:.3f}", str(each["launches"]),
            f"{each['peak_in_use'] / 1e6:.1f}",
        ]  # fmt: skip


def _together(part: Json) -> Iterator[str]:
    for number, each in enumerate(part.get("processes", ())):
        yield f"  process {number}: exit code {each['exit_code']}, {each['equal']} cases equal"
        yield from (f"    {line}" for line in each["output"].splitlines()[-5:])


def _tools(part: Json) -> Iterator[str]:
    for name, each in part.get("tools", {}).items():
        errors = f", {each['errors']} errors" if each.get("errors") else ""
        yield f"  {name}: {each['state']}{_reason(each)}{errors}"
        yield from (f"    {line}" for line in each.get("output", "").splitlines()[-8:])


def _beside(part: Json) -> Iterator[str]:
    for each in part.get("results", ()):
        own, real = each["parallel"], each["real_vm"]
        text = f"  {each['name']}: record {_ms(own['record_s'])} ms, build {_ms(own['build_s'])} ms, {each['threads']} threads"
        yield text + (f"; real VM {_ms(real['record_s'])} and {_ms(real['build_s'])} ms" if real else "")


def _table(rows: Iterator[list[str]]) -> Iterator[str]:
    every = list(rows)
    widths = [max(len(row[column]) for row in every) for column in range(len(every[0]))]
    for first, *others in every:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "    " + "  ".join(cells).rstrip()


_PARTS = {
    "build": _build, "suite": _suite, "faults": _faults, "compiler": _compiler, "bench": _bench, "together": _together,
    "tools": _tools, "beside": _beside,
}  # fmt: skip
