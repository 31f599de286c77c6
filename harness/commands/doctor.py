"""``fragdiff doctor``: what is installed, and which engines are usable."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import click

from gpu import nvrtc, shim
from gpu.cuda_device import CudaDevice
from gpu.errors import DeviceUnavailable
from harness.backend import Availability
from harness.cli import AGREE, DIVERGENCE
from harness.commands.options import echo_json
from harness.engines import EXEC_PREFIX, SEQUENTIAL_PREFIX, available_engines, find_engine
from reference.definition.errors import InputError

REQUIRED: Final = ("numpy", "numba", "hypothesis", "click", "rich")
OPTIONAL: Final = {
    "cupy-cuda12x": "the gpu engine on a device; pip install 'fragdiff[gpu]'",
    "dask": "campaigns on many machines; pip install 'fragdiff[cluster]'",
}


_PROGRAMS: Final = {
    EXEC_PREFIX: "another program; --engine exec:COMMAND looks at it",
    SEQUENTIAL_PREFIX: "the sequential engine that the real VM's records tell of besides; runs no case twice",
}


@dataclass(frozen=True, slots=True)
class Kernels:
    """What the kernels of the GPU engine are compiled with and run on; a path is None where there is none."""

    device: Availability
    """The CUDA device with compute capability, driver and CuPy, or why there is none."""
    compiler: str | None
    """Command of the C++ compiler that builds them for this machine's processor."""
    compiler_says: str
    """Its version, or why there is none."""
    run_time_compiler: str
    """Version of the library that compiles them for devices, or why there is none."""
    host_cache: Path
    device_cache: Path

    @classmethod
    def here(cls) -> Kernels:
        """What this machine has."""
        compiler, says = _compiler()
        return cls(
            Availability(*CudaDevice.probe()),
            compiler,
            says,
            _run_time_compiler(),
            shim.cache_directory(),
            _device_cache(),
        )

    def as_json(self) -> dict[str, Any]:
        """With stable keys."""
        return {
            "device": self.device._asdict(),
            "compiler": self.compiler,
            "compiler_version": self.compiler_says,
            "run_time_compiler": self.run_time_compiler,
            "host_cache": str(self.host_cache),
            "device_cache": str(self.device_cache),
        }

    def lines(self) -> Sequence[str]:
        """For people."""
        state = "" if self.device.usable else "none: "
        return [
            "kernels of the gpu engines",
            f"  {'device':<14} {state}{self.device.reason}",
            f"  {'C++ compiler':<14} {f'{self.compiler} ({self.compiler_says})' if self.compiler else self.compiler_says}",
            f"  {'NVRTC':<14} {self.run_time_compiler}",
            f"  {'host cache':<14} {self.host_cache}",
            f"  {'device cache':<14} {self.device_cache}",
        ]


def _compiler() -> tuple[str | None, str]:
    try:
        found = shim.find_compiler()
    except DeviceUnavailable as reason:
        return None, str(reason)
    return shlex.join(found.command), found.version


def _run_time_compiler() -> str:
    try:
        return f"{nvrtc.version()}, for {', '.join(nvrtc.architectures())}"
    except DeviceUnavailable as reason:
        return str(reason)


def _device_cache() -> Path:
    """Where CuPy keeps what it compiled."""
    return Path(os.environ.get("CUPY_CACHE_DIR") or Path.home() / ".cupy" / "kernel_cache")


@click.command()
@click.option(
    "--engine",
    "extra",
    metavar="NAME",
    multiple=True,
    help="Look at this engine too, such as exec:COMMAND or exec-sequential:COMMAND.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def doctor(ctx: click.Context, extra: tuple[str, ...], as_json: bool) -> None:
    """Say what is installed here and which engines are usable, or why not.

    The exit code is 0 when at least one engine is usable and every engine asked for by --engine is, 1 when not.

    JSON keys: python, platform, cpus, packages (name to version or null), optional (the same), kernels (device with
    usable and reason, compiler or null, compiler_version, run_time_compiler, host_cache, device_cache), engines (name to
    usable and reason).
    """
    engines = {**available_engines(), **{name: _probe(name) for name in extra}}
    packages = {name: _version(name) for name in ("fragdiff", *REQUIRED)}
    optional = {name: _version(name) for name in OPTIONAL}
    kernels = Kernels.here()
    if as_json:
        echo_json(
            {
                "python": platform.python_version(),
                "platform": platform.platform(),
                "cpus": os.cpu_count(),
                "packages": packages,
                "optional": optional,
                "kernels": kernels.as_json(),
                "engines": {name: found._asdict() for name, found in engines.items()},
            }
        )
    else:
        click.echo("\n".join(_lines(engines, packages, optional, kernels)))
    usable = [found.usable for found in engines.values()]
    ctx.exit(AGREE if any(usable) and all(engines[name].usable for name in extra) else DIVERGENCE)


def _probe(name: str) -> Availability:
    try:
        engine = find_engine(name)
    except InputError as refusal:
        return Availability(False, refusal.reason)
    try:
        return engine.probe()
    finally:
        engine.close()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _lines(
    engines: dict[str, Availability],
    packages: dict[str, str | None],
    optional: dict[str, str | None],
    kernels: Kernels,
) -> Sequence[str]:
    lines = [f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} CPUs"]
    lines += [
        f"  {name:<14} {found or 'missing: pip install fragdiff installs it'}" for name, found in packages.items()
    ]
    lines += [f"  {name:<14} {found or f'not installed ({OPTIONAL[name]})'}" for name, found in optional.items()]
    lines += kernels.lines()
    lines.append("engines")
    lines += [
        f"  {name:<14} {'usable' if found.usable else 'not usable'}: {found.reason}" for name, found in engines.items()
    ]
    lines += [f"  {prefix + 'COMMAND':<24} {text}" for prefix, text in _PROGRAMS.items()]
    return lines
