"""Everything that a device is asked, in one command: ``python -m gpu.device_report --out DIR``.

Walks recorded cases through the engine and compares every cell, plants faults, times regeneration beside copies of the same
bytes and beside the cost model's predictions, runs checking tools and a second process; writes ``report.json`` and
``report.txt``. Needs NumPy, and CuPy for a CUDA device. The cases come in a bundle, which ``python -m harness.device_bundle``
makes where numba is; without ``--cases`` that is tried here first.

The exit code is 0 when all that was compared held, 1 when something did not or nothing was compared, 2 for bad usage, for a
bundle that cannot be had and without the device, 3 when the device or a part of the report failed, 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from gpu.cuda_device import CudaDevice
from gpu.device import Device
from gpu.errors import DeviceError, DeviceUnavailable, GpuError, KernelBuildError
from gpu.host_device import HostDevice
from gpu.report import machine, programs, text
from gpu.report.bundle import Bundle
from gpu.report.stages import STAGES, Context, Skipped, Stage
from gpu.report.verdict import FAILED, INTERRUPTED, USAGE, judge
from reference.definition.errors import InputError

Json = dict[str, Any]

FORMAT: Final = "fragdiff-device-report/1"
SECONDS: Final = 540
"""Within the ten minutes of a short loan, with a minute to start and to copy the report back."""
LEAST_SECONDS: Final = 5
HOST_ROWS: Final = (2**14,)
"""Sizes of the bench programs that are recorded here for a quick report, and for the host."""
DEVICE_ROWS: Final = (2**20, 2**22)


class Progress:
    """Lines with the time since the start, on standard error."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def __call__(self, line: str) -> None:
        """Says one line."""
        print(f"{time.monotonic() - self.begun:7.1f} s  {line}", file=sys.stderr, flush=True)


class Document:
    """The report while it is made: always complete enough to be written."""

    def __init__(self, folder: Path, facts: Json, allowed: float, planned: Sequence[Stage]) -> None:
        self.folder = folder
        self._begun = time.monotonic()
        self.data: Json = {
            "format": FORMAT,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "allowed_s": allowed,
            "seconds": 0.0,
            "facts": facts,
            "stages": {stage.name: {"state": "not reached"} for stage in planned},
        }

    def save(self) -> None:
        """Writes both files, each as a whole or not at all. Raises OSError."""
        self.data["seconds"] = time.monotonic() - self._begun
        self.data.update(judge(self.data["stages"])._asdict())
        self._write("report.json", json.dumps(self.data, indent=1, sort_keys=True) + "\n")
        self._write("report.txt", "\n".join(text.lines(self.data)) + "\n")

    def _write(self, name: str, content: str) -> None:
        fresh = self.folder / f".{name}.new"
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(self.folder / name)


