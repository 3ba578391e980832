"""The data set of a config: one of this package by name, or what a function of the user's makes."""

from pathlib import Path

from erbp_jax import data
from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.config.schema.data import EventsSection
from erbp_jax.config.sections import ComponentSection
from erbp_jax.data import Dataset
from erbp_jax.data.events import Augment, Bins, Recordings, find_recordings, from_recordings, recordings
from erbp_jax.errors import UserError
from erbp_jax.units import Clock


def load_data(config: schema.Config) -> Dataset:
    """All samples that the data section asks for.

    Raises:
        UserError: files that are missing, more samples than there are, or a function that makes no `Dataset`.
    """
    section = config.data
    if isinstance(section, ComponentSection):
        made = construct(section, "data", Clock(config.encoding.dt))
        if not isinstance(made, Dataset):
            raise UserError(
                f"data.kind: {section.entry.kind!r} must make an erbp_jax.data.Dataset, got {type(made).__name__}"
            )
    elif (found := _recordings(section)) is not None:
        made = _binned(found, section.events or EventsSection(), config)
    else:
        if section.events is not None:
            raise UserError(f"data.events: is for recordings of events, and {section.path or section.name} holds none")
        made = data.from_npz(section.path) if section.path is not None else data.load(section.name, section.dir)
    return made.subset(section.train_size, section.test_size, section.validation_size)


def _recordings(section: schema.DataBase) -> Recordings | None:
    repair = section.events is not None and section.events.repair
    if section.path is not None:
        folder = Path(section.path).expanduser()
        return recordings(folder, repair=repair) if folder.is_dir() else None
    return find_recordings(section.name, section.dir, repair=repair)


def _binned(found: Recordings, section: EventsSection, config: schema.Config) -> Dataset:
    try:
        bins = Bins(
            max(config.encoding.steps, config.encoding.test_steps or 0),
            config.encoding.dt,
            crop=section.crop,
            pool=section.pool,
            polarity=section.polarity,
            counts=section.counts,
        )
        changes = Augment(section.drop, section.jitter, section.shift, section.flip) if section.copies else None
    except ValueError as error:  # their own checks
        raise UserError(f"data.events: {error}") from None
    return from_recordings(found, bins, augment=changes, copies=section.copies, seed=config.seed, hot=section.hot)
