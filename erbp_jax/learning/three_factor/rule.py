"""The family: weight change = modulation x function of presynaptic events x function of postsynaptic events."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from erbp_jax.connections.arrivals import writes
from erbp_jax.counting import Wide, wide_stack, wide_zeros
from erbp_jax.learning.base import LocalRule, Rule, Step
from erbp_jax.learning.three_factor.factors import Factor, Signals
from erbp_jax.learning.three_factor.modulators import Modulator, Unmodulated
from erbp_jax.network import Layer, LayerTrace, Network, Params, Trace


class Term(NamedTuple):
    """One product `scale x pre[i] x post[j]`, applied when its factors are not 0: with a `Spike` on one side, at that
    side's events; with traces on both, in every tick."""

    pre: Factor
    post: Factor
    scale: float = 1.0


class ThreeFactorState(NamedTuple):
    modulator: Any
    factors: tuple[tuple[tuple[Any, Any], ...], ...]  # per layer and term: (pre, post)
    eligibility: tuple[Any, ...]  # per layer, like its weights with a leading B; () without eligibility


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
    one matrix product a term; with it there is one number a synapse and sample.

    `terms` has one tuple of terms a layer, or a single one that serves all layers; an empty one freezes its layer.
    `burn_in` in ticks.

    Raises:
        ValueError: the number of layers does not fit, or an eligibility time constant that is not positive.
    """

    terms: tuple[tuple[Term, ...], ...]
    modulator: Modulator = Unmodulated()
    tau_eligibility: float | None = None
    burn_in: int = 0

    def __post_init__(self) -> None:
        if self.tau_eligibility is not None and not self.tau_eligibility > 0:
            raise ValueError(f"ThreeFactor: tau_eligibility must be > 0 ticks, got {self.tau_eligibility}")

    def layer_terms(self, network: Network) -> tuple[tuple[Term, ...], ...]:
        """The terms of every layer of a network."""
        layers = len(network.layers)
        if len(self.terms) not in (1, layers):
            raise ValueError(f"ThreeFactor: terms for {len(self.terms)} layers do not fit a network of {layers}")
        return self.terms * layers if len(self.terms) == 1 else self.terms

    def init(self, network: Network, key: jax.Array) -> Any:
        self.layer_terms(network)
        return self.modulator.init(network, key)

    def init_state(self, network: Network, batch: int) -> ThreeFactorState:
        factors, eligibility = [], []
        for layer, terms in zip(network.layers, self.layer_terms(network), strict=True):
            pre, post = (batch, layer.connection.inputs), (batch, layer.connection.outputs)
            factors.append(tuple((term.pre.init_state(pre), term.post.init_state(post)) for term in terms))
            if self.tau_eligibility is not None:
                ends = (jnp.zeros(shape[1:], jnp.float32) for shape in (pre, post))
                one = jax.eval_shape(layer.connection.plasticity, *ends)
                eligibility.append(jax.tree.map(lambda x: jnp.zeros((batch, *x.shape), x.dtype), one))
        return ThreeFactorState(self.modulator.init_state(network, batch), tuple(factors), tuple(eligibility))

    def step(
        self, network: Network, fixed: Any, state: ThreeFactorState, trace: Trace, target: jax.Array, ticks: jax.Array
    ) -> Step:
        """Rule state and update after the k ticks of a trace; the update is a sum over ticks and samples."""
        modulator, modulation = self.modulator.over(network, fixed, state.modulator, trace[-1].spikes, target, ticks)
        factors, eligibility, updates = [], [], []
        for i, (layer, terms) in enumerate(zip(network.layers, self.layer_terms(network), strict=True)):
            states, values = over_terms(terms, state.factors[i], trace[i])
            factors.append(states)
            m = modulation.layers[i]
            if self.tau_eligibility is None or not terms:
                update = _sum([layer.connection.plasticity(pre, -m * post) for pre, post in values], layer)
                eligibility += state.eligibility[i : i + 1]
            else:
                kept, update = self._eligible(layer, state.eligibility[i], values, m)
                eligibility.append(kept)
            updates.append(update)
        state = ThreeFactorState(modulator, tuple(factors), tuple(eligibility))
        return Step(state, tuple(updates), modulation.errors)

    def _eligible(self, layer: Layer, kept: Any, values: Any, modulation: jax.Array) -> tuple[Any, Any]:
        r"""The eligibility after the block, and the update; the last axis of weights is the postsynaptic one.

        A block is summed up without a pass over the synapses a tick: with `R[s] = sum_{t >= s} b^{t-s} M[t] / tau`,

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
        outer = jax.vmap(layer.connection.plasticity, in_axes=1)
        added = _sum([outer(pre, fading * post) for pre, post in values], layer)
        now = _sum([layer.connection.plasticity(pre, -ahead * post) for pre, post in values], layer)
        share = (keep ** (age + 1.0) * modulation).sum(0)  # [B, O] or [B, 1]

        def before(z):
            return -jnp.sum(share.reshape(len(share), *(1,) * (z.ndim - 2), -1) * z, 0)

        update = jax.tree.map(lambda z, x: before(z) + x, kept, now)
        return jax.tree.map(lambda z, x: keep**ticks * z + x, kept, added), update

    def plasticity_events(self, network: Network, trace: Trace) -> Wide:
        """Presynaptic spikes at synapses of layers that have terms, `[k, B, L]`."""
        counts = [
            writes(layer.connection, seen.pre, None) if terms else wide_zeros(*seen.pre.shape[:-1])
            for layer, terms, seen in zip(network.layers, self.layer_terms(network), trace, strict=True)
        ]
        return wide_stack(counts, -1)

    def to_hidden(self, network: Network, params: Params, fixed: Any) -> tuple[jax.Array, ...]:
        del network, params
        return self.modulator.to_hidden(fixed)

    def operations(self, network: Network, steps: int, synops: float, error_spikes: float) -> float:
        """Every presynaptic spike transmits, and each term writes at its spikes after the burn-in; error spikes reach
        every neuron once."""
        del network
        terms = max(len(terms) for terms in self.terms)
        return synops * (1.0 + terms * (steps - self.burn_in) / steps) + error_spikes

    def gradient(self) -> Rule:
        raise ValueError("this rule stands for no gradient, so its alignment cannot be measured")


