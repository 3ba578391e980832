"""Train and test a classifier that is a program: copies of the machine, one per sample, share one set of weights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.erbp import Recipe, erbp_program, image_events
from erbp_jax.nsat.machine import Machine, State
from erbp_jax.nsat.program import Program
from erbp_jax.nsat.run import count_spikes, padded
from erbp_jax.random import new_key, split
from erbp_jax.tasks.decisions import wrong

_count = partial(jax.jit, static_argnums=0, donate_argnums=2)(count_spikes)

PER_REPLICA = ("x", "accumulator", "refractory", "snapshot", "last")
"""What of a machine's state belongs to its replicas."""


class Presented(NamedTuple):
    """One batch of samples, a replica each."""

    counts: np.ndarray  # [R, N] spikes of every neuron
    events: int  # input events, labels included


@dataclass
class Classifier:
    """A program of `erbp.erbp_program` with its state; samples run through `replicas` copies that share the weights.

    The changes of all replicas in a tick are added up, then the weights are limited. Replicas go on from one sample to
    the next without a reset, as the chip does. Input is a function of (seed, epoch, batch) alone.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.erbp import Recipe
        >>> from erbp_jax.nsat.learn import Classifier
        >>> recipe = Recipe(layers=(2, 8, 2), train_ticks=100, burn_in=20, test_ticks=100, rounding_bits=4)
        >>> classifier = Classifier(recipe, replicas=4)
        >>> images, labels = np.array([[255, 0], [0, 255]] * 4, np.uint8), np.array([0, 1] * 4)
        >>> before = classifier.weights
        >>> [shown.counts.shape for shown in classifier.train(images, labels, epoch=0)]  # 8 + 2 + 4 error neurons
        [(4, 14), (4, 14)]
        >>> bool((classifier.weights != before).any()), classifier.test(images).shape
        (True, (8, 2))
    """

    recipe: Recipe
    replicas: int
    seed: int = 0
    frozen: bool = False  # the same spike trains in every epoch, as the reference

    def __post_init__(self) -> None:
        self.program = erbp_program(self.recipe, self.seed)
        self.machine, self.arrays, _ = Machine.of(self.program, duplicates=False)
        self.key = new_key(self.seed)
        self.state = self._rest()
        self.tick = self.recipe.train_ticks  # a whole period, so that burn-ins begin with samples

    def _rest(self) -> State:
        keys = split(self.key, self.replicas)
        return self.machine.init(self.program, self.arrays, replicas=self.replicas, draws=keys)

    @property
    def weights(self) -> np.ndarray:
        """The weight table `[W]`."""
        return np.asarray(self.machine.table(self.state.weights)[0])

    def set_rounding(self, bits: int) -> None:
        """From now on let the rounding of changes remove so many bits: one more halves the rate of learning.

        The register of a running machine; weights and states stay as they are.
        """
        weights = self.weights  # bits beyond what blocks can round change how the machine keeps its weights
        self.recipe = replace(self.recipe, rounding_bits=bits)
        self.program = erbp_program(self.recipe, self.seed)
        self.machine, self.arrays, _ = Machine.of(self.program, duplicates=False)
        self.state = self.state._replace(weights=self.machine.load(self.arrays, weights))

    def snapshot(self) -> dict[str, np.ndarray]:
        """All that changes while it learns, for `restore`: a run that is taken up again goes on as if it had not
        stopped. What replicas draw with is a function of the seed."""
        replicas = {name: np.asarray(getattr(self.state, name)) for name in PER_REPLICA}
        return {"tick": np.asarray(self.tick), "weights": self.weights, **replicas}

    def restore(self, saved: Mapping[str, np.ndarray]) -> None:
        """Go on from a snapshot of a classifier with the same recipe, replicas and seed."""
        replicas = {name: jnp.asarray(saved[name]) for name in PER_REPLICA}
        self.state = self._rest()._replace(weights=self.machine.load(self.arrays, saved["weights"]), **replicas)
        self.tick = int(saved["tick"])

    def trained(self) -> Program:
        """The program with the weights that were learned."""
        return self.program.with_weights([self.weights])

    def train(self, images: np.ndarray, labels: np.ndarray, epoch: int) -> Iterator[Presented]:
        """One epoch over `images[n, pixels]` in a random order; the last replicas are left out if they are not full."""
        ticks = self.recipe.train_ticks
        order = np.random.default_rng((self.seed, epoch, 0)).permutation(len(images))
        order = np.arange(len(images)) if self.frozen else order
        capacity = 0
        for batch in range(len(images) // self.replicas):
            chosen = order[batch * self.replicas : (batch + 1) * self.replicas]
            rng = np.random.default_rng((self.seed, 0 if self.frozen else epoch, 1 + batch))
            tick, replica, axon = image_events(images[chosen], labels[chosen], rng, recipe=self.recipe, ticks=ticks)
            capacity = _capacity(tick, capacity)
            events = padded(tick, replica, axon, replicas=self.replicas, ticks=ticks, capacity=capacity)
            self.state, counts = _count(self.machine, self.arrays, self.state, events, first=self.tick)
            self.tick += ticks
            yield Presented(np.asarray(counts), len(tick))

    def test(self, images: np.ndarray) -> np.ndarray:
        """Output spike counts `[n, K]` without labels and learning, every sample from rest."""
        recipe = self.recipe
        program = erbp_program(recipe, self.seed, learning=False)
        machine, arrays, _ = Machine.of(program, duplicates=False)
        weights = machine.load(arrays, self.weights)
        counts, capacity = [], 0
        for batch in range(-(-len(images) // self.replicas)):
            shown = images[batch * self.replicas : (batch + 1) * self.replicas]
            full = np.pad(shown, ((0, self.replicas - len(shown)), (0, 0)))
            rng = np.random.default_rng((self.seed, 2**31, batch))
            tick, replica, axon = image_events(full, None, rng, recipe=recipe, ticks=recipe.test_ticks)
            capacity = _capacity(tick, capacity)
            events = padded(tick, replica, axon, replicas=self.replicas, ticks=recipe.test_ticks, capacity=capacity)
            keys = split(jax.random.fold_in(self.key, 1 + batch), self.replicas)
            state = machine.init(program, arrays, replicas=self.replicas, draws=keys)._replace(
                weights=jax.tree.map(jnp.copy, weights)
            )
            _, spikes = _count(machine, arrays, state, events, first=1)
            counts.append(np.asarray(spikes)[: len(shown), recipe.outputs])
        return np.concatenate(counts)


def error_percent(counts: np.ndarray, labels: np.ndarray) -> float:
    """Percent of samples whose label has not the most spikes; a tie or silence is an error.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.learn import error_percent
        >>> error_percent(np.array([[5, 1], [2, 3]]), np.array([0, 0]))
        50.0
    """
    return float(100.0 * (1.0 - (~wrong(counts, labels)).mean()))


def _capacity(tick: np.ndarray, before: int) -> int:
    """Room for the events of a tick in steps of 32, so that batches share a compiled program."""
    most = int(np.bincount(tick).max()) if len(tick) else 0
    return max(before, -(-most // 32) * 32)
