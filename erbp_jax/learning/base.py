"""What every learning rule is: something that looks at a block of ticks and says how the weights should move."""

from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide_zeros
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.trace import NetworkState, Trace, Tree


class Given(NamedTuple):
    """What a rule is given for a block of k ticks.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> keys = jax.random.split(jax.random.key(0), (5, 2))
        >>> given = ej.Given(jnp.zeros((5, 2, 784)), jnp.array([3, 7]), jnp.arange(5), keys)
        >>> given.inputs.shape, given.target.tolist()
        ((5, 2, 784), [3, 7])
    """

    inputs: Any  # spikes [k, B, I]; by name where the network has several inputs
    target: Any  # of the samples, as the data set has it; classes [B] for classification
    ticks: jax.Array  # [k] int32, since the start of the presentation
    key: jax.Array  # [k, B] one per tick and sample


class LearningState(NamedTuple):
    """What lives for a presentation.

    Example:
        >>> import erbp_jax as ej
        >>> state = ej.ERBP(ej.LabelNeurons(3)).init_state(ej.mlp(4, 3), batch=2)
        >>> state._fields, state.network.populations[0].membrane.shape
        (('network', 'rule'), (2, 3))
    """

    network: NetworkState
    rule: Any  # the rule's own


class Events(NamedTuple):
    """What a block of learning cost, counted exactly."""

    synops: Wide  # [k, B, P] synapses that presynaptic spikes addressed, by projection
    plasticity: Wide  # [k, B, P] presynaptic spikes at synapses with an open gate, which are written
    label: Wide  # [k, B] what spikes reach on their way to the error neurons
    error: Wide  # [k, B] dendrites that spikes of the error neurons reach
    error_spikes: jax.Array  # [k, B] int32, spikes of the error neurons


class ErrorSpikes(NamedTuple):
    """What the error neurons of all populations got and did in a block, `[k, B]` each.

    Example:
        >>> from erbp_jax.learning import ErrorSpikes
        >>> ErrorSpikes.none(ticks=5, batch=2).spikes.shape
        (5, 2)
    """

    spikes: jax.Array  # int32
    incoming: Wide  # what spikes of label, output and readout neurons reached on the way to them
    reached: Wide  # dendrites, each spike counted as often as it has synapses

    @classmethod
    def none(cls, ticks: int, batch: int) -> "ErrorSpikes":
        """Of a rule that has no error neurons."""
        return cls(jnp.zeros((ticks, batch), jnp.int32), wide_zeros(ticks, batch), wide_zeros(ticks, batch))


class Block(NamedTuple):
    """What a rule makes of one block of ticks.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Block._fields
        ('state', 'update', 'trace', 'rule_update', 'events')
    """

    state: LearningState  # after the block
    update: Tree  # like the trained parameters: optimisers step *against* it, as against a gradient
    trace: Trace  # of the network
    rule_update: Any = ()  # like the rule's own trained parameters, of the same sign
    events: Events | None = None  # None for a rule that does dense work


class Rule(Protocol):
    """A learning rule. Frozen, hashable. The trainer uses only these three members.

    What some callers need besides is asked for by protocols of their own: `Aligned`, `DenseWork`, `Suggests`,
    `Supervision`, `Timed`.

    Example:
        >>> import jax, erbp_jax as ej
        >>> network, rule = ej.mlp(4, 5, 3), ej.ERBP(ej.LabelNeurons(3))
        >>> [g.shape for g in jax.tree.leaves(rule.init(network, jax.random.key(0)).fixed)]
        [(3, 5), (3, 3)]
    """

    def init(self, network: Network, key: jax.Array) -> Params:
        """What the rule has besides the network: parameters that it trains, and fixed ones such as random feedback.

        Raises:
            ValueError: a network that the rule is not defined for.
        """
        ...

    def init_state(self, network: Network, batch: int) -> LearningState:
        """At rest, before a presentation."""
        ...

    def block(self, network: Network, params: Params, rule_params: Params, state: LearningState, given: Given) -> Block:
        """A block of k ticks with the weights held."""
        ...


