"""``fragdiff doctor``: what is installed, and which engines are usable."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import click

from harness.backend import Availability
from harness.cli import AGREE, DIVERGENCE
from harness.commands.options import echo_json
from harness.engines import available_engines, find_engine
from reference.definition.errors import InputError

REQUIRED: Final = ("numpy", "numba", "hypothesis", "click", "rich")
OPTIONAL: Final = {
    "cupy-cuda12x": "the gpu engine on a device; pip install 'fragdiff[gpu]'",
    "dask": "campaigns on many machines; pip install 'fragdiff[cluster]'",
    "jinja2": "reports as HTML; pip install 'fragdiff[report]'",
    "zstandard": "compressed traces; pip install 'fragdiff[fast]'",
    "xxhash": "faster digests; pip install 'fragdiff[fast]'",
}
COMPILERS: Final = ("c++", "g++", "clang++")


@click.command()
@click.option("--engine", "extra", metavar="NAME", multiple=True, help="Look at this engine too, such as exec:COMMAND.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def doctor(ctx: click.Context, extra: tuple[str, ...], as_json: bool) -> None:
    """Say what is installed here and which engines are usable, or why not.

    The exit code is 0 when at least one engine is usable and every engine asked for by --engine is, 1 when not.

    JSON keys: python, platform, cpus, packages (name to version or null), optional (the same), compiler (path or null),
    engines (name to usable and reason).
    """
    engines = {**available_engines(), **{name: _probe(name) for name in extra}}
    packages = {name: _version(name) for name in ("fragdiff", *REQUIRED)}
    optional = {name: _version(name) for name in OPTIONAL}
    compiler = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if as_json:
        echo_json(
            {
                "python": platform.python_version(),
                "platform": platform.platform(),
                "cpus": os.cpu_count(),
                "packages": packages,
                "optional": optional,
                "compiler": compiler,
                "engines": {name: found._asdict() for name, found in engines.items()},
            }
        )
    else:
        click.echo("\n".join(_lines(engines, packages, optional, compiler)))
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
    compiler: str | None,
) -> Sequence[str]:
    lines = [f"Python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} CPUs"]
    lines += [
        f"  {name:<14} {found or 'missing: pip install fragdiff installs it'}" for name, found in packages.items()
    ]
    lines += [f"  {name:<14} {found or f'not installed ({OPTIONAL[name]})'}" for name, found in optional.items()]
    lines.append(f"  {'C++ compiler':<14} {compiler or 'none found (c++, g++, clang++)'}")
    lines.append("engines")
    lines += [
        f"  {name:<14} {'usable' if found.usable else 'not usable'}: {found.reason}" for name, found in engines.items()
    ]
    return lines
