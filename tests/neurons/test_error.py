import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.neurons import ErrorNeurons
from tests import oracles


def run(neurons, label, prediction):
    def tick(state, inputs):
        return neurons.step(state, *inputs)

    return jax.lax.scan(tick, neurons.init_state(label.shape[1:]), (label, prediction))


@pytest.mark.parametrize("weight", [0.9, 0.5, 2.3])
def test_error_neurons_equal_the_oracle(weight):
    rng = np.random.default_rng(0)
    label, prediction = (rng.random((2, 200, 4)) < 0.4).astype(np.float32)
    _, (plus, minus) = run(ErrorNeurons(weight, 1.0), jnp.asarray(label), jnp.asarray(prediction))
    for k in range(4):
        want = oracles.error_pair(label[:, k], prediction[:, k], weight=weight, threshold=1.0)
        np.testing.assert_array_equal(plus[:, k], want[0])
        np.testing.assert_array_equal(minus[:, k], want[1])


def test_ten_net_spikes_make_nine_error_spikes_with_the_published_constants():
    label = jnp.ones((11, 1))
    _, (plus, minus) = run(ErrorNeurons(0.09, 0.1), label, jnp.zeros((11, 1)))
    assert plus.sum() == 9
    assert minus.sum() == 0


def test_a_corrected_error_does_not_silence_the_pair():
    """A hundred spikes of E+ leave E- at 0, so that it has the hundred errors of the other sign after them."""
    label = jnp.concatenate([jnp.ones((100, 1)), jnp.zeros((100, 1))])
    _, (_, minus) = run(ErrorNeurons(0.9, 1.0), label, 1.0 - label)
    assert abs(int(minus.sum()) - 89) <= 1
