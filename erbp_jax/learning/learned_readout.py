"""A local classifier that learns: readout neurons of a hidden layer."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.block import unrolling
from erbp_jax.declared import checked
from erbp_jax.learning.readout import LocalErrors
from erbp_jax.neurons import Dendrite, ErrorNeurons
from erbp_jax.neurons.firing import decay
from erbp_jax.random import fold_each, uniform

DRAW = 2**32 - 1
"""Folded into a layer's key of the tick, for the draw of the readout neuron that fires."""


class LearnedReadoutState(NamedTuple):
    potential: jax.Array  # [B, K], V
    dendrite: jax.Array  # [B, K], U


@checked
@dataclass(frozen=True)
class LearnedReadout:
    r"""K leaky readout neurons in a winner-take-all circuit, whose weights learn as those of the output do.

    .. math::
        V_k[t] &= a V_k[t-1] + (1 - a) \sum_n w_{kn} s_n[t], \qquad a = e^{-1/\tau} \\
        P(s^P_k[t] = 1) &= e^{V_k[t]} / \sum_j e^{V_j[t]}, \qquad \sum_k s^P_k[t] = \sum_k s^L_k[t] \\
        \Delta w_{kn} &= \eta\, r\, U_k[t]\, s_n[t], \qquad
        U_k[t] = e^{-1/\tau_U} U_k[t-1] + s^L_k[t] - s^P_k[t]

    In every tick with a label spike one readout neuron fires, drawn by a softmax of the potentials. E+ of a class fires
    with a label spike without a readout spike, E- with a readout spike without a label spike. The errors of a tick sum
    to zero, and their mean is minus the gradient of the cross-entropy. They become rare as the layer learns, but do not
    end at the first right prediction. Integrating error neurons do not work here: wrong predictions are spread over
    many classes, none of which would reach threshold, while those of the label would add up.

    Errors go back to the layer through `scale` times the weights, with `scale` that of the layer's feedback; if it
    equals `rate`, weights of the layer and of the readout step down the same cross-entropy at one rate.

    `gain` is the root mean square of V (in nats) at first if every unit fired; `rate` is r, in learning rates eta of
    the network; `tau` and tau_U, that of the rule's dendrites, in ticks. V, U and the errors are `[B, K]` a tick. The
    weights are `[N, K]`, as those of a connection, and start as the layer's random feedback, at the size that the gain
    asks for.
    Source: layers with learned local classifiers, Belilovsky, Eickenberg, Oyallon 2019 (arXiv 1812.11446);
    winner-take-all neurons that draw from a softmax, Nessler et al. 2013, PLoS Comput. Biol. 9:e1003037.

    Example:
        >>> import erbp_jax as ej
        >>> rule = ej.ERBP(ej.LabelNeurons(10), local=(ej.LearnedReadout(gain=3.0, rate=3.0),))
        >>> rule.local[0].rate
        3.0

    Raises:
        ValueError: a gain or rate that is not above 0, or a negative time constant.
    """

    gain: float = 3.0
    rate: float = 3.0
    tau: float = 5.0

    def __post_init__(self) -> None:
        if self.gain <= 0 or self.rate <= 0 or self.tau < 0:
            raise ValueError(f"LearnedReadout: gain and rate must be > 0 and tau >= 0, got {self}")

    @property
    def populations(self) -> int:
        return 1

    @property
    def learns(self) -> bool:
        return True

    def init(self, random: jax.Array, units: int) -> jax.Array:
        return random.T * (self.gain / jnp.sqrt(jnp.square(random).mean() * units))

    def back(self, weights: jax.Array, scale: float) -> jax.Array:
        return scale * weights.T

    def init_state(self, error: ErrorNeurons, batch: int, classes: int) -> LearnedReadoutState:
        del error
        zero = jnp.zeros((batch, classes), jnp.float32)
        return LearnedReadoutState(zero, zero)

    def potentials(self, weights: jax.Array, potential: jax.Array, spikes: jax.Array) -> jax.Array:
        """V `[k, B, K]` over a block, from the `potential[B, K]` before it and the layer's `spikes[k, B, N]`."""
        currents = (1.0 - decay(self.tau)) * (spikes @ weights)
        return jax.lax.scan(Dendrite(self.tau).step, potential, currents, unroll=unrolling(len(spikes)))[1]

    def __call__(self, weights, state, spikes, label, *, key, error, dendrite: Dendrite) -> LocalErrors:
        del error
        potentials = self.potentials(weights, state.potential, spikes)
        winner = draw(potentials, fold_each(key, jnp.uint32(DRAW)))
        prediction = jax.nn.one_hot(winner, label.shape[-1], dtype=label.dtype) * label.sum(-1, keepdims=True)
        errors = label - prediction
        last, dendrites = jax.lax.scan(dendrite.step, state.dendrite, errors, unroll=unrolling(len(label)))
        update = -self.rate * jnp.einsum("tbk,tbn->nk", dendrites, spikes)
        count = jnp.abs(errors).sum(-1).astype(jnp.int32)
        return LocalErrors(LearnedReadoutState(potentials[-1], last), errors, count, prediction, update)


def draw(logits: jax.Array, keys: jax.Array) -> jax.Array:
    """One class for each of `logits[..., K]`, `keys[...]`, drawn by their softmax: one random number a draw."""
    below = jnp.cumsum(jax.nn.softmax(logits), -1) <= uniform(keys, (1,))
    return jnp.minimum(below.sum(-1, dtype=jnp.int32), logits.shape[-1] - 1)
