"""Trainings side by side that differ in seed and learning rate alone, and what they spend."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from trick_rows import Setting


class Learning:
    """Trainings side by side that differ in seed and learning rate alone: one program for all of them."""

    def __init__(
        self, setting: Setting, overrides: Sequence[str], seeds: Sequence[int], rates: Any, *, redrawn: bool
    ) -> None:
        import jax
        import jax.numpy as jnp

        from erbp_jax.config import load_config
        from erbp_jax.config.build import build
        from erbp_jax.config.build_data import load_data
        from erbp_jax.training import engine, testing
        from erbp_jax.training.optimizer import make_optimizer

        config = load_config(setting.config, overrides, rule=setting.rule)
        self.data = load_data(config)
        experiment = build(config, self.data)
        if redrawn:
            experiment = replace(experiment, encoder=Redrawn(experiment.encoder))
        self.batch, self.batches = experiment.batch_size, len(self.data.train) // experiment.batch_size
        counting = [*config.optimizer.model_dump()["tricks"], {"kind": "count_writes"}]
        section = type(config.optimizer).model_validate({**config.optimizer.model_dump(), "tricks": counting})

        def optimizers(rate: jax.Array) -> Any:
            at_rate = section.model_copy(update={"learning_rate": rate})
            return make_optimizer(at_rate, self.batches, config.training.epochs)

        def train(rate, learner, samples, targets, epoch, first, last):
            return engine.train(experiment, optimizers(rate), learner, samples, targets, epoch, first, last)

        self.seeds, self.rates = jnp.asarray(seeds, jnp.uint32), jnp.asarray(rates, jnp.float32)
        self.learner = jax.jit(jax.vmap(lambda s, r: engine.init(experiment, optimizers(r), s)))(self.seeds, self.rates)
        self._train = jax.jit(jax.vmap(train, in_axes=(0, 0, None, None, None, None, None)))
        self._test = jax.jit(jax.vmap(partial(testing.test, experiment), in_axes=(0, 0, None, None, None)))
        self.shown, self.counts = 0, np.zeros((len(seeds), 4))

    def until(self, digits: int) -> None:
        """Learn until so many digits have been shown."""
        import jax.numpy as jnp

        from erbp_jax.learning.tricks import written

        train = self.data.train.x, self.data.train.y
        while self.shown < digits:
            epoch, first = divmod(self.shown // self.batch, self.batches)
            last = min(self.batches, first + (digits - self.shown) // self.batch)
            zero = self.learner.counters._replace(events=_zeros(self.learner.counters.events))
            self.learner = replace(self.learner, counters=zero)
            self.learner = self._train(
                self.rates, self.learner, *train, jnp.int32(epoch), jnp.int32(first), jnp.int32(last)
            )
            events = self.learner.counters.values().events.astype(float)  # [S, 2 P + 2]
            layers = (events.shape[1] - 2) // 2
            self.counts[:, 0] += events[:, :layers].sum(1)
            self.counts[:, 1] += events[:, layers:-2].sum(1)
            self.counts[:, 2] += events[:, -2:].sum(1)
            self.counts[:, 3] = written(self.learner.optimizer)
            self.shown += self.batch * (last - first)

    def error(self) -> np.ndarray:
        """Held-out error in percent, `[S]`; 100 where states are no numbers any more."""
        import jax
        import jax.numpy as jnp

        test = self.data.test.x, self.data.test.y
        result = jax.device_get(self._test(self.seeds, self.learner.weights, *test, jnp.int32(self.shown)))
        return 100.0 * np.where(result.finite, result.scores["error"], True).mean(1)


def _zeros(events: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(jnp.zeros_like, events)


@dataclass(frozen=True)
class Redrawn:
    """An encoder with other draws: what jitter does to a code whose phases are random anyway."""

    inner: Any

    def init_state(self, sample: Any, key: Any) -> Any:
        return self.inner.init_state(sample, self._other(key))

    def __call__(self, state: Any, sample: Any, ticks: Any, key: Any) -> Any:
        return self.inner(state, sample, ticks, self._other(key))

    @staticmethod
    def _other(key: Any) -> Any:
        import jax.numpy as jnp

        from erbp_jax.random import fold_each

        return fold_each(key, jnp.uint32(17))
