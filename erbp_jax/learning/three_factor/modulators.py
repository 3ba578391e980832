"""The third factor: what tells a synapse whether, and in which direction, its events count."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.declared import checked
from erbp_jax.learning.base import ErrorSpikes, Given
from erbp_jax.learning.loss import check_classes
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.registry import register
from erbp_jax.trace import Trace
from erbp_jax.units import NonNegative


class Modulation(NamedTuple):
    """The third factor for the k ticks of a block.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Modulation
        >>> shared = Modulation.shared(ej.mlp(4, 3, 2), jnp.ones((10, 5, 1)))
        >>> [value.shape for value in shared.populations]
        [(10, 5, 1), (10, 5, 1)]
    """

    populations: tuple[jax.Array, ...]  # per population [k, B, N], or [k, B, 1] where all neurons share it
    errors: ErrorSpikes  # what the error neurons that made it did

    @classmethod
    def shared(cls, network: Network, value: jax.Array) -> "Modulation":
        """One value `[k, B, 1]` for all neurons, without error neurons."""
        return cls((value,) * len(network.populations), ErrorSpikes.none(*value.shape[:2]))


class Modulator(ABC):
    """A third factor. Frozen, hashable.

    Example:
        >>> from dataclasses import dataclass
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Modulation, Modulator
        >>> @dataclass(frozen=True)
        ... class Fading(Modulator):
        ...     tau: float = 100.0
        ...     def over(self, network, rule_params, state, trace, given):
        ...         value = jnp.exp(-given.ticks / self.tau)[:, None, None]
        ...         batch = given.key.shape[1]
        ...         return state, Modulation.shared(network, jnp.tile(value, (1, batch, 1)))
        >>> ej.mstdp(Fading()).modulator
        Fading(tau=100.0)
    """

    supervised: ClassVar[bool] = True
    """Whether it depends on the targets."""

    def init(self, network: Network, key: jax.Array) -> Params:
        """Its parameters for the whole training; none unless a modulator has some."""
        del network, key
        return Params((), ())

    def init_state(self, network: Network, batch: int) -> Any:
        """What lives for one presentation."""
        del network, batch
        return ()

    def check_steps(self, steps: int, burn_in: int = 0) -> None:
        """Refuse presentations of a length for which it is not made, or in which nothing is learned for too long; it is
        made for any unless it says so.

        Raises:
            ValueError: says which lengths it needs.
        """
        del steps, burn_in

    @abstractmethod
    def over(
        self, network: Network, rule_params: Params, state: Any, trace: Trace, given: Given
    ) -> tuple[Any, Modulation]:
        """The third factor in the ticks of a block: `(state, modulation)`."""


@register("modulator", "none")
@dataclass(frozen=True)
class Unmodulated(Modulator):
    """1, always: plain Hebbian or spike-timing plasticity.

    Example:
        >>> from erbp_jax.kernels import Exponential
        >>> import erbp_jax as ej
        >>> ej.ThreeFactor((ej.pair_stdp(Exponential(window=64)),)).modulator
        Unmodulated()
    """

    supervised: ClassVar[bool] = False

    def over(self, network, rule_params, state, trace, given):
        del rule_params, given
        output = network.output_spikes(trace)
        return state, Modulation.shared(network, jnp.ones((*output.shape[:2], 1), output.dtype))


@register("modulator", "spike_reward")
@dataclass(frozen=True)
class SpikeReward(Modulator):
    """A reward at every spike of one output neuron, shared by all synapses: `+1` where a sample's target is 1, `-1`
    where it is 0.

    The reward acts on what is eligible in the tick of the output spike; the weights are new in the tick after it.
    For several classes take `ClassReward`.
    Source: Florian 2007, Neural Computation 19:1468, section 4.

    Example:
        >>> import erbp_jax as ej
        >>> ej.mstdp(ej.SpikeReward()).modulator
        SpikeReward()

    Raises:
        ValueError: a network of several outputs, of which all classes but 1 would be punished; a target that is not one
            class per sample.
    """

    def init_state(self, network: Network, batch: int) -> Any:
        del batch
        if network.classes > 1:
            raise ValueError(
                f"SpikeReward: rewards the spikes of one output neuron, and the network has {network.classes}; take "
                "ClassReward, which rewards those of the right class (in a config rule.modulator.kind=class_reward)"
            )
        return ()

    def over(self, network, rule_params, state, trace, given):
        del rule_params
        output = network.output_spikes(trace)
        check_classes("SpikeReward", given.target, output.shape[1], 2)
        sign = jnp.where(given.target == 1, 1.0, -1.0).astype(output.dtype)
        return state, Modulation.shared(network, (output.sum(-1) * sign[None])[..., None])


@register("modulator", "class_reward")
@dataclass(frozen=True)
class ClassReward(Modulator):
    r"""A reward at every output spike, shared by all synapses: for several classes what `SpikeReward` is for one.

    .. math:: r[t] = \sum_k s_k[t]\, (a\,[k = y] - b\,[k \ne y])

    with the target class y; a is `right`, b is `wrong`. At equal rates of K output neurons the mean reward is 0 for
    b = a / (K - 1).

    Example:
        >>> import jax, jax.numpy as jnp, erbp_jax as ej
        >>> network, key = ej.mlp(1, 2, neuron=ej.LIF(tau_mem=0.0, tau_syn=0.5, refractory=0)), jax.random.key(0)
        >>> drawn, keys = network.init(key), jax.random.split(key, (3, 2))
        >>> params = drawn._replace(trained=jax.tree.map(lambda w: jnp.array([[2.0, 0.0]]), drawn.trained))
        >>> inputs = jnp.ones((3, 2, 1))  # three ticks, two samples: output neuron 0 fires in all of them
        >>> trace = network.advance(params, network.init_state(2), inputs, key=keys)[1]
        >>> given = ej.Given(inputs, jnp.array([0, 1]), jnp.arange(3), keys)  # the samples are of classes 0 and 1
        >>> _, modulation = ej.ClassReward(right=1.0, wrong=0.5).over(network, ej.Params(()), (), trace, given)
        >>> modulation.populations[0][..., 0].tolist()
        [[1.0, -0.5], [1.0, -0.5], [1.0, -0.5]]

    Raises:
        ValueError: a target that is not one class per sample.
    """

    right: NonNegative = 1.0
    """Reward of a spike of the right class."""
    wrong: NonNegative = 0.1
    """Penalty for a spike of another class."""

    def over(self, network, rule_params, state, trace, given):
        del rule_params
        output = network.output_spikes(trace)
        check_classes("ClassReward", given.target, *output.shape[1:])
        right = jax.nn.one_hot(given.target, output.shape[-1], dtype=output.dtype)
        worth = self.right * right - self.wrong * (1.0 - right)
        return state, Modulation.shared(network, (output * worth[None]).sum(-1, keepdims=True))


@checked
@dataclass(frozen=True)
class Schedule(Modulator):
    """A global signal g(t) of the tick alone, the same for all synapses: learning phases.

    `signal` maps `ticks[k]` (int32) to g, `[k]` float.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Phases, Schedule
        >>> Schedule(Phases(length=100, burn_in=10)).signal(jnp.array([0, 20, 55, 80])).tolist()
        [0.0, 1.0, 0.0, -1.0]
    """

    supervised: ClassVar[bool] = False
    signal: Callable[[jax.Array], jax.Array]

    def over(self, network, rule_params, state, trace, given):
        del rule_params
        output = network.output_spikes(trace)
        g = jnp.broadcast_to(self.signal(given.ticks)[:, None, None], (*output.shape[:2], 1)).astype(output.dtype)
        return state, Modulation.shared(network, g)


@dataclass(frozen=True)
class GivenReward(Modulator):
    """The target is the reward, `r[t] = target` in every tick of a call, float `[B]` of any sign: for environments that
    answer between two calls of `learn`. While a network acts, give 0; what is eligible waits for the reward.

    Example:
        >>> import erbp_jax as ej
        >>> rule = ej.mstdpet(ej.GivenReward(), tau_eligibility=25.0)
        >>> type(rule).__name__, rule.tau_eligibility
        ('ThreeFactor', 25.0)

    Raises:
        ValueError: a target that is not one float per sample.
    """

    def over(self, network, rule_params, state, trace, given):
        del rule_params
        output = network.output_spikes(trace)
        if not jnp.issubdtype(jnp.asarray(given.target).dtype, jnp.floating):
            raise ValueError("GivenReward: the target must be one reward per sample, float; whole numbers are classes")
        reward = jnp.asarray(given.target, output.dtype)
        if reward.shape != output.shape[1:2]:
            raise ValueError(
                f"GivenReward: the target must be one reward per sample, [{output.shape[1]}], got {reward.shape}"
            )
        return state, Modulation.shared(network, jnp.broadcast_to(reward[None, :, None], (*output.shape[:2], 1)))


class Rewarded(NamedTuple):
    """What `TrialReward` carries: spikes of the output since the presentation began, `[B, K]`."""

    counts: jax.Array


@checked
@dataclass(frozen=True)
class TrialReward(Modulator):
    r"""One reward at the end of a presentation of T = `steps` ticks, from the output's spike counts and the target.

    .. math:: r[t] = [t = T - 1]\; R\!\left(\textstyle\sum_{t' < T} s[t'],\, y\right)

    R is `reward(counts[B, K], target) -> [B]`; it acts in the last tick on what is eligible then. In a longer
    presentation it acts in tick T - 1 all the same, and what fires later counts for nothing.

    Example:
        >>> import jax.numpy as jnp
        >>> import erbp_jax as ej
        >>> def right(counts, target):
        ...     return jnp.where(counts.argmax(-1) == target, 1.0, -1.0)
        >>> rule = ej.mstdpet(ej.TrialReward(100, right), tau_eligibility=50.0)
        >>> rule.modulator.reward(jnp.array([[3.0, 1.0]]), jnp.array([0])).tolist()
        [1.0]

    Raises:
        ValueError: no whole number of ticks from 1 on; a presentation that ends before the reward, or learns
            nothing until after it; a function that fails, or returns another shape.
    """

    steps: int
    reward: Callable[[jax.Array, Any], jax.Array]

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"TrialReward: steps must be a whole number of ticks from 1 on, got {self.steps}")

    def check_steps(self, steps: int, burn_in: int = 0) -> None:
        if burn_in >= self.steps:
            raise ValueError(
                f"TrialReward: the reward comes at the end of tick {self.steps}, and nothing is learned in the first "
                f"{burn_in}; give a burn_in below {self.steps}"
            )
        if steps < self.steps:
            raise ValueError(
                f"TrialReward: the reward comes at the end of tick {self.steps}, and a presentation has {steps} ticks; "
                f"give steps={self.steps} to the training, or TrialReward({steps}, ...)"
            )

    def init_state(self, network: Network, batch: int) -> Rewarded:
        return Rewarded(jnp.zeros((batch, network.classes), jnp.float32))

    def over(self, network, rule_params, state, trace, given):
        del rule_params
        output = network.output_spikes(trace)
        before = (given.ticks < self.steps).astype(output.dtype)
        now = (output * before[:, None, None]).sum(0)
        counts = jnp.where(given.ticks[0] == 0, 0.0, state.counts) + now  # of this presentation
        paid = self._paid(counts, given.target).astype(output.dtype)
        last = (given.ticks == self.steps - 1).astype(output.dtype)
        return Rewarded(counts), Modulation.shared(network, last[:, None, None] * paid[None, :, None])

    def _paid(self, counts: jax.Array, target: Any) -> jax.Array:
        """What the function earns, `[B]`."""
        name = getattr(self.reward, "__name__", repr(self.reward))
        wanted = f"TrialReward: the function {name} gets counts [B, K] = {list(counts.shape)} and the target"
        try:
            paid = jnp.asarray(self.reward(counts, target))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{wanted}, and fails: {error}") from error
        if paid.shape != counts.shape[:1]:
            raise ValueError(
                f"{wanted}, and must return one reward per sample, [{counts.shape[0]}], got {list(paid.shape)}"
            )
        return paid
