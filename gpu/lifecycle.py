"""A case through the whole life of its shards: recorded state in, everything checked, nothing left.

For every shard: upload, count, seal, commit, prove, open, release. Several shards need each other's counts before the first of
them can be sealed, so they are surveyed first: uploaded, counted, released (spec 09, B4 to B8). The options change how the
walk is made and nothing of what it finds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpu.byte_table import ByteTable
from gpu.cell_checks import rows_to_open
from gpu.chipset import ChipSet, standard
from gpu.commit import Commitment, commit_all, commit_bytes
from gpu.count_checks import Recorded, check_capacities, check_range_rows
from gpu.device import Device, Tag
from gpu.errors import InvariantBroken, ShapeMismatch
from gpu.evidence import Evidence
from gpu.fallback import HostFallback
from gpu.host_device import HostDevice
from gpu.lanes import LaneReport
from gpu.layout import extents, lengths
from gpu.lde import Domain
from gpu.manifest import program_manifest, shard_manifest
from gpu.merkle import matrix_bytes, tree_bytes
from gpu.opening import join, open_rows
from gpu.proof import Consumer, prove_all
from gpu.raw import RawState, pack
from gpu.recordings import AnyRecording
from gpu.run_checks import check_bookings, check_bytes, check_completion, check_fallbacks
from gpu.runs import whole_section
from gpu.session import Session
from gpu.shards import bounds, external_reads
from gpu.sides import total
from gpu.states import Cache
from gpu.survey import ProgramLayout, kernel_rows, layout_of, survey
from gpu.tables import ProgramTables
from gpu.transitions import Transitions
from gpu.walk import Options, Walk
from gpu.walk_checks import check_log, check_session
from reference.definition.field import Word

RANDOM_ROWS: Final = 8
"""Rows that an opening opens beside the borders of the sections."""

Hook = Callable[[str, Session], None]
"""Called with a step's name and the session: a way in for planted faults. Steps: uploaded, counted, sealed, committed, proven,
opened."""


def _no_hook(step: str, session: Session) -> None:
    del step, session


def walk(
    recording: AnyRecording,
    device: Device,
    options: Options | None = None,
    *,
    reference: NDArray[np.uint64] | None = None,
    chipset: ChipSet | None = None,
    consumers: Sequence[Consumer] = (),
    hook: Hook | None = None,
) -> Walk:
    """Walks a completed recording through the life cycle on a device on which nothing of it is left afterwards.

    ``reference``: the trace (72, L) of another engine, against which digests and opened rows are checked; without it, against
    the trace that this walk collected. ``consumers`` are given every chip's columns in each round of proofs, besides the
    transition checks. Raises the errors of spec 09, B10, after everything was released; ValueError for options that do not
    exist; RawStateError for a failed program.
    """
    walker = _Walker(recording, device, options or Options(), chipset or standard(), reference, consumers, hook)
    return walker.run()


class _Walker:
    """One walk: what its shards have in common."""

    def __init__(
        self,
        recording: AnyRecording,
        device: Device,
        options: Options,
        chipset: ChipSet,
        reference: NDArray[np.uint64] | None,
        consumers: Sequence[Consumer],
        hook: Hook | None,
    ) -> None:
        self.device = device
        self.options = options
        self.program_hash: Word = recording.lowered.program_hash
        self.reference = reference
        self.hook: Hook = hook or _no_hook
        self.tables = ProgramTables.of(recording.lowered)
        # A failed program has no fragment; packing it says so.
        self.bounds = bounds(max(1, len(recording.snapshots)), options.shards)
        self.evidence = Evidence([pack(recording, self.tables, first, end) for first, end in self.bounds])
        self.evidence.opened = [[] for _ in range(options.openings)]
        self.procedures = self.evidence.raws[0].counts["kernel_procedures"]
        self.events: list[str] = []
        self.chipset = self._with_fallbacks(chipset)
        self.bytes = ByteTable(device.arena)
        evidence = self.evidence
        collecting = (evidence.collector,) if options.trace else ()
        self.consumers = [*collecting, Transitions(evidence.findings), evidence.sums, *consumers]
        self.manifests: list[str] = []
        self.root: Word | None = None
        self.peak_booked = 0
        self.peak_in_use = 0
        self._session: Session | None = None
        self._committed: set[str] = set()
        self._merkle_bytes = 0
        self._surveying = False

    # ---- the whole ---------------------------------------------------------------------------------------------------

    def run(self) -> Walk:
        """All shards, then what concerns them together."""
        arena, device = self.device.arena, self.device
        budget, live = arena.budget, dict(arena.live)
        launches, events = len(device.log), len(device.events)
        if self.options.budget is not None:
            arena.budget = self.options.budget
        try:
            raws = self.evidence.raws
            layout = self._survey() if len(raws) > 1 else None
            surveyed = len(device.log), len(device.events)
            for shard, raw in enumerate(raws):
                self._shard(shard, raw, layout)
            arena.expect(live)
            self.evidence.checked["INV-01"] += 1
            if self.options.trace:
                self.evidence.collector.demand_complete()
            if self.options.check:
                check_log(device, (launches, *surveyed), self.evidence.checked)
                self._check_run()
                self._check_program(layout)
            made = len(device.log) - launches
        finally:
            arena.budget = budget
            # A device serves many walks: its log is that of one.
            del device.log[launches:], device.events[events:]
        return self._result(made)

    def _survey(self) -> ProgramLayout:
        surveys = []
        self._surveying = True
        for shard, raw in enumerate(self.evidence.raws):
            with self._new_session(shard) as session:
                session.upload(raw, self.tables)
                surveys.append(survey(session))
        self._surveying = False
        return layout_of(surveys, self.procedures)

    def _result(self, launches: int) -> Walk:
        evidence = self.evidence
        last = evidence.extents[-1]
        return Walk(
            options=self.options,
            program_hash=self.program_hash,
            lengths=lengths(last),
            shards=self.bounds,
            digests=evidence.chips(),
            manifests=tuple(self.manifests),
            manifest=program_manifest(self.program_hash, last, evidence.digests, total(evidence.sides)),
            opened=tuple(join(parts) for parts in evidence.opened),
            bytes=self.bytes,
            checked=evidence.checked,
            findings=evidence.findings,
            events=tuple(self.events),
            peak_booked=self.peak_booked,
            peak_in_use=self.peak_in_use,
            launches=launches,
            merkle_root=self.root,
            collected=evidence.collector.trace if self.options.trace else None,
        )

    # ---- one shard ---------------------------------------------------------------------------------------------------

    def _new_session(self, shard: int) -> Session:
        options = self.options
        self.bytes.shard = shard
        self._session = Session(
            self.device, self.chipset, shard=shard, cache=Cache(options.cache), lanes=options.lanes, check=options.check,
            order=options.order, observer=self._observe,
        )  # fmt: skip
        return self._session

    def _shard(self, shard: int, raw: RawState, layout: ProgramLayout | None) -> None:
        with self._new_session(shard) as session:
            self._assign(session, raw, layout)
            commitment = self._commit(session)
            for _ in range(self.options.proofs):
                self._watched(lambda: prove_all(session, commitment, self.consumers))
            session.observe("proven")
            self.hook("proven", session)
            self._open(session, commitment)
            if self.options.check:
                check_session(session, self.evidence.checked)
            self._keep(session, raw)

    def _assign(self, session: Session, raw: RawState, layout: ProgramLayout | None) -> None:
        shard, evidence = session.shard, self.evidence
        session.upload(raw, self.tables)
        self.hook("uploaded", session)
        session.count()
        evidence.core_sides.append(session.resident.read_sides())
        evidence.accesses.append(session.sorted_accesses())
        session.count_memory(layout.runs[shard] if layout else whole_section())
        self.hook("counted", session)
        sides = session.take_sides()
        check_capacities(sides, Recorded.of(raw.counts))
        evidence.checked["INV-19"] += 1
        if layout is None:
            rows = session.range_rows()
            check_range_rows(rows, sides.hist)
            evidence.checked["INV-13"] += 1
            kernel = kernel_rows(self.procedures, sides)
            (extent,) = extents([session.shard_counts], kernel_rows=kernel, range_rows=rows)
        else:
            extent = layout.extents[shard]
            if session.shard_counts.growth != extent.growth:
                raise ShapeMismatch(
                    f"shard {shard} grew by {session.shard_counts.growth}, surveyed was {extent.growth}"
                )
        session.seal(extent, sides if layout is None else layout.totals)
        evidence.extents.append(extent)
        self.hook("sealed", session)

    def _commit(self, session: Session) -> Commitment:
        found: list[Commitment] = []

        def work() -> LaneReport:
            commitment, report = commit_all(session, blowup=self.options.merkle)
            found.append(commitment)
            return report

        self._committed = set()
        if self.options.merkle is not None:
            self._merkle_bytes = matrix_bytes(Domain(session.plans["sys"].extent.rows, self.options.merkle))
        self._watched(work)
        (commitment,) = found
        if commitment.tree is not None and self.options.merkle is not None:
            self._merkle_bytes = tree_bytes(Domain(session.plans["sys"].extent.rows, self.options.merkle))
            self.root = commitment.tree.root
        self._committed = set(session.plans)
        session.observe("committed")
        self.hook("committed", session)
        return commitment

    def _open(self, session: Session, commitment: Commitment) -> None:
        extent = session.plans["sys"].extent
        for number, parts in enumerate(self.evidence.opened):
            chosen = random.Random(number).sample(range(extent.rows), RANDOM_ROWS)
            parts.append(open_rows(session, rows_to_open(extent, chosen), commitment=commitment))
        session.observe("opened")
        self.hook("opened", session)

    def _watched(self, work: Callable[[], LaneReport]) -> None:
        """Work on lanes; what it booked and in which order it gave back is checked."""
        device = self.device
        resident, launches, events = device.arena.committed, len(device.log), len(device.events)
        report = work()
        self.peak_booked = max(self.peak_booked, report.peak_booked)
        self.peak_in_use = max(self.peak_in_use, resident + report.peak_booked)
        if self.options.check:
            check_bookings(report, device.arena.budget)
            check_completion(report, device.log, device.events[events:], launches)
            self.evidence.checked.update(("INV-20", "INV-21"))

    def _keep(self, session: Session, raw: RawState) -> None:
        """What outlives the session."""
        evidence, shard, sides = self.evidence, session.shard, session.sealed_sides
        assert sides is not None
        evidence.sides.append(sides)
        evidence.digests.append(dict(session.generator.digests))
        memory = external_reads(raw), evidence.leave(shard, session.resident.order())
        self.manifests.append(
            shard_manifest(
                self.program_hash, (shard, len(self.bounds)), session.plans, evidence.digests[-1], sides, raw.fingerprint,
                memory,
            )
        )  # fmt: skip

    def _check_run(self) -> None:
        """What the byte table and the fallbacks say of all shards."""
        check_bytes(self.bytes.steps)
        made = [event.removeprefix("fallback ") for event in self.events if event.startswith("fallback ")]
        check_fallbacks(self.options.fallback, made)
        self.evidence.checked.update(("INV-03", "INV-24"))

    def _check_program(self, layout: ProgramLayout | None) -> None:
        """What concerns all shards together."""
        evidence, proven = self.evidence, self.options.proofs > 0
        evidence.check_counts(layout.totals if layout else None, proven=proven, digests_hold=self.tables.digests_hold)
        if not self.tables.digests_hold:
            self.events.append("stored digests are not the nodes' hashes: HASH_OUT compared in number alone")
        if proven and not evidence.findings.passed:
            raise InvariantBroken(
                "INV-17", "; ".join(evidence.findings.table()) or "the transition checks checked nothing"
            )
        trace = self.reference
        if self.options.trace:
            evidence.check_operations()
            trace = evidence.collector.trace if trace is None else trace
        if trace is not None:
            evidence.check_cells(trace)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _with_fallbacks(self, chipset: ChipSet) -> ChipSet:
        if self.options.fallback:
            host = HostDevice()
            for name in self.options.fallback:
                chipset = chipset.with_chip(HostFallback(chipset.chips[name], host, self.events))
        return chipset

    def _observe(self, step: str, live: Mapping[Tag, int], at_most: Mapping[Tag, int]) -> None:
        """Into the byte table, with what the commitment has to hold after the step."""
        phase, _, chip = step.partition(" ")
        if phase == "commit":
            self._committed.add(chip)
        if step in ("open", "released"):
            self._committed, self._merkle_bytes = set(), 0
        plans = self._session.plans if self._session else {}
        kept = sum(commit_bytes(plans[name], Cache(self.options.cache)) for name in self._committed)
        name = f"survey {step}" if self._surveying else step
        self.bytes.observe(name, {**live, Tag.COMMIT: kept + self._merkle_bytes}, at_most)
