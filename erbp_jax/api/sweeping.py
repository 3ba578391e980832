"""Several learning rates and seeds in one program."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from erbp_jax.api.numbers import numbers, parts, whole
from erbp_jax.api.prepare import (
    RuleLike,
    data_of,
    experiment_for,
    optimizers_for,
    rule_for,
)
from erbp_jax.cache import compilation_cache
from erbp_jax.declared import takes
from erbp_jax.encoding import Encoder
from erbp_jax.errors import UserError
from erbp_jax.learning.targets import for_curves
from erbp_jax.network import Network
from erbp_jax.tasks import Measure, Task
from erbp_jax.tasks.base import number
from erbp_jax.training.sweep import Sweep
from erbp_jax.training.sweep import sweep as sweep_cells
from erbp_jax.training.transforms import Optimizers


@dataclass(frozen=True, eq=False)
class SweepTable:
    """What `sweep` returns: the test measure of every learning rate and seed after every epoch.

    Example:
        >>> import numpy as np, erbp_jax as ej
        >>> from erbp_jax.tasks.base import ERROR
        >>> from erbp_jax.training.sweep import Sweep
        >>> errors = np.array([[[20.0, 8.0]], [[30.0, 12.0]]])  # [rates, seeds, epochs], percent
        >>> cells = Sweep(np.array([0.01, 0.03]), (0,), errors, np.array([[False], [False]]), None)
        >>> print(ej.SweepTable(cells, ERROR))
        learning rate  test error %
        0.01           8.00
        0.03           12.00
    """

    cells: Sweep
    measure: Measure
    test_name: str = "test"
    """What the samples that it was tested on are called: `test` or `held-out`."""

    def best(self) -> float:
        """The learning rate with the best mean over seeds at the end, among those that never diverged.

        Raises:
            UserError: all of them diverged for some seed.
        """
        try:
            return float(self.cells.learning_rates[self.cells.best_by(self.measure.high_is_good)])
        except ValueError as error:
            raise UserError(str(error)) from None

    def rows(self) -> list[dict[str, Any]]:
        """A row a learning rate: mean and spread over the seeds at the end, and how many diverged."""
        rows = []
        for rate, last, lost in zip(
            self.cells.learning_rates, self.cells.test_error[..., -1], self.cells.diverged, strict=True
        ):
            well = last[~lost]
            rows.append(
                {
                    "learning_rate": float(rate),
                    f"test_{self.measure.name}": float(well.mean()) if len(well) else None,
                    "std": float(well.std(ddof=1)) if len(well) > 1 else None,
                    "diverged": int(lost.sum()),
                }
            )
        return rows

    def plot(self) -> Any:
        """The measure by learning rate, a point per seed: a matplotlib figure."""
        from erbp_jax.viz.sweep import sweep_figure

        return sweep_figure(self.cells, self.measure, self.test_name)

    def __str__(self) -> str:
        name, digits = f"test_{self.measure.name}", ".2f" if self.measure.counted else ".4g"
        lines = [f"learning rate  {self.test_name} {self.measure.name}{self.measure.unit}"]
        for row in self.rows():
            mean = "-" if row[name] is None else f"{row[name]:{digits}}"
            spread = "" if row["std"] is None else f" +- {row['std']:{digits}}"
            lost = f"  ({row['diverged']} diverged)" if row["diverged"] else ""
            lines.append(f"{row['learning_rate']:<13g}  {mean}{spread}{lost}")
        return "\n".join(lines)


def epoch_printer(measure: Measure, test_name: str, epochs: int) -> Callable[[int, np.ndarray], None]:
    """What prints a line per epoch: the best mean over seeds `[R, S]` among the rates that have not diverged."""

    def tell(epoch: int, values: np.ndarray) -> None:
        means = values[np.isfinite(values).all(1)].mean(1)
        best = "every rate diverged"
        if len(means):
            value = means.max() if measure.high_is_good else means.min()
            best = f"best {test_name} {measure.name} {number(value, measure)}"
        print(f"epoch {epoch}/{epochs}  {best}", flush=True)

    return tell


def sweep(
    network: Network,
    rule: RuleLike,
    data: Any,
    *,
    learning_rate: Sequence[float],
    seed: int | Sequence[int] = (0,),
    epochs: int = 10,
    optimizer: optax.GradientTransformation | Callable[[jax.Array], optax.GradientTransformation] | None = None,
    encoder: Encoder | None = None,
    task: Task | None = None,
    steps: int | None = None,
    burn_in: int | None = None,
    update_every: int | None = None,
    batch_size: int | None = None,
    progress: bool = True,
) -> SweepTable:
    """Train every learning rate with every seed, all in one program, and test after every epoch.

    What is not given is as in `fit`. `seed` is one or several. `optimizer` makes one of a learning rate, or is
    one for a rate of 1, whose steps every cell multiplies: what bounds weights or waits to write has to be made of the
    rate. A line per epoch tells how good the best rate is, unless `progress` is False. Choose on
    samples that are held out: `data.subset(None, None, validation=...)`.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(200, 100)
        >>> network = ej.mlp(64, 20, 10)
        >>> table = ej.sweep(network, ej.ERBP.default, data, learning_rate=[1e-7, 1e-3], epochs=2, progress=False)
        >>> print(f"{table.best():g}")  # at the other one nothing has been learned yet
        0.001

    Raises:
        UserError: parts or numbers that do not fit together; says which.
    """
    numbers(steps=steps, burn_in=burn_in, update_every=update_every, batch_size=batch_size)
    maker = callable(optimizer) and takes(optimizer, 1)
    parts(network=network, optimizer=None if maker else optimizer, encoder=encoder, task=task)
    compilation_cache()
    shown = data_of(data)
    made = rule_for(network, rule)
    made = made if shown.labels is not None else for_curves(made)
    whole("epochs", epochs, 1)
    seeds = list(seed) if isinstance(seed, Iterable) else [seed]
    for each in seeds:
        numbers(seed=each)
    try:
        experiment = experiment_for(
            network, made, shown, encoder=encoder, task=task, steps=steps, burn_in=burn_in,
            update_every=update_every, batch_size=batch_size, devices=1,
        )  # fmt: skip
        batches = len(shown.train) // experiment.batch_size

        def at(rate: jax.Array) -> Optimizers:
            if optimizer is None:
                return optimizers_for(experiment, batches, None, None, rate)
            if not isinstance(optimizer, optax.GradientTransformation):
                return optimizers_for(experiment, batches, optimizer(rate), None, None)
            return optimizers_for(experiment, batches, optax.chain(optimizer, optax.scale(rate)), None, None)

        cells = sweep_cells(
            experiment, at, learning_rate, seeds, (shown.train.x, shown.train.y),
            (shown.test.x, shown.test.y), epochs=epochs,
            progress=epoch_printer(experiment.task.measures[0], shown.test_name, epochs) if progress else None,
        )  # fmt: skip
    except ValueError as error:
        raise UserError(str(error)) from None
    return SweepTable(cells, experiment.task.measures[0], shown.test_name)
