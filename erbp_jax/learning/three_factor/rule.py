"""The family: weight change = modulation x function of presynaptic events x function of postsynaptic events."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.counting import Wide, wide_stack, wide_zeros
from erbp_jax.declared import checked
from erbp_jax.learning.base import Given
from erbp_jax.learning.local import LocalRule, Step, written
from erbp_jax.learning.three_factor.factors import Factor, Signals
from erbp_jax.learning.three_factor.modulators import Modulator, Unmodulated
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import check_keys
from erbp_jax.trace import Trace, member


class Term(NamedTuple):
    """One product `scale x pre[i] x post[j]`, applied when its factors are not 0: with a `Spike` on one side, at that
    side's events; with traces on both, in every tick.

    Example:
        >>> from erbp_jax.learning.three_factor import Spike, Term, Trace
        >>> potentiation, depression = Term(Trace(20.0), Spike()), Term(Spike(), Trace(20.0), -1.0)
        >>> depression.scale
        -1.0
    """

    pre: Factor
    post: Factor
    scale: float = 1.0


class ThreeFactorState(NamedTuple):
    modulator: Any
    factors: tuple[tuple[tuple[Any, Any], ...], ...]  # per projection and term: (pre, post)
    eligibility: tuple[Any, ...]  # per projection, like its weights with a leading B; () without eligibility


@checked
@dataclass(frozen=True)
class ThreeFactor(LocalRule):
    r"""A learning rule from parts: pre and post factors, a modulator, optionally an eligibility trace.

    .. math::
        e_{ij}[t] = \sum_n a_n\, f^{pre}_{n,i}[t]\, f^{post}_{n,j}[t], \qquad
        \Delta w_{ij}[t] = M_j[t]\, e_{ij}[t]

    and with an eligibility trace of time constant `tau_eligibility` (ticks)

    .. math:: z[t] = e^{-1/\tau_z} z[t-1] + e[t] / \tau_z, \qquad \Delta w_{ij}[t] = M_j[t]\, z_{ij}[t]

    Order within a tick, after the network's sweep: factors, eligibility, modulation, update. Samples of a batch add
    up; the learning rate is the optimiser's. Without eligibility all state is per neuron, and the update of a block is
    one matrix product per term; with it there is one number per synapse and sample. A presynaptic factor looks at the
    spikes as they arrive at the synapses, delays and all.

    `terms` has one tuple of terms per projection, or a single one that serves all; an empty one freezes its projection.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.learning.three_factor import Spike, Term, Trace
        >>> hebb = Term(Trace(20.0), Spike())
        >>> rule = ej.ThreeFactor(((hebb,),), ej.SpikeReward(), tau_eligibility=25.0)
        >>> rule.modulator, rule.tau_eligibility
        (SpikeReward(), 25.0)

    Raises:
        ValueError: the number of projections does not fit, or an eligibility time constant that is not positive.
    """

    terms: tuple[tuple[Term, ...], ...]
    modulator: Modulator = Unmodulated()
    tau_eligibility: float | None = None

    def __post_init__(self) -> None:
        if self.tau_eligibility is not None and not self.tau_eligibility > 0:
            raise ValueError(f"ThreeFactor: tau_eligibility must be > 0 ticks, got {self.tau_eligibility}")

    def check_steps(self, steps: int, burn_in: int = 0) -> None:
        """Refuse presentations of a length for which the modulator is not made.

        Raises:
            ValueError: as the modulator says.
        """
        self.modulator.check_steps(steps, burn_in)

    @property
    def supervised(self) -> bool:
        """Whether the modulator depends on the targets."""
        return self.modulator.supervised

    def projection_terms(self, network: Network) -> tuple[tuple[Term, ...], ...]:
        """The terms of every projection of a network: none where it does not learn."""
        count = len(network.projections)
        if len(self.terms) not in (1, count):
            raise ValueError(f"ThreeFactor: terms for {len(self.terms)} layers do not fit a network of {count}")
        terms = self.terms * count if len(self.terms) == 1 else self.terms
        return tuple(one if p.learns else () for one, p in zip(terms, network.projections, strict=True))

    def init(self, network: Network, key: jax.Array) -> Params:
        check_keys("ThreeFactor", key, ())
        self.projection_terms(network)
        return self.modulator.init(network, key)

    def rest(self, network: Network, batch: int) -> ThreeFactorState:
        factors, eligibility = [], []
        for j, (projection, terms) in enumerate(zip(network.projections, self.projection_terms(network), strict=True)):
            pre, post = (batch, projection.connection.signals), (batch, projection.connection.outputs)
            factors.append(tuple((term.pre.init_state(pre), term.post.init_state(post)) for term in terms))
            if self.tau_eligibility is not None:
                like = _weights(network, j)
                eligibility.append(jax.tree.map(lambda x: jnp.zeros((batch, *x.shape), x.dtype), like))
        return ThreeFactorState(self.modulator.init_state(network, batch), tuple(factors), tuple(eligibility))

    def step(
        self,
        network: Network,
        params: Params,
        rule_params: Params,
        state: ThreeFactorState,
        trace: Trace,
        given: Given,
    ) -> Step:
        """Rule state and update after the block; the update is a sum over ticks and samples."""
        modulator, modulation = self.modulator.over(network, rule_params, state.modulator, trace, given)
        factors, eligibility, updates = [], [], []
        for j, (projection, terms) in enumerate(zip(network.projections, self.projection_terms(network), strict=True)):
            states, values = over_terms(terms, state.factors[j], *signals(network, trace, j))
            factors.append(states)
            m = modulation.populations[network.index(projection.target)]
            write = partial(_written, network, params, trace, j)
            if self.tau_eligibility is None or not terms:
                update = _sum([write(pre, -m * post) for pre, post in values], params.trained.projections[j])
                eligibility += state.eligibility[j : j + 1]
            else:
                spread = partial(_spread, network, params, trace, j)
                kept, update = self._eligible(write, spread, state.eligibility[j], values, m)
                eligibility.append(kept)
            updates.append(update)
        state = ThreeFactorState(modulator, tuple(factors), tuple(eligibility))
        return Step(state, tuple(updates), modulation.errors)

    def _eligible(self, write: Any, spread: Any, kept: Any, values: Any, modulation: jax.Array) -> tuple[Any, Any]:
        r"""The eligibility after the block, and the update.

        A block is summed up without a pass over the synapses per tick: with `R[s] = sum_{t >= s} b^{t-s} M[t] / tau`,

        .. math:: \sum_t M[t] z[t] = z_0 \sum_t b^{t+1} M[t] + \sum_s R[s] e[s], \quad b = e^{-1/\tau}
        """
        assert self.tau_eligibility is not None
        tau, ticks = self.tau_eligibility, modulation.shape[0]
        keep, age = math.exp(-1.0 / tau), jnp.arange(ticks, dtype=jnp.float32)[:, None, None]

        def back(later, m):
            later = keep * later + m / tau
            return later, later

        _, ahead = jax.lax.scan(back, jnp.zeros_like(modulation[0]), modulation, reverse=True)
        fading = (keep ** (ticks - 1.0 - age)) / tau
        added = _sum([write(pre, fading * post, each=True) for pre, post in values], kept)
        now = _sum([write(pre, -ahead * post) for pre, post in values], kept)
        share = spread((keep ** (age + 1.0) * modulation).sum(0))  # of [B, O] or [B, 1], like the weights
        update = jax.tree.map(lambda z, m, x: -jnp.sum(m * z, 0) + x, kept, share, now)
        return jax.tree.map(lambda z, x: keep**ticks * z + x, kept, added), update

    def plasticity_events(self, network: Network, params: Params, trace: Trace) -> Wide:
        """Presynaptic spikes at synapses of projections that have terms, `[k, B, P]`: what is written at postsynaptic
        spikes or in every tick is not counted."""
        nothing = wide_zeros(*trace.inputs[0].shape[:2])
        counts = [
            written(network, params, trace, j, None) if terms else nothing
            for j, terms in enumerate(self.projection_terms(network))
        ]
        return wide_stack(counts, -1)


def _written(
    network: Network, params: Params, trace: Trace, index: int, pre: jax.Array, post: jax.Array, each: bool = False
) -> Any:
    """The products of a projection's factors summed over ticks and samples, or over ticks for `each` sample."""
    connection, projection_params = network.projections[index].connection, network.of_projection(params, index)
    if not each:
        return connection.plasticity(projection_params, trace.arrived[index], post, factor=pre)

    def one(arrived, pre, post):
        arrived, pre, post = jax.tree.map(lambda x: x[:, None], (arrived, pre, post))
        return connection.plasticity(projection_params, arrived, post, factor=pre)

    return jax.vmap(one, in_axes=1)(trace.arrived[index], pre, post)


