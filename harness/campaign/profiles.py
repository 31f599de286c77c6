"""How long and how wild campaigns of a kind are, where nothing else is said."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from harness.generate import Profile


@dataclass(frozen=True, slots=True)
class CampaignProfile:
    """Values for the options that are left out; None: without end."""

    seconds: float | None
    max_rows: int
    jobs: int | None
    """Worker processes; None: this process does everything itself."""


def campaign_profile(name: str | None) -> CampaignProfile:
    """The profile of this name; that of a campaign without one."""
    return _PROFILES[name]


_CORES: Final = os.cpu_count() or 1

_PROFILES: Final = {
    None: CampaignProfile(60.0, Profile().max_rows, None),
    "smoke": CampaignProfile(60.0, Profile().max_rows, None),
    "nightly": CampaignProfile(8 * 3600.0, Profile().max_rows, _CORES),
    "long": CampaignProfile(None, 1000, _CORES),
}

NAMES: Final = tuple(name for name in _PROFILES if name is not None)


def profile_options(profile: Profile) -> tuple[str, ...]:
    """The options of `fragdiff fuzz` that give this profile of the generator; none for the default."""
    plain = Profile()
    options: list[str] = []
    if profile.failing_rate != plain.failing_rate:
        options += ["--failing-rate", f"{profile.failing_rate!r}"]
    if profile.max_rows != plain.max_rows:
        options += ["--max-rows", str(profile.max_rows)]
    if profile.families:
        options += ["--families", ",".join(profile.families)]
    return tuple(options)
