"""Campaign states written by hand, table by table: what a report should say of them is known without asking the campaign."""

import json
import sqlite3

SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE runs(id INTEGER PRIMARY KEY, started REAL, ended REAL, jobs INTEGER, ending TEXT);
CREATE TABLE batches(first INTEGER PRIMARY KEY, count INTEGER, run INTEGER, worker TEXT, started REAL, finished REAL,
  new_cells INTEGER, totals TEXT);
CREATE TABLE coverage(cell TEXT PRIMARY KEY, times INTEGER, name TEXT, rows INTEGER, row INTEGER);
CREATE TABLE findings(number INTEGER, signature TEXT, directory TEXT, state TEXT, found REAL, full_signature TEXT,
  PRIMARY KEY(number, signature));
CREATE TABLE slow(number INTEGER PRIMARY KEY, seconds REAL, rows INTEGER, file TEXT);
"""

BEGIN = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""

CELL = "DROP/inside/16/shallow/untouched/0"
BEFORE = "SWAP/before/16/any/any/other"


def totals(cases=10, *, boundaries=100, agree=None, differ=0, not_comparable=None, known=None):
    """The totals of one batch."""
    refused = sum((not_comparable or {}).values())
    return {
        "cases": cases,
        "completed": cases - 1,
        "failed": 1,
        "verdicts": {
            "agree": cases - differ - refused if agree is None else agree,
            "differ": differ,
            "not_comparable": refused,
        },
        "counts": {
            "comparisons": cases,
            "failures": 1 if boundaries else 0,
            "rows": 10 * boundaries,
            "cells": 720 * boundaries,
            "boundaries": boundaries,
            "seams": boundaries - cases if boundaries else 0,
            "not_comparable": not_comparable or {},
            "excused": known or {},
            "not_audited": {"rules of events": 2},
        },
        "operations": {"DROP": 3},
        "operations_missed": ["ADD"],
        "families": {"loops": cases},
        "seconds": 1.5,
    }


def batch(first, run, started, seconds, total, *, worker="w0", new_cells=0):
    return (first, total["cases"], run, worker, started, started + seconds, new_cells, json.dumps(total))


def finding(number, signature, *, directory=None, state="confirmed", full=None, found=BEGIN + 5):
    return (number, signature, directory, state, found, full)


def write_campaign(
    directory,
    *,
    engines=("reference", "parallel"),
    runs=((1, BEGIN, BEGIN + 20, 2, "finished"),),
    batches=None,
    findings=(),
    slow=(),
    coverage=((CELL, 4, "generated-1-3", 40, 7), (BEFORE, 4, "generated-1-3", 40, 7)),
    deaths=(),
    meta=(),
):
    """A state; batches default to two of ten cases each."""
    directory.mkdir(parents=True, exist_ok=True)
    if batches is None:
        batches = (
            batch(0, 1, BEGIN, 10, totals(), new_cells=1),
            batch(10, 1, BEGIN + 10, 10, totals(boundaries=300), worker="w1", new_cells=1),
        )
    values = {
        "format": "fragdiff-campaign/1",
        "engines": json.dumps(list(engines)),
        "seed": "7",
        "profile": "{}",
        "created": str(BEGIN),
    } | dict(meta)
    connection = sqlite3.connect(directory / "campaign.sqlite")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)
    connection.executemany("INSERT INTO meta VALUES(?, ?)", list(values.items()))
    connection.executemany("INSERT INTO runs VALUES(?, ?, ?, ?, ?)", list(runs))
    connection.executemany("INSERT INTO batches VALUES(?, ?, ?, ?, ?, ?, ?, ?)", list(batches))
    connection.executemany("INSERT INTO coverage VALUES(?, ?, ?, ?, ?)", list(coverage))
    connection.executemany("INSERT INTO findings VALUES(?, ?, ?, ?, ?, ?)", list(findings))
    connection.executemany("INSERT INTO slow VALUES(?, ?, ?, ?)", list(slow))
    connection.commit()
    connection.close()
    if deaths:
        lines = "".join(json.dumps(event) + "\n" for event in deaths)
        (directory / "events.jsonl").write_text(lines, encoding="utf-8")
    return directory
