"""Rules that need nothing but the trace of a forward block: what they share."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide_stack, wide_zeros
from erbp_jax.learning.base import Block, ErrorSpikes, Events, Given, LearningState
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import check_keys
from erbp_jax.trace import Trace, Tree


class Step(NamedTuple):
    """What a local rule makes of the trace of a block.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Step._fields
        ('state', 'update', 'errors', 'rule_update')
    """

    state: Any  # of the rule, after the block
    update: tuple[Any, ...]  # one per projection, like its trained parameters, to be stepped against
    errors: ErrorSpikes  # what the error neurons did
    rule_update: Any = ()  # as in `Block`


class LocalRule(ABC):
    """A rule that needs nothing but the trace of a forward block: subclasses give `step` and `rest`.

    Example:
        >>> from dataclasses import dataclass
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning import ErrorSpikes, plasticity
        >>> @dataclass(frozen=True)
        ... class Hebb(ej.LocalRule):
        ...     def step(self, network, params, rule_params, state, trace, given):
        ...         update = []
        ...         for j, projection in enumerate(network.projections):
        ...             post = trace.populations[network.index(projection.target)].spikes
        ...             grown = plasticity(network, params, trace, j, post)
        ...             update.append(jax.tree.map(jnp.negative, grown))
        ...         return ej.Step(state, tuple(update), ErrorSpikes.none(*given.key.shape))
        >>> rule, network, key = Hebb(), ej.mlp(4, 3), jax.random.key(0)
        >>> params, state = network.init(key), rule.init_state(network, 1)
        >>> given = ej.Given(jnp.ones((2, 1, 4)), None, jnp.arange(2), jax.random.split(key, (2, 1)))
        >>> made = jax.eval_shape(lambda p: rule.block(network, p, ej.Params(()), state, given), params)
        >>> made.update.projections[0]["weight"].shape
        (4, 3)
    """

    def init(self, network: Network, key: jax.Array) -> Params:
        """Nothing, unless a rule has parameters."""
        del network
        check_keys(type(self).__name__, key, ())
        return Params((), ())

    def rest(self, network: Network, batch: int) -> Any:
        """The rule's own state before a presentation; none unless it has one."""
        del network, batch
        return ()

    def init_state(self, network: Network, batch: int) -> LearningState:
        return LearningState(network.init_state(batch), self.rest(network, batch))

    @abstractmethod
    def step(
        self, network: Network, params: Params, rule_params: Params, state: Any, trace: Trace, given: Given
    ) -> Step:
        """What the rule makes of the `trace` of k ticks."""

    def plasticity_events(self, network: Network, params: Params, trace: Trace) -> Wide:
        """Presynaptic spikes at synapses that they write, `[k, B, P]`: all of them, unless a rule has gates."""
        return wide_stack([written(network, params, trace, j, None) for j in range(len(network.projections))], -1)

    def block(self, network: Network, params: Params, rule_params: Params, state: LearningState, given: Given) -> Block:
        network_state, trace = network.advance(params, state.network, given.inputs, key=given.key)
        made = self.step(network, params, rule_params, state.rule, trace, given)
        update = Tree(made.update, jax.tree.map(jnp.zeros_like, params.trained.populations))
        events = Events(
            addressed(network, params, trace),
            self.plasticity_events(network, params, trace),
            made.errors.incoming,
            made.errors.reached,
            made.errors.spikes,
        )
        return Block(LearningState(network_state, made.state), update, trace, made.rule_update, events)


def addressed(network: Network, params: Params, trace: Trace) -> Wide:
    """Synaptic operations of a trace by projection, `[k, B, P]`."""
    return wide_stack(
        [
            p.connection.addressed(network.of_projection(params, j), arrived)
            for j, (p, arrived) in enumerate(zip(network.projections, trace.arrived, strict=True))
        ],
        -1,
    )


def written(
    network: Network, params: Params, trace: Trace, index: int, gate: jax.Array | None, *, gated: bool = False
) -> Wide:
    """Plasticity events of one projection, `[k, B]`: none where it does not learn."""
    projection, arrived = network.projections[index], trace.arrived[index]
    if not projection.learns:
        return wide_zeros(*trace.inputs[0].shape[:2])
    projection_params = network.of_projection(params, index)
    return projection.connection.writes(projection_params, arrived, gate, gated=gated)


def plasticity(
    network: Network,
    params: Params,
    trace: Trace,
    index: int,
    post: jax.Array,
    *,
    gated: bool = False,
    factor: Any = None,
) -> Any:
    r"""The local update of one projection, like its trained parameters: nothing where it does not learn.

    .. math:: \Delta w_{io} = \sum_{t, b} s_i[t, b]\, \mathrm{post}_o[t, b]

    with s what reached the synapses of a dense projection; other connections sum over what their weights share.
    `factor` `[k, B, J]` takes the place of s (a trace of it, say); with `gated` only what was transmitted counts. The
    sign is the field's, positive products let weights grow; a rule hands the negative to the optimiser, which steps
    against it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning import plasticity
        >>> network, key = ej.mlp(4, 3), jax.random.key(0)
        >>> params, keys = network.init(key), jax.random.split(key, (2, 1))
        >>> _, trace = network.advance(params, network.init_state(1), jnp.ones((2, 1, 4)), key=keys)
        >>> plasticity(network, params, trace, 0, jnp.ones((2, 1, 3)))["weight"].tolist()[0]
        [2.0, 2.0, 2.0]
    """
    projection = network.projections[index]
    if not projection.learns:
        return params.trained.projections[index]
    projection_params = network.of_projection(params, index)
    return projection.connection.plasticity(projection_params, trace.arrived[index], post, factor=factor, gated=gated)
