"""What does not fit together is refused in one line that says what was given and what is allowed."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax import simulate
from erbp_jax.kernels import Exponential
from erbp_jax.learning.base import Given, LearningState
from erbp_jax.learning.three_factor import ForwardTableSTDP, ThreeFactor, pair_stdp
from erbp_jax.neurons import LeakyIF
from erbp_jax.random import fold_each, new_key, split
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.transforms import Optimizers
from tests.bare import Threshold


def network(populations=("a", "b"), ends=(("x", "a", 4, 3), ("a", "b", 3, 2)), neuron=ej.LIF(), output=None):  # noqa: B008
    """Projections are given by source, target, inputs, outputs, and a delay if they have one."""
    made = (ej.Projection(a, b, ej.Dense(i, o, 6.0), *delay) for a, b, i, o, *delay in ends)
    return ej.Network(dict.fromkeys(populations, neuron), made, output)


CHAIN = network()
TWO_INPUTS = network(ends=(("x", "a", 4, 3), ("y", "a", 5, 3), ("a", "b", 3, 2)))
CYCLE = (("x", "a", 4, 3), ("a", "b", 3, 2), ("b", "c", 2, 5), ("c", "a", 5, 3))
LATE_CYCLE = (*CYCLE[:3], (*CYCLE[3], 1))
LOOP = network(ends=(("x", "a", 4, 3), ("a", "a", 3, 3, 1), ("a", "b", 3, 2)))


class Keyless:
    def init_state(self, shape, dtype=jnp.float32):
        return jnp.zeros(shape, dtype)

    def step(self, state, current):
        return state, current


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: network(ends=(("x", "a", 4, 3), ("a", "b", 7, 2))),
            "the projection a -> b takes 7 inputs, and 'a' has 3 units",
        ),
        (
            lambda: network(ends=(("x", "a", 4, 3), ("a", "b", 3, 2), ("x", "b", 4, 6))),
            "the projection x -> b has 6 outputs, and 'b' has 2 units",
        ),
        (
            lambda: network(ends=(("x", "a", 4, 3), ("a", "b", 3, 2), ("x", "b", 5, 2))),
            "the projection x -> b takes 5 inputs, and 'x' has 4 units",
        ),
        (
            lambda: ej.Network({"a": (ej.LIF(), 5)}, (ej.Projection("x", "a", ej.Dense(4, 3)),)),
            "the projection x -> a has 3 outputs, and 'a' has 5 units",
        ),
        (lambda: ej.sequential(ej.Dense(4, 3), ej.LIF(), ej.Dense(2, 3), ej.LIF()), "hidden1 -> output takes 2 inputs"),
        (lambda: network(("a", "b", "c"), CYCLE), r"a cycle without delay, (a -> b -> c -> a|b.*b|c.*c); one of its"),
        (lambda: network(("a",), (("x", "a", 4, 3), ("a", "a", 3, 3))), "a cycle without delay, a -> a; one of its"),
        (lambda: network(ends=(("x", "a", 4, 3), ("a", "c", 3, 2))), "a -> c leads to no population; there are a, b"),
        (lambda: network(output="c"), "the output 'c' is none of its populations: a, b"),
        (lambda: CHAIN.population("c"), "no population 'c'; there are a, b"),
        (
            lambda: ej.Network([ej.Population("a", ej.LIF(), 3)] * 2, CHAIN.projections[:1]),
            "two populations are named 'a'",
        ),
        (lambda: network(("a", "b", "c")), "no projection leads to the population 'c'"),
        (
            lambda: ej.Network((*CHAIN.populations, ej.Population("c", ej.LIF(), 2)), CHAIN.projections),
            "no projection leads to the population 'c'",
        ),
        (lambda: ej.Network({}, ()), "needs at least one population"),
        (lambda: ej.Network([ej.LIF()], CHAIN.projections), r"populations must be given as Population, got LIF\("),
        (lambda: ej.Network(CHAIN.populations, [ej.Dense(4, 3)]), "projections must be given as Projection, got D"),
        (lambda: ej.Network({"a": ej.LIF}, CHAIN.projections[:1]), "must have a neuron, got the class LIF; "),
        (lambda: ej.Network({"a": ej.Dense(4, 3)}, CHAIN.projections[:1]), "must have a neuron with step, got Dense"),
        (
            lambda: ej.Population("a", Keyless(), 3),
            r"Population 'a': Keyless.step must take \(state, current, \*, key=None\)",
        ),
        (lambda: ej.Population("a", ej.LIF(), 0), "size must be a whole number >= 1, got 0"),
        (lambda: ej.Population("a", ej.LIF(), 2.5), "size must be a whole number >= 1, got 2.5"),
        (lambda: ej.Population(3, ej.LIF(), 2), "the name must be a text, got 3"),
        (lambda: ej.Projection(0, 1, ej.Dense(4, 3)), "source and target must be names, got 0 and 1"),
        (lambda: ej.Projection("x", "a", ej.LIF()), r"Projection x -> a: must have a connection, got LIF\("),
        (lambda: ej.Projection("x", "a", ej.Dense), "Projection x -> a: must have a connection, got <class"),
        (lambda: ej.sequential(ej.Dense(4, 3)), "a connection and a neuron for each layer, got 1 parts"),
        (lambda: ej.sequential(ej.LIF(), ej.Dense(4, 3)), "part 0 .* must be a connection, got LIF"),
        (lambda: network(("a", "b", "c"), LATE_CYCLE).rate_form(0.1), "a cycle has no rate form: .* -> .* -> .* -> "),
        (lambda: LOOP.rate_form(0.1), "a cycle has no rate form: a -> a"),
        (lambda: network(neuron=LeakyIF(4.0)).rate_form(0.1), "'a': LeakyIF has no static transfer function"),
        (lambda: network(neuron=Threshold()).with_surrogate(ej.Surrogate()), "'a': Threshold has no with_surrogate"),
        (lambda: LOOP.layers, "it is no chain of layers"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(made, said):
    with pytest.raises(ValueError, match=said) as refused:
        made()
    assert "\n" not in str(refused.value)


def test_the_rate_form_has_no_delay_of_single_synapses_either():
    """Its only tick came before all of them: the network saw nothing."""
    late = ej.sequential(ej.Delayed(ej.Dense(4, 3), (2, 5)), ej.LIF(tau_mem=0.0, tau_syn=0.5)).rate_form(0.1)
    plain = ej.sequential(ej.Dense(4, 3), ej.LIF(tau_mem=0.0, tau_syn=0.5)).rate_form(0.1)
    assert late == plain


def test_one_mask_for_all_ticks_is_refused_on_a_cycle(key):
    """Each part of a block drew another one, and rules were told of the first alone."""
    shared, neuron = ej.Dense(6, 6, transmission=ej.SharedBlankOut(0.5)), ej.LIF()
    loop = ej.Network(
        {"h": neuron}, (ej.Projection("x", "h", ej.Dense(4, 6)), ej.Projection("h", "h", shared, delay=1))
    )
    keys, spikes = jax.random.split(key, (4, 1)), jnp.ones((4, 1, 4))
    with pytest.raises(ValueError, match=r"h -> h is on a cycle, .* SharedBlankOut draws one mask for all ticks"):
        loop.advance(loop.init(key), loop.init_state(1), spikes, key=keys)
    loop.advance(loop.init(key), loop.init_state(1), spikes[:1], key=keys[:1])  # a block of one part
    for p in (0.0, 1.0):  # all masks are one
        certain = replace(shared, transmission=ej.SharedBlankOut(p))
        same = ej.Network(loop.populations, (loop.projections[0], replace(loop.projections[1], connection=certain)))
        same.advance(same.init(key), same.init_state(1), spikes, key=keys)


@pytest.mark.parametrize("delay", [-1, 0.5, 2.0, "1", None, True, float("nan"), float("inf")])
def test_delays_that_are_none(delay):
    with pytest.raises(ValueError, match="delay must be a whole number of ticks >= 0, got"):
        ej.Projection("x", "a", ej.Dense(4, 3), delay)
    with pytest.raises(ValueError, match="delay_side must be axonal or dendritic, got 'somatic'"):
        ej.Projection("x", "a", ej.Dense(4, 3), delay_side="somatic")
    assert ej.Projection("x", "a", ej.Dense(4, 3), np.int64(2)).delay == 2


X, Y = jnp.ones((6, 2, 4)), jnp.ones((6, 2, 5))


@pytest.mark.parametrize(
    ("net", "inputs", "said"),
    [
        (CHAIN, {"y": X}, "takes the inputs x, got y"),
        (CHAIN, {}, "takes the inputs x, got "),
        (CHAIN, {"x": X, "a": X}, "takes the inputs x, got x, a"),
        (CHAIN, Y, r"the input 'x' has 4 units, got spikes of shape \[6, 2, 5\]"),
        (CHAIN, X[0], r"shape \[k, B, 4\] .* got \[2, 4\] for 'x'"),
        (CHAIN, X[:0], r"shape \[k, B, 4\] .* got \[0, 2, 4\] for 'x'"),
        (CHAIN, X[:, :0], r"shape \[k, B, 4\] .* got \[6, 0, 4\] for 'x'"),
        (CHAIN, X.tolist(), r"the input 'x' has 4 units, got spikes of shape \[\]"),
        (CHAIN, X[:, :1], r"one key for each tick and sample, shape \[6, 1\], got \[6, 2\]"),
        (TWO_INPUTS, X, "give the spikes of x, y by name, got one array"),
        (TWO_INPUTS, {"x": X}, "takes the inputs x, y, got x"),
        (TWO_INPUTS, {"x": X, "y": X}, r"the input 'y' has 5 units, got spikes of shape \[6, 2, 4\]"),
        (TWO_INPUTS, {"x": X, "y": Y[:3]}, r"shape \[k, B, 5\] .* got \[3, 2, 5\] for 'y'"),
    ],
)
def test_inputs_that_do_not_fit(net, inputs, said):
    params, key = net.init(new_key(0)), split(new_key(1), (6, 2))
    with pytest.raises(ValueError, match=said):
        net.advance(params, net.init_state(2), inputs, key=key)


def test_a_state_of_other_samples():
    params, key = CHAIN.init(new_key(0)), split(new_key(1), (6, 2))
    with pytest.raises(ValueError, match="the state is of 3 samples, the spikes are of 2"):
        CHAIN.advance(params, CHAIN.init_state(3), X, key=key)


def test_inputs_by_name_may_come_in_any_order():
    params, key = TWO_INPUTS.init(new_key(0)), split(new_key(1), (6, 2))
    both = [
        TWO_INPUTS.advance(params, TWO_INPUTS.init_state(2), i, key=key) for i in ({"x": X, "y": Y}, {"y": Y, "x": X})
    ]
    jax.tree.map(np.testing.assert_array_equal, *both)


ERBP = ej.ERBP(ej.LabelNeurons(2))
RULES = {
    "erbp": ERBP,
    "erbp, a readout that learns": replace(ERBP, local=(ej.LearnedReadout(),)),
    "bp": ej.BackProp(),
    "bp, in segments": ej.BackProp(segment=2),
    "rbp, direct": ej.BackProp(wiring=ej.Direct()),
    "rbp, layerwise": ej.BackProp(wiring=ej.Layerwise()),
    "stdp": ThreeFactor((pair_stdp(Exponential()),)),
    "stdp without a backward table": ForwardTableSTDP(Exponential()),
}
SCALE = Learning(CHAIN, ERBP, optax.scale(-0.1))
RBG = jax.vmap(lambda s: jax.random.key(s, impl="rbg"))


def bad_keys(shape):
    """What is no array of keys of a shape, and what is said of it."""
    count = int(np.prod(shape))
    raw = jax.vmap(jax.random.PRNGKey)(jnp.arange(count)).reshape(*shape, 2)
    other = (*shape[:-1], shape[-1] + 1) if shape else (3,)
    listed = r"\[{}\]".format
    sizes = [listed(", ".join(map(str, s))) for s in (raw.shape, shape, other)]
    return [
        (raw, rf"keys must be typed, of jax\.random\.key.*got uint32 {sizes[0]}"),
        (RBG(jnp.arange(count)).reshape(shape), "of the generator threefry2x32, got rbg"),
        (split(new_key(0), other), rf"one key.*shape {sizes[1]}, got {sizes[2]}"),
        (7, "keys must be typed.*got int"),
        (None, "keys must be typed.*got NoneType"),
    ]


def refuse(call, shape):
    for key, said in bad_keys(shape):
        with pytest.raises(ValueError, match=said):
            call(key)
        with pytest.raises(ValueError, match="keys must be typed"):
            jax.jit(lambda: call(jax.random.PRNGKey(0)))()


def test_keys_that_a_network_does_not_take():
    params, state = CHAIN.init(new_key(0)), CHAIN.init_state(2)
    image = np.full((2, 4), 200, np.uint8)
    refuse(CHAIN.init, ())
    refuse(lambda key: CHAIN.advance(params, state, X, key=key), (6, 2))
    refuse(lambda key: CHAIN.step(params, state, X[0], key=key), (2,))
    refuse(lambda key: ej.run(CHAIN, ej.Regular(), params, image, key, steps=3), (2,))
    refuse(lambda key: simulate.start(CHAIN, ej.Regular(), image, key), (2,))
    stream = start(SCALE, params, ERBP.init(CHAIN, new_key(1)), 2)
    refuse(lambda key: learn(SCALE, stream, X, jnp.arange(2), key=key), (2,))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_keys_that_a_rule_does_not_take(rule):
    params, own = CHAIN.init(new_key(0)), rule.init(CHAIN, new_key(1))
    state, ticks = rule.init_state(CHAIN, 2), jnp.arange(6)
    refuse(lambda key: rule.init(CHAIN, key), ())
    refuse(lambda key: rule.block(CHAIN, params, own, state, ej.Given(X, jnp.arange(2), ticks, key)), (6, 2))
    other = LearningState(CHAIN.init_state(3), state.rule)
    key = split(new_key(2), (6, 2))
    with pytest.raises(ValueError, match="the state is of 3 samples, the spikes are of 2"):
        rule.block(CHAIN, params, own, other, ej.Given(X, jnp.arange(2), ticks, key))


@pytest.mark.parametrize(
    ("spikes", "said"),
    [
        (X[:, 0], r"spikes must have shape \[T, B, 4\].* got \[6, 4\]"),
        (X[:5], "5 ticks are not a whole number of blocks of 2 ticks"),
        (Y, r"the input 'x' has 4 units, got spikes of shape"),
        (X.tolist(), r"spikes of shape \[\]"),
    ],
)
def test_spikes_that_cannot_be_learned_from(spikes, said):
    stream = start(SCALE, CHAIN.init(new_key(0)), ERBP.init(CHAIN, new_key(1)), 2)
    with pytest.raises(ValueError, match=said):
        learn(SCALE, stream, spikes, jnp.arange(2), key=split(new_key(2), 2), block=2)


def test_learning_from_two_inputs():
    """By name, in chunks as at once; `advance` with the same keys fires the same spikes."""
    learning = Learning(TWO_INPUTS, ERBP, optax.set_to_zero())
    begin = start(learning, TWO_INPUTS.init(new_key(0)), ERBP.init(TWO_INPUTS, new_key(1)), 2)
    key, target, spikes = split(new_key(2), 2), jnp.arange(2), {"x": X, "y": Y}
    end, fired = learn(learning, begin, spikes, target, key=key, block=2)
    ticks = fold_each(key[None], jnp.arange(1, 7, dtype=jnp.uint32)[:, None])
    _, trace = TWO_INPUTS.advance(begin.params, TWO_INPUTS.init_state(2), spikes, key=ticks)
    np.testing.assert_array_equal(fired.reshape(6, 2, 2), TWO_INPUTS.output_spikes(trace))
    stream, parts = begin, []
    for part in (slice(0, 2), slice(2, 6)):
        stream, kept = learn(learning, stream, {n: s[part] for n, s in spikes.items()}, target, key=key, block=2)
        parts.append(kept)
    np.testing.assert_array_equal(jnp.concatenate(parts), fired)
    jax.tree.map(np.testing.assert_array_equal, stream, end)


def test_a_population_that_hears_the_output_has_no_direct_feedback():
    ends = (("x", "a", 4, 3), ("a", "b", 3, 2), ("b", "c", 2, 5))
    after, late = (
        network(("a", "b", "c"), ends, output="b"),
        network(("a", "b", "c"), (*ends[:2], (*ends[2], 1)), output="b"),
    )
    rule = ej.BackProp(wiring=ej.Direct())
    with pytest.raises(ValueError, match="population 'c' follows the output 'b' within a tick"):
        rule.init(after, new_key(0))
    assert [g.shape for g in rule.init(late, new_key(0)).fixed] == [(2, 3), (2, 5)]


def test_neurons_without_a_state_can_be_trained():
    """What looks for states that are not finite has none to look at."""
    net = network(neuron=Threshold())
    rule = ThreeFactor((pair_stdp(Exponential()),))
    e = Experiment(net, ej.Regular(0.6), rule, 4, 4, 2, 2, 2)
    hold = Optimizers(optax.set_to_zero(), optax.set_to_zero())
    learner = engine.init(e, hold, jnp.uint32(0))
    images, zero = jnp.full((4, 4), 200, jnp.uint8), jnp.int32(0)
    learner = jax.jit(lambda l: engine.train(e, hold, l, images, jnp.arange(4) % 2, zero, zero, jnp.int32(2)))(learner)
    np.testing.assert_array_equal(learner.counters.values().lost, [0, 0])


def chain(delay=1):
    return ej.Network({"o": ej.LIF()}, (ej.Projection("x", "o", ej.Dense(4, 3), delay=delay),))


def test_arrays_of_another_network_are_refused(key):
    network, keys = chain(), split(key, (2, 2))
    spikes, params, state = jnp.ones((2, 2, 4)), network.init(key), network.init_state(2)
    network.advance(params, state, spikes, key=keys)
    other = ej.sequential(ej.Dense(4, 5), ej.LIF(), ej.Dense(5, 3), ej.LIF())
    for given, said in (
        (
            chain(3).init_state(2),
            r"spikes in flight of another network: the projection x -> o needs .*\(1, 2, 4\).*got \(3,",
        ),
        (other.init_state(2), "the state of 2 parts, and the network has 1"),
        (((), (), ()), "the state must be that of Network.init_state, got tuple"),
    ):
        with pytest.raises(ValueError, match=said):
            network.advance(params, given, spikes, key=keys)
    wide = ej.Network({"o": ej.LIF()}, (ej.Projection("x", "o", ej.Dense(4, 6)),))
    for given, said in (
        (wide.init(key), r"parameters of another network: the projection x -> o needs .*\(4, 3\).*got .*\(4, 6\)"),
        (other.init(key), "parameters of 2 parts, and the network has 1"),
        (params.trained, "parameters must be those of Network.init, .* got Tree"),
    ):
        with pytest.raises(ValueError, match=said):
            network.advance(given, state, spikes, key=keys)


def test_a_source_with_a_typo_is_no_input():
    with pytest.raises(ValueError, match="none comes from the population 'hidden'; did you mean 'hidden'"):
        ej.Network(
            {"hidden": ej.LIF(), "o": ej.LIF()},
            (ej.Projection("x", "hidden", ej.Dense(4, 5)), ej.Projection("hiden", "o", ej.Dense(5, 3))),
        )
    with pytest.raises(ValueError, match="no population 'typo'; there are o"):
        chain().shape("typo")
    with pytest.raises(ValueError, match="names of populations are texts, got 1"):
        ej.Network({1: ej.LIF()}, (ej.Projection("x", "o", ej.Dense(4, 3)),))
    with pytest.raises(ValueError, match="'o' must be a neuron, or a neuron and a size, got 3 parts"):
        ej.Network({"o": (ej.LIF(), 3, 4)}, (ej.Projection("x", "o", ej.Dense(4, 3)),))


@pytest.mark.parametrize(
    "rule", [ej.ERBP(ej.LabelNeurons(3)), ej.BackProp(), ej.BackProp(loss=ej.SquaredError())], ids=str
)
@pytest.mark.parametrize("target", [jnp.zeros(3, jnp.int32), jnp.zeros((2, 3), jnp.int32), jnp.zeros(2), 1])
def test_a_target_is_one_class_a_sample(key, rule, target):
    network = chain()
    given = Given(jnp.ones((2, 2, 4)), target, jnp.arange(2, dtype=jnp.int32), split(key, (2, 2)))
    with pytest.raises(ValueError, match=r"the target must be one class per sample, whole numbers \[2\], got"):
        rule.block(network, network.init(key), rule.init(network, key), rule.init_state(network, 2), given)
