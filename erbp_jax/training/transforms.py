"""Optax transformations of our own, and the pair of them that a training has."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from erbp_jax.learning.base import Block
from erbp_jax.learning.tricks.bounds import keep_within
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.projection import Projection

__all__ = ["Optimizers", "after_block", "besides", "by_layer", "keep_within", "stepped", "summed"]


class Optimizers(NamedTuple):
    """Plain optax transformations, hashable: one of the network's trained parameters, one of the rule's own."""

    network: optax.GradientTransformation
    rule: optax.GradientTransformation


def stepped(
    optimizer: optax.GradientTransformation, update: Any, state: Any, params: Any, **extra: Any
) -> tuple[Any, Any]:
    """Parameters after one step against an `update`, and the optimiser's state.

    Optimisers are others' code, written for JAX's own rules of promotion, whatever the caller has set.
    """
    with jax.numpy_dtype_promotion("standard"):
        change, state = optax.with_extra_args_support(optimizer).update(update, state, params, **extra)
        return optax.apply_updates(params, change), state


def besides(network: Network, made: Block) -> dict[str, Any]:
    r"""What an optimiser may ask for by name besides update and parameters, of a block of k ticks and B samples.

    `errors`: spikes of the error neurons per sample, float32 `[]`, 0 of a rule without any. `eligibility`: one float32
    `[]` a projection, the squared length of what a postsynaptic unit can get, the mean over samples of
    :math:`\frac{n}{J O} \sum_j (\sum_t s_j[t])^2` with n synapses of J signals and O units: all signals of a dense
    projection, a share of them where some have no synapse. Those of a kernel count whole. What nobody asks for is not
    worked out.
    """
    batch = made.trace.inputs[0].shape[1]
    fired = jnp.int32(0) if made.events is None else made.events.error_spikes.sum(dtype=jnp.int32)
    parts = zip(network.projections, made.trace.arrived, made.update.projections, strict=True)
    energies = (
        jnp.square(p.connection.signal(arrived).astype(jnp.float32).sum(0)).sum(-1).mean() * _joined(p, update)
        for p, arrived, update in parts
    )
    return {"errors": fired.astype(jnp.float32) / batch, "eligibility": tuple(energies)}


def _joined(projection: Projection, update: Any) -> float:
    """The share of a projection's pairs of signal and unit that a synapse joins; 1 where synapses share weights, or
    are not known."""
    connection = projection.connection
    try:
        synapses = connection.synapses
    except ValueError:  # a connection that says to nobody where its synapses are is taken as a whole
        return 1.0
    if synapses != sum(leaf.size for leaf in jax.tree.leaves(update)):
        return 1.0
    return synapses / (connection.signals * connection.outputs)


def after_block(
    network: Network, optimizers: Optimizers, made: Block, params: Params, rule_trained: Any, states: Any, **extra: Any
) -> tuple[Any, Any, Any]:
    """What a learning block leaves: the network's trained parameters, the rule's, and the states of both optimisers.

    Neurons that adapt do so last, on the parameters that the optimiser has stepped.
    """
    (state, rule_state), extra = states, {**extra, **besides(network, made)}
    trained, state = stepped(optimizers.network, made.update, state, params.trained, **extra)
    rule_trained, rule_state = stepped(optimizers.rule, made.rule_update, rule_state, rule_trained, **extra)
    trained = network.adapted(Params(trained, params.fixed), made.trace)
    return trained, rule_trained, (state, rule_state)


class Summed(NamedTuple):
    """What `summed` carries."""

    seen: jax.Array  # [] int32, steps that came in
    waiting: jax.Array  # [] int32, steps in the sum
    total: Any  # their sum
    inner: Any  # state of the wrapped transformation


def summed(inner: optax.GradientTransformation, every: optax.Schedule) -> optax.GradientTransformationExtraArgs:
    r"""Pass the sum of the last `every(n)` steps, rounded down, through `inner`; in between nothing moves.

    .. math:: S_n = S_{n-1} + \Delta_n; \qquad
        \text{once } m \ge \lfloor \mathrm{every}(n) \rfloor:\; w \leftarrow w + \mathrm{inner}(S_n),\; S_n \leftarrow 0

    with n the steps that came in before and m those in the sum; trees of the parameters' shapes.
    A batch that is as many times as large, and may grow while it learns. Unlike `optax.MultiSteps` it counts the steps
    that come in, not those that go out, so that `every` runs along with the learning rate.
    """
    inner = optax.with_extra_args_support(inner)

    def init(params: Any) -> Summed:
        zero = jnp.zeros((), jnp.int32)
        return Summed(zero, zero, optax.tree.zeros_like(params), inner.init(params))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Summed]:
        total = optax.tree.add(state.total, updates)
        nothing = optax.tree.zeros_like(total)

        def pass_on() -> tuple[Any, Summed]:
            step, inner_state = inner.update(total, state.inner, params, **extra)
            return step, Summed(state.seen + 1, jnp.zeros_like(state.waiting), nothing, inner_state)

        def wait() -> tuple[Any, Summed]:
            return nothing, Summed(state.seen + 1, state.waiting + 1, total, state.inner)

        return jax.lax.cond(state.waiting + 1 >= jnp.asarray(every(state.seen)).astype(jnp.int32), pass_on, wait)

    return optax.GradientTransformationExtraArgs(init, update)


def by_layer(factors: Sequence[float], layer_of: Sequence[int] | None = None) -> optax.GradientTransformation:
    """Multiply the updates of each projection by the factor of the layer that it leads to, `layer_of[j]`; of a chain
    of layers the j-th."""

    def scale(updates: Any, _: Any) -> Any:
        each = factors if layer_of is None else [factors[layer] for layer in layer_of]
        pairs = zip(each, updates.projections, strict=True)
        return updates._replace(projections=tuple(jax.tree.map(lambda u, f=f: f * u, x) for f, x in pairs))

    return optax.stateless(scale)
