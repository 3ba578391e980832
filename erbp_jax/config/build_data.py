"""The data set of a config: one of this package by name, or what a function of the user's makes."""

from erbp_jax import data
from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.config.sections import ComponentSection
from erbp_jax.data import Dataset
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
    else:
        made = data.from_npz(section.path) if section.path is not None else data.load(section.name, section.dir)
    return made.subset(section.train_size, section.test_size, section.validation_size)
