"""Finds engines by name: installed ones by entry point, other programs as ``exec:COMMAND`` and ``exec-sequential:COMMAND``.

An installed engine is a class or function in the entry point group ``fragdiff.engines`` that gives an engine when
called without arguments. Nothing is imported until an engine is asked for, so that listing names costs nothing.
"""

from __future__ import annotations

import shlex
from importlib.metadata import EntryPoint, entry_points

from harness.backend import Availability, Engine
from reference.definition.errors import InputError

GROUP = "fragdiff.engines"
EXEC_PREFIX = "exec:"
SEQUENTIAL_PREFIX = "exec-sequential:"
"""The other engine of the real VM, which the same records tell of."""
PROGRAM_PREFIXES = (EXEC_PREFIX, SEQUENTIAL_PREFIX)
FAULTY_PREFIX = "faulty:"
"""Engines with a planted fault, for tests and for trying out what a report looks like."""


def installed_names() -> tuple[str, ...]:
    """The names of all installed engines, sorted; no engine is imported."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def find_engine(name: str) -> Engine:
    """The engine called ``name``; the caller closes it.

    ``exec:COMMAND`` runs another program; COMMAND is split like a shell line. ``exec-sequential:COMMAND`` is the sequential
    engine that the records of the real VM tell of besides; both run one process, and a case once. ``faulty:FAULT`` is the
    parallel engine with a planted fault (:mod:`harness.faults`).

    Raises InputError for an unknown name, a command that is empty or wrongly quoted, and an installed engine that
    cannot be imported.
    """
    if name.startswith(PROGRAM_PREFIXES):
        return _program_engine(name)
    if name.startswith(FAULTY_PREFIX):
        return _faulty_engine(name)
    entry = next((entry for entry in entry_points(group=GROUP) if entry.name == name), None)
    if entry is None:
        known = ", ".join((*installed_names(), *(f"{prefix}COMMAND" for prefix in PROGRAM_PREFIXES)))
        raise InputError(f"there is no engine called {name!r}; there are: {known}", place="engine")
    return _load(entry)


def available_engines() -> dict[str, Availability]:
    """Each installed engine with whether it is usable, and why not."""
    found: dict[str, Availability] = {}
    for name in installed_names():
        try:
            engine = find_engine(name)
        except InputError as refusal:
            found[name] = Availability(False, refusal.reason)
            continue
        try:
            found[name] = engine.probe()
        finally:
            engine.close()
    return found


def _load(entry: EntryPoint) -> Engine:
    try:
        make = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"engine {entry.name!r} ({entry.value}) cannot be imported: {error}", place="engine"
        ) from error
    engine: Engine = make()
    return engine


def _faulty_engine(name: str) -> Engine:
    from harness.faults import engine  # noqa: PLC0415 - the planted copy is loaded where it is asked for

    try:
        return engine(name.removeprefix(FAULTY_PREFIX))
    except (KeyError, ValueError) as error:
        raise InputError(str(error.args[0]), place="engine") from error


def _program_engine(name: str) -> Engine:
    # The other engines do not need processes and pipes.
    from harness.backends.exec import ExecEngine  # noqa: PLC0415
    from harness.backends.program import shared_program  # noqa: PLC0415
    from harness.backends.sequential_vm import SequentialEngine  # noqa: PLC0415

    prefix, colon, text = name.partition(":")
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise InputError(f"the command of {name!r} cannot be split: {error}", place="engine") from error
    if not command:
        raise InputError(f"{prefix}{colon}COMMAND needs a command", place="engine")
    engine = SequentialEngine if prefix + colon == SEQUENTIAL_PREFIX else ExecEngine
    return engine(name, command, program=shared_program(command))
