"""Event-driven random back-propagation."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.connections.arrivals import writes
from erbp_jax.counting import Wide, wide, wide_add, wide_product, wide_stack
from erbp_jax.encoding import LabelNeurons
from erbp_jax.learning.backprop import BackProp
from erbp_jax.learning.base import ErrorSpikes, LocalRule, Step
from erbp_jax.learning.feedback import RandomFeedback, spread
from erbp_jax.learning.gate import Boxcar
from erbp_jax.learning.loss import SquaredError
from erbp_jax.learning.readout import Readout, error_spikes
from erbp_jax.network import Network, Params, Trace, unrolling
from erbp_jax.neurons import Dendrite, ErrorNeurons, ErrorState, Surrogate

Feedback = tuple[jax.Array, ...]  # per layer [K, N], or [K, M] of its maps; [R K, N] from R local populations


class ERBPState(NamedTuple):
    error: ErrorState  # each [B, K]
    dendrites: tuple[jax.Array, ...]  # per layer [B, N], or [B, M] of its maps
    local: tuple[Any, ...] = ()  # per hidden layer of its readout and error neurons; None without


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

    `rate_penalty` makes spikes dear: a hidden unit that fires lowers the synapses whose spikes arrive in that tick,

    .. math:: \Delta w_{ij}[t] \leftarrow \Delta w_{ij}[t] - \eta\, \lambda\, s_j[t]\, s_i[t]

    which is local too: the code becomes sparse, and inference cheap in SynOps.

    A hidden layer with a `local` readout has error neurons of its own: they compare the label with the layer's own
    guess in the place of the output's spikes, and no error of the output reaches it. The readout may be fixed
    (`LocalReadout`) or learn (`LearnedReadout`).

    `gates` has one boxcar a layer, `feedback` one entry a hidden layer, `rate_penalty` none or one entry lambda a
    hidden layer, in units of U, `local` none or one entry, which may be None, a hidden layer; `burn_in` in ticks.
    Source: Neftci, Augustine, Paul, Detorakis 2017, Front. Neurosci. 11:324 (arXiv 1612.05596).

    Raises:
        ValueError: the number of gates, feedbacks, readouts or classes does not fit the network, a readout would have
            no weights, or transmission is to gate learning and draws no masks.
    """

    label: LabelNeurons
    gates: tuple[Boxcar, ...]
    feedback: tuple[RandomFeedback, ...]
    error: ErrorNeurons = ErrorNeurons()
    dendrite: Dendrite = Dendrite()
    output_scale: float = 1.0
    burn_in: int = 0
    blank_out_gates_learning: bool = False
    rate_penalty: tuple[float, ...] = ()
    local: tuple[Readout | None, ...] = ()

    def __post_init__(self) -> None:
        if len(self.local) not in (0, len(self.feedback)):
            raise ValueError(f"ERBP: {len(self.local)} local readouts do not fit {len(self.feedback)} hidden layers")
        for index, (feedback, readout) in enumerate(zip(self.feedback, self.readouts, strict=True)):
            if readout is not None and feedback.scale == 0:
                raise ValueError(f"ERBP: local errors of hidden layer {index} (from 0) need a feedback scale above 0")
            if readout is not None and readout.learns and not 1e-15 <= feedback.scale <= 1e15:  # float32 squares it
                raise ValueError(
                    f"ERBP: a readout that learns needs a feedback scale from 1e-15 to 1e15, got {feedback.scale} in "
                    f"hidden layer {index} (from 0)"
                )

    @property
    def readouts(self) -> tuple[Readout | None, ...]:
        """One entry for each hidden layer."""
        return self.local or (None,) * len(self.feedback)

    def init(self, network: Network, key: jax.Array) -> Feedback:
        """The weights from the error neurons to every layer, `[K, N]` each (per map `[K, M]`; from R populations
        of a layer's own `[R K, N]`); the last is diagonal."""
        *hidden, classes = network.sizes[1:]
        if (self.label.classes, len(self.gates), len(self.feedback)) != (
            classes,
            len(hidden) + 1,
            len(hidden),
        ):
            raise ValueError(
                f"ERBP: {self.label.classes} label neurons, {len(self.gates)} gates and {len(self.feedback)} feedbacks "
                f"do not fit a network of sizes {network.sizes}"
            )
        if len(self.rate_penalty) not in (0, len(hidden)):
            raise ValueError(f"ERBP: {len(self.rate_penalty)} rate penalties do not fit {len(hidden)} hidden layers")
        if self.blank_out_gates_learning:
            self._check_masks(network)
        shapes = [layer.connection.output_shape for layer in network.layers[:-1]]
        random = [
            feedback.init(jax.random.fold_in(key, index), classes, shape, readout.populations if readout else 1)
            for index, (feedback, shape, readout) in enumerate(zip(self.feedback, shapes, self.readouts, strict=True))
        ]
        weights = [
            g if readout is None else readout.init(g, units)
            for g, readout, units in zip(random, self.readouts, hidden, strict=True)
        ]
        return (*weights, self.output_scale * jnp.eye(classes, dtype=jnp.float32))

    def _check_masks(self, network: Network) -> None:
        for index, layer in enumerate(network.layers):
            transmission = getattr(layer.connection, "transmission", None)
            if transmission is not None and not transmission.has_masks:
                raise ValueError(
                    f"ERBP: blank_out_gates_learning needs to know which synapses transmit, and the transmission of "
                    f"layer {index} (from 0), {type(transmission).__name__}, draws no masks"
                )

    def own(self, fixed: Feedback) -> tuple[jax.Array | None, ...] | None:
        """The weights of readouts that learn."""
        if not any(readout and readout.learns for readout in self.readouts):
            return None
        hidden = zip(self.readouts, fixed[:-1], strict=True)
        return (*(weights if readout and readout.learns else None for readout, weights in hidden), None)

    def init_state(self, network: Network, batch: int) -> ERBPState:
        classes = network.sizes[-1]
        return ERBPState(
            self.error.init_state((batch, classes)),
            tuple(self.dendrite.init_state((batch, units)) for units in self._targets(network)),
            tuple(r and r.init_state(self.error, batch, classes) for r in self.readouts),
        )

    def _targets(self, network: Network) -> tuple[int, ...]:
        """Dendrites per layer: of every unit, or of every map where its positions share the feedback."""
        shapes = [layer.connection.output_shape for layer in network.layers[:-1]]
        hidden = (feedback.targets(shape) for feedback, shape in zip(self.feedback, shapes, strict=True))
        return (*hidden, network.sizes[-1])

    def to_hidden(self, network: Network, params: Params, fixed: Feedback) -> tuple[jax.Array, ...]:
        del params
        classes = network.sizes[-1]
        one = (g.reshape(-1, classes, g.shape[-1]).mean(0) for g in fixed[:-1])  # of all populations
        return tuple(spread(g, units) for g, units in zip(one, network.sizes[1:-1], strict=True))

    def error_fan_out(self, network: Network) -> tuple[int, ...]:
        """Dendrites that a spike of an error neuron reaches: per hidden layer of those with errors of their own (0
        for the others), and one of the readout if that learns; last of the output's, which reach all other hidden units
        and their own output unit."""
        hidden = self._targets(network)[:-1]
        layers = list(zip(self.readouts, hidden, strict=True))
        own = [0 if readout is None else units + readout.learns for readout, units in layers]
        return (*own, sum(units for readout, units in layers if readout is None) + 1)

    def operations(self, network: Network, steps: int, synops: float, error_spikes: float) -> float:
        """Every presynaptic spike transmits, and after the burn-in writes; an error spike reaches all dendrites.

        Raises:
            ValueError: local errors, whose spikes reach unlike numbers of dendrites: they are counted, not worked out.
        """
        if any(self.readouts):
            raise ValueError("ERBP: what local errors cost is counted while it learns, not worked out")
        return synops * (1.0 + (steps - self.burn_in) / steps) + error_spikes * self.error_fan_out(network)[-1]

    def plasticity_events(self, network: Network, trace: Trace) -> Wide:
        """Presynaptic spikes where the boxcar of the postsynaptic unit is open, and a layer's spikes at a readout of
        its own that learns, `[k, B, L]`."""
        gated = self.blank_out_gates_learning
        counts = [
            writes(layer.connection, seen.pre, gate(seen.current), seen.key if gated else None)
            for layer, gate, seen in zip(network.layers, self.gates, trace, strict=True)
        ]
        for index, (readout, seen) in enumerate(zip(self.readouts, trace[:-1], strict=True)):
            if readout is not None and readout.learns:
                counts[index] = wide_add(counts[index], _reached(seen.spikes, trace[-1].spikes.shape[-1]))
        return wide_stack(counts, -1)

    def gradient(self) -> BackProp:
        """Through time, of the squared distance between output and label: what the error neurons count."""
        return BackProp(Surrogate("boxcar", 1.0), SquaredError())

    def step(
        self,
        network: Network,
        fixed: Feedback,
        state: ERBPState,
        trace: Trace,
        target: jax.Array,
        ticks: jax.Array,
    ) -> Step:
        """Rule state and update after the k ticks of a trace; the update is summed over samples.

        Of the events on the way to error neurons, every label and every output spike reaches the E+ and the E- of its
        class; with a local readout every spike of the layer reaches all readout neurons, and a label and a readout
        spike that layer's E+ and E-.
        """
        label = jax.vmap(lambda t: self.label.spikes(t, target))(ticks)  # [k, B, K]
        error_state, error, count = error_spikes(self.error, state.error, label, trace[-1].spikes)
        *reach, everywhere = self.error_fan_out(network)
        shown, both = label.sum(-1, dtype=jnp.int32), 2 * label.shape[-1]  # label spikes; error neurons of a population
        spikes, reached = count, wide_product(count, everywhere, both * everywhere)
        incoming = wide(2 * (shown + trace[-1].spikes.sum(-1, dtype=jnp.int32)))

        local, errors, back, own = [], [], [], []
        for readout, feedback, weights, seen, before, fan_out in zip(
            self.readouts, self.feedback, fixed[:-1], trace[:-1], state.local, reach, strict=True
        ):
            if readout is None:
                local.append(None)
                errors.append(error)
                back.append(weights)
                own.append(None)
                continue
            made = readout(weights, before, seen.spikes, label, key=seen.key, error=self.error, dendrite=self.dendrite)
            local.append(made.state)
            errors.append(made.errors)
            back.append(readout.back(weights, feedback.scale))
            own.append(made.update)
            spikes, most = spikes + made.fired, 2 * made.guess.shape[-1] * fan_out
            reached = wide_add(reached, wide_product(made.fired, fan_out, most))
            guessed = 2 * (readout.populations * shown + made.guess.sum(-1, dtype=jnp.int32))
            incoming = wide_add(wide_add(incoming, wide(guessed)), _reached(seen.spikes, made.guess.shape[-1]))

        dendrites, updates = [], []
        penalties = (*(self.rate_penalty or (0.0,) * len(self.feedback)), 0.0)
        down, errors = (*back, fixed[-1]), (*errors, error)
        for layer, gate, penalty, weights, seen, potential, spike in zip(
            network.layers, self.gates, penalties, down, trace, state.dendrites, errors, strict=True
        ):
            potential, potentials = jax.lax.scan(
                self.dendrite.step, potential, spike @ weights, unroll=unrolling(len(ticks))
            )
            post = jnp.where(gate(seen.current), spread(potentials, seen.current.shape[-1]), 0.0)
            post = post - penalty * seen.spikes if penalty else post
            key = seen.key if self.blank_out_gates_learning else None
            # Minus: optimisers step against the update, as they do for a gradient.
            updates.append(layer.connection.plasticity(seen.pre, -post, key=key))
            dendrites.append(potential)
        return Step(
            ERBPState(error_state, tuple(dendrites), tuple(local)),
            tuple(updates),
            ErrorSpikes(spikes, incoming, reached),
            None if self.own(fixed) is None else (*own, None),
        )


def _reached(spikes: jax.Array, neurons: int) -> Wide:
    """Synapses of a layer's `spikes[k, B, N]` onto so many readout neurons, `[k, B]`."""
    return wide_product(spikes.sum(-1, dtype=jnp.int32), neurons, spikes.shape[-1] * neurons)
