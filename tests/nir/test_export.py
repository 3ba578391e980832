"""What `to_nir` takes: a network with its parameters and ticks, or a trained model, which knows them."""

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.errors import UserError
from erbp_jax.nir import to_nir


def test_a_model_is_exported_as_its_network_is():
    network = ej.mlp(6, 5, 3, neuron=ej.LIF(tau_mem=10.0, refractory=0))
    data = (np.eye(3, 6).repeat(10, 0), np.arange(3).repeat(10))
    model = ej.fit(network, ej.ERBP.default, data, epochs=0, dt=0.5, progress=False)
    ours, theirs = to_nir(model), to_nir(network, model.params, dt=0.5)
    assert str(ours.to_dict()) == str(theirs.to_dict())
    with pytest.raises(UserError, match="a model has its own parameters and ticks"):
        to_nir(model, dt=1.0)
    with pytest.raises(UserError, match="needs its parameters and the length of a tick"):
        to_nir(network)
