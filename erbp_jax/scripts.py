"""What the scripts in `experiments/` share."""

import argparse
from pathlib import Path


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
