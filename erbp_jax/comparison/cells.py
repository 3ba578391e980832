"""The cells of a comparison: one run folder a rule, all its seeds in one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from erbp_jax.config import Config, differences, load_config, rule_names
from erbp_jax.config.schema import ERBPRule
from erbp_jax.errors import NonFiniteError, UserError
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
    described = rule_names(config)
    names = described if rules is None else list(rules)
    if not all(names):
        raise UserError(f"--rules: names with commas between them, got {','.join(names)!r}")
    if not names:
        raise UserError(f"{config}: describes one rule only; say which to compare: --rules erbp,perbp,rbp,bp")
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise UserError(f"--rules: {', '.join(twice)} given more than once")
    if seeds < 1:
        raise UserError(f"--seeds: must be at least 1, got {seeds}")
    if not described:
        family = load_config(config, overrides)
        local = isinstance(family.rule, ERBPRule)
        if strange := [n for n in names if (n in ("erbp", "perbp")) != local and n in ("erbp", "perbp", "bp", "rbp")]:
            raise UserError(
                f"--rules: {config} describes {family.rule.kind} alone, whose optimizer and schedule would not be fair "
                f"to {', '.join(strange)}; give each rule its own under `rules:`, as configs/digits_rules.yaml does"
            )
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


def finished(planned: Sequence[Cell], out: Path) -> list[Cell]:
    """The finished cells in `out`: the planned ones first, then those of earlier commands."""
    names = [cell.name for cell in planned]
    folders = sorted(p for p in (out / CELLS).glob("*") if (p / run_folder.SUMMARY).is_file() and p.name not in names)
    earlier = [Cell(p.name, run_folder.open_config(p), p) for p in folders]
    return [*(cell for cell in planned if cell.finished), *earlier]


def run(
    cells: Sequence[Cell],
    command: list[str],
    devices: list[str],
    work: Callable[[Cell, str], None],
) -> list[str]:
    """Do what is not done: `work(cell, title)` trains a cell, from its last checkpoint if it has one.

    Returns:
        What went wrong in cells that diverged; the others are finished.
    """
    failures = []
    for number, cell in enumerate(cells, 1):
        seeds = cell.config.training.seeds
        title = f"[{number}/{len(cells)}] {cell.name}, {seeds} seed{'s' * (seeds > 1)}"
        if cell.finished:
            print(f"{title}: finished before")
            continue
        print(title)
        with run_folder.lock(cell.folder):
            if not (cell.folder / run_folder.CONFIG).is_file():
                run_folder.create(cell.folder, cell.config, command, devices)
            try:
                work(cell, title)
            except NonFiniteError as error:  # the other rules have nothing to do with it
                failures.append(f"{cell.name}: {error}")
                print(failures[-1])
    return failures
