"""A config's training: its data, its experiment, its optimisers, compiled."""

from typing import Any

import numpy as np

from erbp_jax.config import Config
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.errors import UserError
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.programs import Programs
from erbp_jax.training.rounding import grid_link
from erbp_jax.training.transforms import Optimizers
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

            def optimizers_at(rate: Any) -> Optimizers:
                section = config.optimizer.model_copy(update={"learning_rate": rate})
                return make_optimizer(
                    section, batches * blocks, config.training.epochs, write, blocks=blocks, clock=clock,
                    layer_of=network.layer_of,
                )  # fmt: skip

            optimizers = optimizers_at(config.optimizer.learning_rate)
        except ValueError as error:  # a component's own check
            raise UserError(str(error)) from None
        self.optimizers_at = optimizers_at
        """The optimisers of the config at another learning rate, which may be traced."""
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
