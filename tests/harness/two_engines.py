"""The two engines of the real VM, which read the answers of one process."""

from harness.backends.exec import ExecEngine
from harness.backends.program import Program
from harness.backends.sequential_vm import SequentialEngine


def pair_of(command, name="vm"):
    program = Program(command)
    return [
        ExecEngine(f"exec:{name}", command, program=program),
        SequentialEngine(f"exec-sequential:{name}", command, program=program),
    ]
