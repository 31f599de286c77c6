"""The ways to end early: a program that fails, a program that asks for too much, an input that cannot be read.

A failing *program* is an outcome like any other and is compared by name and clk; a bad *input* is refused before anything
runs. Sources: spec 06 section 11 (names), 01 section 7 (clk).
"""

from __future__ import annotations


class ExecutionFailure(Exception):  # noqa: N818 - an outcome of a program, not an error of ours
    """The program failed: the machine stops here and builds no trace.

    ``name`` is the real VM's variant path, inner variants after dots (``AdviceError.StackReadFailed``). ``clk`` is the
    clock that the real VM reports, None for variants that carry none. ``detail`` is for people and is not compared.
    """

    def __init__(self, name: str, *, clk: int | None = None, detail: str = "") -> None:
        super().__init__(f"{name}{'' if clk is None else f' at clk {clk}'}{': ' if detail else ''}{detail}")
        self.name = name
        self.clk = clk
        self.detail = detail


class BeyondLimits(Exception):  # noqa: N818 - a property of the question, not a mistake in it
    """The program asks for more than the engines of this project do: a precompile without replies, absurd sizes.

    It neither failed nor completed, so nothing about it can be compared. ``reason`` is the same for all cases of its kind.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InputError(Exception):
    """An input was refused: which file, where in it, and what was expected and found.

    ``source`` names the file (or ``<stdin>``, ``<memory>``), ``place`` is a JSON path such as ``$.program.nodes[3]`` or
    ``byte 17``, ``reason`` says what was expected and what was found.
    """

    def __init__(self, reason: str, *, place: str = "", source: str = "") -> None:
        self.reason = reason
        self.place = place
        self.source = source
        super().__init__(reason)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.place, self.reason) if part)

    def located(self, source: str) -> InputError:
        """The same error with the name of its file."""
        return InputError(self.reason, place=self.place, source=source)
