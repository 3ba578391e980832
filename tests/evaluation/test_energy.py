"""Models of energy."""

import pytest

from erbp_jax.evaluation import energy


def test_energy_models_say_what_they_do_not_know():
    with pytest.raises(ValueError, match="talk: no energy per multiply"):
        energy.MODELS["talk"].macs(1.0)
    assert all(model.source and (model.synop or model.mac) for model in energy.MODELS.values())
