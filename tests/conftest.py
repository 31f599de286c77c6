"""Once per test run: compile the kernels before the workers start, so that they find them in the cache.

Hypothesis runs by profile: ``--hypothesis-profile=quick|default|nightly``. Deadlines are off everywhere: the first call of a
kernel compiles it.
"""

from __future__ import annotations

import os
import signal

import pytest

from harness.strategies import register_profiles

# Workers share the cores: two kernels per worker that each use all of them would only wait for one another. Tests of thread
# counts go up to three.
os.environ.setdefault("NUMBA_NUM_THREADS", "3")

# Run in the background by a shell, or under nohup, interrupts are ignored by this process and by all that it starts; tests
# interrupt commands.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

register_profiles()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        from harness.audit.prepare import prepare  # noqa: PLC0415 - after the environment is set
        from harness.backends.parallel import ParallelEngine  # noqa: PLC0415 - as above
        from harness.faults import FaultyEngine  # noqa: PLC0415 - as above
        from harness.faults.kernels import is_compiled  # noqa: PLC0415 - as above

        engine = ParallelEngine()
        engine.prepare(print)
        engine.close()
        prepare(print)
        if not is_compiled():
            FaultyEngine().prepare(print)
