"""What all sources of recordings are: indexed by number, read when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from erbp_jax.data.events.events import Events


class Recorded(Sequence[tuple[Events, Any]]):
    """Recordings with a label each; a slice reads all of its recordings. A custom source defines two members."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, number: int) -> tuple[Events, Any]:
        """The events and the label of one recording, from 0.

        Raises:
            UserError: it cannot be read; says where it lies.
        """

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.read(range(len(self))[index])
