"""`--help` shows what it was given: nothing in it is taken for markup."""

import re

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from erbp_jax.cli import app


def commands(group, path=()):
    """All commands below a group, by the words that call them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(get_command(app)))


def bare(text):
    """A text without what the layout does to it: spaces and frames."""
    return re.sub(r"[\s\u2500-\u257f]+", "", text)


def test_there_are_commands_with_defaults_to_look_at():
    helps = [option.help or "" for command in ALL.values() for option in command.params]
    assert len(ALL) >= 10
    assert sum("[default: " in text for text in helps) >= 5


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_help_is_shown_as_it_was_written(words):
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert shown.exit_code == 0
    for option in ALL[words].params:
        text = getattr(option, "help", None)
        if text:
            assert bare(text) in bare(shown.output), option.name
        if text and "default" in text:
            (default,) = re.findall(r"\[default: [^]]*\]", text)
            assert bare(default) in bare(shown.output)
