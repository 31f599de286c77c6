"""One pytest process with cases in it: header, engines, the account at the end."""

from __future__ import annotations

import pytest

from harness.plugin.account import Account
from harness.plugin.engines import Engines
from harness.plugin.settings import Settings


class Session:
    """Registered as a plugin of its own; its hooks are there for runs with cases only."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.engines = Engines(self._say)
        self.localised = 0
        """Failures that were localised in this process."""
        self._config = config
        self._account = Account()
        self._is_worker = hasattr(config, "workerinput")

    def pytest_report_header(self) -> list[str]:
        """Engines, whether they are usable, and what cannot be compared therefore."""
        states = [(name, self.engines.availability(name)) for name in self.settings.engines]
        pairs = len(self.settings.pairs)
        what = f"{pairs} pair{'s' if pairs > 1 else ''} of engines at each cut plan of each case"
        lines = [f"fragdiff: {' with '.join(self.settings.engines)}, {what}"]
        for name, state in states:
            lines.append(f"  {name}: {'usable' if state.usable else 'not usable'}, {state.reason}")
        without = ", ".join(name for name, state in states if not state.usable)
        lines.append(
            f"  not comparable: everything with {without}" if without else "  not comparable: nothing known yet"
        )
        return lines

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Compile once, before the workers of pytest-xdist start and would all do it."""
        starts_workers = self._config.getoption("dist", "no") != "no"
        if starts_workers and not self._is_worker and not self._config.option.collectonly:
            usable = [name for name in self.settings.engines if self.engines.availability(name).usable]
            self.engines.get(usable)
            self.engines.close()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what an item compared."""
        self._account.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the engines; items that compared nothing are no success."""
        self.engines.close()
        if self._account.is_vacuous and not self._is_worker and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What was compared, what is known, what was not compared and why."""
        if self._account.items:
            terminalreporter.section("fragdiff")
            for line in self._account.lines():
                terminalreporter.line(line)

    def _say(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if isinstance(reporter, pytest.TerminalReporter):
            reporter.line(line)
