"""Which machine, device, driver and versions a report is about, as far as they can be asked without harm.

Every question may go unanswered: then the answer is None, or says why. Nothing is set or changed.
"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np

from gpu.cost_model import REFERENCE, DeviceFigures
from gpu.cuda_device import CudaDevice
from gpu.device import Device
from gpu.host_device import HostDevice
from gpu.source import LAYOUT_VERSION

Json = dict[str, Any]

_SMI: Final = (
    "name", "driver_version", "memory.total", "clocks.sm", "clocks.max.sm", "clocks.mem", "clocks.max.mem", "power.limit",
    "temperature.gpu", "utilization.gpu", "ecc.mode.current", "mig.mode.current", "compute_mode",
)  # fmt: skip
_ATTRIBUTES: Final = {
    "multiprocessors": 16, "clock_khz": 13, "memory_clock_khz": 36, "memory_bus_bits": 37, "second_cache_bytes": 38,
    "registers_per_multiprocessor": 82, "threads_per_multiprocessor": 39,
}  # fmt: skip
"""cudaDeviceAttr by number: newer runtimes no longer have them among the properties."""

_TOOL_FOLDERS: Final = ("/usr/local/cuda/bin", "/opt/cuda/bin")


def tool(name: str) -> str | None:
    """Where a program is: on the path, or where CUDA keeps its own; None when it is nowhere."""
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    folders = [*([f"{home}/bin"] if home else []), *_TOOL_FOLDERS]
    return shutil.which(name) or next((str(path) for each in folders if (path := Path(each) / name).exists()), None)


def ask(command: list[str], seconds: float = 20) -> str | None:
    """What a program prints; None when it cannot be started, fails or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def facts(device: Device) -> Json:
    """About the machine, the versions and the device."""
    return {
        "machine": _machine(),
        "versions": _versions(),
        "kernels": {
            "fingerprint": device.source.fingerprint,
            "layout": LAYOUT_VERSION,
            "exported": len(device.source.signatures),
            "commit": ask(["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]),
        },
        "device": _cuda() if device.name == "cuda" else _host(),
        "tools": {name: tool(name) for name in ("nvidia-smi", "compute-sanitizer", "nvcc")},
    }


def clocks() -> Json | None:
    """What nvidia-smi says of clocks, power and memory now; None without it."""
    program = tool("nvidia-smi")
    if program is None:
        return None
    answer = ask([program, f"--query-gpu={','.join(_SMI)}", "--format=csv,noheader", "--id=0"])
    return None if answer is None else dict(zip(_SMI, (part.strip() for part in answer.split(",")), strict=False))


def figures(device: Device, copy_bytes_per_s: float | None) -> tuple[DeviceFigures, list[str]]:
    """What the cost model asks of this device, and which of it was not read from it."""
    if device.name != "cuda":
        return REFERENCE, ["everything: predictions are for another device than the one that measured"]
    read = _attributes()
    assumed = []
    multiprocessors, clock = read.get("multiprocessors"), read.get("clock_khz")
    if not multiprocessors or not clock:
        assumed.append("multiprocessors or clock")
    if copy_bytes_per_s is None:
        assumed.append("bandwidth")
    found = DeviceFigures(
        name=CudaDevice.probe()[1],
        bandwidth=copy_bytes_per_s or REFERENCE.bandwidth,
        multiprocessors=multiprocessors or REFERENCE.multiprocessors,
        clock=1000 * clock if clock else REFERENCE.clock,
    )
    return found, [*assumed, "seconds a launch"]


def _machine() -> Json:
    model = None
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2] for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].strip() if names else None
    return {"system": platform.platform(), "processor": model or platform.machine(), "cores": os.cpu_count()}


def _versions() -> Json:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cupy": _version_of("cupy"),
        "numba": _version_of("numba"),
    }


def _version_of(name: str) -> str | None:
    """Of a package; None when it is not installed."""
    try:
        return str(importlib.import_module(name).__version__)
    except ModuleNotFoundError as error:
        return None if error.name == name else f"cannot be imported: {error}"
    except (ImportError, AttributeError) as error:
        return f"cannot be imported: {error}"


def _host() -> Json:
    return {"name": "host", "compiler": HostDevice.probe()[1]}


def _cuda() -> Json:
    runtime = importlib.import_module("cupy").cuda.runtime
    free, total = runtime.memGetInfo()
    return {
        "name": CudaDevice.probe()[1],
        "runtime": runtime.runtimeGetVersion(),
        "driver": runtime.driverGetVersion(),
        "memory_free": free,
        "memory_total": total,
        **_attributes(),
        "clocks": clocks(),
    }


def _attributes() -> dict[str, int]:
    runtime = importlib.import_module("cupy").cuda.runtime
    found = {}
    for name, number in _ATTRIBUTES.items():
        try:
            found[name] = int(runtime.deviceGetAttribute(number, 0))
        except runtime.CUDARuntimeError:
            continue
    return found
