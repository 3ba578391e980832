"""A config's training: its data, its experiment, its optimisers, compiled."""

import numpy as np

from erbp_jax import data
from erbp_jax.config import Config
from erbp_jax.config.build import build
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.training.optimizer import make_optimizer
from erbp_jax.training.programs import Programs
from erbp_jax.training.rounding import grid_link


class Session(Programs):
    """The programs of one config, and the data they work on.

    Raises:
        UserError: data that is not there, or keys that contradict each other or the data; names them.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        shown = load(config)
        experiment = build(config, shown)
        batches = len(shown.train) // experiment.batch_size
        blocks = (experiment.steps - experiment.burn_in) // experiment.update_every
        try:
            write = grid_link(config.precision, experiment.network)
            optimizers = make_optimizer(
                config.optimizer, batches * blocks, config.training.epochs, write, blocks=blocks
            )
        except ValueError as error:  # a component's own check
            raise UserError(str(error)) from None
        seeds = config.seed + np.arange(config.training.seeds)
        super().__init__(
            experiment, optimizers, shown, seeds, dt=config.encoding.dt, alignment=config.training.alignment
        )


def load(config: Config) -> Dataset:
    """The data of a config, as much of it as it wants.

    Raises:
        UserError: it is not there, or not so much of it.
    """
    section = config.data
    if section.path is not None:
        whole = data.from_npz(section.path)
    else:
        whole = data.load(section.name, section.dir)
    return whole.subset(section.train_size, section.test_size, section.validation_size)
