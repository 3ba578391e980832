"""Event-driven random back-propagation."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp

from erbp_jax.block import unrolling
from erbp_jax.counting import Wide, wide_add, wide_stack
from erbp_jax.declared import checked
from erbp_jax.encoding import Curves, Teacher, teacher_for
from erbp_jax.learning.backprop import BackProp
from erbp_jax.learning.base import Given, Suggested
from erbp_jax.learning.error_paths import arriving, first_onto, merged, reached
from erbp_jax.learning.feedback import RandomFeedback
from erbp_jax.learning.gate import Boxcar
from erbp_jax.learning.local import LocalRule, Step, plasticity, written
from erbp_jax.learning.loss import CurveError, SquaredError
from erbp_jax.learning.readout import Readout
from erbp_jax.learning.synapse import synaptic_current, synaptic_gain
from erbp_jax.network import Network
from erbp_jax.neurons import Dendrite, ErrorNeurons, ErrorState, Surrogate
from erbp_jax.params import Params
from erbp_jax.projection import Population
from erbp_jax.random import check_keys
from erbp_jax.trace import PopulationTrace, Trace


class ERBPState(NamedTuple):
    """What `ERBP` remembers between two blocks of a presentation."""

    error: ErrorState  # each [B, K]
    dendrites: tuple[jax.Array, ...]  # per population [B, N], in declared order
    local: tuple[Any, ...] = ()  # per hidden population of its readout and error neurons; None without


@checked
@dataclass(frozen=True)
class ERBP(LocalRule):
    r"""Event-driven random back-propagation (eRBP), for networks of any depth.

    .. math::
        \Delta w_{ij}[t] = \eta\; U_j[t]\; \Theta(b_{min} < I_j[t] < b_{max})\; s_i[t], \qquad
        U_j[t] = e^{-1/\tau_U} U_j[t-1] + \sum_k g_{kj} (s^{E+}_k[t] - s^{E-}_k[t])

    A presynaptic spike moves its synapses by the postsynaptic dendritic potential U if the synaptic current I lies
    inside a boxcar. Spiking error neurons E+ and E- integrate label minus prediction and reach every hidden layer
    directly through fixed random weights G, the output layer one to one through `output_scale` times the identity.

    Order within a tick, after the network's sweep: label and output spikes -> error neurons -> dendrites -> update.
    All samples of a batch run in lock-step and their updates add up; the learning rate is not divided by the batch.

    With stochastic transmission in the network this is peRBP. `blank_out_gates_learning` restricts the update to the
    synapses that transmitted (the code of March 2017); by default every presynaptic spike writes (January 2017).

    `rate_penalty` regularises activity: a hidden unit that fires lowers the weights of the spikes that arrive in that
    tick,

    .. math:: \Delta w_{ij}[t] \leftarrow \Delta w_{ij}[t] - \eta\, \lambda\, s_j[t]\, s_i[t]

    which is local too. The code becomes sparse, and inference cheap in SynOps.

    With `per_gain` the numbers hold for synapses of any time constant. A synapse's gain g is the current that an input
    of 1 per tick settles at, :math:`g = 1 / (1 - e^{-1/\tau_{syn}})`; currents and their changes are g times as large,
    so that gates are in units of g and updates are divided by it:

    .. math:: \Delta w_{ij}[t] = \frac{\eta}{g_j}\; U_j[t]\; \Theta(g_j b_{min} < I_j[t] < g_j b_{max})\; s_i[t]

    A hidden layer with a `local` readout has its own error neurons: they compare the label with the readout's
    prediction instead of the output's spikes, and no error of the output reaches the layer. The readout may be fixed
    (`LocalReadout`) or learn (`LearnedReadout`).

    `gates` is one boxcar, or one per population; `feedback` one entry, or one per hidden one (all but the output);
    `rate_penalty` none or one entry lambda per hidden population, in units of U; `local` none or one entry, which may
    be None, per hidden population: all in declared order. On a recurrent, lateral or delayed projection
    the update is the same product as on any other, with the spike as it arrives at the synapse.
    Source: Neftci, Augustine, Paul, Detorakis 2017, Front. Neurosci. 11:324 (arXiv 1612.05596).

    Example:
        >>> import jax, erbp_jax as ej
        >>> network, key = ej.mlp(6, 5, 3), jax.random.key(0)
        >>> rule = ej.ERBP(ej.LabelNeurons(3), feedback=(ej.RandomFeedback(3.0),))
        >>> [g.shape for g in rule.init(network, key).fixed]
        [(3, 5), (3, 3)]
        >>> ej.ERBP.default(network).gates
        Boxcar(low=-2.0, high=2.0)

    Raises:
        ValueError: the number of gates, feedbacks, readouts or classes does not fit the network, a neuron without the
            current that a gate reads, or a readout would have no weights.
    """

    label: Teacher
    gates: Boxcar | tuple[Boxcar, ...] = Boxcar()
    feedback: RandomFeedback | tuple[RandomFeedback, ...] = RandomFeedback()
    error: ErrorNeurons = ErrorNeurons()
    dendrite: Dendrite = Dendrite()
    output_scale: float = 1.0
    blank_out_gates_learning: bool = False
    rate_penalty: tuple[float, ...] = ()
    local: tuple[Readout | None, ...] = ()
    per_gain: bool = False

    def __post_init__(self) -> None:
        hidden = len(self.feedback) if isinstance(self.feedback, tuple) else len(self.local)
        if len(self.local) not in (0, hidden):
            raise ValueError(f"ERBP: {len(self.local)} local readouts do not fit {hidden} hidden layers")
        feedbacks, readouts = _each(self.feedback, hidden), self.local or (None,) * hidden
        for index, (feedback, readout) in enumerate(zip(feedbacks, readouts, strict=True)):
            if readout is not None and feedback.scale == 0:
                raise ValueError(f"ERBP: local errors of hidden layer {index} (from 0) need a feedback scale above 0")
            if readout is not None and readout.learns and not 1e-15 <= feedback.scale <= 1e15:  # float32 squares it
                raise ValueError(
                    f"ERBP: a readout that learns needs a feedback scale from 1e-15 to 1e15, got {feedback.scale} in "
                    f"hidden layer {index} (from 0)"
                )

    @classmethod
    def default(
        cls,
        network: Network,
        *,
        feedback_scale: float = 3.0,
        rate_penalty: float | tuple[float, ...] = (),
        **changes: Any,
    ) -> Self:
        """eRBP that fits a network: a label neuron for each output, one gate and one feedback for all populations.

        A single output follows a curve. With `label=Curves(...)` the feedback is not zero-sum, since such outputs share
        their errors. A number as `rate_penalty` holds for every hidden population. `changes` are further fields.

        Example:
            >>> import erbp_jax as ej
            >>> ej.ERBP.default(ej.mlp(6, 5, 4, 3), rate_penalty=0.3).rate_penalty
            (0.3, 0.3)
        """
        label = changes.pop("label", None) or teacher_for(network.classes)
        if isinstance(rate_penalty, int | float) and not isinstance(rate_penalty, bool):
            rate_penalty = (float(rate_penalty),) * len(network.hidden)
        feedback = RandomFeedback(feedback_scale, zero_sum=not isinstance(label, Curves))
        return cls(label, **{"feedback": feedback, "rate_penalty": rate_penalty, **changes})

    def boxcars(self, network: Network) -> dict[str, Boxcar]:
        """The gate of every population by name, in the unit of its synaptic current.

        Raises:
            ValueError: `per_gain`, and a neuron that does not know the gain of its synapse.
        """
        gates = zip(network.populations, _each(self.gates, len(network.populations)), strict=True)
        return {p.name: gate.scaled(self._gain(p)) if self.per_gain else gate for p, gate in gates}

    def _gain(self, population: Population) -> float:
        return synaptic_gain(population) if self.per_gain else 1.0

    def _penalties(self, network: Network) -> dict[str, float]:
        """Activity regularisation by population; none for those that are not named."""
        return dict(zip((p.name for p in network.hidden), self.rate_penalty, strict=False))

    def readouts(self, network: Network) -> tuple[Readout | None, ...]:
        """One entry for each hidden population."""
        return self.local or (None,) * len(network.hidden)

    def init(self, network: Network, key: jax.Array) -> Params:
        """The weights from the error neurons to every hidden population, `[K, N]` each (from R populations of a layer's
        own `[R K, N]`), and last to the output, diagonal. Those of readouts that learn, `[N, K]`, are the trained ones;
        in their place among the fixed ones stands None, and the other way round."""
        check_keys("ERBP", key, ())
        hidden, classes = network.hidden, network.classes
        gates, feedbacks = _each(self.gates, len(hidden) + 1), _each(self.feedback, len(hidden))
        if (self.label.classes, len(gates), len(feedbacks)) != (classes, len(hidden) + 1, len(hidden)):
            raise ValueError(
                f"ERBP: {self.label.classes} label neurons, {len(gates)} gates and {len(feedbacks)} feedbacks "
                f"do not fit a network of sizes {network.sizes}"
            )
        if len(self.rate_penalty) not in (0, len(hidden)):
            raise ValueError(f"ERBP: {len(self.rate_penalty)} rate penalties do not fit {len(hidden)} hidden layers")
        if self.local and len(self.local) != len(hidden):
            raise ValueError(f"ERBP: {len(self.local)} local readouts do not fit {len(hidden)} hidden layers")
        self._check_neurons(network)
        trained, fixed = [], []
        for index, (feedback, readout, population) in enumerate(
            zip(feedbacks, self.readouts(network), hidden, strict=True)
        ):
            populations = readout.populations if readout else 1
            weights = feedback.init(jax.random.fold_in(key, index), classes, population.size, populations)
            weights = readout.init(weights, population.size) if readout else weights
            learns = readout is not None and readout.learns
            trained.append(weights if learns else None)
            fixed.append(None if learns else weights)
        fixed.append(self.output_scale * jnp.eye(classes, dtype=jnp.float32))
        return Params((*trained, None) if jax.tree.leaves(trained) else (), tuple(fixed))

    def rest(self, network: Network, batch: int) -> ERBPState:
        classes = network.classes
        return ERBPState(
            self.error.init_state((batch, classes)),
            tuple(self.dendrite.init_state((batch, p.size)) for p in network.populations),
            tuple(r and r.init_state(self.error, batch, classes) for r in self.readouts(network)),
        )

    def to_hidden(self, network: Network, params: Params, rule_params: Params) -> tuple[jax.Array, ...]:
        del params
        *each, _ = self._back(network, rule_params)
        return tuple(g.reshape(-1, network.classes, g.shape[-1]).mean(0) for g in each)  # of all populations

    def _back(self, network: Network, rule_params: Params) -> list[jax.Array]:
        """What carries errors to each hidden population `[R K, N]`, and last to the output."""
        *each, output = merged(rule_params)
        hidden = zip(each, self.readouts(network), _each(self.feedback, len(each)), strict=True)
        return [*(w if readout is None else readout.back(w, f.scale) for w, readout, f in hidden), output]

    def error_fan_out(self, network: Network) -> tuple[int, ...]:
        """Dendrites that a spike of an error neuron reaches: per hidden population of those with errors of their own (0
        for the others), and one of the readout if that learns; last of the output's, which reach all other hidden units
        and their own output unit."""
        layers = [(readout, p.size) for readout, p in zip(self.readouts(network), network.hidden, strict=True)]
        counts = [0 if readout is None else units + readout.learns for readout, units in layers]
        return (*counts, sum(units for readout, units in layers if readout is None) + 1)

    def plasticity_events(self, network: Network, params: Params, trace: Trace) -> Wide:
        """Presynaptic spikes where the boxcar of the postsynaptic unit is open, or where it spikes and activity is
        regularised, `[k, B, P]`; a population's spikes at a readout of its own that learns are counted with the first
        projection onto it."""
        gates, penalties = self.boxcars(network), self._penalties(network)
        writing = {}
        for name, seen in zip(network.names, trace.populations, strict=True):
            writing[name] = gates[name](synaptic_current(name, seen.state))
            if penalties.get(name):
                writing[name] |= seen.spikes != 0
        counts = [
            written(network, params, trace, j, writing[p.target], gated=self.blank_out_gates_learning)
            for j, p in enumerate(network.projections)
        ]
        for readout, population in zip(self.readouts(network), network.hidden, strict=True):
            if readout is not None and readout.learns:
                first = first_onto(network, population.name)
                seen = trace.populations[network.index(population.name)]
                counts[first] = wide_add(counts[first], reached(seen.spikes, network.classes))
        return wide_stack(counts, -1)

    def suggested(self) -> Suggested:
        """What matters is the learning rate times the scale of the feedback: best near 0.003 for `LIF()` neurons and
        `Poisson(0.25)` (docs/lab/fully_connected.md); recipes for other neurons say their own."""
        scale = max((f.scale for f in _each(self.feedback, 1)), default=1.0)
        return Suggested("sgd", 0.003 / scale if scale else 1e-3, decay=0.9, update_every=5, steps=60, burn_in=10)

    def gradient(self) -> BackProp:
        """Through time, of the squared distance between output and label: what the error neurons count."""
        loss = CurveError() if isinstance(self.label, Curves) else SquaredError()
        return BackProp(Surrogate("boxcar", 1.0), loss)

    def step(
        self, network: Network, params: Params, rule_params: Params, state: ERBPState, trace: Trace, given: Given
    ) -> Step:
        """Rule state and update after the block; the update is summed over samples.

        Of the events on the way to error neurons, every label and every output spike reaches the E+ and the E- of its
        class; with a local readout every spike of the layer reaches all readout neurons, and a label and a readout
        spike that layer's E+ and E-.
        """
        self.label.check("ERBP", given.target, network.output_spikes(trace).shape[1])
        label = jax.vmap(lambda t: self.label.spikes(t, given.target))(given.ticks)  # [k, B, K]
        layers = zip(network.hidden, self.readouts(network), merged(rule_params)[:-1], state.local, strict=True)
        errors = arriving(
            self.error, self.dendrite, network, tuple(layers), state.error, label, trace, given,
            self.error_fan_out(network),
        )  # fmt: skip
        ends = (*(p.name for p in network.hidden), network.output)
        back = dict(zip(ends, self._back(network, rule_params), strict=True))
        dendrites, post, gates = [], {}, self.boxcars(network)
        penalties = self._penalties(network)
        for population, seen, potential in zip(network.populations, trace.populations, state.dendrites, strict=True):
            name, gain = population.name, self._gain(population)
            potential, potentials = jax.lax.scan(
                self.dendrite.step, potential, errors.spikes[name] @ back[name], unroll=unrolling(len(given.ticks))
            )
            dendrites.append(potential)
            factor = self._factor(gates[name], penalties.get(name, 0.0), name, seen, potentials)
            post[name] = factor / gain if self.per_gain else factor
        updates = [self._update(network, params, trace, j, post[p.target]) for j, p in enumerate(network.projections)]
        return Step(
            ERBPState(errors.state, tuple(dendrites), errors.local),
            tuple(updates),
            errors.counted,
            (*errors.updates, None) if jax.tree.leaves(errors.updates) else (),
        )

    def _check_neurons(self, network: Network) -> None:
        """Refuse neurons without the current that a gate reads."""
        for population in network.populations:
            synaptic_current(population.name, jax.eval_shape(lambda n=population.neuron: n.init_state((1, 1))))
        self.boxcars(network)

    def _update(self, network: Network, params: Params, trace: Trace, index: int, post: jax.Array) -> Any:
        """One projection's, from the postsynaptic factor `post[k, B, O]`."""
        # Minus: optimisers step against the update, as they do for a gradient.
        return plasticity(network, params, trace, index, -post, gated=self.blank_out_gates_learning)

    def _factor(
        self, gate: Boxcar, penalty: float, name: str, seen: PopulationTrace, potentials: jax.Array
    ) -> jax.Array:
        """The postsynaptic factor of a population `[k, B, N]`."""
        post = jnp.where(gate(synaptic_current(name, seen.state)), potentials, 0.0)
        return post - penalty * seen.spikes if penalty else post


def _each(value: Any, count: int) -> tuple[Any, ...]:
    """One for each: a tuple as it is, anything else for all."""
    return value if isinstance(value, tuple) else (value,) * count
