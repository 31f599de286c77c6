"""What all pages share: the document around them, sections, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from harness.report.style import STYLE


def document(title: str, body: str, *, style: str = STYLE) -> str:
    """A page that fetches nothing and runs nothing: the style sheet stands in it, and there is no script."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def section(title: str, content: Iterable[str]) -> list[str]:
    """Lines of a section; none when it has no content."""
    lines = list(content)
    return [f"<section>\n<h2>{escape(title)}</h2>", *lines, "</section>"] if lines else []


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, number: int | None = None) -> list[str]:
    """Texts as a table, none when there are no rows; ``number`` is the column that is written in figures' letters."""
    lines = [
        "<tr>" + "".join(f"<td{_numbered(at == number)}>{escape(text)}</td>" for at, text in enumerate(row)) + "</tr>"
        for row in rows
    ]
    top = ["<thead><tr>" + "".join(f"<th>{escape(text)}</th>" for text in head) + "</tr></thead>"] if head else []
    return ['<div class="scroll"><table>', *top, *lines, "</table></div>"] if lines else []


def _numbered(yes: bool) -> str:
    return ' class="number"' if yes else ""
