"""From the precision section of a config: weights that learn on a grid, neurons that store few bits."""

from dataclasses import replace

import jax
import numpy as np

from erbp_jax.config.schema import Precision
from erbp_jax.errors import UserError
from erbp_jax.grid import Grid, Grids
from erbp_jax.learning import ERBP, Rule
from erbp_jax.network import Network
from erbp_jax.neurons import Parametric
from erbp_jax.neurons.quantized import QuantizedDendrite, QuantizedNeuron

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
    layers = len(network.projections)
    params = jax.device_get(network.init(jax.random.key(0, impl="threefry2x32"))).trained.projections
    ranges = section.weight_range
    if ranges is None:
        largest = [max((float(abs(w).max()) for w in layer.values()), default=0.0) for layer in params]
        for index, (layer, most) in enumerate(zip(params, largest, strict=True)):
            if layer and most == 0.0:
                raise UserError(
                    f"precision.weight_range: the weights of layer {index} (from 0) start at 0, so that no range "
                    "follows from them; give the largest weight, one or one for each layer"
                )
        factors = ([FIRST] + [HIDDEN] * (layers - 2) + [LAST])[-layers:]
        ranges = tuple(np.multiply(largest, factors).tolist())
    if len(ranges) not in (1, layers):
        raise UserError(f"precision.weight_range: one value, or one for each of the {layers} layers; got {len(ranges)}")
    ranges = ranges * layers if len(ranges) == 1 else ranges
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


def quantize_states(network: Network, grid: Grid) -> Network:
    """The same network with states on a grid.

    Raises:
        UserError: neurons with trainable parameters.
    """
    for p in network.populations:
        if isinstance(p.neuron, Parametric):
            raise UserError(
                f"precision.state_bits: {type(p.neuron).__name__} in {p.name!r} has trainable parameters, and only "
                "neurons without any are stored in few bits"
            )
    stored = tuple(replace(p, neuron=QuantizedNeuron(p.neuron, grid)) for p in network.populations)
    return replace(network, populations=stored)
