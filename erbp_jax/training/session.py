"""A config's training: its data, its experiment, its optimisers, compiled."""

import numpy as np

from erbp_jax.config import Config
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.errors import UserError
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.programs import Programs
from erbp_jax.training.rounding import grid_link
from erbp_jax.units import Clock


class Session(Programs):
    """The programs of one config, and the data they work on.

    Raises:
        UserError: data that is not there, or keys that contradict each other or the data; names them.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        shown = load_data(config)
        experiment = build(config, shown)
        batches = len(shown.train) // experiment.batch_size
        blocks = (experiment.steps - experiment.burn_in) // experiment.update_every
        try:
            clock = Clock(config.encoding.dt)
            network = experiment.network
            write = grid_link(config.precision, network)
            optimizers = make_optimizer(
                config.optimizer, batches * blocks, config.training.epochs, write, blocks=blocks, clock=clock,
                layer_of=network.layer_of,
            )  # fmt: skip
        except ValueError as error:  # a component's own check
            raise UserError(str(error)) from None
        seeds = config.seed + np.arange(config.training.seeds)
        super().__init__(
            experiment,
            optimizers,
            shown,
            seeds,
            dt=config.encoding.dt,
            alignment=config.training.alignment,
            piece=config.training.piece,
        )