@runtime_checkable
class Aligned(Protocol):
    """A rule that approximates a gradient, so that its angle to the gradient can be measured.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning import Aligned
        >>> isinstance(ej.ERBP(ej.LabelNeurons(3)), Aligned), isinstance(ej.mstdp(), Aligned)
        (True, False)
    """

    def to_hidden(self, network: Network, params: Params, rule_params: Params) -> tuple[jax.Array, ...]:
        """What carries the output's error to each hidden population, `[K, N]` each."""
        ...

    def gradient(self) -> Rule:
        """The gradient rule that this rule stands for."""
        ...


class Suggested(NamedTuple):
    """The default settings of a rule.

    Example:
        >>> import erbp_jax as ej
        >>> ej.BackProp().suggested()
        Suggested(method='adam', learning_rate=0.004, decay=0.9, update_every=None, steps=40, burn_in=0)
    """

    method: Literal["sgd", "adam"]
    learning_rate: float
    decay: float  # factor on the learning rate per epoch
    update_every: int | None  # ticks; None: the whole presentation
    steps: int  # ticks of a presentation
    burn_in: int = 0  # ticks at its start in which nothing is learned


OTHERWISE = Suggested("sgd", 1e-3, decay=0.7, update_every=5, steps=60)
"""For a rule that says nothing about what suits it, in Python and in configs."""


@runtime_checkable
class Suggests(Protocol):
    """A rule that provides default settings.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning import Suggests
        >>> isinstance(ej.BackProp(), Suggests), ej.BackProp().suggested().learning_rate
        (True, 0.004)
    """

    def suggested(self) -> Suggested: ...


@runtime_checkable
class DenseWork(Protocol):
    """A rule that learns by dense products, whose cost is worked out and not counted.

    Example:
        >>> import erbp_jax as ej
        >>> ej.BackProp().operations(ej.mlp(64, 20, 10))
        1680
    """

    def operations(self, network: Network) -> int:
        """Multiply-accumulates of one tick."""
        ...


@runtime_checkable
class Supervision(Protocol):
    """A rule that says whether it learns from the targets; one that does not say is taken to.

    Example:
        >>> import erbp_jax as ej
        >>> ej.stdp().supervised, ej.mstdp(ej.ClassReward()).supervised
        (False, True)
    """

    @property
    def supervised(self) -> bool: ...


@runtime_checkable
class Timed(Protocol):
    """A rule that is made for presentations of some lengths only.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> rule = ej.mstdp(ej.TrialReward(100, lambda counts, target: counts.max(-1)))
        >>> try:
        ...     rule.check_steps(60)
        ... except ValueError as error:
        ...     print(str(error)[:52])
        TrialReward: the reward comes at the end of tick 100
    """

    def check_steps(self, steps: int, burn_in: int = 0) -> None:
        """Before a training whose presentations have so many ticks, in the first of which nothing is learned.

        Raises:
            ValueError: says which lengths the rule needs.
        """
        ...


def check_length(rule: Rule, steps: int, burn_in: int) -> None:
    """Refuse a training whose presentations a rule is not made for.

    Raises:
        ValueError: as the rule says.
    """
    if isinstance(rule, Timed):
        rule.check_steps(steps, burn_in)


def is_supervised(rule: Rule) -> bool:
    """Whether a rule learns from the targets: labels, curves or rewards.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.base import is_supervised
        >>> is_supervised(ej.BackProp()), is_supervised(ej.stdp())
        (True, False)
    """
    return rule.supervised if isinstance(rule, Supervision) else True


def display_name(rule: Rule) -> str:
    """What a rule is called: its `name`, if it has one, or that of its class."""
    return str(getattr(rule, "name", type(rule).__name__))
