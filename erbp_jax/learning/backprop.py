"""Back-propagation through time with surrogate derivatives, and random back-propagation: one rule, three wirings."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import jax

from erbp_jax.declared import checked
from erbp_jax.learning.base import Block, Given, LearningState, Suggested
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.loss import CrossEntropy, Loss
from erbp_jax.learning.wiring import Direct, Layerwise, Symmetric, Wiring
from erbp_jax.network import Network
from erbp_jax.neurons import Surrogate
from erbp_jax.neurons.base import highest_rate
from erbp_jax.params import Params
from erbp_jax.random import check_keys
from erbp_jax.registry import register
from erbp_jax.trace import NetworkState, Trace
from erbp_jax.units import Count, NonNegative, Part, Positive
from erbp_jax.wording import plural


@checked
@dataclass(frozen=True)
class BackProp:
    r"""The gradient of a loss on the output's spikes over a block of k ticks, averaged over the batch.

    .. math::
        \Delta w = -\frac\eta B \sum_b \nabla_w\, \mathcal L\!\left(s^{out}_b[1 \dots k], y_b\right),
        \qquad \frac{\partial s}{\partial V} := h(V - V_{th})

    A block as long as the presentation is full back-propagation through time, recurrent projections and delays
    included; shorter ones truncate it: the state goes on, the gradient does not. h is `surrogate`, or that of a neuron
    which has one of its own. `wiring` says which weights the error comes back through: `Symmetric` is BP, `Layerwise`
    and `Direct` are RBP. On a network in rate form the same rule is plain (random) back-propagation. Parameters of
    neurons, such as time constants, are trained along with the weights.

    `segment` ticks at a time are kept for the backward pass and the rest is computed again: memory grows with
    `k / segment + segment` instead of k, for one more forward pass. `Direct` cannot look past a segment, and takes none
    shorter than the block where a projection between populations has a delay.

    Example:
        >>> import jax, erbp_jax as ej
        >>> rule = ej.BackProp(ej.Surrogate("triangular", 0.5), wiring=ej.Direct(ej.RandomFeedback(2.0)))
        >>> [g.shape for g in rule.init(ej.mlp(6, 5, 4, 3), jax.random.key(0)).fixed]
        [(3, 5), (3, 4)]
        >>> rule.suggested().method
        'adam'

    Raises:
        ValueError: the block is not a whole number of segments, a neuron that has no surrogate derivative, or segments
            with `Direct` and delays.
    """

    surrogate: Surrogate = Surrogate()
    loss: Loss = CrossEntropy()
    wiring: Wiring = Symmetric()
    segment: int | None = None

    def init(self, network: Network, key: jax.Array) -> Params:
        check_keys("BackProp", key, ())
        self._highest(network)
        network.with_surrogate(self.surrogate)
        return Params((), self.wiring.init(network, key))

    def init_state(self, network: Network, batch: int) -> LearningState:
        return LearningState(network.init_state(batch), ())

    def block(self, network: Network, params: Params, rule_params: Params, state: LearningState, given: Given) -> Block:
        highest = self._highest(network)
        network.given(given.inputs, given.key, state.network)

        def loss(trained):
            after, trace = self._forward(network, params._replace(trained=trained), rule_params.fixed, state, given)
            output = network.output_spikes(trace)
            return self.loss(output, given.target, given.ticks, highest).mean(), (after, trace)

        update, (after, trace) = jax.grad(loss, has_aux=True)(params.trained)
        return Block(LearningState(after, ()), update, trace)

    def to_hidden(self, network: Network, params: Params, rule_params: Params) -> tuple[jax.Array, ...]:
        return self.wiring.to_hidden(network, params, rule_params.fixed)

    def operations(self, network: Network) -> int:
        """Multiplications of one tick of the way back and of the gradient of every weight: dense work."""
        weights = sum(p.connection.multiplications for p in network.projections if p.learns)
        return self.wiring.operations(network) + weights

    def suggested(self) -> Suggested:
        return Suggested("adam", 4e-3, decay=0.9, update_every=None, steps=40)

    def gradient(self) -> "BackProp":
        return replace(self, wiring=Symmetric())

    def _highest(self, network: Network) -> float:
        neuron = network.population(network.output).neuron
        if (highest := highest_rate(neuron)) is None:
            raise ValueError(
                f"BackProp: the loss is of rates as fractions of the highest, and {type(neuron).__name__}, the neuron "
                f"of the output {network.output!r}, has no max_rate"
            )
        return highest

    def _forward(
        self, network: Network, params: Params, fixed: Any, state: LearningState, given: Given
    ) -> tuple[NetworkState, Trace]:
        """The network's state after the block, and its trace."""
        network = network.with_surrogate(self.surrogate)
        paths = self.wiring.paths(network, fixed)

        def advance(state, part):
            inputs, key = part
            return network.advance(params, state, inputs, key=key, paths=paths)

        if self.segment is None:
            return advance(state.network, (given.inputs, given.key))
        k, segment = given.key.shape[0], self.segment
        if k % segment:
            raise ValueError(f"BackProp: a block of {k} ticks is not a whole number of segments of {segment}")
        if k > segment and (reach := self.wiring.reach(network)):
            raise ValueError(
                f"BackProp: by {type(self.wiring).__name__} an error goes back {plural(reach, 'tick')} at once, over "
                "projections with a delay, and none would cross from one segment into the one before; leave segment out"
            )
        parts = jax.tree.map(lambda x: x.reshape(k // segment, segment, *x.shape[1:]), (given.inputs, given.key))
        after, trace = jax.lax.scan(jax.checkpoint(advance), state.network, parts)
        return after, jax.tree.map(lambda x: x.reshape(k, *x.shape[2:]), trace)


# In a config


_SURROGATE, _LOSS = Surrogate(), CrossEntropy()
_Form = Annotated[
    Literal["spiking", "rate"],
    "Back-propagation through time with surrogate derivatives, or through the non-spiking network of the same layers.",
]
_SurrogatePart = Annotated[Surrogate, Part("surrogate"), "The derivative of the threshold."]
_Smoothing = Annotated[
    Positive,
    "Scale of the threshold noise in the transfer function of the rate form, in units of the membrane potential.",
]
_LossPart = Annotated[Loss, Part("loss"), "The loss that the rule minimises."]
_Segment = Annotated[
    Count | None,
    "Ticks that the backward pass stores at a time; the others are recomputed. All ticks if not given.",
]


def _suggested(section: Any) -> Suggested:
    del section
    return BackProp().suggested()


NEEDS = {"smoothing": ("form", "rate"), "surrogate": ("form", "spiking"), "zero_sum": ("wiring", "direct")}
"""Keys that have an effect for one value of another key alone."""


def consistent(section: Any) -> None:
    """Refuse keys that have no effect.

    Raises:
        ValueError: says which, and what they need.
    """
    for name, (other, value) in NEEDS.items():
        known = type(section).model_fields.get(name)
        if known is None or getattr(section, other) == value:
            continue
        given = getattr(section, name)
        if given != known.get_default(call_default_factory=True):
            kind = getattr(given, "kind", given)
            raise ValueError(
                f"{name}: {kind} has no effect with `{other}: {getattr(section, other)}`; it needs {value}"
            )


@register("rule", "bp", family="gradient", burn_in=None, check=consistent, suggested=_suggested)
def bp(
    form: _Form = "spiking",
    surrogate: _SurrogatePart = _SURROGATE,
    smoothing: _Smoothing = 0.5,
    loss: _LossPart = _LOSS,
    segment: _Segment = None,
) -> BackProp:
    """Back-propagation."""
    del form, smoothing  # of the network, which is built with them
    return BackProp(surrogate, loss, Symmetric(), segment)


@register("rule", "rbp", family="gradient", burn_in=None, check=consistent, suggested=_suggested)
def rbp(
    form: _Form = "spiking",
    surrogate: _SurrogatePart = _SURROGATE,
    smoothing: _Smoothing = 0.5,
    loss: _LossPart = _LOSS,
    segment: _Segment = None,
    wiring: Annotated[
        Literal["direct", "layerwise"],
        "Feedback from the output to every hidden layer, as in eRBP, or backwards layer by layer.",
    ] = "direct",
    feedback_scale: Annotated[NonNegative, "Size of the random feedback."] = 1.0,
    zero_sum: Annotated[bool, "For direct wiring: every hidden unit's feedback sums to zero over the classes."] = True,
) -> BackProp:
    """Random back-propagation."""
    del form, smoothing
    feedback = Direct(RandomFeedback(feedback_scale, zero_sum))
    return BackProp(surrogate, loss, feedback if wiring == "direct" else Layerwise(feedback_scale), segment)
