"""Learning from given spikes, chunk after chunk, for ever: for streams, notebooks and experiments."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from erbp_jax.learning.base import Block, LearningState, Rule
from erbp_jax.learning.loop import Carry, over_blocks
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import check_keys, fold_each
from erbp_jax.training.transforms import Optimizers, after_block, summed


class Stream(NamedTuple):
    """The complete state that is carried from tick to tick.

    Example:
        >>> from erbp_jax.training.learn import Stream
        >>> Stream._fields
        ('params', 'rule_params', 'optimizer', 'state', 'tick')
    """

    params: Params  # of the network
    rule_params: Params
    optimizer: Any  # optax states, of the network's and of the rule's trained parameters
    state: LearningState
    tick: jax.Array  # [] int32, since the start


class Learning(NamedTuple):
    """What learns, and how. `rule_optimizer` steps the rule's own trained parameters, if it has some, once in
    `rule_every` blocks by the sum of their updates; the network's optimiser does if none is given, which must then not
    look for the network's parts (bounds or masks by projection).

    Example:
        >>> import optax, erbp_jax as ej
        >>> network = ej.mlp(4, 3)
        >>> ej.Learning(network, ej.ERBP(ej.LabelNeurons(3)), optax.sgd(0.1)).network.name
        '4-3'
    """

    network: Network
    rule: Rule
    optimizer: optax.GradientTransformation
    rule_optimizer: optax.GradientTransformation | None = None
    rule_every: int = 1

    def optimizers(self, rule_params: Params) -> Optimizers:
        """Of the network's and of the rule's trained parameters."""
        if not jax.tree.leaves(rule_params.trained):
            return Optimizers(self.optimizer, optax.identity())
        for_rule = self.rule_optimizer or self.optimizer
        if self.rule_every > 1:
            for_rule = optax.chain(summed(for_rule, optax.constant_schedule(float(self.rule_every))))
        return Optimizers(self.optimizer, for_rule)


def start(learning: Learning, params: Params, rule_params: Params, batch: int = 1) -> Stream:
    """At rest, before the first tick.

    Example:
        >>> import jax, optax, erbp_jax as ej
        >>> network, rule, key = ej.mlp(4, 3), ej.ERBP(ej.LabelNeurons(3)), jax.random.key(0)
        >>> learning = ej.Learning(network, rule, optax.sgd(0.1))
        >>> stream = ej.start(learning, network.init(key), rule.init(network, key), batch=2)
        >>> int(stream.tick)
        0
    """
    optimizer, for_rule = learning.optimizers(rule_params)
    state = learning.rule.init_state(learning.network, batch)
    states = optimizer.init(params.trained), for_rule.init(rule_params.trained)
    return Stream(params, rule_params, states, state, jnp.zeros((), jnp.int32))


def learn(
    learning: Learning,
    stream: Stream,
    spikes: jax.Array | Mapping[str, jax.Array],
    target: Any,
    *,
    key: jax.Array,
    block: int = 1,
    record: Callable[[Block, Params], Any] | None = None,
) -> tuple[Stream, Any]:
    """Run `spikes[T, B, I]` (by name where there are several inputs) with the `target` of the samples and `key[B]`
    through the network, and learn after every block of ticks.

    The batch's samples share the weights, their updates are summed; for separate weights per sample, `vmap` this. Two
    calls, the second from the first one's stream, are one call with all ticks, as long as the blocks are the same.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> import erbp_jax as ej
        >>> network, rule, key = ej.mlp(4, 3), ej.ERBP(ej.LabelNeurons(3)), jax.random.key(0)
        >>> learning, keys = ej.Learning(network, rule, optax.sgd(0.1)), jax.random.split(key, 1)
        >>> stream = ej.start(learning, network.init(key), rule.init(network, key))
        >>> for chunk in range(2):
        ...     spikes = jnp.ones((20, 1, 4))
        ...     stream, output = ej.learn(learning, stream, spikes, jnp.array([1]), key=keys, block=5)
        >>> int(stream.tick), output.shape
        (40, (4, 5, 1, 3))

    Returns:
        The stream after the last tick, and what `record(result of the block, new parameters)` kept of every block: the
        output's spikes `[blocks, k, B, K]` if none is given.

    Raises:
        ValueError: T is not a whole number of blocks, spikes that are not those of the network's inputs, keys that are
            not one per sample, or what network and rule refuse.
    """
    network, rule, optimizers = learning.network, learning.rule, learning.optimizers(stream.rule_params)
    spikes = network.named(spikes)
    for name, x in spikes.items():
        if x.ndim != 3:
            raise ValueError(
                f"learn: spikes must have shape [T, B, {x.shape[-1]}], ticks by samples by units, got {list(x.shape)} "
                f"for {name!r}"
            )
    (steps, batch), *others = (x.shape[:2] for x in spikes.values())
    if any(shape != (steps, batch) for shape in others):
        each = ", ".join(f"{list(x.shape)} for {name!r}" for name, x in spikes.items())
        raise ValueError(f"learn: all inputs must have the same ticks and samples, [T, B, I], got {each}")
    if isinstance(block, bool) or not isinstance(block, int) or block < 1:
        raise ValueError(f"learn: block must be a whole number of ticks from 1 on, got {block!r}")
    check_keys("learn", key, (batch,))

    def feed(source, ticks):
        first = ticks[0] - stream.tick
        seen = {name: jax.lax.dynamic_slice_in_dim(x, first, block) for name, x in spikes.items()}
        return source, seen, fold_each(key[None, :], ticks[:, None].astype(jnp.uint32) + 1)

    def params(moved):
        trained, rule_trained, _ = moved
        return stream.params._replace(trained=trained), stream.rule_params._replace(trained=rule_trained)

    def step(moved, made, ticks):
        del ticks
        trained, rule_trained, states = moved
        before = stream.params._replace(trained=trained)
        moved = after_block(network, optimizers, made, before, rule_trained, states)
        new = params(moved)[0]
        return moved, network.output_spikes(made.trace) if record is None else record(made, new)

    moved = stream.params.trained, stream.rule_params.trained, stream.optimizer
    carry, kept = over_blocks(
        network,
        rule,
        feed=feed,
        target=target,
        params=params,
        step=step,
        carry=Carry((), stream.state, moved),
        start=stream.tick,
        steps=steps,
        block=block,
    )
    own_params = params(carry.moved)
    return Stream(*own_params, carry.moved[2], carry.state, stream.tick + steps), kept
