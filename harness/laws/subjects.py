"""Finds the engine that is to be judged: another program by its records, an installed engine through the interface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.engines import EXEC_PREFIX, find_engine
from harness.laws.acceptance import answers
from harness.laws.build import Subject
from harness.laws.engine_subject import EngineSubject
from harness.laws.record_subject import RecordSubject
from reference.definition.errors import InputError


def find_subject(name: str) -> Subject:
    """The engine called ``name``; the caller closes it.

    Raises InputError for an unknown engine and for a command that is empty or wrongly quoted.
    """
    engine = find_engine(name)
    if not name.startswith(EXEC_PREFIX):
        return EngineSubject(engine)
    engine.close()
    return RecordSubject(name)


@contextmanager
def open_subject(name: str) -> Iterator[Subject]:
    """The engine, which answers; closed at the end.

    Raises InputError as :func:`find_subject` does, and for an engine that does not answer.
    """
    subject = find_subject(name)
    try:
        availability = subject.probe() if isinstance(subject, EngineSubject) else answers(subject)
        if not availability.usable:
            raise InputError(f"{name} cannot be judged: {availability.reason}", place="engine")
        yield subject
    finally:
        subject.close()
