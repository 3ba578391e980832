"""The cells of a comparison: one run folder per rule, all its seeds in one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erbp_jax.archive import shown
from erbp_jax.config import Config, differences, load_config, rule_names
from erbp_jax.config.suggested import family
from erbp_jax.data import Dataset
from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.outside import named
from erbp_jax.training import run_data, run_folder
from erbp_jax.training.run_folder import ELSEWHERE

CELLS = "cells"
SEEDS = 3
"""Seeds of a rule, unless the command or the config says."""


@dataclass(frozen=True)
class Cell:
    """One rule of a comparison."""

    name: str
    config: Config
    folder: Path

    @property
    def finished(self) -> bool:
        return run_folder.finished(self.folder)


def plan(
    config: Path, overrides: Sequence[str], rules: Sequence[str] | None, seeds: int | None, out: Path
) -> list[Cell]:
    """The cells of a comparison, checked against what `out` holds of an earlier one.

    Without `seeds` the number is what the config says, or 3 where it says nothing.

    Raises:
        UserError: an unknown rule, mistakes in a config, or a cell in `out` that has another config.
    """
    described = rule_names(config)
    names = described if rules is None else list(rules)
    if not all(names):
        raise UserError(f"--rules: names with commas between them, got {shown(repr(','.join(names)))}")
    if not names:
        raise UserError(f"{config}: describes one rule only; say which to compare: --rules erbp,perbp,rbp,bp")
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise UserError(f"--rules: {shown(', '.join(twice))} given more than once")
    if seeds is not None and seeds < 1:
        raise UserError(f"--seeds: must be at least 1, got {seeds}")
    if seeds is not None and (said := [o for o in overrides if o.startswith("training.seeds=")]):
        raise UserError(f"--seeds: {seeds} and {said[-1]} say the same; give one of them")
    if not described:
        alone = load_config(config, overrides)
        local = family(alone.rule) == "eRBP"
        if strange := [n for n in names if (n in ("erbp", "perbp")) != local and n in ("erbp", "perbp", "bp", "rbp")]:
            raise UserError(
                f"--rules: {config} describes {alone.rule.kind} alone, whose optimizer and schedule would not be fair "
                f"to {', '.join(strange)}; give each rule its own under `rules:`, as configs/digits_rules.yaml does"
            )
    cells = [Cell(name, _config(config, overrides, seeds, name), out / CELLS / name) for name in names]
    for cell in cells:
        _same_as_before(cell)
    for earlier in _begun(out, names):  # the other rows of the table: of the same network, data and seeds
        if described and earlier not in described:
            raise UserError(
                f"{out / CELLS / earlier}: a rule that {config} does not have; the table would mix two configs. "
                "Give the comparison another --out"
            )
        _same_as_before(Cell(earlier, _config(config, overrides, seeds, earlier), out / CELLS / earlier))
    return cells


def _config(config: Path, overrides: Sequence[str], seeds: int | None, name: str) -> Config:
    """What the rule of a name is trained with."""
    loaded = load_config(config, overrides, rule=name)
    if seeds is None and "seeds" in loaded.training.model_fields_set:
        return loaded
    return load_config(config, [*overrides, f"training.seeds={SEEDS if seeds is None else seeds}"], rule=name)


def _begun(out: Path, planned: Sequence[str]) -> list[str]:
    """Rules of earlier commands that have a run in `out`."""
    found = [p.name for p in (out / CELLS).glob("*") if (p / run_folder.CONFIG).is_file()]
    return sorted(name for name in found if name not in planned)


def check_data(out: Path, config: Config, data: Dataset) -> None:
    """Refuse to train a rule on other samples than those of the other rows of the table, as far as these ask for the
    same: trains of another length are others.

    Raises:
        UserError: a cell in `out` had other ones.
    """
    for name in _begun(out, ()):
        folder = out / CELLS / name
        if _samples(run_folder.open_config(folder, trust=True), data) == _samples(config, data):
            run_data.check_same(folder, data)


def _samples(config: Config, data: Dataset) -> tuple[Any, ...]:
    """What a config says of its samples, but for where they are."""
    encoding = config.encoding
    ticks = max(encoding.steps, encoding.test_steps or 0) if data.ticks is not None else None
    return config.data.model_dump(exclude={"path", "dir"}), encoding.dt, ticks


def _same_as_before(cell: Cell) -> None:
    if not (cell.folder / run_folder.CONFIG).is_file():
        return
    trusted = named(cell.config.model_dump(mode="json"))
    changed = differences(run_folder.open_config(cell.folder, trusted), cell.config)
    if changed := [line for line in changed if not line.startswith(ELSEWHERE)]:
        raise UserError(
            f"{cell.folder}: was begun with another config; these keys differ:\n  "
            + "\n  ".join(changed)
            + "\nGive the comparison another --out, or remove that folder to run this rule again"
        )
    run_folder.check_modules(cell.folder, cell.config)


def finished(planned: Sequence[Cell], out: Path) -> list[Cell]:
    """The finished cells in `out`: the planned ones first, then those of earlier commands."""
    names = [cell.name for cell in planned]
    folders = [out / CELLS / name for name in _begun(out, names)]
    # `plan` found their configs to be those of the user's own file.
    earlier = [Cell(p.name, run_folder.open_config(p, trust=True), p) for p in folders]
    return [cell for cell in (*planned, *earlier) if cell.finished]


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
