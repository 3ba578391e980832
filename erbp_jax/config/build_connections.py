"""From the layers of a config to connections that fit together."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.config.sections import ComponentSection
from erbp_jax.connections import Connection, Dense, Transmission
from erbp_jax.errors import UserError
from erbp_jax.units import Clock


def build_connections(
    section: schema.NetworkSection,
    image_shape: tuple[int, ...],
    transmissions: Sequence[Callable[[bool], Transmission]],
    by_events: int,
    clock: Clock,
) -> tuple[Connection, ...]:
    """One connection a layer after the input, which has the shape of an image, `(H, W)` or `(H, W, C)`.

    `transmissions` make how spikes cross, one per connection, from whether they are worked through one by one: in the
    dense ones of the first `by_events` connections.
    Units are flat between layers, so a layer of so many units follows maps as it follows units.

    Raises:
        UserError: layers that do not fit; names the key.
    """
    shape = (*image_shape, 1) if len(image_shape) == 2 else image_shape
    connections: list[Connection] = []
    for place, (layer, transmission) in enumerate(zip(section.layers[1:], transmissions, strict=True), 1):
        key, given = f"network.layers.{place}", {"inputs": math.prod(shape), "input_shape": shape}
        given["init_gain"] = section.init_gain
        if isinstance(layer, int):
            connection = Dense(math.prod(shape), layer, section.init_gain, transmission(place <= by_events))
        else:
            connection = _of_kind(key, layer, given, transmission(layer.kind == "dense" and place <= by_events), clock)
        connections.append(connection)
        shape = connection.output_shape
    return tuple(connections)


def _of_kind(
    key: str, layer: ComponentSection, given: dict[str, Any], transmission: Transmission, clock: Clock
) -> Connection:
    """A connection that its kind names, onto what it is given."""
    shape, entry = given["input_shape"], layer.entry
    if entry.about.get("maps") and len(shape) != 3:
        raise UserError(f"{key}: {layer.kind} needs maps, and the layer before it has {shape[0]} units without places")
    takes = {declared.given for declared in layer.keys}
    if entry.outside and transmission.draws and not takes & {"transmission", "context"}:
        raise UserError(
            f"network.transmission: {layer.kind!r} ({key}) has no parameter `transmission`, so that its synapses are "
            "reliable; give it one, or a chance of 1 in that layer"
        )
    try:
        connection = construct(layer, key, clock, {**given, "transmission": transmission})
    except ValueError as error:
        raise UserError(f"{key}: {error}") from None
    if connection.inputs != given["inputs"]:
        raise UserError(
            f"{key}: the layer before it has {given['inputs']} units, {layer.kind!r} takes {connection.inputs}"
        )
    return connection
