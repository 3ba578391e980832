"""Several devices compute what one computes."""

import jax
import numpy as np
import pytest

from erbp_jax.config import check
from erbp_jax.errors import UserError
from erbp_jax.training.session import Session

BASE = {
    "data": {"name": "digits", "train_size": 80, "test_size": 40},
    "encoding": {"kind": "regular", "steps": 10, "max_rate": 500},
    "network": {"layers": [64, 24, 10], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
    "rule": {"kind": "erbp", "label_period": 1, "burn_in": 0, "feedback_scale": 20, "output_scale": 0.3},
    "optimizer": {"learning_rate": 1e-3},
}
TRAINING = {"epochs": 1, "batch_size": 16, "test_batch_size": 20, "update_every": 5, "seeds": 2, "alignment": False}


def trained(**changes):
    """Weights after three batches, and the test result of the untrained network and of the trained one."""

    session = Session(check({**BASE, "training": {**TRAINING, **changes}}, "test"))
    start = session.start()
    session.compile(start)
    before, after = session.test(start, 0), session.train(start, 0, 0, 3)
    return jax.device_get(after.params), before, session.test(after, 1)


@pytest.fixture(scope="module")
def one():
    return trained()


@pytest.mark.parametrize(
    "changes", [{"devices": 4}, {"mesh": {"seeds": 2, "batch": 2}}, {"mesh": {"neurons": 2, "batch": 2}}], ids=str
)
def test_four_devices_compute_what_one_computes(one, changes):
    params, before, after = one
    got_params, got_before, got_after = trained(**changes)
    jax.tree.map(np.testing.assert_array_equal, before, got_before)  # spikes of the same weights: exactly
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), params, got_params)
    np.testing.assert_allclose(after.activity.mean(1), got_after.activity.mean(1), rtol=0.02)


def test_what_cannot_be_divided_is_refused():

    for changes, message in (
        ({"devices": 3}, "batch_size: 16 cannot be divided among 3"),
        ({"mesh": {"seeds": 4}}, "seeds: 2 cannot be divided among 4"),
        ({"devices": 2, "mesh": {"batch": 2}}, "say the same"),
    ):
        with pytest.raises(UserError, match=message):
            check({**BASE, "training": {**TRAINING, **changes}}, "test")
    with pytest.raises(UserError, match="need 8 devices, this process sees 4"):
        Session(check({**BASE, "training": {**TRAINING, "mesh": {"batch": 4, "neurons": 2}}}, "test"))
