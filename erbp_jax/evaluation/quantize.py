"""Weights on a grid of few bits, states in few bits: during learning and after it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike

from erbp_jax.network import Network
from erbp_jax.neurons import Dendrite, Neuron, Surrogate
from erbp_jax.random import hashed_words, unit_interval
from erbp_jax.trace import Tree

Rounding = Literal["nearest", "stochastic"]


@dataclass(frozen=True)
class Grid:
    r"""Signed integers of `bits` bits times a step.

    .. math:: x = q\, \Delta, \qquad q \in \{-2^{b-1}, \dots, 2^{b-1} - 1\}

    Two's complement, as the fixed-point machine has it; with 2 bits the levels are -2, -1, 0 and 1 steps.

    Raises:
        ValueError: bits outside [2, 16], or a step that is not positive.
    """

    bits: int
    step: float

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 16:
            raise ValueError(f"Grid: bits must be in [2, 16], got {self.bits}")
        if not self.step > 0:
            raise ValueError(f"Grid: step must be > 0, got {self.step}")

    @classmethod
    def reaching(cls, largest: float, bits: int) -> "Grid":
        """The grid whose highest point is `largest`, or above it by less than two percent.

        The step has seven significant bits, so that every point of the grid and every difference of two points is a
        float32: weights that move from point to point stay on the grid exactly.
        """
        levels = 2 ** (max(2, bits) - 1) - 1
        mantissa, exponent = np.frexp(largest / levels)
        return cls(bits, float(np.ldexp(np.ceil(mantissa * 2**7), int(exponent) - 7)))

    def round(self, x: jax.Array, noise: jax.Array | None = None) -> jax.Array:
        r"""The nearest point of the grid, saturating; with `noise`, uniform in [0, 1), stochastic rounding.

        .. math:: q = \mathrm{clip}\left(\lfloor x / \Delta + u \rfloor\right), \qquad E[q] = x / \Delta

        inside the range. Without noise halves go to the even neighbour.
        """
        scaled = x / self.step
        whole = jnp.round(scaled) if noise is None else jnp.floor(scaled + noise)
        top = 2.0 ** (self.bits - 1)
        return self.step * jnp.clip(whole, -top, top - 1.0)


Grids = tuple[Grid | None, ...]
"""One a layer; None for layers without weights."""


def keep_on_grid(grids: Sequence[Grid | None], rounding: Rounding) -> optax.GradientTransformationExtraArgs:
    """The last link of a chain of optax transformations: it leads the weights of every layer along a grid.

    What comes in is the step that would be made; what goes out leads from the weight to a point of its layer's grid,
    `round(w + step) - w`, saturating. Weights that are not on the grid yet come to it with the first step. Rounding to
    nearest loses steps below half a point; stochastic rounding keeps them in the mean, down to 2^-24 of a point. It
    draws from the `key` that the update is given: a function of that key, the layer and the leaf.

    Raises:
        ValueError: on update, no parameters, or stochastic rounding without a key.
    """

    def init(params: Any) -> optax.EmptyState:
        del params
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None, *, key: jax.Array | None = None, **_: Any):
        if params is None or (rounding == "stochastic" and key is None):
            raise ValueError("keep_on_grid: needs the parameters, and a key for stochastic rounding")
        moved = []
        layers = zip(grids, updates.projections, params.projections, strict=True)
        for layer, (grid, step, weights) in enumerate(layers):
            moved.append(dict(step))
            if grid is None:
                continue
            for leaf, name in enumerate(sorted(step)):
                noise = _noise(rounding, key, layer, leaf, step[name].shape)
                moved[-1][name] = grid.round(weights[name] + step[name], noise) - weights[name]
        return updates._replace(projections=tuple(moved)), state

    return optax.GradientTransformationExtraArgs(init, update)


def _noise(rounding: Rounding, key: jax.Array | None, layer: int, leaf: int, shape: tuple[int, ...]):
    if rounding == "nearest" or key is None:
        return None
    return unit_interval(hashed_words(key, layer, leaf, n=int(np.prod(shape))).reshape(shape))


def quantize(params: Tree, grids: Sequence[Grid | None]) -> Tree:
    """Weights at the nearest points of their layers' grids."""
    pairs = zip(grids, params.projections, strict=True)
    rounded = (layer if grid is None else jax.tree.map(grid.round, layer) for grid, layer in pairs)
    return params._replace(projections=tuple(rounded))


def best_grids(params: Tree, bits: int) -> Grids:
    """A grid for each layer of trained weights with the least mean squared error, among 40 ranges.

    None for a layer without weights; weights that are all 0 lie on any grid, and get one that reaches 1.
    """
    chosen = []
    for layer in jax.device_get(params.projections):
        if not layer:
            chosen.append(None)
            continue
        weights = np.concatenate([np.asarray(w).ravel() for w in layer.values()])
        largest = float(np.abs(weights).max()) or 1.0
        candidates = [Grid.reaching(largest * part / 40, bits) for part in range(1, 41)]
        top = 2.0 ** (bits - 1)
        errors = [
            float(np.mean((g.step * np.clip(np.round(weights / g.step), -top, top - 1) - weights) ** 2))
            for g in candidates
        ]
        chosen.append(candidates[int(np.argmin(errors))])
    return tuple(chosen)


@dataclass(frozen=True)
class QuantizedNeuron:
    """A neuron whose states are rounded to a grid after every tick, and saturate.

    Order within a tick: the neuron's own (its spikes are decided on the sum before it is stored), then all states but
    the refractory counter and the drive go to the nearest point of the grid.
    """

    neuron: Neuron
    grid: Grid

    @property
    def max_rate(self) -> float:
        return self.neuron.max_rate

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        return self._stored(self.neuron.init_state(shape, dtype))

    def step(self, state: Any, current: jax.Array, *, key: jax.Array | None = None) -> tuple[Any, jax.Array]:
        state, spikes = self.neuron.step(state, current, key=key)
        return self._stored(state), spikes

    def with_surrogate(self, surrogate: Surrogate) -> "QuantizedNeuron":
        return replace(self, neuron=self.neuron.with_surrogate(surrogate))

    def _stored(self, state: Any) -> Any:
        kept = {name: self.grid.round(x) for name, x in state._asdict().items() if name not in ("refractory", "drive")}
        return state._replace(**kept)


@dataclass(frozen=True)
class QuantizedDendrite(Dendrite):
    """A dendrite whose potential is rounded to a grid after every tick, and saturates."""

    grid: Grid = Grid(16, 2.0**-6)

    def step(self, state: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
        potential = self.grid.round(super().step(state, current)[0])
        return potential, potential


def quantize_states(network: Network, grid: Grid) -> Network:
    """The same network with states on a grid."""
    stored = tuple(replace(p, neuron=QuantizedNeuron(p.neuron, grid)) for p in network.populations)
    return replace(network, populations=stored)
