"""Audits a trace: one pass over its tiles, by several threads, then what the whole-trace rules say."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any, Final

from harness.audit.checks import row_rules, trace_checks, unknown_row_rules
from harness.audit.known import Known
from harness.audit.row_pass import RowPass, TileFinding
from harness.audit.rule import Rule, Variant
from harness.audit.tile import Tile, TraceCheck
from harness.audit.tiling import TILE_ROWS, TileBuffer, TilePart, Windows, tile_parts
from harness.audit.violation import AuditResult, NotChecked, Violation

AHEAD = 2
"""Tiles waiting per thread: so many that none runs dry, so few that memory stays at some windows."""


def audit(
    windows: Windows,
    rows: int,
    known: Known,
    variant: Variant = Variant.PARALLEL,
    threads: int | None = None,
    without: Collection[str] = (),
) -> AuditResult:
    """Judge the trace of ``rows`` rows that ``windows`` gives, against everything that is known besides.

    ``threads`` is the number of cores to use, all by default. ``without`` names rules to leave out. Raises BadTrace when the
    windows are not the rows of a trace of this length, ValueError for a rule that does not exist.
    """
    row_pass = RowPass(row_rules(known), variant, frozenset(without))
    checks = trace_checks(known, variant)
    unknown = unknown_row_rules(known)
    if without:
        of_checks = chain.from_iterable(check.rules for check in checks)
        _check_names(without, (*row_pass.rules, *(verdict.rule for verdict in unknown), *of_checks))
    _Pass(windows, rows, row_pass, checks).run(threads)

    def tiles() -> Iterator[Tile]:
        buffer = TileBuffer()
        return (buffer.fill(part, rows) for part in tile_parts(windows(), rows))

    def applies(rule: Rule) -> bool:
        return rule.variant in {None, variant} and rule.name not in without

    violations = row_pass.violations()
    checked = row_pass.applied()
    not_checked = [verdict for verdict in unknown if applies(verdict.rule)]
    for check in checks:
        verdicts = [verdict for verdict in check.finish(tiles) if applies(verdict.rule)]
        violations += [verdict for verdict in verdicts if isinstance(verdict, Violation)]
        refused = [verdict for verdict in verdicts if isinstance(verdict, NotChecked)]
        not_checked += refused
        checked.update(_names_in_use(check.rules, variant))
        for name in chain(without, (verdict.rule.name for verdict in refused)):
            checked.pop(name, None)
    violations.sort(key=lambda violation: (violation.row is None, violation.row or 0))
    return AuditResult(rows, tuple(violations), checked, tuple(not_checked))


_in_use: dict[tuple[int, Variant], tuple[Sequence[Rule], dict[str, int]]] = {}


def _names_in_use(rules: Sequence[Rule], variant: Variant) -> dict[str, int]:
    """1 by name of each rule that holds for this builder."""
    # Rules are constants, as they are to a RowPass.
    known = _in_use.get((id(rules), variant))
    if known is None or known[0] is not rules:
        names = (rule.name for rule in rules if rule.variant in {None, variant})
        known = _in_use[id(rules), variant] = rules, dict.fromkeys(names, 1)
    return known[1]


def _check_names(without: Collection[str], rules: Sequence[Rule]) -> None:
    if unknown := set(without) - {rule.name for rule in rules}:
        raise ValueError(f"no rule is called {', '.join(sorted(unknown))}")


_of_thread: Final = threading.local()
"""A buffer for each thread, kept from one audit to the next."""


class _Pass:
    """One reading of the trace."""

    def __init__(self, windows: Windows, rows: int, row_pass: RowPass, checks: Sequence[TraceCheck]) -> None:
        self._parts = tile_parts(windows(), rows)
        self._rows = rows
        self._row_pass = row_pass
        self._checks = checks

    def run(self, threads: int | None) -> None:
        if threads == 1 or self._rows <= 2 * TILE_ROWS:
            for part in self._parts:
                self._take(self._judge(part))
            return
        threads = threads or os.cpu_count() or 1
        waiting: deque[Future[tuple[TileFinding, list[Any]]]] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="audit") as pool:
            for part in self._parts:
                waiting.append(pool.submit(self._judge, part))
                if len(waiting) > AHEAD * threads:
                    self._take(waiting.popleft().result())
            while waiting:
                self._take(waiting.popleft().result())

    def _judge(self, part: TilePart) -> tuple[TileFinding, list[Any]]:
        tile = self._buffer().fill(part, self._rows)
        return self._row_pass.judge(tile), [check.partial(tile) for check in self._checks]

    def _buffer(self) -> TileBuffer:
        """This thread's."""
        if not hasattr(_of_thread, "buffer"):
            _of_thread.buffer = TileBuffer()
        buffer: TileBuffer = _of_thread.buffer
        return buffer

    def _take(self, judged: tuple[TileFinding, list[Any]]) -> None:
        finding, partials = judged
        self._row_pass.add(finding)
        for check, partial in zip(self._checks, partials, strict=True):
            check.add(partial)
