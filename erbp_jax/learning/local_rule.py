"""A local rule written as one function of a layer's spikes, currents and errors."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp

from erbp_jax.connections import Dense
from erbp_jax.counting import Wide, wide_stack
from erbp_jax.declared import takes
from erbp_jax.encoding import Curves, LabelNeurons, Teacher, teacher_for
from erbp_jax.learning.base import Suggested
from erbp_jax.learning.erbp import ERBP
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.gate import Boxcar
from erbp_jax.learning.local import plasticity, written
from erbp_jax.network import Network
from erbp_jax.neurons import Dendrite
from erbp_jax.params import Params
from erbp_jax.trace import PopulationTrace, Trace, member


class Post(NamedTuple):
    """What a rule sees of the neurons behind a layer's synapses in one tick."""

    spikes: jax.Array  # [B, O]
    current: jax.Array  # [B, O] synaptic current; for neurons without synaptic dynamics, their input
    state: Any  # all of it, after the tick

    @property
    def membrane(self) -> jax.Array:
        """The membrane potential `[B, O]`, of neurons that have one.

        Raises:
            ValueError: neurons without it.
        """
        return self._field("membrane")

    @property
    def drive(self) -> jax.Array:
        """The membrane potential minus the threshold before the reset `[B, O]`, of neurons that have one.

        Raises:
            ValueError: neurons without it.
        """
        return self._field("drive")

    def _field(self, name: str) -> jax.Array:
        if (value := member(self.state, name)) is None:
            raise ValueError(
                f"local_rule: the function reads post.{name}, and the state of these neurons, "
                f"{type(self.state).__name__}, has no field {name!r}; post.state is all of it"
            )
        return value


Function = Callable[[jax.Array, Post, jax.Array], jax.Array]
"""`(pre[B, I], post, error[B, O]) -> change[B, O] or change[B, I, O]`; positive makes weights grow."""


@dataclass(frozen=True)
class WrittenRule(ERBP):
    """What `local_rule` makes for a network: error neurons, random feedback and dendrites as `ERBP` has them, and the
    function in place of its gated product."""

    function: Function | None = None
    suits: Suggested = field(default=Suggested("sgd", 1e-3, decay=0.9, update_every=5, steps=60))

    @property
    def name(self) -> str:
        """That of the function."""
        return getattr(self.function, "__name__", type(self).__name__)

    def suggested(self) -> Suggested:
        return self.suits

    def plasticity_events(self, network: Network, params: Params, trace: Trace) -> Wide:
        return wide_stack([written(network, params, trace, j, None) for j in range(len(network.projections))], -1)

    def _check_neurons(self, network: Network) -> None:
        """Any will do: the function looks at what it wants."""

    def _factor(
        self, gate: Boxcar, penalty: float, name: str, seen: PopulationTrace, potentials: jax.Array
    ) -> jax.Array:
        del gate, penalty, name, seen
        return potentials

    def _update(self, network: Network, params: Params, trace: Trace, index: int, post: jax.Array) -> Any:
        projection, arrived = network.projections[index], trace.arrived[index]
        weights = params.trained.projections[index]
        if not projection.learns or self.function is None:
            return jax.tree.map(jnp.zeros_like, weights)
        seen = trace.populations[network.index(projection.target)]
        pre = projection.connection.signal(arrived)  # [k, B, J]
        synaptic = member(seen.state, "synaptic")
        now = Post(seen.spikes, seen.current if synaptic is None else synaptic, seen.state)
        change = jax.eval_shape(self.function, *jax.tree.map(lambda x: x[0], (pre, now, post)))
        if not hasattr(change, "shape"):
            raise ValueError(f"local_rule: the function must return an array, got {type(change).__name__}")
        factor, whole = post.shape[1:], (*post.shape[1:2], pre.shape[-1], post.shape[-1])
        if change.shape == factor:
            each = jax.vmap(self.function)(pre, now, post)
            return plasticity(network, params, trace, index, -each.astype(post.dtype))
        if change.shape != whole or not isinstance(projection.connection, Dense):
            raise ValueError(
                f"local_rule: for {projection.name} it must return the postsynaptic factor {list(factor)} (times pre)"
                + (f" or all synapses {list(whole)}" if isinstance(projection.connection, Dense) else "")
                + f", got {list(change.shape)}"
            )

        def tick(total: jax.Array, part: Any) -> tuple[jax.Array, None]:
            return total + self.function(*part).sum(0), None  # pyright: ignore[reportOptionalCall]

        total, _ = jax.lax.scan(tick, jnp.zeros(whole[1:], post.dtype), (pre, now, post))
        return jax.tree.map(lambda w: -total.astype(w.dtype), weights)  # a dense connection has one leaf


