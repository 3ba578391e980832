"""Learning rates: by layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.config import check
from erbp_jax.errors import UserError
from erbp_jax.training.optimizer import make_optimizer

NETWORK = {"network": {"layers": [64, 8, 10]}}


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_a_layer_has_a_rate_of_its_own(kind):
    """The change of a layer is that without factors, times its factor, weight decay included."""
    section = {"kind": kind, "learning_rate": 0.1, "weight_decay": 0.01}
    plain = make_optimizer(check({**NETWORK, "optimizer": section}, "t").optimizer, 1, 1)
    scaled = make_optimizer(check({**NETWORK, "optimizer": section | {"layer_rates": [0.25, 0]}}, "t").optimizer, 1, 1)
    params = ({"weight": jnp.ones((2, 3))}, {"weight": jnp.full((3, 1), 2.0)})
    update = ({"weight": jnp.arange(6.0).reshape(2, 3) + 1}, {"weight": jnp.ones((3, 1))})
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam takes powers of a float by an integer
        want, _ = plain.update(update, plain.init(params), params)
        got, _ = scaled.update(update, scaled.init(params), params)
    assert np.abs(want[1]["weight"]).min() > 0
    np.testing.assert_allclose(got[0]["weight"], 0.25 * want[0]["weight"], rtol=1e-6)
    np.testing.assert_array_equal(got[1]["weight"], 0.0)


def test_there_must_be_one_for_each_layer():
    with pytest.raises(UserError, match=r"optimizer\.layer_rates: one for each of the 2 layers, got 3"):
        check({**NETWORK, "optimizer": {"layer_rates": [1, 1, 1]}}, "t")
