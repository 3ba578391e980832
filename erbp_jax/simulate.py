"""The time loop: one `lax.scan` over blocks of ticks, for training, inference, recording and streaming alike."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from erbp_jax.encoding import Encoder
from erbp_jax.encoding.base import check_batch, check_leaves
from erbp_jax.network import Network
from erbp_jax.neurons import Surrogate
from erbp_jax.params import Params
from erbp_jax.random import fold_each, split
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


def start(network: Network, encoder: Encoder, sample: Any, key: jax.Array) -> RunState:
    """The state before the first tick of a presentation of a batch of samples with the keys `key[B]`.

    Raises:
        ValueError: samples or keys that do not fit the network, or what the encoder refuses.
    """
    check_input(network, encoder, sample, key)
    encoder_state = encoder.init_state(sample, fold_each(key, jnp.uint32(0)))
    return RunState(encoder_state, network.init_state(key.shape[0]), jnp.int32(0))


def check_input(network: Network, encoder: Encoder, sample: Any, key: jax.Array) -> None:
    """Refuse samples that the encoder does not turn into input of the network's size, and keys that are not one a
    sample.

    Raises:
        ValueError: says what is wanted and what was given.
    """
    check_one_input(network)
    size = network.sizes[0]
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in jax.tree.leaves(sample)]
    one = hasattr(sample, "shape") or () in shapes or not shapes  # an array, or what should have been one
    shape = tuple(getattr(sample, "shape", ()))

    def rows() -> ValueError:
        return ValueError(
            f"Network {network.name}: images must have shape [B, {size}], a flat row per sample, got {list(shape)}; "
            "image.reshape(B, -1) makes rows, and spike trains need no encoder"
        )

    if one and len(shape) < 2:
        raise rows()
    if shape[1:] == (size,):  # most encoders keep it
        check_batch(f"Network {network.name}", sample, key)
    else:
        check_leaves(type(encoder).__name__, sample, key)
    made = jax.eval_shape(lambda: _first_tick(encoder, sample, key)).shape[1:]
    if made == shape and made[1:] != (size,):
        raise rows()
    if made[1:] != (size,):
        raise ValueError(
            f"Network {network.name}: the encoder {type(encoder).__name__} makes spikes of shape {list(made)} of "
            f"{f'images of shape {list(shape)}' if one else 'its samples'}; the network's input takes [B, {size}]"
        )


def check_one_input(network: Network) -> None:
    """Refuse a network that an encoder cannot feed.

    Raises:
        ValueError: names its inputs.
    """
    if len(network.inputs) != 1:
        raise ValueError(
            f"Network {network.name}: an encoder feeds one input, and it has {', '.join(network.inputs)} (sources that "
            f"are no population; there are the populations {', '.join(network.names)}); give their spikes by name to "
            "ej.learn or Network.advance (docs/guides/recurrent_and_delayed.md, Several inputs)"
        )


def _first_tick(encoder: Encoder, sample: Any, key: jax.Array) -> jax.Array:
    state = encoder.init_state(sample, key)
    return encoder(state, sample, jnp.zeros(1, jnp.int32), key[None])[1]


def encode(
    encoder: Encoder, state: Any, sample: Any, key: jax.Array, ticks: jax.Array
) -> tuple[Any, jax.Array, jax.Array]:
    """Input spikes of the ticks `[k]` and the keys that the network may use in them.

    Returns:
        The encoder's state, spikes `[k, B, ...]`, keys `[k, B]` (a function of sample key and tick alone).

    Raises:
        ValueError: no batch of samples, keys that are not one per sample, or what the encoder refuses.
    """
    check_leaves(type(encoder).__name__, sample, key)
    tick_key = fold_each(key[None, :], ticks[:, None].astype(jnp.uint32) + 1)
    state, spikes = encoder(state, sample, ticks, fold_each(tick_key, jnp.uint32(0)))
    return state, spikes, tick_key


def over_samples(
    network: Network,
    encoder: Encoder,
    params: Params,
    sample: Any,
    key: jax.Array,
    *,
    steps: int,
    block: int = 1,
    observe: Callable[[Any, Trace, jax.Array], Any],
    observed: Any,
) -> tuple[RunState, Any]:
    """Present a batch for `steps` ticks, without learning, and carry along what `observe(observed, trace, ticks[k])`
    makes of every block: memory does not grow with time.

    Returns:
        The state after the last tick, and what was observed.

    Raises:
        ValueError: as `run`.
    """
    state = start(network, encoder, sample, key)

    def body(carry, ticks):
        encoder_state, network_state, observed = carry
        encoder_state, spikes, tick_key = encode(encoder, encoder_state, sample, key, ticks)
        network_state, trace = network.advance(params, network_state, spikes, key=tick_key)
        return (encoder_state, network_state, observe(observed, trace, ticks)), None

    (encoder_state, network_state, observed), _ = over_time(
        body, (state.encoder, state.network, observed), start=0, steps=steps, block=block
    )
    return RunState(encoder_state, network_state, state.tick + steps), observed


def run(
    network: Network,
    encoder: Encoder,
    params: Params,
    sample: Any,
    key: jax.Array,
    *,
    steps: int,
    block: int = 1,
    state: RunState | None = None,
    record: Callable[[Trace], Any] | None = None,
) -> tuple[RunState, Any]:
    """Run the network for `steps` ticks on a batch of samples, as the encoder wants them (`[B, I]` uint8
    for images), without learning.

    `record` chooses what to keep of every block's trace, the output's spikes if not given; its results come back
    time-major, `[steps, B, ...]`.
    Two runs, the second starting from the first one's state, equal one run of both lengths, bit for bit, provided
    that the blocks are the same.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> network, key = ej.mlp(16, 8, 3, gain=5.0), jax.random.key(0)
        >>> images, params = jnp.array([[0], [200]], jnp.uint8).repeat(16, 1), network.init(key)  # black, and grey
        >>> state, spikes = ej.run(network, ej.Poisson(0.25), params, images, jax.random.split(key, 2), steps=20)
        >>> spikes.shape, [bool(n > 0) for n in spikes.sum((0, 2))]
        ((20, 2, 3), [False, True])

    Returns:
        The state after the last tick, and what was recorded.

    Raises:
        ValueError: samples or keys that do not fit the network, what the encoder refuses, or steps that are not a whole
            number of blocks.
    """
    check_input(network, encoder, sample, key)
    state = start(network, encoder, sample, key) if state is None else state

    def body(carry, ticks):
        encoder_state, network_state = carry
        encoder_state, spikes, tick_key = encode(encoder, encoder_state, sample, key, ticks)
        network_state, trace = network.advance(params, network_state, spikes, key=tick_key)
        return (encoder_state, network_state), (record or network.output_spikes)(trace)

    (encoder_state, network_state), kept = over_time(
        body, (state.encoder, state.network), start=state.tick, steps=steps, block=block
    )
    kept = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), kept)
    return RunState(encoder_state, network_state, state.tick + steps), kept


def count(
    network: Network,
    params: Params,
    sample: Any,
    encoder: Encoder,
    key: jax.Array,
    *,
    steps: int,
    surrogate: Surrogate | str | None = None,
    block: int = 1,
) -> jax.Array:
    """Spikes of each output neuron over a presentation of a batch, `[B, K]`; `key` is one key.

    Projections take `block` ticks at once.

    With a `surrogate`, `jax.grad` goes through it; without one a gradient is refused, for it would be 0.

    Example:
        >>> import jax, jax.numpy as jnp, erbp_jax as ej
        >>> network, image = ej.mlp(16, 8, 3), jnp.full((2, 16), 200, jnp.uint8)
        >>> params, key = network.init(jax.random.key(0)), jax.random.key(1)
        >>> def loss(trained):
        ...     changed = params._replace(trained=trained)
        ...     spikes = ej.count(network, changed, image, ej.Poisson(0.25), key, steps=20, surrogate="fast_sigmoid")
        ...     return spikes.sum()
        >>> gradient = jax.grad(loss)(params.trained).projections[0]["weight"]
        >>> gradient.shape, bool((gradient != 0).any())
        ((16, 8), True)

    Raises:
        ValueError: as `run`, or neurons that have no surrogate derivative.
    """
    if surrogate is not None:
        network = network.with_surrogate(Surrogate(surrogate) if isinstance(surrogate, str) else surrogate)
    keys = split(key, len(jax.tree.leaves(sample)[0]))
    none = jnp.zeros((keys.shape[0], network.classes), jnp.float32)

    def add(seen: jax.Array, trace: Trace, ticks: jax.Array) -> jax.Array:
        del ticks
        return seen + network.output_spikes(trace).sum(0)

    return over_samples(network, encoder, params, sample, keys, steps=steps, block=block, observe=add, observed=none)[1]
