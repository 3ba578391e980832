"""The optimisers that a training asks for, beside those that another has left."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from erbp_jax.api.fitted import Fitted, Make
from erbp_jax.api.prepare import optimizers_for
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers, Summed
from erbp_jax.wording import plural

ALONE = "go on from the weights alone, model=dataclasses.replace(model, learner=None)"
"""What to do where a model's optimiser does not fit."""


@dataclass(frozen=True, eq=False)
class Asked:
    """The optimisers that a training asks for: the given ones, and those of `before` where none is given.

    A new optimiser or learning rate is also for the rule's parameters, unless these had an optimiser of their own.
    """

    before: Fitted | None
    optimizer: optax.GradientTransformation | None
    rule_optimizer: optax.GradientTransformation | None
    learning_rate: float | None

    @property
    def _own(self) -> bool:
        return self.optimizer is not None or self.learning_rate is not None

    def optimizers(self, experiment: Experiment, batches: int) -> Optimizers:
        """Those of before themselves if nothing is asked, so that a program that is compiled serves again."""
        if self.before is not None and not self._own and self.rule_optimizer is None:
            return self.before.optimizers_for(experiment, batches)
        return self._make()(experiment, batches)

    def fitted(self, experiment: Experiment, optimizers: Optimizers, data: Dataset, begun: int) -> Fitted:
        """What the next training goes on with; this one began with epoch `begun`."""
        began = begun if self.before is None or self._own else self.before.begun
        return Fitted.of(experiment, data, optimizers, self._make(), given=self._given, falls=self._falls, begun=began)

    def continued(self, states: Any, experiment: Experiment, batches: int) -> Any:
        """The states of both optimisers, whose schedules of ours count updates: as many epochs have gone by where an
        epoch has others, and none with a new learning rate."""
        before, (network, rule) = self.before, self._given
        if before is None or self.optimizer is not None:
            return states
        now, was = batches * experiment.blocks, before.batches * before.experiment.blocks
        factor = 0.0 if self.learning_rate is not None else now / was
        ours = not network, not (rule or (network and not before.given[1]))
        return tuple(_counting(s, factor) if own else s for s, own in zip(states, ours, strict=True))

    def check(self, begun: int, epochs: int) -> None:
        """Refuse epochs in which nothing would be learned.

        Raises:
            UserError: the learning rate is 0 at the end of what a run was planned for.
        """
        if self._falls is None or self.before is None or not epochs:
            return
        last = self._falls + (begun if self._own else self.before.begun)
        if begun + epochs > last:
            raise UserError(
                f"model: the learning rate of its run falls to 0 within {plural(self._falls, 'epoch')}, at the end of "
                f"epoch {last}, and this training goes on to epoch {begun + epochs}; begin the schedule anew by "
                f"learning_rate=, or {ALONE}"
            )

    @property
    def _given(self) -> tuple[bool, bool]:
        network, rule = (False, False) if self.before is None else self.before.given
        return self.optimizer is not None or (network and not self._own), self.rule_optimizer is not None or rule

    @property
    def _falls(self) -> int | None:
        """A new learning rate is that of the same schedule; a given optimiser has its own."""
        return None if self.before is None or self._given[0] else self.before.falls

    def _make(self) -> Make:
        before, given = self.before, {"optimizer": self.optimizer, "rule_optimizer": self.rule_optimizer}
        new: Make = partial(optimizers_for, **given, learning_rate=self.learning_rate)
        if before is None:
            return new
        kept, of_rule = before.make, self.rule_optimizer is not None
        if self.optimizer is not None or (self._own and before.given[0]):
            return new if of_rule or not before.given[1] else partial(_both, new, kept)
        if self.learning_rate is not None:
            kept = partial(kept, learning_rate=self.learning_rate)
        return partial(_both, kept, partial(optimizers_for, **given, learning_rate=None)) if of_rule else kept


def _both(network: Make, rule: Make, experiment: Experiment, batches: int, **rate: Any) -> Optimizers:
    """The network's optimiser of the one, and the rule's of the other."""
    return Optimizers(network(experiment, batches, **rate).network, rule(experiment, batches).rule)


def _counting(states: Any, factor: float) -> Any:
    """States of optimisers after as many updates, times a factor, as far as schedules are concerned."""

    def scaled(count: Any) -> jax.Array:
        return jnp.round(count * factor).astype(count.dtype)

    def one(state: Any) -> Any:
        if isinstance(state, optax.ScaleByScheduleState):
            return state._replace(count=scaled(state.count))
        if isinstance(state, Summed):
            return state._replace(seen=scaled(state.seen), inner=_counting(state.inner, factor))
        return state

    return jax.tree.map(one, states, is_leaf=lambda x: isinstance(x, (optax.ScaleByScheduleState, Summed)))
