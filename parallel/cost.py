"""What a recording costs in memory: bytes per queue, per row and per fragment."""

from __future__ import annotations

from dataclasses import dataclass

from parallel.recording import Recording


@dataclass(frozen=True)
class QueueCost:
    """One part of a recording: its entries and their bytes over the whole run."""

    name: str
    entries: int
    bytes: int


@dataclass(frozen=True)
class RecordingCost:
    """The parts of a recording; ``rows`` and ``fragments`` are those of the program."""

    rows: int
    fragments: int
    queues: tuple[QueueCost, ...]

    @property
    def bytes(self) -> int:
        """All parts together."""
        return sum(queue.bytes for queue in self.queues)

    def per_row(self, name: str) -> float:
        """Bytes per row of the trace that one part costs; KeyError for an unknown part."""
        return self._bytes_of(name) / max(1, self.rows)

    def per_fragment(self, name: str) -> float:
        """Bytes per fragment that one part costs; KeyError for an unknown part."""
        return self._bytes_of(name) / max(1, self.fragments)

    def _bytes_of(self, name: str) -> int:
        return {queue.name: queue.bytes for queue in self.queues}[name]

    def lines(self) -> list[str]:
        """The report: a line per part, largest first, and the sum."""
        parts = sorted(self.queues, key=lambda queue: -queue.bytes)
        width = max(len(queue.name) for queue in parts)
        report = [f"{'':{width}} {'entries':>12} {'bytes':>14} {'bytes/row':>10} {'bytes/fragment':>15}"]
        for part in (*parts, QueueCost("total", sum(queue.entries for queue in parts), self.bytes)):
            per_row, per_fragment = part.bytes / max(1, self.rows), part.bytes / max(1, self.fragments)
            report.append(f"{part.name:{width}} {part.entries:12} {part.bytes:14} {per_row:10.2f} {per_fragment:15.1f}")
        return report


def recording_cost(recording: Recording) -> RecordingCost:
    """Entries and bytes of the snapshots, of every queue and of the ACE rows."""
    parts = {"snapshots": recording.snapshots, **recording.queues, "ace": recording.ace}
    return RecordingCost(
        rows=recording.core_rows,
        fragments=len(recording.snapshots),
        queues=tuple(QueueCost(name, len(array), array.nbytes) for name, array in parts.items()),
    )
