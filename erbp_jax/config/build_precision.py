"""From the precision section of a config: weights that learn on a grid, neurons that store few bits."""

from dataclasses import replace

import jax
import numpy as np

from erbp_jax.config.schema import Precision
from erbp_jax.errors import UserError
from erbp_jax.grid import Grid, Grids
from erbp_jax.learning import ERBP, Rule
from erbp_jax.network import Network
from erbp_jax.neurons import Neuron, Parametric
from erbp_jax.neurons.quantized import QuantizedDendrite, QuantizedNeuron, on_grid
from erbp_jax.neurons.static import Static

FIRST, HIDDEN, LAST = 16.0, 8.0, 4.0
"""How far weights may grow, in units of the largest initial one. Trained networks of `configs/pi_mnist` have the 99.9 %
quantiles of their weights at 13 to 38 (first layer), 8 (hidden) and 1.4 to 2.3 (last)."""


def weight_grids(section: Precision, network: Network, bits: int | None = None) -> Grids:
    """The grid of every layer, of `bits` or of what the section says; None for layers without weights, such as pooling.

    Raises:
        UserError: a number of ranges that does not fit the layers, or a layer that no range follows for.
    """
    bits = bits or section.weight_bits
    assert bits is not None
    layers, layer_of = len(network.populations), network.layer_of
    params = jax.device_get(network.init(jax.random.key(0, impl="threefry2x32"))).trained.projections
    ranges = section.weight_range
    if ranges is None:
        largest = [max((float(abs(w).max()) for w in layer.values()), default=0.0) for layer in params]
        for index, (layer, most) in enumerate(zip(params, largest, strict=True)):
            if layer and most == 0.0:
                raise UserError(
                    f"precision.weight_range: the weights of layer {layer_of[index]} (from 0) start at 0, so that no "
                    "range follows from them; give the largest weight, one or one for each layer"
                )
        by_layer = ([FIRST] + [HIDDEN] * (layers - 2) + [LAST])[-layers:]
        ranges = tuple(most * by_layer[onto] for most, onto in zip(largest, layer_of, strict=True))
    elif len(ranges) in (1, layers):
        ranges = tuple((ranges * layers if len(ranges) == 1 else ranges)[onto] for onto in layer_of)
    else:
        raise UserError(f"precision.weight_range: one value, or one for each of the {layers} layers; got {len(ranges)}")
    try:
        pairs = zip(params, ranges, strict=True)
        return tuple(Grid.reaching(most, bits) if layer else None for layer, most in pairs)
    except ValueError as error:
        raise UserError(f"precision.weight_range: {error}") from None


def store_in_bits(section: Precision, network: Network, rule: Rule) -> tuple[Network, Rule]:
    """Network and rule with neurons and dendrites of few bits, if the config wants that."""
    if section.state_bits is None:
        return network, rule
    network = quantize_states(network, Grid.reaching(section.state_range, section.state_bits))
    if isinstance(rule, ERBP):
        grid = Grid.reaching(section.dendrite_range, section.state_bits)
        rule = replace(rule, dendrite=QuantizedDendrite(rule.dendrite.tau, grid))
    return network, rule


def resting(neuron: Neuron) -> list[float]:
    """The values of a neuron that it must be able to store: its states at rest, its threshold and reset."""
    values = [np.asarray(x) for x in on_grid(neuron.init_state((1,)))]
    constants = [np.asarray(getattr(neuron, name, 0.0)) for name in ("threshold", "v_reset")]
    return [float(np.abs(x).max()) for x in values + constants if x.dtype.kind == "f"] or [0.0]


def quantize_states(network: Network, grid: Grid) -> Network:
    """The same network with states on a grid.

    Raises:
        UserError: neurons with trainable parameters, without spikes, or with a rest or threshold beyond the grid.
    """
    for p in network.populations:
        if isinstance(p.neuron, Static):
            raise UserError("precision.state_bits: the rate form has no states between ticks; give rule.form: spiking")
        largest = max(abs(x) for x in resting(p.neuron))
        if largest > grid.highest:
            raise UserError(
                f"precision.state_range: {type(p.neuron).__name__} in {p.name!r} has a rest, reset or threshold of "
                f"{largest:g}, beyond the largest state of {grid.highest:g}"
            )
        if isinstance(p.neuron, Parametric):
            raise UserError(
                f"precision.state_bits: {type(p.neuron).__name__} in {p.name!r} has trainable parameters, and only "
                "neurons without any are stored in few bits"
            )
    stored = tuple(replace(p, neuron=QuantizedNeuron(p.neuron, grid)) for p in network.populations)
    return replace(network, populations=stored)
