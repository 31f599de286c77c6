"""A path that is empty, such as of a variable that is not set, is bad input wherever a file or a directory is named."""

import click
import pytest

from harness import cli
from harness.commands.named_path import NamedPath

EMPTY = {
    "run": [[""]],
    "show": [["", "--rows", ":"]],
    "record": [[""]],
    "diff": [
        ["", "--engines", "reference,honest"],
        ["adding.case.json", "--engines", "reference,honest", "--known", ""],
    ],
    "locate": [
        ["", "--engines", "reference,honest"],
        ["adding.case.json", "--engines", "reference,honest", "--html", ""],
        ["adding.case.json", "--engines", "reference,honest", "--known", ""],
    ],
    "shrink": [
        ["", "--engines", "reference,honest"],
        ["adding.case.json", "--engines", "reference,honest", "--out", ""],
        ["adding.case.json", "--engines", "reference,honest", "--fragment", ""],
        ["adding.case.json", "--engines", "reference,honest", "--known", ""],
    ],
    "audit": [[""], ["adding.case.json", "--case", ""]],
    "laws": [["", "--engine", "reference"]],
    "conform": [["--engine", "honest", "--out", ""], ["--engine", "honest", "--corpus", ""]],
    "fuzz": [["--engines", "reference,honest", "--out", ""], ["--engines", "reference,honest", "--known", ""]],
    "replay": [[""], ["--junit", "", "."]],
    "report": [[""], [".", "--html", ""], [".", "--junit", ""]],
    "cover": [[""]],
    "bench": [[""], ["--against", ""]],
    "gpu": [[""], ["adding.case.json", "--manifest", ""]],
    "selftest": [["--list", "--trials", ""]],
    "corpus add": [
        ["", "--to", "kept", "--reason", "why"],
        ["adding.case.json", "--to", "", "--reason", "why"],
        ["adding.case.json", "--to", "kept", "--reason", "why", "--records", ""],
    ],
    "corpus ls": [[""]],
    "corpus check": [[""]],
    "corpus minimise": [[""]],
    "corpus merge": [["", "."], [".", ""]],
    "corpus harvest": [["", "--expect", "reference"], ["kept", "--beside", "", "--expect", "reference"]],
}


def _named(command, words):
    """The command of these words and those below it, by their words."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from _named(command.get_command(context, name), [*words, name])
    else:
        yield " ".join(words), command


COMMANDS = dict(_named(cli.main, []))


@pytest.mark.parametrize("words, options", [(words, each) for words, all_ in EMPTY.items() for each in all_])
def test_an_empty_path_is_bad_input(fragdiff, adding, tmp_path, words, options):
    before = sorted(tmp_path.iterdir())
    result = fragdiff(*words.split(), *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "The name is empty." in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_every_path_of_every_command_is_tried():
    """One list of options above for each parameter that is a path, and no path of click's own, which may be empty."""
    for words, command in COMMANDS.items():
        paths = [each for each in command.params if isinstance(each.type, click.Path)]
        assert all(isinstance(each.type, NamedPath) for each in paths), words
        assert len(paths) == len(EMPTY.get(words, [])), (words, [each.name for each in paths])
