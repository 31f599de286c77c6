"""Cases from files, by suffix: ``.case.json`` and ``.json`` one case, ``.jsonl`` one case a line, ``.masb`` a program,
``.masp`` a package with a program. A binary takes its inputs from the ``.inputs`` file beside it, if there is one.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from reference.definition.case import Case
from reference.definition.errors import InputError
from reference.definition.formats.binary import read_package, read_program
from reference.definition.formats.case_json import is_case_name, read_case
from reference.definition.formats.inputs import StackAndAdvice, read_inputs
from reference.definition.program import Program

MAX_FILE_BYTES = 64 * 2**20
"""The largest file that is read; checked before reading. A program of a million nodes has 40 MB."""


def load_cases(path: str | Path) -> list[Case]:
    """All cases of the file, at least one.

    Raises InputError, with the file's name as source, for a file that is missing, unreadable, no regular file or too
    large, for an unknown suffix, and for whatever the format's own reader refuses.
    """
    file = Path(path)
    readers: dict[str, Callable[[Path], list[Case]]] = {
        ".json": lambda file: [read_case(read_file(file), str(file))],
        ".jsonl": _read_lines,
        ".masb": lambda file: [_binary_case(file, _program)],
        ".masp": lambda file: [_binary_case(file, _packaged_program)],
    }
    read = readers.get(file.suffix.lower())
    if read is None:
        if file.is_dir():
            raise InputError("expected a regular file, found a directory", source=str(file))
        raise InputError(f"expected a file of type {', '.join(readers)}, found {file.suffix!r}", source=str(file))
    return read(file)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of at most 64 MiB.

    Raises InputError, with the file's name as source.
    """
    source = str(path)
    try:
        status = path.stat()
        # Pipes and devices have no size to check and may never end.
        if not stat.S_ISREG(status.st_mode):
            raise InputError("expected a regular file, found a directory or a device", source=source)
        if status.st_size > MAX_FILE_BYTES:
            raise InputError(f"expected at most {MAX_FILE_BYTES} bytes, found {status.st_size}", source=source)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"expected a readable file: {error.strerror}", source=source) from None
    except ValueError:
        raise InputError("expected a file name without NUL characters", source=ascii(source)) from None
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"expected at most {MAX_FILE_BYTES} bytes, found more", source=source)
    return data


def _read_lines(file: Path) -> list[Case]:
    cases = [
        read_case(line, f"{file}, line {number}")
        for number, line in enumerate(read_file(file).split(b"\n"), start=1)
        if line.strip()
    ]
    if not cases:
        raise InputError("expected at least one case, found none", source=str(file))
    return cases


def _binary_case(file: Path, read: Callable[[bytes], Program]) -> Case:
    data = read_file(file)
    try:
        program = read(data)
    except InputError as error:
        raise error.located(str(file)) from None
    inputs = _inputs_beside(file)
    name = file.stem if is_case_name(file.stem) else "case"
    # Compiled programs may call library procedures whose events only the standard library's handlers answer.
    return Case(name, program, stack=inputs.stack, advice=inputs.advice, host="stdlib")


def _program(data: bytes) -> Program:
    return read_program(data)


def _packaged_program(data: bytes) -> Program:
    package = read_package(data)
    if not isinstance(package.content, Program):
        raise InputError("expected a package with a program, found one with a library")
    return package.content


def _inputs_beside(file: Path) -> StackAndAdvice:
    inputs = file.with_suffix(".inputs")
    return read_inputs(read_file(inputs), str(inputs)) if inputs.exists() else StackAndAdvice()
