"""Which campaign a directory holds, and whether it is the one that was asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from harness.campaign.kept_map import KeptMap
from harness.campaign.lock import alone
from harness.campaign.state import FILE, CampaignState, Identity
from harness.generate import Profile
from reference.definition.errors import InputError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; None for what was left open, so that a campaign that is there goes on as it is."""

    engines: tuple[str, ...] | None = None
    seed: int | None = None
    first: int | None = None
    failing_rate: float | None = None
    max_rows: int | None = None
    families: tuple[str, ...] | None = None
    audit: bool | None = None
    filling: bool | None = None
    known: str | None = None
    laws: bool | None = None

    def over(self, there: Identity) -> Identity:
        """The campaign that is there, with what was asked for in place of its own."""
        asked: dict[str, object] = {"engines": self.engines, "seed": self.seed, "first": self.first}
        asked |= {"audit": self.audit, "filling": self.filling, "known": self.known, "laws": self.laws}
        profile = {"failing_rate": self.failing_rate, "max_rows": self.max_rows, "families": self.families}
        given = {name: value for name, value in profile.items() if value is not None}
        return replace(
            there,
            profile=replace(there.profile, **given),  # type: ignore[arg-type]
            **{name: value for name, value in asked.items() if value is not None},  # type: ignore[arg-type]
        )


@contextmanager
def open_campaign(out: Path, wanted: Wanted, new: Identity, *, fresh: bool) -> Iterator[tuple[CampaignState, Identity]]:
    """The campaign of a directory, or a new one: ``new`` with what was asked for. Nobody else has it meanwhile.

    ``fresh`` begins anew whatever is there; findings and the coverage map stay. Raises InputError when another campaign is
    there, or runs there, and when the directory cannot be written.
    """
    with alone(out):
        if fresh:
            _forget(out)
        state = CampaignState(out)
        with closing(state):
            there = state.identity()
            asked = wanted.over(there or new)
            if there is not None and there != asked:
                if state.done():
                    raise _other(out, there, asked)
                # A campaign that has done nothing, because its engines could not be had, is in nobody's way.
                state.close()
                _forget(out)
                state, there = CampaignState(out), None
            if there is None:
                KeptMap(out).begin()
                state.create(asked, time.time())
            with closing(state):
                yield state, asked


def campaign_there(out: Path) -> Identity | None:
    """The campaign that has begun in the directory, None where none has; InputError when that cannot be read."""
    if not (out / FILE).exists():
        return None
    with closing(CampaignState(out)) as state:
        return state.identity()


def accepted_there(out: Path, engines: tuple[str, ...]) -> Any:
    """What the campaign by the laws in the directory has learnt of these engines; None where none has."""
    if not (out / FILE).exists():
        return None
    with closing(CampaignState(out)) as state:
        there = state.identity()
        return state.accepted() if there is not None and there.laws and there.engines == engines else None


def _forget(out: Path) -> None:
    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot be removed: {error.strerror}", source=str(out / name)) from None


def _other(out: Path, there: Identity, asked: Identity) -> InputError:
    differences = [
        f"{name} {_text(mine)} there, {_text(other)} asked for"
        for (name, mine), (_, other) in zip(_items(there), _items(asked), strict=True)
        if mine != other
    ]
    return InputError(
        f"the directory holds another campaign: {'; '.join(differences)}. Leave these options out to go on with it, name "
        "another directory with --out, or begin anew with --fresh (findings and coverage.json stay)",
        source=str(out / FILE),
    )


def _items(identity: Identity) -> list[tuple[str, object]]:
    names = ("laws", "engines", "seed", "first", "audit", "filling", "known")
    profile = [(item.name, getattr(identity.profile, item.name)) for item in fields(Profile)]
    return [*((name, getattr(identity, name)) for name in names), *profile]


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else json.dumps(value)
