"""Neurons that adapt while they learn: thresholds that seek a rate, gains that keep the input at one size."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, Self, cast, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.base import Neuron, Parametric, Rated, is_differentiable
from erbp_jax.neurons.surrogate import Surrogate
from erbp_jax.params import Params
from erbp_jax.registry import register
from erbp_jax.trace import PopulationTrace
from erbp_jax.units import Above, Below, PerTick, Positive, Rate


@runtime_checkable
class Adapting(Parametric, Protocol):
    """A neuron that adapts its parameters during learning from its activity, without a gradient.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.neurons import Adapting
        >>> isinstance(ej.TargetRate(ej.LIF(), rate=0.1), Adapting), isinstance(ej.LIF(), Adapting)
        (True, False)
    """

    def adapt(self, params: Params, seen: PopulationTrace) -> Any:
        """The trained parameters after a learning block, from those before it and the trace of its k ticks."""
        ...


@dataclass(frozen=True)
class Adapted(ABC):
    """A base of adapting neurons: a neuron model whose input current is shifted and scaled; its state is the model's.

    Subclasses give `init`, `adapt` and `input`. Rules, tasks and figures see the state of the model inside.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.neurons import Adapted
        >>> isinstance(ej.TargetRate(ej.LIF(), rate=0.1), Adapted)
        True
    """

    neuron: Neuron

    def __post_init__(self) -> None:
        if isinstance(self.neuron, Parametric):
            raise ValueError(
                f"{self._name}: the neuron inside must have no trainable parameters, {type(self.neuron).__name__} has"
            )

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def wrapped(self) -> Neuron:
        """The model inside, which is asked whether it has a derivative and a highest rate."""
        return self.neuron

    @property
    def max_rate(self) -> float:
        """The highest firing rate, in spikes per tick."""
        return cast(Rated, self.neuron).max_rate

    def with_surrogate(self, surrogate: Surrogate) -> Self:
        """The same neuron with a differentiable threshold; its spikes are the same. A derivative of its own stays.

        Raises:
            ValueError: the model inside has none.
        """
        if not is_differentiable(self.neuron):
            raise ValueError(f"{self._name}: {type(self.neuron).__name__} has no with_surrogate")
        return replace(self, neuron=self.neuron.with_surrogate(surrogate))

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Any:
        """The resting state of the model inside."""
        return self.neuron.init_state(shape, dtype)

    def step(
        self, state: Any, current: jax.Array, *, key: jax.Array | None = None, params: Params | None = None
    ) -> tuple[Any, jax.Array]:
        """One tick of the model inside, on the adapted input. No gradient goes into what adapts by itself.

        Raises:
            ValueError: without `params`.
        """
        if params is None:
            raise ValueError(f"{self._name}: step needs params, of neuron.init((N,), key)")

        def of_all(x: jax.Array) -> jax.Array:
            return jnp.broadcast_to(jax.lax.stop_gradient(x).astype(current.dtype), current.shape)

        return self.neuron.step(state, self.input(jax.tree.map(of_all, params.trained), current), key=key)

    @abstractmethod
    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """Parameters of `shape`, usually `(N,)`, with which the neuron is the model inside."""

    @abstractmethod
    def adapt(self, params: Params, seen: PopulationTrace) -> Any:
        """The trained parameters after a learning block."""

    @abstractmethod
    def input(self, trained: dict[str, jax.Array], current: jax.Array) -> jax.Array:
        """The input current of the model inside; `trained` are the trained parameters, all `[..., N]`."""


def _positive(name: str, **values: float) -> None:
    for key, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}: {key} must be > 0, got {value}")


@dataclass(frozen=True)
class SeeksRate(Adapted):
    """A base of neurons that move one number of theirs by every spike above a rate."""

    rate: Annotated[Rate, PerTick(0.0, 1.0, open=True), "Target firing rate of a neuron."] = 0.1
    step_size: Annotated[Positive, "Change of the adapted parameter per spike of one sample."] = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(self._name, step_size=self.step_size)
        if not 0 < self.rate < 1:
            raise ValueError(f"{self._name}: rate must lie between 0 and 1 spikes per tick, got {self.rate}")

    def surplus(self, seen: PopulationTrace) -> jax.Array:
        """Spikes above those of the rate, times the step: a number per neuron `[N]`, summed over ticks and samples."""
        return self.step_size * (seen.spikes - self.rate).sum((0, 1))


@register("adaptation", "target_rate")
@dataclass(frozen=True)
class TargetRate(SeeksRate):
    r"""A neuron that raises its threshold with each of its spikes and lowers it in every tick.

    .. math:: \theta_j \leftarrow \theta_j + A\,(s_j[t] - \rho), \qquad c_j[t] \leftarrow c_j[t] - \theta_j

    so that in the long run it fires :math:`\rho` times per tick, whatever its weights do. The offset :math:`\theta_j`,
    `[N]` in the unit of the weights, is taken from the input current: behind a synapse of gain g that is a threshold
    raised by :math:`g \theta_j`, for any neuron model. It is a parameter, `params.trained["offset"]`, that `adapt`
    moves after every learning block by the sum over ticks and samples. Gradients do not move it; keep weight decay of
    your own from it by a mask (`optimizer.weight_decay` of a config leaves it alone).

    `rate` in spikes per tick, `step_size` A in the unit of the weights, for one sample and one tick.

    State: 1 word per neuron. Integer form: A and A rho whole numbers; one addition per spike, one subtraction per tick.
    Source: homeostasis by thresholds, Diehl and Cook 2015 (Front. Comput. Neurosci. 9:99), there with a decay.

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.neurons import LIF, TargetRate
    >>> neuron = TargetRate(LIF(tau_mem=0.0, tau_syn=0.0, refractory=0), rate=0.1, step_size=0.05)
    >>> params = neuron.init((3,), jax.random.key(0))
    >>> state, spikes = neuron.step(neuron.init_state((3,)), jnp.array([0.5, 1.5, 2.5]), params=params)
    >>> spikes.tolist()
    [0.0, 1.0, 1.0]

    Raises:
        ValueError: a rate outside (0, 1), a step that is not positive, or a model with parameters of its own.
    """

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """The offset, 0 at first."""
        del key
        return Params({"offset": jnp.zeros(shape, jnp.float32)}, {})

    def input(self, trained: dict[str, jax.Array], current: jax.Array) -> jax.Array:
        return current - trained["offset"]

    def adapt(self, params: Params, seen: PopulationTrace) -> dict[str, jax.Array]:
        return {"offset": params.trained["offset"] + self.surplus(seen)}


@register("adaptation", "synaptic_scaling")
@dataclass(frozen=True)
class SynapticScaling(SeeksRate):
    r"""A neuron that scales all its synapses together until it fires at a target rate.

    .. math:: \ln g_j \leftarrow \ln g_j - A\,(s_j[t] - \rho), \qquad c_j[t] \leftarrow g_j\, c_j[t]

    A gain `[N]` on the input in place of factors on every weight: the ratios of the weights stay, and the step of a
    learning rule keeps its size. `params.trained["log_gain"]`; `adapt` moves it after every learning block by the sum
    over ticks and samples.

    `rate` in spikes per tick, `step_size` A for one sample and one tick.

    State: 1 word per neuron. Integer form: the threshold times a power of two, one shift where the logarithm passes a
    whole number.
    Source: synaptic scaling, Turrigiano et al. 1998 (Nature 391:892), in the threshold's form.

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.neurons import LIF, SynapticScaling
    >>> from erbp_jax.trace import PopulationTrace
    >>> neuron = SynapticScaling(LIF(), rate=0.25, step_size=0.1)
    >>> params = neuron.init((2,), jax.random.key(0))
    >>> spikes = jnp.array([[[1.0, 0.0]], [[1.0, 0.0]]])  # 2 ticks of one sample
    >>> adapted = neuron.adapt(params, PopulationTrace(spikes, (), spikes))
    >>> [round(float(gain), 3) for gain in adapted["log_gain"]]
    [-0.15, 0.05]

    Raises:
        ValueError: a rate outside (0, 1), a step that is not positive, or a model with parameters of its own.
    """

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """The logarithm of the gain, 0 at first."""
        del key
        return Params({"log_gain": jnp.zeros(shape, jnp.float32)}, {})

    def input(self, trained: dict[str, jax.Array], current: jax.Array) -> jax.Array:
        return jnp.exp(trained["log_gain"]) * current

    def adapt(self, params: Params, seen: PopulationTrace) -> dict[str, jax.Array]:
        return {"log_gain": params.trained["log_gain"] - self.surplus(seen)}


@register("adaptation", "membrane_norm")
@dataclass(frozen=True)
class MembraneNorm(Adapted):
    r"""A neuron whose input has the same mean and size for any weights: batch normalisation without a batch.

    .. math::
        \mu_j \leftarrow \mu_j + \beta\,(\langle c_j \rangle - \mu_j), \qquad
        q_j \leftarrow q_j + \beta\,(\langle c_j^2 \rangle - q_j), \qquad
        c_j[t] \leftarrow \sigma_* \frac{c_j[t] - \mu_j}{\sqrt{\max(q_j - \mu_j^2,\ 10^{-6} \sigma_*^2)}} + b

    with the means over the ticks and samples of a learning block. A linear membrane that is normalised is one whose
    threshold is :math:`(\theta - b) \sqrt{q - \mu^2} / \sigma_*` plus the mean: nothing else changes on a chip, and the
    boxcar of eRBP, which reads the normalised current, moves along. With `shifts` the factor is the nearest power of
    two. Statistics are parameters, `mean` and `power` `[N]`; a network starts with mean `offset` and power
    `offset**2 + size**2`, where the neuron equals the model inside, and tests use what training has left.

    `share` beta a block, `size` sigma_* and `offset` b in the unit of the weights.

    State: 2 words per neuron. Integer form: beta a power of two, `shifts`.
    Source: Guo et al. 2023 (arXiv 2308.08359), normalisation before the threshold, folded into it; running statistics
    in place of a batch's as Chiley et al. 2019 (arXiv 1905.05894).

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.neurons import LIF, MembraneNorm
    >>> neuron = MembraneNorm(LIF(tau_mem=0.0, tau_syn=0.0, refractory=0))
    >>> params = neuron.init((3,), jax.random.key(0))
    >>> state, spikes = neuron.step(neuron.init_state((3,)), jnp.array([0.5, 1.5, 2.5]), params=params)
    >>> spikes.tolist()
    [0.0, 1.0, 1.0]

    Raises:
        ValueError: a share outside (0, 1), a size that is not positive, or a model with parameters of its own.
    """

    share: Annotated[float, Above(0.0), Below(1.0), "Weight of a learning block in the running statistics."] = 2.0**-8
    size: Annotated[Positive, "Standard deviation of the input, in the unit of the weights."] = 1.0
    offset: Annotated[float, "Mean of the input, in the unit of the weights."] = 0.0
    shifts: Annotated[bool, "Whether the factor is a power of two."] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive(self._name, size=self.size)
        if not 0 < self.share < 1:
            raise ValueError(f"{self._name}: share must lie between 0 and 1, got {self.share}")

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """Mean `offset` and power such that nothing changes at first."""
        del key
        mean = jnp.full(shape, self.offset, jnp.float32)
        return Params({"mean": mean, "power": mean**2 + self.size**2}, {})

    def input(self, trained: dict[str, jax.Array], current: jax.Array) -> jax.Array:
        mean, power = trained["mean"], trained["power"]
        factor = self.size * jax.lax.rsqrt(jnp.maximum(power - mean**2, 1e-6 * self.size**2))
        if self.shifts:
            factor = jnp.exp2(jnp.round(jnp.log2(factor)))
        return factor * (current - mean) + self.offset

    def adapt(self, params: Params, seen: PopulationTrace) -> dict[str, jax.Array]:
        mean, power = params.trained["mean"], params.trained["power"]
        current = seen.current
        return {
            "mean": mean + self.share * (current.mean((0, 1)) - mean),
            "power": power + self.share * ((current**2).mean((0, 1)) - power),
        }
