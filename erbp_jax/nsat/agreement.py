"""How near a compiled program comes to its network: the same input spikes to both."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.encoding import Encoder
from erbp_jax.errors import UserError
from erbp_jax.evaluation.passes import batches
from erbp_jax.network import Network
from erbp_jax.nsat.compile import Compiled
from erbp_jax.nsat.machine import Machine
from erbp_jax.nsat.plan import LARGEST
from erbp_jax.nsat.run import padded
from erbp_jax.nsat.tables import Offsets
from erbp_jax.params import Params
from erbp_jax.random import split
from erbp_jax.simulate import encode, over_time, start
from erbp_jax.tasks.decisions import decide, wrong

BATCH = 100


@dataclass(frozen=True)
class Agreement:
    """Percent errors on one test set, and how alike the spike counts of every layer are.

    Example:
        >>> from erbp_jax.nsat.agreement import Agreement
        >>> found = Agreement(1000, 4.1, 4.3, 99.0, (0.98, 0.99), ((2.1, 2.0), (5.3, 5.4)), (0.0, 0.0))
        >>> round(found.compiled_error - found.float_error, 1)  # what integers cost, percentage points
        0.2
    """

    samples: int
    float_error: float
    compiled_error: float
    same_decision: float  # percent of samples
    correlation: tuple[float, ...]  # per layer, between the two counts of all (sample, neuron) pairs
    counts: tuple[tuple[float, float], ...]  # per layer, mean spikes per neuron and sample: float, compiled
    saturated: tuple[float, ...]  # per layer, percent of its states and ticks at the limits of 16 bits


def agreement(
    network: Network, params: Params, compiled: Compiled, encoder: Encoder, images: np.ndarray, labels: np.ndarray,
    *, steps: int, key: jax.Array,
) -> Agreement:  # fmt: skip
    """Run both on `images[n, pixels]`, the program for its latency longer.

    Spikes of a layer are counted in the ticks that answer the presentation.

    Example:
        >>> import jax, numpy as np
        >>> import erbp_jax as ej
        >>> from erbp_jax.nsat.agreement import agreement
        >>> from erbp_jax.nsat.compile import compile_network
        >>> network = ej.mlp(4, 3, neuron=ej.LIF(tau_mem=0.0))
        >>> params = network.init(jax.random.key(0))
        >>> compiled = compile_network(network, [np.asarray(params.trained.projections[0]["weight"])])
        >>> images = np.random.default_rng(0).integers(0, 256, (20, 4), np.uint8)
        >>> labels, key = np.zeros(20, int), jax.random.key(1)
        >>> found = agreement(network, params, compiled, ej.Poisson(max_rate=0.3), images, labels, steps=50, key=key)
        >>> found.samples, found.correlation[0] > 0.9
        (20, True)

    Raises:
        UserError: an encoder that gives anything but spikes.
    """
    machine, arrays, offsets = Machine.of(compiled.program, duplicates=False)
    ticks = steps + compiled.latency
    window, layer_of = _windows(compiled, offsets, steps)
    floats: list[list[np.ndarray]] = [[] for _ in network.populations]
    integers: list[list[np.ndarray]] = [[] for _ in network.populations]
    reference = jax.jit(partial(_float_counts, network, encoder, steps))
    count = jax.jit(_count, static_argnums=0)
    capacity, at_limits = 0, np.zeros(len(layer_of))
    for number, (index, new) in enumerate(batches(len(images), BATCH)):
        keys = split(jax.random.fold_in(key, number * BATCH), BATCH)
        counts, spikes = reference(params, jnp.asarray(images)[index], keys)
        spikes = np.asarray(spikes)
        if not np.isin(spikes, (0, 1)).all():
            raise UserError("the encoder gives graded input, but the machine takes only spikes")
        tick, replica, axon = np.nonzero(spikes)
        # The cores of the first layer each have the input on their first axons.
        copies = [axon + offsets.axon[c] for c in compiled.input_cores]
        order = np.argsort(np.tile(tick, len(copies)), kind="stable")
        tick, replica = (np.tile(x, len(copies))[order] for x in (tick, replica))
        most = int(np.bincount(tick).max()) if len(tick) else 0
        capacity = max(capacity, -(-most // 256) * 256)
        lists = padded(tick, replica, np.concatenate(copies)[order], replicas=BATCH, ticks=ticks, capacity=capacity)
        state = machine.init(compiled.program, arrays, replicas=BATCH, draws=keys)
        got, limits = map(np.asarray, count(machine, arrays, state, lists, window))
        at_limits += limits[:new].sum(0)
        for i, pieces in enumerate(compiled.pieces):
            whole = np.zeros((BATCH, network.sizes[i + 1]), np.int64)
            for (c, start_, unit), stop in zip(pieces, [*(p[2] for p in pieces[1:]), whole.shape[1]], strict=True):
                begin = offsets.neuron[c] + start_
                whole[:, unit:stop] = got[:, begin : begin + stop - unit]
            floats[i].append(np.asarray(counts[i])[:new])
            integers[i].append(whole[:new])
    pairs = [(np.concatenate(a), np.concatenate(b)) for a, b in zip(floats, integers, strict=True)]
    outputs = pairs[-1]
    return Agreement(
        samples=len(images),
        float_error=100.0 * float(np.mean(wrong(outputs[0], labels))),
        compiled_error=100.0 * float(np.mean(wrong(outputs[1], labels))),
        same_decision=100.0 * float(np.mean(_decided(outputs[0]) == _decided(outputs[1]))),
        correlation=tuple(_correlation(a, b) for a, b in pairs),
        counts=tuple((float(a.mean()), float(b.mean())) for a, b in pairs),
        saturated=tuple(
            100.0 * float(at_limits[layer_of == i].mean()) / (ticks * len(images) * layer.states)
            for i, layer in enumerate(compiled.layers)
        ),
    )


def _decided(counts: np.ndarray) -> np.ndarray:
    """The class decided for; -1 where undecided, which is no decision for class 0."""
    choice, alone = decide(counts)
    return np.where(alone, choice, -1)


def _windows(compiled: Compiled, offsets: Offsets, steps: int) -> tuple[jax.Array, np.ndarray]:
    """The first and the last tick `[2, N]` that answer the presentation, and the layer `[N]`, of every neuron."""
    neurons = sum(one.neurons for one in compiled.program.cores)
    late, layer_of = np.zeros(neurons, np.int32), np.zeros(neurons, np.int32)
    behind = 0
    for i, (layer, pieces) in enumerate(zip(compiled.layers, compiled.pieces, strict=True)):
        behind += layer.states
        for (c, first, unit), stop in zip(pieces, [*(p[2] for p in pieces[1:]), layer.units], strict=True):
            mine = slice(offsets.neuron[c] + first, offsets.neuron[c] + first + stop - unit)
            late[mine], layer_of[mine] = behind, i
    return jnp.asarray(np.stack([1 + late, steps + late])), layer_of


def _count(machine: Machine, arrays: Any, state: Any, events: Any, window: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Spikes of every neuron within its window, and how often its states were at a limit: int32 `[R, N]` each."""

    def body(carry, now):
        state, counts, limits = carry
        t, events = now
        state, tick = machine.step(arrays, state, events, t)
        inside = (t >= window[0]) & (t <= window[1])
        counts = counts + (tick.spikes & inside[None]).astype(jnp.int32)
        return (state, counts, limits + (jnp.abs(tick.x) >= LARGEST).sum(1, dtype=jnp.int32)), None

    ticks = jnp.arange(1, events.rows.shape[0] + 1, dtype=jnp.int32)
    zero = jnp.zeros((state.x.shape[0], machine.layout.neurons), jnp.int32)
    return jax.lax.scan(body, (state, zero, zero), (ticks, events))[0][1:]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 if one of them does not vary, or both: two silent layers are not alike in anything."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a.ravel().astype(np.float64), b.ravel().astype(np.float64))[0, 1])


def _float_counts(network, encoder, steps, params, image, keys):
    """Spike counts of every layer `[B, N]`, and the input spikes `[steps, B, I]`."""
    state = start(network, encoder, image, keys)

    def body(carry, ticks):
        encoder_state, network_state, counts = carry
        encoder_state, spikes, tick_key = encode(encoder, encoder_state, image, keys, ticks)
        network_state, trace = network.advance(params, network_state, spikes, key=tick_key)
        counts = tuple(c + seen.spikes.sum(0) for c, seen in zip(counts, trace.populations, strict=True))
        return (encoder_state, network_state, counts), spikes.reshape(*spikes.shape[:2], -1)

    counts = tuple(jnp.zeros((image.shape[0], n), jnp.float32) for n in network.sizes[1:])
    (_, _, counts), spikes = over_time(body, (state.encoder, state.network, counts), start=0, steps=steps, block=1)
    return counts, spikes.reshape(steps, image.shape[0], -1)
