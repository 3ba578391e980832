"""Networks and rules as nnx modules."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from erbp_jax import simulate
from erbp_jax.encoding import Encoder
from erbp_jax.fits import check_params
from erbp_jax.learning.base import Block, Given, LearningState, Rule
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.trace import NetworkState, Trace


class Fixed(nnx.Variable):
    """An array that is never trained: a list of synapses, delays, random feedback, a projection that is not plastic.

    Example:
        >>> import jax, erbp_jax as ej
        >>> rule = ej.nnx.RuleModule(ej.ERBP(ej.LabelNeurons(3)), ej.mlp(4, 5, 3), jax.random.key(0))
        >>> type(jax.tree.leaves(rule.fixed, is_leaf=lambda x: isinstance(x, ej.nnx.Fixed))[0]).__name__
        'Fixed'
    """


class _WithParams(nnx.Module):
    """Trained arrays as `nnx.Param`, the others as `Fixed`, each in the tree that the functional form has."""

    def __init__(self, params: Params) -> None:
        self.trained = nnx.data(jax.tree.map(nnx.Param, params.trained))
        self.fixed = nnx.data(jax.tree.map(Fixed, params.fixed))

    @property
    def params(self) -> Params:
        """The arrays as they are now, as the functional form takes them."""
        return Params(nnx.as_pure(self.trained), nnx.as_pure(self.fixed))

    def grads(self, update: Any) -> nnx.State:
        """An update of a rule as `nnx.Optimizer.update(module, grads)` takes it: stepped against, as a gradient is.

        Raises:
            ValueError: an update that is not like the trained parameters; says both shapes.
        """
        wanted, given = (jax.tree.map(jnp.shape, tree) for tree in (self.params.trained, update))
        if given != wanted:
            raise ValueError(f"{type(self).__name__}: an update needs the shapes {wanted}, got {given}")
        return nnx.state(_WithParams(Params(update, ())), nnx.Param)


class NetworkModule(_WithParams):
    """A network as an nnx module: what is trained is `nnx.Param`, what is fixed is `Fixed`.

    `NetworkModule(network, key)` has the parameters that `network.init(key)` makes (`rngs.params()` is such a key), and
    `NetworkModule(network, params=params)` those given. Their places are those of the functional form:
    `model.trained.projections[0]["weight"]`, `model.trained.populations[0]`. For `nnx.grad` the network is one
    `with_surrogate`.

    An optimiser sees a `nnx.State`, in which populations come before projections: what works element by element steps
    as in the functional form, bit for bit; sums over all parameters (clipping by a global norm) may differ in the last
    bits. What looks for the network's parts in a `Tree` (masks by projection) does not find them.

    Example:
        >>> import erbp_jax as ej
        >>> import jax
        >>> import jax.numpy as jnp
        >>> key = jax.random.key(0)
        >>> model = ej.nnx.NetworkModule(ej.sequential(ej.Dense(4, 3), ej.LIF()), key)
        >>> state, trace = model(jnp.ones((5, 2, 4)), key=jax.random.split(key, (5, 2)))
        >>> model.network.output_spikes(trace).shape
        (5, 2, 3)

    Raises:
        ValueError: neither or both of key and parameters, or parameters of another network.
    """

    def __init__(self, network: Network, key: jax.Array | None = None, *, params: Params | None = None) -> None:
        made = _given_or_made("NetworkModule", network.init, key, params)
        check_params(network, made)
        super().__init__(made)
        self.network = network

    def __call__(
        self,
        spikes: jax.Array | Mapping[str, jax.Array],
        *,
        key: jax.Array,
        state: NetworkState | None = None,
    ) -> tuple[NetworkState, Trace]:
        """A block of k ticks, `Network.advance`: `spikes[k, B, I]` (by name where there are several inputs),
        `key[k, B] -> (state, trace)`; from rest without a state.

        Raises:
            ValueError: inputs, keys or a state that do not fit one another or the network.
        """
        if state is None:
            shape = next(iter(self.network.named(spikes).values())).shape
            state = self.network.init_state((1, *shape)[-2])
        return self.network.advance(self.params, state, spikes, key=key)

    def adapt(self, made: Block) -> None:
        """Let neurons that adapt see a learning block, after the optimiser's step; else it changes nothing."""
        after = self.network.adapted(self.params, made.trace)
        kept = jax.tree.leaves(self.trained, is_leaf=lambda x: isinstance(x, nnx.Param))
        for parameter, value in zip(kept, jax.tree.leaves(after), strict=True):
            parameter[...] = value

    def run(
        self,
        image: jax.Array,
        key: jax.Array,
        *,
        encoder: Encoder,
        steps: int,
        block: int = 1,
        state: simulate.RunState | None = None,
        record: Callable[[Trace], Any] | None = None,
    ) -> tuple[simulate.RunState, Any]:
        """`steps` ticks on `image[B, I]` with `key[B]`, as `erbp_jax.run`: the state after them and what was recorded,
        the output's spikes `[steps, B, K]` if nothing else is asked for.

        Raises:
            ValueError: as `erbp_jax.run`.
        """
        return simulate.run(
            self.network, encoder, self.params, image, key, steps=steps, block=block, state=state, record=record
        )


class RuleModule(_WithParams):
    """A rule as an nnx module: random feedback is `Fixed`, its trained weights are `nnx.Param`.

    Made like a `NetworkModule`, of the rule and the network that it trains.

    Example:
        >>> import erbp_jax as ej
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import optax
        >>> from flax import nnx
        >>> key = jax.random.key(0)
        >>> network = ej.sequential(ej.Dense(4, 3, 9.0), ej.LIF())
        >>> model = ej.nnx.NetworkModule(network, key)
        >>> rule = ej.nnx.RuleModule(ej.ERBP(ej.LabelNeurons(3)), network, key)
        >>> optimizer = nnx.Optimizer(model, optax.sgd(0.01), wrt=nnx.Param)
        >>> ticks, target = jnp.arange(5), jnp.array([0, 2])
        >>> given = ej.Given(jnp.ones((5, 2, 4)), target, ticks, jax.random.split(key, (5, 2)))
        >>> made = rule(model, rule.init_state(2), given)
        >>> _ = optimizer.update(model, model.grads(made.update))
        >>> model.adapt(made)

    Raises:
        ValueError: neither or both of key and parameters, or a network that the rule is not defined for.
    """

    def __init__(
        self, rule: Rule, network: Network, key: jax.Array | None = None, *, params: Params | None = None
    ) -> None:
        super().__init__(_given_or_made("RuleModule", lambda key: rule.init(network, key), key, params))
        self.rule, self.network = rule, network

    def init_state(self, batch: int) -> LearningState:
        """At rest, before a presentation."""
        return self.rule.init_state(self.network, batch)

    def __call__(self, model: NetworkModule, state: LearningState, given: Given) -> Block:
        """A block of k ticks with the weights held: `model.grads(block.update)` is for the network's optimiser, and
        `rule.grads(block.rule_update)` for that of the weights that the rule trains, where it has some.

        Raises:
            ValueError: what the rule or the network refuses.
        """
        return self.rule.block(self.network, model.params, self.params, state, given)


def _given_or_made(
    name: str, init: Callable[[jax.Array], Params], key: jax.Array | None, params: Params | None
) -> Params:
    if key is not None and params is None:
        return init(key)
    if params is None or key is not None:
        raise ValueError(f"{name}: give a key or params, got {'none' if key is None else 'both'}")
    return params
