"""Several learning rates and seeds side by side in one program."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.counting import wide_value
from erbp_jax.settings import settled
from erbp_jax.training import engine, testing
from erbp_jax.training.engine import Learner
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers


class Sweep(NamedTuple):
    """The cells of a sweep: R learning rates by S seeds, after each of E epochs."""

    learning_rates: np.ndarray  # [R]
    seeds: np.ndarray  # [S]
    test_error: (
        np.ndarray
    )  # [R, S, E] the task's first measure of `test_data`, an error in %; NaN once a cell has diverged
    diverged: np.ndarray  # [R, S] bool: weights or states ceased to be finite
    learner: Learner  # at the end, leaves [R, S, ...]

    @property
    def best(self) -> int:
        """The learning rate, by its place, with the least mean error at the end among those that never diverged.

        Raises:
            ValueError: all of them diverged for some seed.
        """
        return self.best_by(high_is_good=False)

    def best_by(self, high_is_good: bool) -> int:
        """As `best`, of a measure that may be good where it is high."""
        sign = -1.0 if high_is_good else 1.0
        last = np.where(self.diverged, np.inf, sign * self.test_error[..., -1]).mean(1)
        if np.isinf(last).all():
            raise ValueError("sweep: every learning rate diverged" + ("" if self.diverged.all() else " for some seed"))
        return int(last.argmin())


@settled
def sweep(
    experiment: Experiment,
    optimizers: Callable[[jax.Array], Optimizers],
    learning_rates: Sequence[float],
    seeds: Sequence[int],
    train_data: tuple[Any, Any],
    test_data: tuple[Any, Any],
    *,
    epochs: int,
    progress: Callable[[int, np.ndarray], None] | None = None,
) -> Sweep:
    """Train every cell of `learning_rates` x `seeds` for some epochs, all in one compiled program.

    `optimizers` makes those of a learning rate, which is traced. A cell equals a single run with them, to rounding. A
    cell whose weights or states become NaN or infinite is marked, and the others go on.

    Args:
        train_data: samples, images uint8 `[n, I]` for instance, and targets, classes `[n]` for instance.
        test_data: what errors are measured on; to choose a rate, samples that are held out.
        progress: receives the epoch, from 1, and the errors `[R, S]` in percent.

    Raises:
        ValueError: no or repeated rates or seeds, a rate that is not finite and above 0, fewer samples than a batch
            has.
    """
    try:
        asked = np.asarray(learning_rates, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"sweep: learning rates must be a list of numbers, got {learning_rates!r}") from None
    with np.errstate(over="ignore", under="ignore"):  # what leaves the range is refused below
        rates, numbers = asked.astype(np.float32), np.asarray(seeds, np.uint32)
    if not (np.isfinite(rates) & (rates > 0)).all():
        raise ValueError(
            f"sweep: learning rates must be finite and above 0, also in float32, got {_shown(learning_rates)}"
        )
    for name, kept, given in (("learning rates", rates, learning_rates), ("seeds", numbers, seeds)):
        if kept.ndim != 1 or not len(kept) or len(np.unique(kept)) != len(kept):
            raise ValueError(f"sweep: {name} must be a list of different numbers, got {_shown(given)}")
    samples = len(jax.tree.leaves(train_data[1])[0])
    batches = samples // experiment.batch_size
    if not batches:
        raise ValueError(f"sweep: {samples} samples are less than a batch of {experiment.batch_size}")

    def start(rate: jax.Array, seed: jax.Array) -> Learner:
        return engine.init(experiment, optimizers(rate), seed)

    def learn(rate: jax.Array, learner: Learner, samples: Any, targets: Any, *when: Any) -> Learner:
        epoch, first, last = when
        return engine.train(experiment, optimizers(rate), learner, samples, targets, epoch, first, last)

    rate, seed = (jnp.asarray(x) for x in np.meshgrid(rates, numbers, indexing="ij"))
    learner: Learner = jax.jit(_two(start))(rate, seed)
    train = jax.jit(_two(learn, (0, 0, *[None] * 5)))
    test = jax.jit(_two(partial(testing.test, experiment), (0, 0, None, None, None)))
    data = jax.device_put((train_data, test_data))
    first = experiment.task.measures[0]
    errors, finite = [], np.ones((len(rates), len(numbers)), bool)
    for epoch in range(epochs):
        learner = train(rate, learner, *data[0], jnp.int32(epoch), jnp.int32(0), jnp.int32(batches))
        result = jax.device_get(test(learner.seed, learner.weights, *data[1], jnp.int32(epoch + 1)))
        learned = jax.device_get(jax.tree.map(lambda x: jnp.isfinite(x).all(tuple(range(2, x.ndim))), _moved(learner)))
        lost = wide_value(learner.counters.lost)
        kept = (lost == 0).all(tuple(range(2, lost.ndim)))  # no state was lost while it learned
        finite &= np.all([*jax.tree.leaves(learned), result.finite.all(-1), kept], 0)
        errors.append(
            np.where(finite, first.scale * np.asarray(result.scores[first.name]).astype(np.float64).mean(-1), np.nan)
        )
        if progress:
            progress(epoch + 1, errors[-1])
    return Sweep(asked, numbers, np.stack(errors, -1), ~finite, learner)


def _shown(given: Any) -> str:
    """Numbers as they were given, without the digits that a longer type would add."""
    values = np.asarray(given)
    return f"[{', '.join(map(str, values))}]" if values.ndim == 1 else str(given)


def _moved(learner: Learner) -> Any:
    return learner.params, learner.rule_params.trained


def _two(function: Callable[..., Any], in_axes: Any = 0) -> Callable[..., Any]:
    """Over rates and seeds, the two leading axes."""
    return jax.vmap(jax.vmap(function, in_axes=in_axes), in_axes=in_axes)
