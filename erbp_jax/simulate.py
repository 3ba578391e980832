"""The time loop: one `lax.scan` over blocks of ticks, for training, inference, recording and streaming alike."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from erbp_jax.encoding import Encoder
from erbp_jax.encoding.base import check_batch
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import fold_each
from erbp_jax.trace import NetworkState, Trace

Carry = TypeVar("Carry")
Out = TypeVar("Out")


class RunState(NamedTuple):
    """Everything that a simulation remembers between two ticks."""

    encoder: Any  # state of the data neurons
    network: NetworkState
    tick: jax.Array  # [] int32, ticks since the start of the presentation


def over_time(
    body: Callable[[Carry, jax.Array], tuple[Carry, Out]],
    carry: Carry,
    *,
    start: int | jax.Array,
    steps: int,
    block: int,
) -> tuple[Carry, Out]:
    """Scan `body(carry, ticks[block])` over the ticks `start .. start + steps - 1`.

    Raises:
        ValueError: `steps` is not a whole number of blocks.
    """
    if steps % block:
        raise ValueError(f"{steps} ticks are not a whole number of blocks of {block} ticks")
    ticks = start + jnp.arange(steps, dtype=jnp.int32).reshape(-1, block)
    return jax.lax.scan(body, carry, ticks)


def start(network: Network, encoder: Encoder, image: jax.Array, key: jax.Array) -> RunState:
    """The state before the first tick of a presentation of `image[B, I]` with the sample keys `key[B]`.

    Raises:
        ValueError: images or keys that do not fit the network, or what the encoder refuses.
    """
    check_input(network, encoder, image, key)
    encoder_state = encoder.init_state(image, fold_each(key, jnp.uint32(0)))
    return RunState(encoder_state, network.init_state(image.shape[0]), jnp.int32(0))


def check_input(network: Network, encoder: Encoder, image: jax.Array, key: jax.Array) -> None:
    """Refuse images that the encoder does not turn into input of the network's size, and keys that are not one a
    sample.

    Raises:
        ValueError: says what is wanted and what was given.
    """
    if len(network.inputs) != 1:
        raise ValueError(
            f"Network {network.name}: an encoder feeds one input, and it has {', '.join(network.inputs)}; give their "
            "spikes by name to Network.advance"
        )
    shape, size = tuple(getattr(image, "shape", ())), network.sizes[0]
    made = shape
    if len(shape) >= 2 and shape[1:] != (size,):  # an encoder may make less, or more, of an image than its pixels
        check_batch(type(encoder).__name__, image, key)
        made = jax.eval_shape(lambda: encoder.step(encoder.init_state(image, key), image, key)[1]).shape
    if made == shape and (len(shape) != 2 or shape[1] != size):
        raise ValueError(
            f"Network {network.name}: images must have shape [B, {size}], a flat row a sample, got {list(shape)}; "
            "image.reshape(B, -1) makes rows"
        )
    if made[1:] != (size,):
        raise ValueError(
            f"Network {network.name}: the encoder {type(encoder).__name__} makes spikes of shape {list(made)} of "
            f"images of shape {list(shape)}; the network's input takes [B, {size}]"
        )
    check_batch(f"Network {network.name}", image, key)


def encode(
    encoder: Encoder, state: Any, image: jax.Array, key: jax.Array, ticks: jax.Array
) -> tuple[Any, jax.Array, jax.Array]:
    """Input spikes of the ticks `[k]` and the keys that the network may use in them.

    Returns:
        The encoder's state, spikes `[k, B, ...]`, keys `[k, B]` (a function of sample key and tick alone).

    Raises:
        ValueError: no batch of images, keys that are not one a sample, or what the encoder refuses.
    """
    check_batch(type(encoder).__name__, image, key)
    tick_key = fold_each(key[None, :], ticks[:, None].astype(jnp.uint32) + 1)
    state, spikes = jax.lax.scan(
        lambda state, k: encoder.step(state, image, k), state, fold_each(tick_key, jnp.uint32(0))
    )
    return state, spikes, tick_key


def run(
    network: Network,
    encoder: Encoder,
    params: Params,
    image: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    block: int = 1,
    state: RunState | None = None,
    record: Callable[[Trace], Any] | None = None,
) -> tuple[RunState, Any]:
    """Run the network for `steps` ticks on `image[B, I]` (uint8, as the encoder wants it), without learning.

    `record` chooses what to keep of every block's trace, the output's spikes if not given; its results come back
    time-major, `[steps, B, ...]`.
    Two runs, the second starting from the first one's state, equal one run of both lengths, bit for bit, provided
    that the blocks are the same.

    Returns:
        The state after the last tick, and what was recorded.

    Raises:
        ValueError: images or keys that do not fit the network, what the encoder refuses, or steps that are not a whole
            number of blocks.
    """
    check_input(network, encoder, image, key)
    state = start(network, encoder, image, key) if state is None else state

    def body(carry, ticks):
        encoder_state, network_state = carry
        encoder_state, spikes, tick_key = encode(encoder, encoder_state, image, key, ticks)
        network_state, trace = network.advance(params, network_state, spikes, key=tick_key)
        return (encoder_state, network_state), (record or network.output_spikes)(trace)

    (encoder_state, network_state), kept = over_time(
        body, (state.encoder, state.network), start=state.tick, steps=steps, block=block
    )
    kept = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), kept)
    return RunState(encoder_state, network_state, state.tick + steps), kept
