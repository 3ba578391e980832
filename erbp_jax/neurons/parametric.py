"""A leaky integrate-and-fire neuron whose time constants are parameters: a value per neuron, drawn and trained."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from erbp_jax.neurons.firing import Firing, check_shape
from erbp_jax.neurons.lif import LIFState, lif_rest, lif_tick
from erbp_jax.params import Params
from erbp_jax.random import normal
from erbp_jax.registry import register
from erbp_jax.units import NonNegative, PositiveTime


@register("neuron", "parametric_lif")
@dataclass(frozen=True)
class ParametricLIF(Firing):
    r"""`LIF` with time constants of every neuron's own, in the parameter tree.

    .. math::
        a = \sigma(\ell), \qquad 1 - a = \sigma(-\ell), \qquad \tau = -1 / \ln a

    What is stored and trained is the logit :math:`\ell` of each factor of leak a, so that every step of an optimiser
    leaves a time constant above 0. The parameters are two arrays `[N]`, `tau_mem` and `tau_syn`, both of logits; each
    lies in `trained` or, with `train_tau_mem=False` or `train_tau_syn=False`, in `fixed`. `time_constants` gives them
    back in ticks. The tick is that of `LIF`.

    `tau_mem` and `tau_syn` in ticks: where the time constants start. With a `spread` s they are drawn for each neuron,
    :math:`\tau_n = \tau e^{s z_n}` with standard normal z: a log-normal distribution of median tau. Its standard
    deviation is s tau for small s. Without a spread the neuron equals `LIF`, to rounding.

    >>> import jax, jax.numpy as jnp
    >>> from erbp_jax.neurons import ParametricLIF
    >>> neuron = ParametricLIF(tau_mem=10.0, tau_syn=4.0, train_tau_syn=False)
    >>> params = neuron.init((3,), jax.random.key(0))
    >>> [round(float(tau), 3) for tau in neuron.time_constants(params)["tau_mem"]]
    [10.0, 10.0, 10.0]
    >>> list(params.trained), list(params.fixed)
    (['tau_mem'], ['tau_syn'])
    >>> state, spikes = neuron.step(neuron.init_state((2, 3)), jnp.full((2, 3), 20.0), params=params)
    >>> spikes.shape, float(spikes.sum())
    ((2, 3), 6.0)

    Source: Fang et al. 2021 (ICCV) train one membrane time constant per layer, through a sigmoid as here, of the factor
    of forward Euler. Perez-Nieves et al. 2021 (Nat. Commun. 12:5791) draw and train those of membrane and synapse for
    every neuron; they draw from a gamma distribution, train a itself and clip it.

    Raises:
        ValueError: a time constant that is not positive, a negative spread, Euler integration (another reading of the
            same a), or as `Firing`.
    """

    tau_mem: PositiveTime = 1.0
    """Initial membrane time constants."""
    tau_syn: PositiveTime = 4.0
    """Initial time constants of the synapse."""
    spread: NonNegative = 0.0
    """Standard deviation of the logarithm of the time constants at the start."""
    train_tau_mem: bool = True
    """Whether gradient rules train the membrane time constants."""
    train_tau_syn: bool = True
    """Whether gradient rules train the time constants of the synapse."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tau_mem", "tau_syn"):
            tau = getattr(self, name)
            if not 0 < tau < math.inf:
                raise ValueError(f"ParametricLIF: {name} must be > 0 and finite, got {tau}")
        if not 0 <= self.spread < math.inf:
            raise ValueError(f"ParametricLIF: spread must be >= 0 and finite, got {self.spread}")
        if self.integration != "exact":
            raise ValueError(
                f"ParametricLIF: integration must be 'exact', got {self.integration!r}: what is trained is the factor "
                "of leak itself, and only its time constant would be another"
            )

    def init(self, shape: tuple[int, ...], key: jax.Array) -> Params:
        """Logits of the factors of leak, float32 of `shape`, usually `(N,)`; `key` is one typed key `[]`."""
        trained, fixed = {}, {}
        for i, (name, train) in enumerate((("tau_mem", self.train_tau_mem), ("tau_syn", self.train_tau_syn))):
            tau = getattr(self, name)
            if self.spread:
                drawn = tau * jnp.exp(self.spread * normal(jax.random.fold_in(key, i), shape))
                logit = -1.0 / drawn - jnp.log(-jnp.expm1(-1.0 / drawn))
            else:
                logit = jnp.full(shape, -1.0 / tau - math.log(-math.expm1(-1.0 / tau)), jnp.float32)
            (trained if train else fixed)[name] = logit
        return Params(trained, fixed)

    def time_constants(self, params: Params) -> dict[str, jax.Array]:
        """`tau_mem` and `tau_syn` in ticks, of the shape of the parameters."""
        return {name: 1.0 / jax.nn.softplus(-logit) for name, logit in _logits(params).items()}

    def init_state(self, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> LIFState:
        return lif_rest(self, shape, dtype)

    def step(
        self, state: LIFState, current: jax.Array, *, key: jax.Array | None = None, params: Params | None = None
    ) -> tuple[LIFState, jax.Array]:
        """One tick, as of `LIF`.

        Raises:
            ValueError: without `params`, or with parameters of another number of neurons.
        """
        check_shape(self._name, state.membrane, current)
        if params is None:
            raise ValueError("ParametricLIF: step needs params, of neuron.init((N,), key)")
        logits = _logits(params)
        for name, logit in logits.items():
            if logit.shape != current.shape[current.ndim - logit.ndim :]:
                raise ValueError(
                    f"ParametricLIF: the parameters {name} have shape {logit.shape}, the input {current.shape}; they "
                    "must agree in the last axes"
                )

        def factor(logit: jax.Array) -> jax.Array:
            return jnp.broadcast_to(jax.nn.sigmoid(logit).astype(current.dtype), current.shape)

        mem = logits["tau_mem"]
        return lif_tick(self, state, current, factor(logits["tau_syn"]), factor(mem), factor(-mem), key)


def _logits(params: Params) -> dict[str, jax.Array]:
    """Of both factors, wherever they are; an empty part may be `()`."""
    return dict(params.fixed) | dict(params.trained)
