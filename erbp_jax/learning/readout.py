"""Local classifiers: readouts of a hidden layer, whose errors do not have to come from the output."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from erbp_jax.block import unrolling
from erbp_jax.declared import checked
from erbp_jax.neurons import Dendrite, ErrorNeurons, ErrorState


class LocalErrors(NamedTuple):
    """What a readout makes of a block."""

    state: Any  # of the readout and its error neurons, after the block
    errors: jax.Array  # [k, B, R K] spikes of E+ minus those of E-
    fired: jax.Array  # [k, B] int32, spikes of both
    prediction: jax.Array  # [k, B, R K] spikes of the readout neurons
    update: jax.Array | None = None  # of the readout's own weights, to be stepped against; None if they are fixed


class Readout(Protocol):
    """K neurons for each of R populations that see a hidden layer, and error neurons behind them.

    Errors return to the layer's dendrites through the transposed weights. Weights that learn are `[N, R K]`, with the
    postsynaptic neuron on the last axis; fixed ones are the layer's feedback `[R K, N]`.

    Example:
        >>> import erbp_jax as ej
        >>> ej.LocalReadout(populations=4).populations, ej.LearnedReadout().populations
        (4, 1)
    """

    @property
    def populations(self) -> int:
        """R."""
        ...

    @property
    def learns(self) -> bool:
        """Whether its weights change."""
        ...

    def init(self, random: jax.Array, units: int) -> jax.Array:
        """Its weights, from the random feedback to a layer of N `units`."""
        ...

    def init_state(self, error: ErrorNeurons, batch: int, classes: int) -> Any: ...

    def back(self, weights: jax.Array, scale: float) -> jax.Array:
        """The weights `[R K, N]` that its errors come back through; `scale` is that of the layer's feedback."""
        ...

    def __call__(
        self,
        weights: jax.Array,
        state: Any,
        spikes: jax.Array,
        label: jax.Array,
        *,
        key: jax.Array,
        error: ErrorNeurons,
        dendrite: Dendrite,
    ) -> LocalErrors:
        """A block: the layer's `spikes[k, B, N]`, spikes of the `label[k, B, K]`, the layer's `key[k, B]`."""
        ...


@checked
@dataclass(frozen=True)
class LocalReadout:
    r"""R K readout neurons that see a hidden layer through its transposed feedback weights.

    .. math:: s^P_{rk}[t] = \Theta\Big(\frac{c}{g_\mathrm{rms} \sqrt N} \sum_n g_{rkn}\, s_n[t] - 1\Big)

    Readout neurons have no memory and a threshold of 1; `gain` is c. Error neurons of this layer compare their spikes
    with the label's. Errors return through the same weights that made the prediction. These are fixed and random, but
    they are the gradient's weights for this prediction from the start, so that nothing has to align. The prediction
    serves learning alone.

    One random classifier says little about what a layer represents: what lowers its error need not help the next
    layer. With R `populations`, each has random weights, and what lowers the error of all of them is more general.
    Source: local errors, Mostafa, Ramesh, Cauwenberghs 2018, Front. Neurosci. 12:608; with spikes, Kaiser, Mostafa,
    Neftci 2020, Front. Neurosci. 14:424.

    Example:
        >>> import erbp_jax as ej
        >>> rule = ej.ERBP(ej.LabelNeurons(10), local=(ej.LocalReadout(populations=2),))
        >>> rule.local[0].populations
        2
    """

    gain: float = 3.0
    populations: int = 1

    def __post_init__(self) -> None:
        if self.gain <= 0:
            raise ValueError(f"LocalReadout: gain must be > 0, got {self.gain}")
        if self.populations < 1:
            raise ValueError(f"LocalReadout: at least one population, got {self.populations}")

    @property
    def learns(self) -> bool:
        return False

    def init(self, random: jax.Array, units: int) -> jax.Array:
        del units
        return random

    def back(self, weights: jax.Array, scale: float) -> jax.Array:
        del scale
        return weights

    def predict(self, weights: jax.Array, spikes: jax.Array) -> jax.Array:
        """Spikes `[k, B, R K]` of the readout for the layer's `spikes[k, B, N]`."""
        scale = self.gain / jnp.sqrt(jnp.square(weights).mean() * spikes.shape[-1])
        current = spikes @ (scale * weights).T
        return (current > 1.0).astype(spikes.dtype)

    def init_state(self, error: ErrorNeurons, batch: int, classes: int) -> ErrorState:
        return error.init_state((batch, self.populations * classes))

    def __call__(self, weights, state, spikes, label, *, key, error, dendrite) -> LocalErrors:
        del key, dendrite
        prediction = self.predict(weights, spikes)
        state, errors, count = error_spikes(error, state, jnp.tile(label, self.populations), prediction)
        return LocalErrors(state, errors, count, prediction)


def error_spikes(
    error: ErrorNeurons, state: ErrorState, label: jax.Array, prediction: jax.Array
) -> tuple[ErrorState, jax.Array, jax.Array]:
    """Error neurons over k ticks: their state, E+ minus E- spikes `[k, B, K]`, spikes of both `[k, B]` (int32)."""

    def tick(state, inputs):
        state, (positive, negative) = error.step(state, *inputs)
        return state, (positive - negative, (positive + negative).sum(-1))

    state, (difference, count) = jax.lax.scan(tick, state, (label, prediction), unroll=unrolling(len(label)))
    return state, difference, count.astype(jnp.int32)
