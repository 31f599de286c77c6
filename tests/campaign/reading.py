"""What a campaign has left in its directory."""

import json
import sqlite3
from contextlib import closing


def summary_of(directory):
    return json.loads((directory / "summary.json").read_text("utf-8"))


def rows_of(directory, query):
    """The rows that a query of the campaign's state gives."""
    with closing(sqlite3.connect(directory / "campaign.sqlite")) as connection:
        return connection.execute(query).fetchall()