@dataclass(frozen=True)
class RuleMaker:
    """Makes a `WrittenRule` for a network; used like a rule: `ej.fit(network, my_rule, data)`."""

    function: Function
    feedback: RandomFeedback | None
    label: Teacher | None
    tau_dendrite: float
    output_scale: float
    suits: Suggested

    def __call__(self, network: Network) -> WrittenRule:
        label = self.label or teacher_for(network.classes)
        return WrittenRule(
            label,
            feedback=self.feedback or RandomFeedback(zero_sum=not isinstance(label, Curves)),
            dendrite=Dendrite(self.tau_dendrite),
            output_scale=self.output_scale,
            function=self.function,
            suits=self.suits,
        )


@overload
def local_rule(function: Function, /) -> RuleMaker: ...


@overload
def local_rule(
    function: None = None,
    /,
    *,
    feedback: RandomFeedback | None = None,
    label: Teacher | None = None,
    tau_dendrite: float = 5.0,
    output_scale: float = 1.0,
    learning_rate: float | None = None,
    update_every: int = 5,
    steps: int = 60,
    burn_in: int = 10,
) -> Callable[[Function], RuleMaker]: ...


def local_rule(
    function: Function | None = None,
    /,
    *,
    feedback: RandomFeedback | None = None,
    label: Teacher | None = None,
    tau_dendrite: float = 5.0,
    output_scale: float = 1.0,
    learning_rate: float | None = None,
    update_every: int = 5,
    steps: int = 60,
    burn_in: int = 10,
) -> Callable[[Function], RuleMaker] | RuleMaker:
    r"""A decorator: one function of one layer and one tick becomes a learning rule for any network.

    The function gets the presynaptic spikes as they arrive, `pre[B, I]`; the postsynaptic neurons, `post.spikes`,
    `post.current`, `post.membrane`, `post.state`, `[B, O]`; and `error[B, O]`, the dendritic potential that the spiking
    error neurons drive through random feedback (one to one at the output), as in eRBP. It returns the change of the
    weights: the postsynaptic factor `[B, O]`, which is multiplied by `pre` for any kind of connection, or all synapses
    `[B, I, O]` of a dense one. **Positive makes weights grow.** Blocks of ticks and batches are summed here.

    Args:
        feedback: to the hidden layers; if not given `RandomFeedback()`, for curves not zero-sum.
        label: what says what is right; if not given label neurons, one per output, or a curve for a single output.
        tau_dendrite: time constant of the dendrites, ticks.
        output_scale: weight from an error neuron to its own output neuron's dendrite.
        learning_rate, update_every, steps, burn_in: what suits the rule where `fit` gets nothing else; the rate is
            that of eRBP with the same feedback if not given.

    Example:
        >>> import erbp_jax as ej
        >>> @ej.local_rule(feedback=ej.RandomFeedback(3.0))
        ... def boxed(pre, post, error):
        ...     return (abs(post.current) < 2) * error
        >>> rule = boxed(ej.mlp(64, 20, 10))
        >>> rule.label.classes
        10

    Raises:
        ValueError: a function of other arguments; when the rule is used: one that returns another shape.
    """
    like = ERBP(LabelNeurons(2), feedback=feedback or RandomFeedback())
    rate = like.suggested().learning_rate if learning_rate is None else learning_rate
    suits = Suggested("sgd", rate, decay=0.9, update_every=update_every, steps=steps, burn_in=burn_in)

    def decorate(function: Function) -> RuleMaker:
        if not takes(function, 3):
            raise ValueError(f"local_rule: must be a function of (pre, post, error), got {function!r}")
        return RuleMaker(function, feedback, label, tau_dendrite, output_scale, suits)

    return decorate if function is None else decorate(function)
