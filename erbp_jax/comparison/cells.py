"""The cells of a comparison: one run folder a rule, all its seeds in one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from erbp_jax.config import Config, differences, load_config, rule_names
from erbp_jax.errors import UserError
from erbp_jax.training import run_folder

CELLS = "cells"


@dataclass(frozen=True)
class Cell:
    """One rule of a comparison."""

    name: str
    config: Config
    folder: Path

    @property
    def finished(self) -> bool:
        return (self.folder / run_folder.SUMMARY).is_file()


def plan(config: Path, overrides: Sequence[str], rules: Sequence[str] | None, seeds: int, out: Path) -> list[Cell]:
    """The cells of a comparison, checked against what `out` holds of an earlier, interrupted one.

    Raises:
        UserError: an unknown rule, mistakes in a config, or a cell in `out` that has another config.
    """
    names = list(rules or rule_names(config))
    if not names:
        raise UserError(f"{config}: describes one rule only; say which to compare: --rules erbp,perbp,rbp,bp")
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise UserError(f"--rules: {', '.join(twice)} given more than once")
    if seeds < 1:
        raise UserError(f"--seeds: must be at least 1, got {seeds}")
    cells = []
    for name in names:
        loaded = load_config(config, [*overrides, f"training.seeds={seeds}"], rule=name)
        cells.append(Cell(name, loaded, out / CELLS / name))
    for cell in cells:
        if not (cell.folder / run_folder.CONFIG).is_file():
            continue
        if changed := differences(run_folder.open_config(cell.folder), cell.config):
            raise UserError(
                f"{cell.folder}: was begun with another config; these keys differ:\n  "
                + "\n  ".join(changed)
                + "\nGive the comparison another --out, or remove that folder to run this rule again"
            )
    return cells


def run(
    cells: Sequence[Cell],
    command: list[str],
    devices: list[str],
    work: Callable[[Cell, str], None],
    say: Callable[[str], None] = print,
) -> None:
    """Do what is not done: `work(cell, title)` trains a cell, from its last checkpoint if it has one."""
    for number, cell in enumerate(cells, 1):
        seeds = cell.config.training.seeds
        title = f"[{number}/{len(cells)}] {cell.name}, {seeds} seed{'s' * (seeds > 1)}"
        if cell.finished:
            say(f"{title}: finished before")
            continue
        say(title)
        if not (cell.folder / run_folder.CONFIG).is_file():
            run_folder.create(cell.folder, cell.config, command, devices)
        work(cell, title)
