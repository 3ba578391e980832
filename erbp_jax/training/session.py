"""A config's training: its data, its experiment, its optimisers, compiled."""

from functools import partial
from typing import Any

import numpy as np

from erbp_jax.config import Config
from erbp_jax.config.build import build
from erbp_jax.config.build_data import load_data
from erbp_jax.errors import UserError
from erbp_jax.training.experiment import Experiment
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
        try:
            write = grid_link(config.precision, experiment.network)  # looks at weights, which a trace has none of
        except ValueError as error:
            raise UserError(str(error)) from None
        self.optimizers_for = partial(_optimizers, config, write)
        """The optimisers of the config, of an experiment and the batches of an epoch."""
        self.optimizers_at = partial(self.optimizers_for, experiment, batches)
        """The optimisers of the config at another learning rate, which may be traced."""
        seeds = config.seed + np.arange(config.training.seeds)
        super().__init__(
            experiment,
            self.optimizers_at(),
            shown,
            seeds,
            dt=config.encoding.dt,
            alignment=config.training.alignment,
            piece=config.training.piece,
        )


def _optimizers(
    config: Config, write: Any, experiment: Experiment, batches: int, learning_rate: Any = None
) -> Optimizers:
    """Those of a config, for an epoch of so many batches; at another learning rate if one is given. `write` is what
    keeps weights on their grids.

    Raises:
        UserError: a trick refuses its values.
    """
    section, network = config.optimizer, experiment.network
    if learning_rate is not None:
        section = section.model_copy(update={"learning_rate": learning_rate})
    try:
        return make_optimizer(
            section, batches * experiment.blocks, config.training.epochs, write,
            blocks=experiment.blocks, clock=Clock(config.encoding.dt), layer_of=network.layer_of,
        )  # fmt: skip
    except ValueError as error:  # a component's own check
        raise UserError(str(error)) from None