def over_terms(terms: tuple[Term, ...], states: Any, seen: LayerTrace) -> tuple[Any, list[tuple[jax.Array, jax.Array]]]:
    """States after a block, and per term its factors `(pre[k, B, I], post[k, B, O])`, the scale in the second."""
    pre_seen, post_seen = Signals(seen.pre), Signals(seen.spikes, seen.current, seen.membrane)
    kept, values = [], []
    for term, (before, after) in zip(terms, states, strict=True):
        before, pre = term.pre.over(before, pre_seen)
        after, post = term.post.over(after, post_seen)
        kept.append((before, after))
        values.append((pre, term.scale * post))
    return tuple(kept), values


def write(terms: tuple[Term, ...], states: Any, pre: Signals, post: Signals) -> tuple[Any, jax.Array]:
    """One tick of a single population: `pre` signals `[I]`, `post` signals `[O]` -> `(states, e[I, O])`.

    For models with neurons of their own, outside `Network`; `start_terms` makes the states.
    """
    kept, change = [], jnp.zeros((pre.spikes.shape[-1], post.spikes.shape[-1]), jnp.float32)
    for term, (before, after) in zip(terms, states, strict=True):
        before, x = term.pre.step(before, pre)
        after, y = term.post.step(after, post)
        change = change + term.scale * x[:, None] * y[None, :]
        kept.append((before, after))
    return tuple(kept), change


def start_terms(terms: tuple[Term, ...], inputs: int, outputs: int) -> tuple[tuple[Any, Any], ...]:
    """The states of the factors before the first tick, for `write`."""
    return tuple((term.pre.init_state((inputs,)), term.post.init_state((outputs,))) for term in terms)


def _sum(products: list[Any], layer: Layer) -> Any:
    if not products:
        zero = jax.eval_shape(
            layer.connection.plasticity,
            jnp.zeros((layer.connection.inputs,), jnp.float32),
            jnp.zeros((layer.connection.outputs,), jnp.float32),
        )
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), zero)
    return jax.tree.map(lambda *x: sum(x[1:], x[0]), *products)
