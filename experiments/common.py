"""What the scripts in `experiments/` share."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from erbp_jax import archive
from erbp_jax.errors import UserError
from erbp_jax.files import write_arrays

REPORT = "report"
"""In a file that `keep` wrote: the text beside the arrays."""


def seeds_and_folder(description: str | None, name: str, seeds: int = 20) -> tuple[int, Path]:
    """The options `--seeds` and `--out` of an experiment that runs over seeds; the folder `runs/NAME` is made.

    A number of seeds below 1 ends the script with exit code 2.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / name)
    parser.add_argument("--seeds", type=int, default=seeds)
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error(f"--seeds: must be at least 1, got {arguments.seeds}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    return arguments.seeds, arguments.out


def keep(path: Path, report: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write what a script goes on from, whole or not at all: arrays, and a report in JSON that belongs to them."""
    write_arrays(path, {REPORT: np.asarray(json.dumps(report)), **arrays})


def kept(path: Path, options: Mapping[str, Any], like: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], Any] | None:
    """The report and the arrays that `keep` wrote, or None if there is no such file.

    Args:
        options: what the report's own `options` must be.
        like: arrays of the shapes and kinds of numbers that must be there.

    Raises:
        UserError: damaged, of a run with other options, or not what `keep` writes.
    """
    if not path.exists():
        return None
    try:
        saved = archive.load(path)
        report = json.loads(str(saved[REPORT]))
        arrays = {name: saved[name] for name in like}
        if not isinstance(report["options"], dict):
            raise ValueError("its report has no options")
        for name, wanted in like.items():
            got = arrays[name]
            if (got.shape, got.dtype.kind) != (wanted.shape, wanted.dtype.kind):
                raise ValueError(f"{name} must be {wanted.dtype} {list(wanted.shape)}")
    except Exception as error:  # a broken archive raises what it likes
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path}: damaged ({reason}); remove it to begin anew") from None
    if report["options"] != dict(options):
        raise UserError(f"{path}: holds a run with other options, {report['options']}; choose another --out")
    return report, arrays
