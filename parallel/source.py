"""Generated step functions: operations written as short text with a few macros, expanded into one numba function.

numba inlines no function that assigns its caller's variables, and an interpreter loop wants its state in local variables.
So an operation is a few lines of Python text; a line that is a macro name is replaced by the macro's lines, at the same
indentation. The expanded module is written next to the compiled cache, under the hash of all sources, so that it can be
read, stepped through and cached like any other module.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping
from types import ModuleType

from parallel.jit import CACHE

_MACRO = re.compile(r"^(\s*)([A-Z][A-Z0-9_]*)(?:\((.*)\))?$")


def expand(text: str, macros: Mapping[str, str]) -> list[str]:
    """The lines of ``text`` with macro lines replaced, nested macros included.

    A macro line is ``NAME`` or ``NAME(a, b)``; ``$1``, ``$2`` in the macro stand for the arguments. Raises KeyError for an
    unknown macro.
    """
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        found = _MACRO.match(line)
        if found is None:
            lines.append(line)
            continue
        indent, name, arguments = found.groups()
        body = macros[name]
        for number, argument in enumerate((arguments or "").split(","), start=1):
            body = body.replace(f"${number}", argument.strip())
        lines += [indent + inner for inner in expand(body, macros)]
    return lines


def dispatch(steps: Mapping[int, str], macros: Mapping[str, str], variable: str, indent: int) -> list[str]:
    """``if variable == code: ... elif ...`` over all steps; LLVM turns the chain into one jump table."""
    lines: list[str] = []
    for position, code in enumerate(sorted(steps)):
        lines.append(f"{'    ' * indent}{'elif' if position else 'if'} {variable} == {code}:")
        lines += ["    " * (indent + 1) + line for line in expand(steps[code], macros)]
    return lines


def load_generated(name: str, text: str) -> ModuleType:
    """Write the module text into the cache directory, atomically, and import it from there."""
    path = CACHE / f"{name}.py"
    if not path.exists() or path.read_text() != text:
        temporary = path.with_suffix(f".{id(text)}.tmp")
        temporary.write_text(text)
        temporary.replace(path)
    qualified = f"fragdiff_generated_{name}"
    specification = importlib.util.spec_from_file_location(qualified, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Cached kernels refer to their functions by module name.
    sys.modules[qualified] = module
    specification.loader.exec_module(module)
    return module
