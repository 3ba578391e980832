"""The benchmark scripts of a checkout: which there are, and how to run one."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from erbp_jax.errors import UserError

FOLDER = Path(__file__).parents[2] / "benchmarks"
PARTS = ("harness", "oracle")
"""What the scripts share."""


def scripts(folder: Path = FOLDER) -> dict[str, str]:
    """Names of the benchmarks, and the question that each one answers: the first line of its docstring.

    Raises:
        UserError: there is no folder of benchmarks: they belong to a checkout, not to an installed package.
    """
    if not folder.is_dir():
        raise UserError(f"bench: {folder} does not exist; benchmarks are run from a checkout of the repository")
    found = {path.stem: ast.get_docstring(ast.parse(path.read_text())) or "" for path in sorted(folder.glob("*.py"))}
    return {name: text.partition("\n")[0] for name, text in found.items() if name not in PARTS}


def run(name: str, arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Run a benchmark in a process of its own, so that its devices and memory are its own; returns its exit code.

    Raises:
        UserError: there is none of this name.
    """
    known = scripts(folder)
    if name not in known:
        raise UserError(f"bench: {name!r} is not known; there are {', '.join(known)}")
    return subprocess.run([sys.executable, str(folder / f"{name}.py"), *arguments], check=False).returncode
