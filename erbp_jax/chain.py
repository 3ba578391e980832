"""Chains of layers, the networks that most examples are."""

from typing import Any

from erbp_jax.connections import Dense
from erbp_jax.network import Network
from erbp_jax.neurons import LIF, Neuron
from erbp_jax.projection import DelaySide, Population, Projection


def sequential(*parts: Any, delay: int = 0, delay_side: DelaySide = "axonal") -> Network:
    """A chain of layers: connections and neurons in turn, or pairs of them. All projections have the same delay.

    The populations are called `hidden1`, `hidden2`, ... and `output`; the input is called `input`.

    Example:
        >>> from erbp_jax import LIF, Dense, sequential
        >>> sequential(Dense(784, 100), LIF(), Dense(100, 10), LIF()).name
        '784-100-10'

    Raises:
        ValueError: parts that do not come in pairs, or sizes that do not fit.
    """
    flat = [x for part in parts for x in (part if isinstance(part, (tuple, list)) else (part,))]
    if not flat or len(flat) % 2:
        raise ValueError(f"sequential: a connection and a neuron for each layer, got {len(flat)} parts")
    connections, neurons = flat[::2], flat[1::2]
    for place, connection in enumerate(connections):
        if not hasattr(connection, "outputs"):
            raise ValueError(
                f"sequential: part {2 * place} (from 0) must be a connection, got {type(connection).__name__}"
            )
    names = [*(f"hidden{i}" for i in range(1, len(neurons))), "output"]
    populations = [Population(n, neuron, c.outputs) for n, neuron, c in zip(names, neurons, connections, strict=True)]
    ends = zip(["input", *names[:-1]], names, connections, strict=True)
    return Network(populations, (Projection(a, b, c, delay, delay_side) for a, b, c in ends))


def mlp(*sizes: int, neuron: Neuron | None = None, gain: float = 1.0, delay: int = 0) -> Network:
    """Fully connected layers of these sizes, the input first; all of `LIF()` unless another neuron is given.

    `gain` is that of `Dense`. The populations are named as in `sequential`.

    Example:
        >>> import erbp_jax as ej
        >>> ej.mlp(784, 100, 10, neuron=ej.LIF(tau_mem=10.0)).sizes
        (784, 100, 10)

    Raises:
        ValueError: fewer than two sizes, or what is no size.
    """
    if len(sizes) < 2:
        star = "; a tuple of sizes is given as mlp(*sizes)" if sizes and isinstance(sizes[0], tuple | list) else ""
        raise ValueError(f"mlp: needs at least two sizes, inputs and outputs, got {list(sizes)}{star}")
    neuron = LIF() if neuron is None else neuron
    pairs = zip(sizes, sizes[1:], strict=False)
    return sequential(*((Dense(a, b, gain), neuron) for a, b in pairs), delay=delay)