def _spread(network: Network, params: Params, trace: Trace, index: int, values: jax.Array) -> Any:
    """Values of postsynaptic units `[B, O]`, or `[B, 1]` of all of them, at their synapses: like the weights, by
    sample.

    Raises:
        ValueError: a value for each unit where the positions of a map share their weights, and with them eligibility.
    """
    trained, projection = params.trained.projections[index], network.projections[index]
    if values.shape[-1] == 1:
        return jax.tree.map(lambda w: values.reshape(-1, *(1,) * w.ndim), trained)
    connection = projection.connection
    if connection.synapses != sum(w.size for w in jax.tree.leaves(trained)):
        raise ValueError(
            f"ThreeFactor: an eligibility trace under a modulator with a value for each neuron needs a weight for each "
            f"synapse; those of the projection {projection.name}, {type(connection).__name__}, are shared"
        )
    projection_params, ones = network.of_projection(params, index), jnp.ones((1, 1, connection.signals), values.dtype)
    at = jax.tree.map(lambda x: x[:1, :1], trace.arrived[index])
    return jax.vmap(lambda v: connection.plasticity(projection_params, at, v[None, None], factor=ones))(values)


def signals(network: Network, trace: Trace, index: int) -> tuple[Signals, Signals]:
    """What a projection's synapses see on either side in the ticks of a trace."""
    projection = network.projections[index]
    seen = trace.populations[network.index(projection.target)]
    fields = (member(seen.state, name) for name in ("synaptic", "membrane"))
    pre = Signals(projection.connection.signal(trace.arrived[index]))
    return pre, Signals(seen.spikes, *fields, state=seen.state)


