"""erbp_jax: its `Network` of leaky integrate-and-fire neurons, differentiated through time."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense, Reliable
from erbp_jax.neurons import LeakyIF, Surrogate
from frameworks.base import Framework, Semantics
from frameworks.with_jax import JaxNetwork


def build(weights: Sequence[np.ndarray], decay: float, events: bool = False) -> JaxNetwork:
    """`events`: the first layer walks through its spikes, as `network.events: auto` chooses it for a sparse input."""
    surrogate = Surrogate("fast_sigmoid", 1.0 / Semantics().slope)
    neuron = LeakyIF(-1.0 / math.log(decay), refractory=0, reset="subtract", surrogate=surrogate)
    layers = [
        (Dense(*weight.shape, transmission=Reliable(by_events=events and i == 0)), neuron)
        for i, weight in enumerate(weights)
    ]
    network = sequential(*layers)
    params = network.init(jax.random.key(0, impl="threefry2x32"))

    def apply(weights, spikes):
        ticks, batch = spikes.shape[:2]
        key = jax.random.split(jax.random.key(0, impl="threefry2x32"), (ticks, batch))
        trained = params.trained._replace(projections=tuple({"weight": weight} for weight in weights))
        given = params._replace(trained=trained)
        _, trace = network.advance(given, network.init_state(batch), spikes, key=key)
        return network.output_spikes(trace)

    return JaxNetwork(apply, [jnp.asarray(w) for w in weights])


def semantics(decay: float) -> Semantics:
    """Our surrogates integrate to 1, where the others have the height 1; Adam takes no notice."""
    del decay
    return Semantics(height=Semantics().slope / 2.0)


FRAMEWORK = Framework("erbp_jax", build, semantics)
