"""`erbp-jax sweep`: several learning rates and seeds of one config in one program."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from erbp_jax.errors import NonFiniteError, UserError
from erbp_jax.files import write_json, write_text
from erbp_jax.wording import plural

KEY = "optimizer.learning_rate"
HELD_OUT = 0.2
"""Fraction of the training samples held out to compare learning rates, if the config holds out none."""


def swept(config: Path, overrides: Sequence[str], seeds: int | None, out: Path | None, rule: str | None) -> str:
    """Train, write `sweep.json`, `sweep.png` and `best.yaml`, the config at the best rate; returns the table.

    Raises:
        UserError: no learning rates, or what the config refuses.
        NonFiniteError: every learning rate diverged for some seed; the table is printed, and `sweep.json` is there.
    """
    from erbp_jax.config import load_config, to_yaml
    from erbp_jax.config.load import first_of
    from erbp_jax.training import run_folder

    rates, rest = _rates(overrides)
    loaded = load_config(config, [*rest, f"{KEY}=1.0"], rule)
    if said := first_of(config, rest, rule):
        print(said)
    if seeds is not None:
        if seeds < 1:
            raise UserError(f"--seeds: must be at least 1, got {seeds}")
        loaded = loaded.model_copy(update={"training": loaded.training.model_copy(update={"seeds": seeds})})
    if out is not None:
        run_folder.check_new(out)
    table, held = _table(loaded, rates)
    folder = out or run_folder.default_folder(f"sweep-{config.name}")
    rows = {
        "measure": table.measure._asdict(),
        "held_out": held,
        "epochs": loaded.training.epochs,
        "rows": table.rows(),
    }
    with run_folder.lock(folder):
        write_json(folder / "sweep.json", rows)
        try:
            best = table.best()
        except UserError as error:  # there is none: all that was seen is told before
            print(f"{table}\n{folder / 'sweep.json'}")
            raise NonFiniteError(f"{error}; there is no best one, and no best.yaml") from None
        at_best = loaded.optimizer.model_copy(update={"learning_rate": best})
        # Not named as the config of a run: a sweep is none, and cannot be resumed or evaluated.
        write_text(folder / "best.yaml", to_yaml(loaded.model_copy(update={"optimizer": at_best})))
    try:
        from erbp_jax.viz.figure import save

        picture = f", {save(table.plot(), folder / 'sweep.png')}"
    except UserError as error:  # matplotlib is an extra
        picture = f"; no picture: {error}"
    return (
        f"{table}\nbest: {best:g} (on {plural(held, 'sample')} held out of training)\n{folder / 'sweep.json'}{picture}"
    )


def _rates(overrides: Sequence[str]) -> tuple[list[float], list[str]]:
    """The learning rates, and the other overrides."""
    ours = [item for item in overrides if item.startswith(f"{KEY}=")]
    if len(ours) != 1:
        raise UserError(f"sweep: say once which learning rates to try, for example {KEY}=1e-4,3e-4,1e-3")
    text = ours[0].partition("=")[2].strip("[]")
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{KEY}: numbers with commas between them, got {text!r}") from None
    return rates, [item for item in overrides if item not in ours]


def _table(config: Any, rates: Sequence[float]) -> tuple[Any, int]:
    """The sweep of a config, and how many samples it was judged by."""
    from erbp_jax.api.sweeping import SweepTable, epoch_printer
    from erbp_jax.cli.running import new_session
    from erbp_jax.config.build_data import load_data
    from erbp_jax.training.sweep import sweep

    if not config.data.validation_size:
        all_there = config.data.model_copy(update={"train_size": None, "test_size": None})
        shown = load_data(config.model_copy(update={"data": all_there}))
        size = len(shown.train) // (1 + shown.copies)
        held = max(1, round(HELD_OUT * min(size, config.data.train_size or size)))
        # The held-out samples come off the end of what there is; sizes of the test set say nothing of them.
        data = config.data.model_copy(update={"validation_size": held, "test_size": None})
        if data.train_size is not None:
            data = data.model_copy(update={"train_size": min(data.train_size, size - held)})
        config = config.model_copy(update={"data": data})
    session = new_session(config)
    seeds, measure = [int(s) for s in session.seeds], session.experiment.task.measures[0]
    try:
        cells = sweep(
            replace(session.experiment, mesh=None), session.optimizers_at, list(rates), seeds,
            (session.data.train.x, session.data.train.y), (session.data.test.x, session.data.test.y),
            epochs=config.training.epochs,
            progress=epoch_printer(measure, session.data.test_name, config.training.epochs),
        )  # fmt: skip
    except ValueError as error:
        raise UserError(str(error)) from None
    return SweepTable(cells, measure, session.data.test_name), len(session.data.test)
