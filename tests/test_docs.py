"""The code of README and docs runs, page by page: Python as it stands but for the number of epochs, shell commands as
far as their options, configs and keys. Where a block begins with `# NAME.py`, it is that file as well."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import jax
import pytest
import typer.main

from erbp_jax.cli import app
from erbp_jax.cli.running import config_or_default
from erbp_jax.config import load_config
from erbp_jax.config.explain import explain

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    p for p in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")) if re.search(r"```(python|sh)\n", p.read_text())
)
QUICK = {("explain",), ("data", "info")}
"""Commands that take a second, and are run where the file that they name is there."""


def blocks(page: Path, *languages: str) -> list[str]:
    fenced = re.findall(r"^```(.*?)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for language, text in fenced if language in languages]


def commands(page: Path) -> list[list[str]]:
    """The words behind `erbp-jax` in the shell blocks of a page."""
    lines = "\n".join(blocks(page, "sh", "")).replace("\\\n", " ").splitlines()
    found = [re.match(r"(?:\w+=\S+ )?erbp-jax (.*)", line) for line in lines]
    return [shlex.split(line[1], comments=True) for line in found if line]


@pytest.mark.parametrize("page", [str(p.relative_to(ROOT)) for p in PAGES])
def test_the_code_of_a_page_runs(page, root, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    modules = set(sys.modules)
    python = blocks(root / page, "python")
    for block in python:
        if named := re.match(r"# (\w+\.py)\n", block):
            Path(named[1]).write_text(block)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        code = re.sub(r"epochs=\d+", "epochs=1", "\n".join(python))  # more are the same program again
        exec(compile(code, page, "exec"), {"__name__": page})
    for words in commands(root / page):
        check(words, root)
    for name in {Path(file.name).stem for file in tmp_path.glob("*.py")} & (set(sys.modules) - modules):
        del sys.modules[name]  # the next page may have a file of that name


def check(words: list[str], root: Path) -> None:
    """Whether the command, its options, its config and the keys of its overrides are there."""
    if words[0].startswith("--"):
        return
    command: Any = typer.main.get_command(app)
    names, rest = [], list(words)
    while hasattr(command, "commands"):
        names.append(rest.pop(0))
        assert names[-1] in command.commands, words
        command = command.commands[names[-1]]
    given = command.make_context(" ".join(names), list(rest)).params
    overrides = given.get("overrides") or []
    if names in (["train"], ["sweep"]):
        config, overrides = config_or_default(given["config"], overrides)
        if config.suffix == ".yaml":
            loadable(config, overrides, given, root)
    elif names == ["compare"]:
        loadable(given["config"], overrides, given, root)
    for override in overrides if names != ["simulate"] else ():  # which has a config of its own
        explain(override.partition("=")[0])
    files = [Path(word) for word in rest if "/" in word or word.endswith(".npz")]
    if tuple(names) in QUICK and all(file.exists() for file in files):
        app(words, standalone_mode=False)


def loadable(config: Path, overrides: list[str], given: dict[str, Any], root: Path) -> None:
    """A config of the repository with these overrides; several learning rates of a sweep one by one."""
    if (root / config).is_file():
        one = [re.sub(r"^(optimizer\.learning_rate=[^,]+),.*", r"\1", override) for override in overrides]
        load_config(root / config, one, given.get("rule"))
