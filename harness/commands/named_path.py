"""Paths on the command line: files and directories that have a name."""

from __future__ import annotations

from typing import Any

import click


class NamedPath(click.Path):
    """A path that is not empty: an empty one, such as of a variable that is not set, would be the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; click's usage error for an empty one."""
        if value == "":
            self.fail("The name is empty.", param, ctx)
        return super().convert(value, param, ctx)
