"""The pytest plugin: ``*.case.json`` files are tests, one item for each case, cut plan and pair of engines.

    pytest corpus --fragdiff-engines reference,parallel,mine
    pytest --fragdiff-fuzz 60s

It is loaded into every pytest run of the environment that fragdiff is installed in, and does nothing there: no case file is
looked at unless a directory that holds some, or a case file, is named on the command line or in the ini file, and nothing
but this module is imported until then.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from harness.plugin.session import Session

SUFFIX: Final = ".case.json"

DEFAULT_ENGINES: Final = ("reference,parallel",)

MARKERS: Final = {
    "fragdiff_slow": "a case whose path matches the ini option fragdiff_slow; leave out with -m 'not fragdiff_slow'",
    "fragdiff_device": "a comparison with an engine that needs a device; leave out with -m 'not fragdiff_device'",
    "fragdiff_fuzz": "the campaign of --fragdiff-fuzz; alone with -m fragdiff_fuzz",
}

SESSION: Final[pytest.StashKey[Session]] = pytest.StashKey()
"""There where cases or a campaign were asked for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and ini options; a command line beats the ini file."""
    group = parser.getgroup("fragdiff", "comparing engines on cases")
    group.addoption(
        "--fragdiff-engines",
        metavar="A,B[,C]",
        action="append",
        default=[],
        help="Engines to compare on the cases, every pair of them (default: reference,parallel).",
    )
    group.addoption(
        "--fragdiff-engine",
        metavar="NAME",
        action="append",
        default=[],
        help="One more engine; its name may hold commas: exec:COMMAND.",
    )
    group.addoption(
        "--fragdiff-fuzz", metavar="TIME", help="One more test: a campaign of this time (60s, 5m, 1h) on the engines."
    )
    group.addoption("--fragdiff-seed", metavar="N", type=int, help="Of the campaign; drawn and printed when left out.")
    group.addoption(
        "--fragdiff-out", metavar="DIR", default="findings", help="Where the campaign keeps what differs (findings)."
    )
    parser.addini("fragdiff_engines", "Engines to compare, as for --fragdiff-engines; one or more a line.", "linelist")
    parser.addini("fragdiff_corpus", f"Directories below which every *{SUFFIX} is a test.", "paths")
    parser.addini(
        "fragdiff_slow",
        "Patterns of paths, matched from the right, whose cases get the marker fragdiff_slow.",
        "linelist",
        default=["slow/*", "bench/*"],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; everything else only where cases or a campaign are asked for."""
    for name, what in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {what}")
    corpus, files = _corpus(config)
    if not (corpus or files or config.getoption("--fragdiff-fuzz") or config.getini("fragdiff_corpus")):
        return
    if hasattr(config, "workerinput"):
        # The workers share the cores; whoever set another number of threads before has it.
        os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    from harness.plugin.session import Session  # noqa: PLC0415 - a run without cases must not pay for it
    from harness.plugin.settings import settings_of  # noqa: PLC0415 - as above

    settings = settings_of(config, corpus, files)
    session = Session(config, settings)
    config.stash[SESSION] = session
    config.pluginmanager.register(session, "fragdiff-session")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A case file of the corpus; no other file is touched."""
    if not file_path.name.endswith(SUFFIX):
        return None
    session = parent.config.stash.get(SESSION, None)
    if session is None or not session.settings.has(file_path):
        return None
    from harness.plugin.items import CaseFile  # noqa: PLC0415 - as above

    found: CaseFile = CaseFile.from_parent(parent, path=file_path)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the campaign, before -k and -m choose."""
    ours = config.stash.get(SESSION, None)
    if ours is None or ours.settings.fuzz_seconds is None:
        return
    from harness.plugin.campaign_item import CampaignItem  # noqa: PLC0415 - as above

    items.append(CampaignItem.from_parent(session, name=CampaignItem.NAME, nodeid=CampaignItem.NAME))


def _corpus(config: pytest.Config) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Directories below which case files are tests, and case files that were named.

    A directory counts when somebody named it, on the command line or in ``testpaths``, and it holds case files itself: a
    folder of tests whose data happen to be case files does not. The directory that pytest is merely started in does not.
    """
    named = [] if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR else _named(config)
    directories = [path for path in named if path.is_dir() and next(path.glob(f"*{SUFFIX}"), None) is not None]
    files = [path for path in named if path.name.endswith(SUFFIX) and path.is_file()]
    ini: Sequence[Any] = config.getini("fragdiff_corpus")
    return tuple(directories) + tuple(Path(os.path.realpath(each)) for each in ini), tuple(files)


def _named(config: pytest.Config) -> list[Path]:
    # Unlike Path.resolve this gives a path for a link that leads to itself; pytest refuses it then.
    return [Path(os.path.realpath(config.invocation_params.dir / each.split("::")[0])) for each in config.args]
