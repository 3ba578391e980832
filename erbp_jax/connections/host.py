"""Whole numbers of a connection that its user gives: immutable, and equal and hashed by content."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from erbp_jax.wording import plural


class ByContent:
    """Equality and hash of a dataclass of arrays; `_take` makes them read-only copies, int32."""

    def _take(self, names: Sequence[str], dimensions: int | None = None) -> None:
        digest = blake2b(digest_size=16)
        for name in names:
            array = _whole(f"{type(self).__name__}: {name}", getattr(self, name), dimensions)
            object.__setattr__(self, name, array)
            digest.update(repr(array.shape).encode() + array.astype("<i4").tobytes())
        object.__setattr__(self, "digest", digest.hexdigest())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other)["digest"] == vars(self)["digest"]

    def __hash__(self) -> int:
        return hash((type(self), vars(self)["digest"]))


@dataclass(frozen=True, eq=False, repr=False)
class SynapseList(ByContent):
    """Synapses from units `pre[S]` onto units `post[S]`, whole numbers from 0, at most one a pair; any order.

    Example:
        >>> import erbp_jax as ej
        >>> layer = ej.Sparse(3, 2, pairs=ej.SynapseList(pre=[0, 1, 2], post=[0, 0, 1]))
        >>> layer.label
        '2n3'

    Raises:
        ValueError: what is no list of whole numbers >= 0, lists of unequal lengths, none at all, or a pair that comes
            twice; names the first bad entry.
    """

    pre: Any
    post: Any

    def __post_init__(self) -> None:
        self._take(("pre", "post"), 1)
        if len(self.pre) != len(self.post):
            raise ValueError(f"SynapseList: as many pre as post, got {len(self.pre)} and {len(self.post)}")
        if not len(self.pre):
            raise ValueError("SynapseList: needs at least one synapse, got none")
        pairs = self.pre.astype(np.int64) << 32 | self.post
        order = np.argsort(pairs, kind="stable")
        again = order[1:][pairs[order[1:]] == pairs[order[:-1]]]
        if len(again):
            entry = int(again.min())
            first = int(np.flatnonzero(pairs == pairs[entry])[0])
            raise ValueError(
                f"SynapseList: one synapse a pair, got ({self.pre[entry]}, {self.post[entry]}) at entries {first} and "
                f"{entry}"
            )

    def __len__(self) -> int:
        return len(self.pre)

    def __repr__(self) -> str:
        return f"SynapseList({plural(len(self), 'synapse')}, {vars(self)['digest'][:8]})"

    def check_range(self, name: str, inputs: int, outputs: int) -> None:
        """Refuse a unit that is not there.

        Raises:
            ValueError: names the first.
        """
        for side, units, size in (("pre", self.pre, inputs), ("post", self.post, outputs)):
            beyond = np.flatnonzero(units >= size)
            if len(beyond):
                entry = int(beyond[0])
                raise ValueError(f"{name}: {side} must be below {size}, got {units[entry]} at entry {entry}")


@dataclass(frozen=True, eq=False, repr=False)
class Delays(ByContent):
    """A delay in ticks for every synapse, shaped like the weights: whole numbers >= 0.

    Example:
        >>> import erbp_jax as ej
        >>> ej.Delays([[0, 1], [2, 3]]) == ej.Delays([[0, 1], [2, 3]])
        True

    Raises:
        ValueError: what is no array of such; names the first bad entry.
    """

    ticks: Any

    def __post_init__(self) -> None:
        self._take(("ticks",))

    def __repr__(self) -> str:
        return f"Delays({list(self.ticks.shape)}, {vars(self)['digest'][:8]})"


def _whole(what: str, given: Any, dimensions: int | None) -> np.ndarray:
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError(f"{what} must be whole numbers in one array, got lists of different lengths") from None
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"{what} must be whole numbers, got {array.dtype}")
    if dimensions is not None and array.ndim != dimensions:
        raise ValueError(f"{what} must have {dimensions} axis, got the shape {list(array.shape)}")
    bad = np.argwhere((array < 0) | (array >= 2**31))
    if len(bad):
        place = [int(n) for n in bad[0]]
        raise ValueError(f"{what} must be from 0 to 2^31 - 1, got {array[tuple(place)]} at entry {place}")
    array = np.array(array, np.int32)
    array.flags.writeable = False
    return array
