"""What every command is called with: read from the command line itself, for `docs/reference/cli.md`."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from typer.main import get_command

from erbp_jax.cli import app

HEAD = """# The command line

`python -m erbp_jax.cli.reference > docs/reference/cli.md` writes this page from the commands themselves;
`erbp-jax COMMAND --help` prints the same text.

`erbp-jax` and `python -m erbp_jax` are the same program. An argument `dotted.key=value` overrides a key of the config;
the keys are on [a separate page](config.md). `erbp-jax --version` prints the version.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | stopped: the training diverged, a file or memory ran out; the message names the last saved state |
| 2 | the input is wrong: the message names the argument, the key or the file, and what is allowed |
| 130 | interrupted by Ctrl-C; the message says how to resume |
"""


def page() -> str:
    """`docs/reference/cli.md`."""
    parts = [HEAD]
    for words, command in _commands(get_command(app), ()):
        title, usage = f"## `erbp-jax {' '.join(words)}`", _usage(words, command)
        parts.append(f"{title}\n\n{(command.help or '').strip()}\n\n```\n{usage}\n```\n")
        types = inspect.signature(inspect.unwrap(command.callback)).parameters
        rows = [_row(p, _kind(types[p.name].annotation)) for p in command.params if p.name in types]
        if rows:
            parts.append("| argument | is | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def _is_option(parameter: Any) -> bool:
    return parameter.param_type_name == "option"


def _usage(words: tuple[str, ...], command: Any) -> str:
    arguments = [_name(p) for p in command.params if not _is_option(p)]
    options = ["[OPTIONS]"] if any(_is_option(p) for p in command.params) else []
    return " ".join(["erbp-jax", *words, *options, *arguments])


def _name(parameter: Any) -> str:
    if _is_option(parameter):
        return ", ".join((*parameter.opts, *parameter.secondary_opts))
    name = parameter.metavar or parameter.name.upper()
    return name if parameter.required or name.startswith("[") or "=" in name else f"[{name}]"


def _row(parameter: Any, kind: str) -> str:
    text = (parameter.help or "").strip()
    said = re.search(r" ?\[default: (.*?)\](?=[.;]?$|[.;] )", text)
    default = said[1] if said else _default(parameter)
    if said:
        text = text[: said.start()] + text[said.end() :]
    cells = (f"`{_name(parameter)}`", kind, default, text)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "has to be given"
    value = parameter.default
    if callable(value) or value in (None, (), []) or getattr(parameter, "is_flag", False):
        return ""
    text = str(value)
    return "" if text in (".", "None") else f"`{text}`"


def _kind(annotation: Any) -> str:
    """What a Python type is in the shell."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(args[0])
    if origin in (Union, UnionType):
        return " or ".join(_kind(arg) for arg in args if arg is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin is list:
        return f"{_kind(args[0])}, several"
    return {bool: "flag", int: "whole number", float: "number", Path: "path"}.get(annotation, "text")


if __name__ == "__main__":
    print(page(), end="")
