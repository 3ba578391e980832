"""The data set of a config: one of this package by name, or what a function of the user's makes."""

import math
from pathlib import Path

from erbp_jax import data
from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.config.sections import ComponentSection, default_section
from erbp_jax.data import Dataset
from erbp_jax.data.events import Recordings, find_recordings, from_recordings, recordings
from erbp_jax.errors import UserError
from erbp_jax.units import Clock


def load_data(config: schema.Config) -> Dataset:
    """All samples that the data section asks for.

    Raises:
        UserError: files that are missing, more samples than there are, trains whose ticks say another length, or a
            function that makes no `Dataset`.
    """
    section = config.data
    if isinstance(section, ComponentSection):
        own = {key.name for key in section.keys}
        for key in ("path", "events", "augment", "repair"):
            if key not in own and getattr(section, key, None):
                raise UserError(f"data.{key}: has no effect beside data.kind, whose function makes the data set")
        made = construct(section, "data", Clock(config.encoding.dt))
        if not isinstance(made, Dataset):
            raise UserError(
                f"data.kind: {section.entry.kind!r} must make an erbp_jax.data.Dataset, got {type(made).__name__}"
            )
    elif (found := _recordings(section)) is not None:
        made = _binned(found, config)
    else:
        for key in ("events", "augment", "repair"):
            if getattr(section, key):
                where = section.path or section.name
                raise UserError(f"data.{key}: is for recordings of events, and {where} holds none")
        made = data.from_npz(section.path) if section.path is not None else data.load(section.name, section.dir)
    if made.ticks is not None and made.dt != 1.0 and not math.isclose(made.dt, config.encoding.dt, rel_tol=1e-6):
        raise UserError(
            f"encoding.dt: is {config.encoding.dt:g} ms, and a tick of the trains of {made.called} is {made.dt:g} ms; "
            f"add encoding.dt={made.dt:g}"
        )
    return made.subset(section.train_size, section.test_size, section.validation_size)


def _recordings(section: schema.DataBase) -> Recordings | None:
    if section.path is not None:
        folder = Path(section.path).expanduser()
        return recordings(folder, repair=section.repair) if folder.is_dir() else None
    return find_recordings(section.name, section.dir, repair=section.repair)


def _binned(found: Recordings, config: schema.Config) -> Dataset:
    section, clock = config.data, Clock(config.encoding.dt)
    steps = max(config.encoding.steps, config.encoding.test_steps or 0)
    key, bins, changes = "data.events", section.events or default_section("bins"), None
    try:
        bins = construct(bins, key, clock, {"steps": steps})
        if section.augment is not None:
            key = "data.augment"
            changes = construct(section.augment, key, clock)
    except ValueError as error:  # their own checks
        raise UserError(f"{key}: {error}") from None
    return from_recordings(found, bins, augment=changes, seed=config.seed)