def run_stages(document: Document, context: Context, planned: Sequence[Stage], allowed: float) -> int | None:
    """All stages in turn; the exit code of what ended them early, None when nothing did.

    A stage that fails is noted and the next one begins, but after DeviceError: nothing that needs the device works any more.
    """
    end = time.monotonic() + allowed
    due = time.monotonic()
    total = sum(stage.share for stage in planned)
    for stage in planned:
        due += allowed * stage.share / total
        context.until = min(due, end)
        part = document.data["stages"][stage.name]
        part["state"] = "running"
        context.say(f"{stage.name} ..")
        begun = time.monotonic()
        try:
            stage.run(context, part)
            part["state"] = "cut short" if "cut_short" in part else "done"
        except Skipped as reason:
            part.update({"state": "skipped", "reason": str(reason)})
        except (KeyboardInterrupt, SystemExit):
            part["state"] = "interrupted"
            return INTERRUPTED
        except DeviceError as error:
            part.update({"state": "failed", "reason": f"DeviceError: {error}"})
            context.say(f"{stage.name}: {part['reason']}; this process can use the device no more")
            return FAILED
        # A stage is another's work: whatever is wrong with it must not cost the report what the others found.
        except Exception as error:  # noqa: BLE001 - see above
            part.update(
                {"state": "failed", "reason": f"{type(error).__name__}: {error}", "where": traceback.format_exc()}
            )
            context.say(f"{stage.name}: {part['reason']}")
        finally:
            part["seconds"] = time.monotonic() - begun
            document.save()
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit codes are above."""
    chosen = _parser().parse_args(arguments)
    say = Progress()
    try:
        planned = _planned(chosen.stages)
        _usable(chosen.out)
        with _device(chosen.device) as device, _bundle(chosen, say) as bundle:
            return _report(chosen, device, bundle, planned, say)
    except (InputError, DeviceUnavailable) as error:
        print(f"device_report: {error}", file=sys.stderr)
        return USAGE
    except (KernelBuildError, DeviceError, OSError) as error:
        print(f"device_report: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("device_report: interrupted", file=sys.stderr)
        return INTERRUPTED


def _report(chosen: argparse.Namespace, device: Device, bundle: Bundle, planned: list[Stage], say: Progress) -> int:
    document = Document(chosen.out, machine.facts(device), chosen.seconds, planned)
    say(f"{document.data['facts']['device']['name']}, {len(bundle.items)} cases")
    context = Context(device, bundle, chosen.quick, chosen.most, chosen.against, say, document.save)
    with _ending_in_order():
        ended = run_stages(document, context, planned, chosen.seconds - (time.monotonic() - say.begun))
    document.save()
    print("\n".join(text.verdict_lines(document.data)))
    print(f"{chosen.out / 'report.txt'}")
    return ended if ended is not None else int(document.data["exit_code"])


@contextmanager
def _device(name: str) -> Iterator[Device]:
    if name == "cuda" and not CudaDevice.probe()[0]:
        raise DeviceUnavailable(
            f"{CudaDevice.probe()[1]}; --device host runs the same kernels on this machine's processor"
        )
    device: Device = CudaDevice() if name == "cuda" else HostDevice()
    try:
        yield device
    finally:
        # A lost device cannot be closed, and the report has said so.
        try:
            device.close()
        except GpuError as error:
            print(f"device_report: the device could not be closed: {error}", file=sys.stderr)


@contextmanager
def _bundle(chosen: argparse.Namespace, say: Progress) -> Iterator[Bundle]:
    """The bundle that was named, or one made now."""
    with tempfile.TemporaryDirectory() as folder:
        path: Path = chosen.cases or Path(folder) / "cases.zip"
        if chosen.cases is None:
            rows = HOST_ROWS if chosen.quick or chosen.device == "host" else DEVICE_ROWS
            say("recording the cases; --cases names a bundle that is ready")
            reason = programs.recorded_now(path, rows, chosen.seconds)
            if reason is not None:
                raise InputError(
                    f"{reason}; make a bundle where numba is, with `python -m harness.device_bundle --out FILE`",
                    place="--cases",
                )
        with Bundle(path) as bundle:
            yield bundle


def _usable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", source=str(folder)) from None
    if not os.access(folder, os.W_OK):
        raise InputError("cannot be written", source=str(folder))


def _planned(names: str | None) -> list[Stage]:
    if names is None:
        return list(STAGES)
    known = {stage.name: stage for stage in STAGES}
    wrong = next((name for name in names.split(",") if name not in known), None)
    if wrong is not None:
        raise InputError(f"stages are {', '.join(known)}, not {wrong!r:.40}", place="--stages")
    return [stage for stage in STAGES if stage.name in names.split(",")]


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """A program that stops this one leaves it the time to write what it has."""

    def leave(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gpu.device_report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where report.json and report.txt go")
    parser.add_argument("--device", choices=("cuda", "host"), default="cuda", help="what runs the kernels (cuda)")
    parser.add_argument("--cases", type=Path, metavar="FILE", help="a bundle of recorded cases")
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, metavar="N", help=f"time for all of it ({SECONDS})"
    )
    parser.add_argument("--quick", action="store_true", help="few cases, few rounds, the smallest programs")
    parser.add_argument("--stages", metavar="A,B", help=f"only these: {', '.join(stage.name for stage in STAGES)}")
    parser.add_argument("--most", type=int, metavar="N", help="at most so many cases of the suite")
    parser.add_argument("--against", metavar="PATH", help="the real VM's program, timed on the same cases")
    return parser


def _seconds(written: str) -> float:
    seconds = float(written)
    if not LEAST_SECONDS <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"expected {LEAST_SECONDS} to 86400")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
