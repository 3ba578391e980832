"""Which error spikes arrive at each layer of eRBP, and the events on their way."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide, wide_add, wide_product
from erbp_jax.learning.base import ErrorSpikes, Given
from erbp_jax.learning.readout import Readout, error_spikes
from erbp_jax.network import Network
from erbp_jax.neurons import Dendrite, ErrorNeurons, ErrorState
from erbp_jax.params import Params
from erbp_jax.projection import Population
from erbp_jax.random import fold_each
from erbp_jax.trace import Trace

Layer = tuple[Population, Readout | None, jax.Array, Any]
"""A hidden population, its own readout, the readout's weights and its state."""


class Arriving(NamedTuple):
    """Error spikes of a block, and what made them."""

    state: ErrorState  # of the output's error neurons, each [B, K]
    spikes: dict[str, jax.Array]  # by population, E+ minus E-: float32 [k, B, K], of a readout of its own [k, B, R K]
    local: tuple[Any, ...]  # state of each hidden population's own readout; None without
    updates: tuple[Any, ...]  # of each one's weights; None without
    counted: ErrorSpikes


def arriving(
    error: ErrorNeurons,
    dendrite: Dendrite,
    network: Network,
    layers: Sequence[Layer],
    state: ErrorState,
    label: jax.Array,
    trace: Trace,
    given: Given,
    fan_out: Sequence[int],
) -> Arriving:
    """The errors of the output, `label[k, B, K]` minus its spikes, for every population but those that have a readout,
    whose own errors take their place. `fan_out` are the dendrites that a spike reaches: of each layer's own error
    neurons, and last of the output's."""
    output = network.output_spikes(trace)
    state, errors, fired = error_spikes(error, state, label, output)
    *reach, everywhere = fan_out
    shown, both = (label != 0).sum(-1, dtype=jnp.int32), 2 * label.shape[-1]  # label spikes; neurons of a population
    at_dendrites = wide_product(fired, everywhere, both * everywhere)
    incoming = wide(2 * (shown + output.sum(-1, dtype=jnp.int32)))
    spikes, local, updates = {network.output: errors}, [], []
    for (population, readout, weights, before), here in zip(layers, reach, strict=True):
        name = population.name
        if readout is None:
            local.append(None)
            updates.append(None)
            spikes[name] = errors
            continue
        seen = trace.populations[network.index(name)]
        key = fold_each(given.key, jnp.uint32(2 * first_onto(network, name) + 1))
        made = readout(weights, before, seen.spikes, label, key=key, error=error, dendrite=dendrite)
        local.append(made.state)
        updates.append(made.update)
        spikes[name] = made.errors
        fired, most = fired + made.fired, 2 * made.prediction.shape[-1] * here
        at_dendrites = wide_add(at_dendrites, wide_product(made.fired, here, most))
        predicted = 2 * (readout.populations * shown + made.prediction.sum(-1, dtype=jnp.int32))
        incoming = wide_add(wide_add(incoming, wide(predicted)), reached(seen.spikes, made.prediction.shape[-1]))
    return Arriving(state, spikes, tuple(local), tuple(updates), ErrorSpikes(fired, incoming, at_dendrites))


def merged(rule_params: Params) -> Sequence[jax.Array]:
    """Trained and fixed weights from error neurons in one order, the output's last."""
    trained = rule_params.trained or (None,) * len(rule_params.fixed)
    return [b if a is None else a for a, b in zip(trained, rule_params.fixed, strict=True)]


def first_onto(network: Network, name: str) -> int:
    """The first projection onto a population."""
    return next(j for j, p in enumerate(network.projections) if p.target == name)


def reached(spikes: jax.Array, neurons: int) -> Wide:
    """Synapses of a layer's `spikes[k, B, N]` onto so many readout neurons, `[k, B]`."""
    return wide_product(spikes.sum(-1, dtype=jnp.int32), neurons, spikes.shape[-1] * neurons)
