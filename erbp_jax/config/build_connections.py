"""From the layers of a config to connections that fit together."""

import math
from collections.abc import Callable, Sequence

from erbp_jax.config import schema
from erbp_jax.connections import Connection, Conv2d, Dense, Pool2d, Transmission
from erbp_jax.errors import UserError


def build_connections(
    section: schema.NetworkSection,
    image_shape: tuple[int, ...],
    transmissions: Sequence[Callable[[bool], Transmission]],
    by_events: int,
) -> tuple[Connection, ...]:
    """One connection a layer after the input, which has the shape of an image, `(H, W)` or `(H, W, C)`.

    `transmissions` make how spikes cross, one a connection, from whether they are worked through one by one: in the
    dense ones of the first `by_events` connections.
    Units are flat between layers, so a layer of so many units follows maps as it follows units.

    Raises:
        UserError: layers that do not fit; names the key.
    """
    shape = (*image_shape, 1) if len(image_shape) == 2 else image_shape
    connections: list[Connection] = []
    for place, (layer, transmission) in enumerate(zip(section.layers[1:], transmissions, strict=True), 1):
        key = f"network.layers.{place}"
        if isinstance(layer, int):
            connection = Dense(math.prod(shape), layer, section.init_gain, transmission(place <= by_events))
        elif len(shape) != 3:
            raise UserError(
                f"{key}: {layer.kind} needs maps, and the layer before it has {shape[0]} units without places"
            )
        else:
            connection = _on_maps(key, layer, (shape[0], shape[1], shape[2]), section.init_gain, transmission(False))
        connections.append(connection)
        shape = connection.output_shape
    return tuple(connections)


def _on_maps(
    key: str,
    layer: schema.ConvLayer | schema.PoolLayer,
    shape: tuple[int, int, int],
    gain: float,
    transmission: Transmission,
) -> Connection:
    try:
        if isinstance(layer, schema.PoolLayer):
            return Pool2d(shape, layer.size, layer.stride, layer.padding, layer.mode, layer.gain)
        shared = (layer.channels, layer.kernel, layer.stride, layer.padding)
        return Conv2d(shape, *shared, gain=gain, initial=layer.initial, transmission=transmission)
    except ValueError as error:
        raise UserError(f"{key}: {error}") from None
