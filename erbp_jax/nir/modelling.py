"""An imported network as a model, which can be saved, run and trained further."""

import numpy as np

from erbp_jax.api.model import Model
from erbp_jax.encoding import Frames
from erbp_jax.errors import UserError
from erbp_jax.learning import BackProp
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import new_key
from erbp_jax.tasks import Classification


def model_of(network: Network, params: Params, dt: float, steps: int) -> Model:
    """A model of a network that is shown given trains `[B, T, I]` for `steps` ticks of `dt` ms and classifies by the
    number of spikes. Its rule is back-propagation, until `fit` is given another.

    Raises:
        UserError: fewer than one tick, several inputs, or an output that hands on its membrane in place of spikes.
    """
    if steps < 1:
        raise UserError(f"steps: must be at least 1 tick, got {steps}")
    if len(network.inputs) != 1:
        raise UserError(f"a model has one input, and the graph has {', '.join(network.inputs)}")
    rule = BackProp()
    try:
        rule_params = rule.init(network, new_key(0))
    except ValueError as error:
        raise UserError(str(error)) from None
    return Model(
        network=network, params=params, rule=rule, rule_params=rule_params, encoder=Frames(), task=Classification(),
        steps=steps, dt=float(dt), shape=(network.sizes[0],), labels=np.arange(network.classes),
    )  # fmt: skip
