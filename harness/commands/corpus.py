"""``fragdiff corpus``: cases kept as files, with why each is kept and what is expected of it."""

from __future__ import annotations

import click

from harness.commands.corpus_add import add
from harness.commands.corpus_change import harvest, merge, minimise
from harness.commands.corpus_state import check, ls


@click.group()
def corpus() -> None:
    """Keep cases as text files that are named <word>-<12 hex digits of the file's SHA-256>.case.json.

    A file holds the case and, as its member `kept`, why it is there (kind, reason, source) and what is expected of every
    engine: outcome, lengths, a digest of each column, and who says so. Engines never see that member.
    """


for _command in (add, ls, check, minimise, merge, harvest):
    corpus.add_command(_command)
