"""The engines of ``faulty_engines`` as entry points, beside the reference."""

from importlib.metadata import EntryPoint

import faulty_engines

from harness import engines


def install_made_engines(monkeypatch):
    """For the process of the tests: nobody else's engines are installed then."""
    made = [
        EntryPoint(name, f"faulty_engines:{made.__name__}", engines.GROUP)
        for name, made in faulty_engines.ENGINES.items()
    ]
    reference = EntryPoint("reference", "harness.backends.reference:ReferenceEngine", engines.GROUP)
    monkeypatch.setattr(engines, "entry_points", lambda group: [reference, *made] if group == engines.GROUP else [])
