"""BP and RBP against gradients written by hand, and against each other."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import BlankOut, Dense
from erbp_jax.learning import (
    BackProp,
    CrossEntropy,
    CurveError,
    Direct,
    Layerwise,
    RandomFeedback,
    SquaredError,
    Symmetric,
)
from erbp_jax.learning.base import Given
from erbp_jax.neurons import LIF, SURROGATES, GaussianNoise, MihalasNiebur, Surrogate
from erbp_jax.nir import NIRNeuron, Values
from erbp_jax.params import Params
from tests.connections.calls import current
from tests.oracles import bptt

T, B = 6, 5


def network(sizes=(7, 6, 4), transmission=None, **neuron):
    neuron = LIF(**{"tau_mem": 2.0, "tau_syn": 1.5, "refractory": 0, **neuron})
    make = (lambda i, o: Dense(i, o, 4.0)) if transmission is None else (lambda i, o: Dense(i, o, 4.0, transmission))
    return sequential(*((make(i, o), neuron) for i, o in zip(sizes[:-1], sizes[1:], strict=True)))


def update(rule, net, key, fixed=None, params=None):
    params = net.init(key) if params is None else params
    rule_params = rule.init(net, jax.random.fold_in(key, 1)) if fixed is None else Params((), fixed)
    spikes = jax.random.bernoulli(jax.random.fold_in(key, 2), 0.5, (T, B, net.sizes[0])).astype(jnp.float32)
    target = jnp.arange(B) % net.sizes[-1]
    keys = jax.random.split(jax.random.fold_in(key, 3), (T, B))
    given = Given(spikes, target, jnp.arange(T), keys)
    return block(rule, net, params, rule_params, given), params, spikes, target


@partial(jax.jit, static_argnums=(0, 1))
def block(rule, net, params, rule_params, given):
    return rule.block(net, params, rule_params, rule.init_state(net, B), given)


def assert_close(a, b, tolerance=2e-5):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        scale = np.abs(y).max()
        assert scale > 0
        np.testing.assert_allclose(x, y, atol=tolerance * scale)


@pytest.mark.parametrize("kind", SURROGATES)
def test_surrogates_are_even_peak_at_the_threshold_and_integrate_to_one(kind):
    x = jnp.arange(-400_000, 400_001).astype(jnp.float32) / 1000
    for width in (0.5, 2.0):
        h = Surrogate(kind, width).derivative(x)
        tail = 2 / (np.pi * 400 / width) if kind == "arctan" else 1 / (400 / width) if kind == "fast_sigmoid" else 0
        assert float(jnp.trapezoid(h, x)) == pytest.approx(1.0, abs=tail + 2e-3)
        np.testing.assert_allclose(h, h[::-1], atol=1e-6)
        assert h.max() == h[400_000]
        assert np.all(np.asarray(h) >= 0)


def test_surrogates_at_half_a_width_from_the_threshold():
    at = {kind: float(Surrogate(kind, 2.0).derivative(jnp.float32(1.0))) for kind in SURROGATES}
    want = {"boxcar": 0.25, "fast_sigmoid": 0.25 / 2.25, "arctan": 0.5 / (np.pi * 1.25), "triangular": 0.25}
    assert at == pytest.approx(want)


@pytest.mark.parametrize("kind", SURROGATES)
@pytest.mark.parametrize("tau_mem", [0.0, 2.0])
def test_the_gradient_equals_one_written_by_hand(key, kind, tau_mem):
    net = network(tau_mem=tau_mem)
    surrogate = Surrogate(kind, 1.3)
    rule = BackProp(surrogate=surrogate, loss=SquaredError())
    result, params, spikes, target = update(rule, net, key)
    derivative = lambda x: np.asarray(surrogate.derivative(jnp.asarray(x, jnp.float32)), np.float64)  # noqa: E731
    weights = [np.asarray(p["weight"], np.float64) for p in params.trained.projections]
    want = bptt(weights, np.asarray(spikes), np.asarray(target), tau_mem, 1.5, 1.0, derivative)
    assert_close([u["weight"] for u in result.update.projections], want)


def test_a_neuron_of_the_talk_and_its_differentiable_form_spike_alike(key):
    net = network(noise=GaussianNoise(0.3), refractory=2, reset="subtract")
    result, params, spikes, _ = update(BackProp(), net, key)
    keys = jax.random.split(jax.random.fold_in(key, 3), (T, B))
    _, trace = net.advance(params, net.init_state(B), spikes, key=keys)
    np.testing.assert_array_equal(net.output_spikes(result.trace), net.output_spikes(trace))


@pytest.mark.parametrize("form", ["spiking", "rate"])
@pytest.mark.parametrize("sizes", [(7, 6, 4), (7, 6, 5, 4)])
def test_layerwise_feedback_of_the_transposes_is_back_propagation(key, form, sizes):
    net = network(sizes) if form == "spiking" else network(sizes).rate_form(0.5)
    params = net.init(key)
    bp = update(BackProp(), net, key)[0].update
    fa = BackProp(wiring=Layerwise())
    assert_close(update(fa, net, key, fixed=({}, *params.trained.projections[1:]))[0].update, bp, 1e-6)
    random, bp = (tree.projections for tree in (update(fa, net, key)[0].update, bp))
    np.testing.assert_allclose(random[-1]["weight"], bp[-1]["weight"], atol=1e-7)  # no feedback on this side of it
    assert not np.allclose(random[0]["weight"], bp[0]["weight"], atol=1e-3 * np.abs(bp[0]["weight"]).max())


@pytest.mark.parametrize("form", ["spiking", "rate"])
def test_direct_feedback_of_the_transpose_is_back_propagation_with_one_hidden_layer(key, form):
    net = network() if form == "spiking" else network().rate_form(0.5)
    if form == "spiking":
        net = replace(net, projections=tuple(replace(p, delay=1) for p in net.projections))
    params = net.init(key)
    bp = update(BackProp(), net, key)[0].update
    rule = BackProp(wiring=Direct())
    assert_close(update(rule, net, key, fixed=(params.trained.projections[1]["weight"].T,))[0].update, bp, 1e-6)


def test_direct_feedback_reaches_every_hidden_layer_past_the_layers_between(key):
    net = network((7, 6, 5, 4))
    rule = BackProp(wiring=Direct(RandomFeedback()))
    fixed = rule.init(net, key).fixed
    assert [g.shape for g in fixed] == [(4, 6), (4, 5)]
    full, only_first = (
        update(rule, net, key, fixed=used)[0].update.projections for used in (fixed, (fixed[0], 0.0 * fixed[1]))
    )
    np.testing.assert_allclose(only_first[0]["weight"], full[0]["weight"], atol=1e-7)
    assert np.abs(full[0]["weight"]).max() > 0
    np.testing.assert_array_equal(only_first[1]["weight"], 0.0)


def test_feedback_is_no_parameter(key):
    net = network()
    for wiring in (Layerwise(), Direct()):
        rule = BackProp(wiring=wiring)
        assert jax.tree.structure(update(rule, net, key)[0].update) == jax.tree.structure(net.init(key).trained)
        carried = rule.to_hidden(net, net.init(key), rule.init(net, key))
        assert [g.shape for g in carried] == [(4, 6)]


@pytest.mark.parametrize("segment", [1, 2, 3, 6])
def test_checkpointed_segments_change_nothing_but_memory(key, segment):
    net = network(noise=GaussianNoise(0.2))
    whole = update(BackProp(), net, key)[0]
    parts = update(BackProp(segment=segment), net, key)[0]
    np.testing.assert_array_equal(net.output_spikes(whole.trace), net.output_spikes(parts.trace))
    assert_close(parts.update, whole.update, 1e-5)


@pytest.mark.parametrize(
    ("wiring", "delay"), [(Symmetric(), 2), (Layerwise(), 2), (Direct(RandomFeedback()), 0)], ids=str
)
def test_segments_change_nothing_over_delays(key, wiring, delay):
    net = network()
    net = replace(net, projections=tuple(replace(p, delay=delay) for p in net.projections))
    whole = update(BackProp(wiring=wiring), net, key)[0].update
    assert_close(update(BackProp(wiring=wiring, segment=2), net, key)[0].update, whole, 1e-5)


def test_an_error_that_would_be_lost_between_segments_or_blocks_is_refused(key):
    net = network()
    late = replace(net, projections=(net.projections[0], replace(net.projections[1], delay=2)))
    with pytest.raises(ValueError, match="by Direct an error goes back 2 ticks at once"):
        update(BackProp(wiring=Direct(), segment=3), late, key)
    whole = update(BackProp(wiring=Direct()), late, key)[0].update
    assert_close(update(BackProp(wiring=Direct(), segment=T), late, key)[0].update, whole, 1e-5)
    late = replace(net, projections=(net.projections[0], replace(net.projections[1], delay=T)))
    with pytest.raises(ValueError, match=rf"'hidden1' fired {T} ticks before, and {T} ticks at a time are worked thr"):
        update(BackProp(wiring=Direct()), late, key)


def test_a_derivative_of_the_neuron_is_used_in_place_of_the_rules(key):
    own = Surrogate("triangular", 0.7)
    mine = update(BackProp(), network(surrogate=own), key)[0].update
    assert_close(mine, update(BackProp(own), network(), key)[0].update, 1e-7)
    mixed = replace(network(), populations=(network(surrogate=own).populations[0], network().populations[1]))
    between = update(BackProp(), mixed, key)[0].update.projections
    for other in (mine, update(BackProp(), network(), key)[0].update):
        assert np.abs(between[0]["weight"] - other.projections[0]["weight"]).max() > 1e-4


IF = tuple((name, Values(np.full(2, value))) for name, value in (("r", 1.0), ("v_threshold", 1.0), ("v_reset", 0.0)))


@pytest.mark.parametrize(
    "neuron", [LIF(), MihalasNiebur(), NIRNeuron("IF", 1.0, "exact", IF)],
    ids=lambda neuron: type(neuron).__name__,
)  # fmt: skip
def test_a_neuron_keeps_a_derivative_of_its_own(neuron):
    own, rules = Surrogate("triangular", 0.7), Surrogate("fast_sigmoid")
    assert neuron.with_surrogate(own).with_surrogate(rules).surrogate == own
    assert neuron.with_surrogate(rules).surrogate == rules


def test_segments_must_divide_the_block(key):
    with pytest.raises(ValueError, match="6 ticks is not a whole number of segments of 4"):
        update(BackProp(segment=4), network(), key)


def test_blank_out_masks_the_weight_gradient_with_the_spikes_masks(key):
    p = 0.5
    one = Dense(5, 3, 4.0, BlankOut(p))
    params = one.init(key).trained
    spikes = jax.random.bernoulli(key, 0.6, (B, 5)).astype(jnp.float32)
    keys = jax.random.split(key, B)
    error = jax.random.normal(jax.random.fold_in(key, 9), (B, 3))
    got, back = jax.vjp(lambda w, s: current(one, Params({"weight": w}), s, keys), params["weight"], spikes)
    masks = np.asarray(BlankOut(p).mask(keys[:, None], jnp.broadcast_to(jnp.arange(5), (len(keys), 5)), 3))
    d_weight, d_spikes = back(error)
    s, e, w = np.asarray(spikes), np.asarray(error), np.asarray(params["weight"])
    np.testing.assert_allclose(got, np.einsum("rio,ri,io->ro", masks, s, w), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(d_weight, np.einsum("rio,ri,ro->io", masks, s, e), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(d_spikes, p * e @ w.T, rtol=1e-5, atol=1e-5)


def test_the_rate_form_is_the_mean_of_a_noisy_memoryless_neuron(key):
    """tau_mem = 0 and logistic noise: the spiking neuron, counted, against the transfer function."""
    neuron = LIF(tau_mem=0.0, tau_syn=0.0, refractory=2)
    currents = jnp.asarray([-1.0, 0.5, 1.0, 1.5, 4.0])
    ticks = 20_000
    noise = 0.5 * jax.random.logistic(key, (ticks, 5))
    _, spikes = jax.lax.scan(lambda s, x: neuron.step(s, currents + x), neuron.init_state((5,)), noise)
    np.testing.assert_allclose(spikes.mean(0), neuron.rate(currents, 0.5), atol=0.01)


def test_the_rate_form_without_noise_is_the_curve_of_the_leaky_integrator():
    neuron = LIF(tau_mem=40.0, tau_syn=3.0, refractory=5)
    drive = jnp.asarray([0.5, 1.2, 1.5, 2.0, 3.0])
    settled = neuron.init_state((5,))._replace(synaptic=drive)
    per_tick = drive * (1.0 - np.exp(-1 / 3.0))
    np.testing.assert_allclose(neuron.steady_current(per_tick), drive, rtol=1e-5)
    _, spikes = jax.lax.scan(lambda s, _: neuron.step(s, per_tick), settled, None, length=8000)
    np.testing.assert_allclose(spikes.mean(0), neuron.rate(drive, 1e-3), rtol=0.03, atol=1e-4)


def test_losses_are_those_of_their_equations():
    rates = jnp.asarray([[0.2, 0.9, 0.0]])
    logits = 10.0 * np.asarray(rates[0], np.float64)
    want = -(logits[1] - np.log(np.exp(logits).sum()))
    block = jnp.stack([0.5 * rates, 0.0 * rates, rates])  # mean rates of half of them, the highest rate being 1/2
    given = jnp.asarray([1]), jnp.arange(3), 0.5
    np.testing.assert_allclose(CrossEntropy(10.0)(block, *given), [want], rtol=1e-4)
    np.testing.assert_allclose(SquaredError()(block, *given), [0.5 * (0.04 + 0.01)], rtol=1e-5)


def test_the_error_of_curves_is_that_of_a_loop():
    draw = np.random.default_rng(3)
    spikes, curves = (draw.random((7, 2, 3)) < 0.4).astype(np.float32), draw.random((2, 12, 3)).astype(np.float32)
    ticks, decay = np.arange(4, 11), np.exp(-1 / 5.0)
    want, error = np.zeros(2), np.zeros((2, 3))
    for spike, tick in zip(spikes, ticks, strict=True):
        error = decay * error + (1 - decay) * (spike - curves[:, tick])
        want += 0.5 * np.square(error).sum(1) / 7
    got = CurveError(5.0)(jnp.asarray(spikes), jnp.asarray(curves), jnp.asarray(ticks), 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    flat = CurveError(5.0)(jnp.asarray(spikes), jnp.asarray(curves[:, 0]), jnp.asarray(ticks), 1.0)
    still = CurveError(5.0)(jnp.asarray(spikes), jnp.asarray(curves[:, :1]), jnp.asarray(ticks), 1.0)
    np.testing.assert_array_equal(flat, still)  # a curve stays where it ends
    with pytest.raises(ValueError, match=r"must be curves of spikes per tick, float \[2, T, 3\] or \[2, 3\]"):
        CurveError()(jnp.asarray(spikes), jnp.asarray([1, 2]), jnp.asarray(ticks), 1.0)


@pytest.mark.parametrize("wrong", [{"kind": "sigmoid"}, {"width": 0.0}])
def test_bad_surrogates_are_refused(wrong):
    with pytest.raises(ValueError, match="Surrogate"):
        Surrogate(**wrong)