def _weights(network: Network, index: int) -> Any:
    """Shapes of a projection's trained parameters."""
    projection = network.projections[index]
    return jax.eval_shape(projection.connection.init, _key()).trained if projection.plastic else {}


def _key() -> jax.Array:
    return jax.random.key(0, impl="threefry2x32")


def over_terms(
    terms: tuple[Term, ...], states: Any, pre_seen: Signals, post_seen: Signals
) -> tuple[Any, list[tuple[jax.Array, jax.Array]]]:
    """States after a block, and per term its factors `(pre[k, B, J], post[k, B, O])`, the scale in the second.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Signals, Spike, Term, Trace, over_terms, start_terms
        >>> terms = (Term(Spike(), Trace(20.0), -0.5),)
        >>> pre = Signals(jnp.zeros((3, 1, 4)))
        >>> post = Signals(jnp.array([1.0, 0.0, 0.0]).reshape(3, 1, 1))
        >>> states = ((terms[0].pre.init_state((1, 4)), terms[0].post.init_state((1, 1))),)
        >>> states, ((before, after),) = over_terms(terms, states, pre, post)
        >>> before.shape, [round(float(x), 3) for x in after[:, 0, 0]]
        ((3, 1, 4), [-0.0, -0.476, -0.452])
    """
    kept, values = [], []
    for term, (before, after) in zip(terms, states, strict=True):
        before, pre = term.pre.over(before, pre_seen)
        after, post = term.post.over(after, post_seen)
        kept.append((before, after))
        values.append((pre, term.scale * post))
    return tuple(kept), values


def write(terms: tuple[Term, ...], states: Any, pre: Signals, post: Signals) -> tuple[Any, jax.Array]:
    """One tick of a single population: `pre` signals `[I]`, `post` signals `[O]` -> `(states, e[I, O])`.

    For models outside `Network`, with other neurons; `start_terms` makes the states.

    Example:
        >>> import jax.numpy as jnp
        >>> from erbp_jax.learning.three_factor import Signals, Spike, Term, Trace, start_terms, write
        >>> terms = (Term(Trace(20.0), Spike()),)
        >>> states = start_terms(terms, inputs=2, outputs=1)
        >>> for pre, post in (([1.0, 0.0], [0.0]), ([0.0, 0.0], [1.0])):
        ...     states, change = write(terms, states, Signals(jnp.array(pre)), Signals(jnp.array(post)))
        >>> [[round(float(dw), 3) for dw in row] for row in change]
        [[0.951], [0.0]]
    """
    kept, change = [], jnp.zeros((pre.spikes.shape[-1], post.spikes.shape[-1]), jnp.float32)
    for term, (before, after) in zip(terms, states, strict=True):
        before, x = term.pre.step(before, pre)
        after, y = term.post.step(after, post)
        change = change + term.scale * x[:, None] * y[None, :]
        kept.append((before, after))
    return tuple(kept), change


def start_terms(terms: tuple[Term, ...], inputs: int, outputs: int) -> tuple[tuple[Any, Any], ...]:
    """The states of the factors before the first tick, for `write`.

    Example:
        >>> from erbp_jax.learning.three_factor import Spike, Term, Trace, start_terms
        >>> ((pre, post),) = start_terms((Term(Trace(20.0), Spike()),), inputs=2, outputs=1)
        >>> pre.shape, post
        ((2,), ())
    """
    return tuple((term.pre.init_state((inputs,)), term.post.init_state((outputs,))) for term in terms)


def _sum(products: list[Any], like: Any) -> Any:
    return jax.tree.map(lambda *x: sum(x[1:], x[0]), *products) if products else jax.tree.map(jnp.zeros_like, like)
