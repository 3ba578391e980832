from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.encoding import Analog, LabelNeurons, Regular
from erbp_jax.evaluation.alignment import angle, feedback_angles, presentation_update, update_angles
from erbp_jax.learning import ERBP, BackProp, Boxcar, Direct, Layerwise, LocalReadout, RandomFeedback, SquaredError
from erbp_jax.neurons import LIF, Surrogate
from erbp_jax.params import Params

NEURON, NOTHING = LIF(tau_mem=0.0, tau_syn=0.5, refractory=0), Params((), ())
NETWORK = sequential(*((Dense(i, o, 3.0), NEURON) for i, o in ((12, 40), (40, 3))))
LOCAL = ERBP(LabelNeurons(3, 1), (Boxcar(-5, 5),) * 2, (RandomFeedback(),))


def angles_of(rule, params, rule_params, key, network=NETWORK, **times):
    return update_angles(network, Regular(0.5), rule, params, rule_params, *batch(key), **times)


def batch(key):
    image = jax.random.randint(key, (16, 12), 0, 256).astype(jnp.uint8)
    return image, jnp.arange(16) % 3, jax.random.split(key, 16)


def test_angles():
    x, y = jnp.asarray([[1.0, 0.0]]), jnp.asarray([[1.0, 1.0]])
    assert float(angle(x, y)) == pytest.approx(45.0, abs=1e-4)
    assert float(angle(x, 7.0 * x)) == 0.0
    assert float(angle(x, -x)) == pytest.approx(180.0, abs=1e-4)
    assert float(angle(x, jnp.asarray([[0.0, 3.0]]))) == pytest.approx(90.0, abs=1e-4)
    assert float(angle(x, 0.0 * x)) == pytest.approx(90.0, abs=1e-4)
    assert float(angle(x, x + jnp.asarray([[0.0, 1e-4]]))) == pytest.approx(np.degrees(1e-4), rel=1e-2)


@pytest.mark.parametrize("scale", [1e-34, 1e-25, 1e-19, 1.0, 1e19, 1e25, 1e37])
@pytest.mark.parametrize("other", [1e-25, 1.0, 1e25])
def test_angles_do_not_depend_on_sizes(scale, other):
    """Against float64. Squares of float32 end at 1e-45 and 3e38, hence norms at 1e-22 and 2e19."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 1.0, (2, 40)) * rng.choice([-1.0, 1.0], (2, 40))
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    x, y = (jnp.asarray(v * s, jnp.float32) for v, s in ((a, scale), (b, other)))
    assert float(angle(x, y)) == pytest.approx(np.degrees(np.arccos(cosine)), abs=1e-4)
    same, away = (jnp.asarray(sign * a * other, jnp.float32) for sign in (1, -1))
    assert float(angle(x, same)) == pytest.approx(0.0, abs=1e-4)
    assert float(angle(x, away)) == pytest.approx(180.0, abs=1e-4)


def test_what_has_no_direction_is_at_a_right_angle_to_everything():
    """Two layers whose updates are zero are not aligned: they were at 0 degrees."""
    zero, one = jnp.zeros((3, 4)), jnp.ones((3, 4))
    for a, b in ((zero, zero), (zero, one), (one, zero)):
        assert float(angle(a, b)) == 90.0
        assert float(jax.jit(angle)(a, b)) == 90.0


def test_a_dead_network_is_not_aligned(key):
    dead = sequential(*((p.connection, LIF(threshold=1e6)) for p in NETWORK.projections))
    params, rule_params = dead.init(key), LOCAL.init(dead, key)
    angles = angles_of(LOCAL, params, rule_params, key, dead, steps=12, every=4, burn_in=4)
    np.testing.assert_array_equal(angles[0], 90.0)


def test_feedback_is_measured_against_the_way_through_all_layers_above(key):
    deep = sequential(Dense(12, 40, 3.0), NEURON, Dense(40, 20), LIF(), Dense(20, 3), LIF())
    params = deep.init(key)
    _, *above = params.trained.projections
    w1, w2 = (np.asarray(p["weight"]) for p in above)
    rule = BackProp(wiring=Direct())
    exact = Params((), ((w1 @ w2).T, w2.T))
    np.testing.assert_allclose(feedback_angles(deep, rule, params, exact), 0.0, atol=1e-2)
    layerwise, own = BackProp(wiring=Layerwise()), Params((), ({}, *above))
    np.testing.assert_allclose(feedback_angles(deep, layerwise, params, own), 0.0, atol=1e-2)
    drawn = np.asarray(feedback_angles(deep, rule, params, rule.init(deep, key)))
    assert np.all((drawn > 60) & (drawn < 120))


def test_several_readouts_are_measured_by_the_mean_of_their_feedback(key):
    params, rule = NETWORK.init(key), replace(LOCAL, local=(LocalReadout(3.0, 2),))
    path = np.asarray(params.trained.projections[1]["weight"]).T
    drawn = rule.init(NETWORK, key)
    aside = drawn.fixed[0][:3]
    both = jnp.concatenate([path + aside, path - aside])
    angles = feedback_angles(NETWORK, rule, params, Params((), (both, jnp.eye(3))))
    np.testing.assert_allclose(angles, 0.0, atol=0.05)
    updates = angles_of(rule, params, drawn, key, steps=12, every=4, burn_in=4)
    assert np.all((np.asarray(updates) > 0) & (np.asarray(updates) < 180))


def test_the_update_of_a_gradient_rule_is_the_gradient(key):
    params = NETWORK.init(key)
    common = {"steps": 12, "every": 12}
    angles = angles_of(BackProp(), params, NOTHING, key, **common)
    np.testing.assert_allclose(angles, 0.0, atol=1e-2)
    direct = BackProp(wiring=Direct())
    angles = angles_of(direct, params, direct.init(NETWORK, key), key, **common)
    assert angles[0] > 30  # random feedback has not aligned yet
    np.testing.assert_allclose(angles[1], 0.0, atol=1e-2)


def test_erbp_descends_the_loss_at_the_output_from_the_start(key):
    params = NETWORK.init(key)
    angles = angles_of(LOCAL, params, LOCAL.init(NETWORK, key), key, steps=24, every=2, burn_in=4)
    assert angles[1] < 75


def test_erbp_with_the_transposed_weights_for_feedback_descends_the_loss_in_the_hidden_layer_too(key):
    params = NETWORK.init(key)
    drawn = LOCAL.init(NETWORK, key)
    transposed = drawn._replace(fixed=(params.trained.projections[1]["weight"].T, drawn.fixed[1]))
    show = lambda g: angles_of(LOCAL, params, g, key, steps=24, every=2, burn_in=4)  # noqa: E731
    assert show(transposed)[0] < show(drawn)[0] - 15
    assert show(transposed)[0] < 75


def test_the_update_of_a_presentation_is_the_sum_of_its_blocks(key):
    """In the rate form every tick has the same gradient: n ticks give n of them."""
    rate = NETWORK.rate_form(0.5)
    params, shown = rate.init(key), batch(key)
    rule = BackProp(Surrogate(), SquaredError())
    one = presentation_update(rate, Analog(0.5), rule, params, NOTHING, *shown, steps=1, every=1)
    three = presentation_update(rate, Analog(0.5), rule, params, NOTHING, *shown, steps=3, every=1)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(3.0 * a, b, rtol=1e-4, atol=1e-7), one, three)
