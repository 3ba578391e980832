"""Run folders, as objects."""

from pathlib import Path

import jax

from erbp_jax.api.fitted import Fitted
from erbp_jax.api.model import Model
from erbp_jax.cache import compilation_cache
from erbp_jax.data import Dataset
from erbp_jax.errors import UserError
from erbp_jax.outside import found


def open_run(folder: Path | str, *, seed: int | None = None, trust: bool = False) -> Model:
    """The network of a run folder as its last checkpoint has it: a run that is finished, or going on.

    `seed` is one of those that were trained, the first if not given. Nothing in the folder changes. Code from outside
    the package that the config names is imported only with `trust`.

    Example:
        >>> import erbp_jax as ej
        >>> try:
        ...     ej.open_run("no_such_folder")
        ... except ej.UserError as error:
        ...     print("no_such_folder" in str(error))
        True

    Raises:
        UserError: no run, no checkpoint, data that is not there, or a seed that was not trained.
    """
    return opened(folder, seed=seed, trust=trust)[0]


def opened(folder: Path | str, *, seed: int | None = None, trust: bool = False) -> tuple[Model, Dataset]:
    """As `open_run`, with the run's data set."""
    compilation_cache()
    folder = Path(folder)
    with found(folder, trust):
        return _opened(folder, seed)


def _opened(folder: Path, seed: int | None) -> tuple[Model, Dataset]:
    from erbp_jax.training import run_folder
    from erbp_jax.training.evaluate import restore
    from erbp_jax.training.session import Session

    session = Session(run_folder.on_devices_here(run_folder.open_config(folder)))
    learner, place = restore(session, folder)
    seeds = [int(s) for s in session.seeds]
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise UserError(f"{folder}: seed {chosen} was not trained; there are {seeds[0]} to {seeds[-1]}")
    one = jax.tree.map(lambda x: x[seeds.index(chosen)], learner)
    history = run_folder.read_metrics(folder)[: place.epoch]  # a run may have got further than its checkpoint
    section = session.config.optimizer
    falls = session.config.training.epochs if section.schedule in ("cosine", "linear") and not section.final else None
    fitted = Fitted.of(session.experiment, session.data, session.optimizers, session.optimizers_for, falls=falls)
    return Model.of_learner(fitted, one, history, session.data, session.dt), session.data
