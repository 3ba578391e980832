"""Learning in a sampling machine, and reading a class out of it."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from boltzmann.machine import MachineState, Params, SamplingMachine
from erbp_jax.learning.three_factor import Signals, ecd
from erbp_jax.learning.three_factor.rule import over_terms
from erbp_jax.random import fold_each


@dataclass(frozen=True)
class Presentation:
    """How data are shown and learned from: event-driven contrastive divergence.

    `eta` is the change of a weight per sample and unit of `<z z>_data - <z z>_model`; `eta_bias` that of a bias.
    Weights are frozen for `block` ticks. `tau_stdp` in ticks.

    Raises:
        ValueError: blocks that do not divide the two halves of a presentation.
    """

    phases: ecd.Phases = ecd.Phases()
    eta: float = 1e-3
    eta_bias: float = 1e-3
    tau_stdp: float = 4.0
    block: int = 10

    def __post_init__(self) -> None:
        if self.phases.data % self.block or (self.phases.length - self.phases.data) % self.block:
            raise ValueError(f"Presentation: blocks of {self.block} ticks do not divide the phases of {self.phases}")


class Counts(NamedTuple):
    """Mean hidden spikes per tick, where g is not 0."""

    data: jax.Array  # []
    model: jax.Array  # []


def present(
    machine: SamplingMachine,
    how: Presentation,
    optimizer: optax.GradientTransformation,
    params: Params,
    optimizer_state: Any,
    drive: jax.Array,
    key: jax.Array,
) -> tuple[Params, Any, Counts]:
    """Show a batch, `drive[B, V]` (logits), `key[B]`, and learn from it; samples add up.

    Order within a block: its ticks under frozen weights, then one update: sum over ticks and samples of
    `g (x s + s x)` on weights and of `g s` on biases.
    """
    terms = ecd.symmetric_stdp(how.tau_stdp)
    height = ecd.scale(how.eta, how.phases, machine.neuron.refractory, how.tau_stdp)
    bias_step = how.eta_bias * machine.neuron.refractory / (how.phases.plus[1] - how.phases.plus[0])
    batch = drive.shape[0]
    shapes = (batch, machine.visible), (batch, machine.hidden)
    traces = tuple((t.pre.init_state(shapes[0]), t.post.init_state(shapes[1])) for t in terms)
    free = jnp.full_like(drive, jnp.nan)

    def block(carry, first, clamped):
        params, optimizer_state, state, traces, counts = carry
        ticks = first + jnp.arange(how.block, dtype=jnp.int32)

        def tick(state, t):
            keys = fold_each(key, t.astype(jnp.uint32))
            state = machine.step(params, state, drive if clamped else free, key=keys, clamped=clamped)
            return state, (state.visible_spikes, state.hidden_spikes)

        state, (visible, hidden) = jax.lax.scan(tick, state, ticks)
        g = how.phases(ticks)[:, None, None]
        traces, values = over_terms(terms, traces, Signals(visible), Signals(hidden))
        pre = jnp.concatenate([x for x, _ in values], 1).reshape(-1, machine.visible)
        post = jnp.concatenate([g * y for _, y in values], 1).reshape(-1, machine.hidden)
        update = {
            "weight": -height * (pre.T @ post),
            "visible": -bias_step * (g * visible).sum((0, 1)),
            "hidden": -bias_step * (g * hidden).sum((0, 1)),
        }
        step, optimizer_state = optimizer.update(update, optimizer_state, params)
        params = cast(Params, optax.apply_updates(params, step))
        fired = hidden.mean((1, 2))
        sign = g[:, 0, 0]
        counts = Counts(
            counts.data + jnp.where(sign > 0, fired, 0.0).sum(), counts.model + jnp.where(sign < 0, fired, 0.0).sum()
        )
        return (params, optimizer_state, state, traces, counts), None

    zero = jnp.zeros((), jnp.float32)
    carry = (params, optimizer_state, machine.init_state(batch), traces, Counts(zero, zero))
    for start, stop, clamped in ((0, how.phases.data, True), (how.phases.data, how.phases.length, False)):
        firsts = jnp.arange(start, stop, how.block, dtype=jnp.int32)
        carry, _ = jax.lax.scan(lambda c, first, clamped=clamped: block(c, first, clamped), carry, firsts)
    params, optimizer_state, _, _, counts = carry
    learning = [b - a for a, b in (how.phases.plus, how.phases.minus)]
    return params, optimizer_state, Counts(counts.data / learning[0], counts.model / learning[1])


def recognise(
    machine: SamplingMachine, params: Params, drive: jax.Array, key: jax.Array, *, steps: int, burn_in: int, first: int
) -> jax.Array:
    """Spike counts `[B, V - first]` of the visible neurons from `first` on, which are free, while `drive[B, first]`
    clamps the others; counted from `burn_in` on, for `steps` ticks in all.

    Clamped neurons need no currents, so only the synapses onto the free ones are worked out.
    """
    weight, bias = params["weight"], params["visible"]
    free = replace(machine, visible=machine.visible - first)
    nan = jnp.full((drive.shape[0], machine.visible - first), jnp.nan, jnp.float32)
    batch = drive.shape[0]
    small = {"weight": weight[first:], "visible": bias[first:], "hidden": params["hidden"]}

    def tick(carry, t):
        state, held, pixels, counts = carry
        keys = fold_each(key, t.astype(jnp.uint32))
        from_pixels = machine.transmission.current(weight[:first], pixels, fold_each(keys, jnp.uint32(11)))
        state = free.step(small, state, nan, key=keys, arriving=from_pixels)
        held, pixels = machine.neuron.step(held, drive, fold_each(keys, jnp.uint32(12)))
        counts = counts + jnp.where(t >= burn_in, state.visible_spikes, 0.0)
        return (state, held, pixels, counts), None

    state: MachineState = free.init_state(batch)
    held, pixels = jnp.zeros((batch, first), jnp.int32), jnp.zeros((batch, first), jnp.float32)
    carry = (state, held, pixels, jnp.zeros(nan.shape, jnp.float32))
    carry, _ = jax.lax.scan(tick, carry, jnp.arange(steps, dtype=jnp.int32))
    return carry[3]


def generate(
    machine: SamplingMachine,
    params: Params,
    drive: jax.Array,
    key: jax.Array,
    *,
    steps: int,
    burn_in: int,
    start: jax.Array | None = None,
    start_steps: int = 0,
) -> jax.Array:
    """Mean activity z of the visible neurons `[B, V]` from `burn_in` on; `drive[B, V]` clamps where it is not NaN.

    For the first `start_steps` ticks `start[B, V]` clamps in its place: a network at rest may stay there.
    """

    def tick(carry, t):
        state, counts = carry
        now = drive if start is None else jnp.where(t < start_steps, start, drive)
        state = machine.step(params, state, now, key=fold_each(key, t.astype(jnp.uint32)))
        return (state, counts + jnp.where(t >= burn_in, state.visible_spikes, 0.0)), None

    carry = (machine.init_state(drive.shape[0]), jnp.zeros(drive.shape, jnp.float32))
    (_, counts), _ = jax.lax.scan(tick, carry, jnp.arange(steps, dtype=jnp.int32))
    return counts * (machine.neuron.refractory / (steps - burn_in))
