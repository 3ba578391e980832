"""Constants of a NIR node, on the host: kept bit for bit as the file has them, equal and hashed by content."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Values:
    """A read-only copy of an array of real numbers, of any shape and type.

    >>> from erbp_jax.nir import Values
    >>> Values([0.02, 0.01]) == Values([0.02, 0.01])
    True

    Raises:
        ValueError: what is no array of finite real numbers.
    """

    array: Any

    def __post_init__(self) -> None:
        array = np.array(self.array)
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise ValueError(f"Values: finite real numbers were expected, got {array.dtype} {list(array.shape)}")
        array.flags.writeable = False
        object.__setattr__(self, "array", array)
        header = f"{array.dtype.str} {array.shape} ".encode()
        object.__setattr__(self, "digest", blake2b(header + array.tobytes(), digest_size=16).hexdigest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and vars(other)["digest"] == vars(self)["digest"]

    def __hash__(self) -> int:
        return hash(vars(self)["digest"])

    def __repr__(self) -> str:
        return f"Values({self.array.dtype}, {list(self.array.shape)}, {vars(self)['digest'][:8]})"
