"""Sets that do not fit on the device: they come in pieces, in the order that the whole set would have."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from erbp_jax.data import Dataset
from erbp_jax.parallel import by_seed, everywhere
from erbp_jax.training import engine
from erbp_jax.training.experiment import Experiment


class Pieces:
    """Pieces of a data set, of about `rows` samples: whole batches of an epoch, and whole batches of the test set.

    Samples stay where they are on the host, a memory-mapped file for instance; a piece is gathered and sent. Each seed
    has an order of its own, and so a piece of its own.
    """

    def __init__(self, data: Dataset, seeds: jax.Array, experiment: Experiment, rows: int, mesh: Mesh | None) -> None:
        size = experiment.batch_size
        self._data, self._seeds, self._size = data, seeds, size
        self._batches = len(data.train) // size
        self._per = min(max(1, rows // size), self._batches)
        self._test_rows = max(1, rows // experiment.test_batch_size) * experiment.test_batch_size
        self._by_seed = None if mesh is None else by_seed(mesh)
        self._everywhere = None if mesh is None else everywhere(mesh)
        self._orders = jax.jit(jax.vmap(partial(engine.order_of, n=len(data.train)), in_axes=(0, None)))
        self._order: tuple[int, np.ndarray] | None = None
        self._ready: dict[tuple[int, int], Any] = {}

    def number(self, batch: int) -> int:
        """The piece that a batch is in."""
        return batch // self._per

    def over(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """The pieces of the batches `first .. last - 1`: number, first batch, last batch (not included)."""
        for number in range(self.number(first), self.number(last - 1) + 1):
            yield number, max(first, number * self._per), min(last, (number + 1) * self._per)

    def of_training(self, epoch: int, number: int) -> tuple[Any, engine.Piece]:
        """Samples and targets `[S, rows, ...]` on the device, and where they belong."""
        self.prepare(epoch, number)
        found = self._ready[epoch, number]
        self._ready = {key: value for key, value in self._ready.items() if key >= (epoch, number)}
        return found

    def prepare(self, epoch: int, number: int) -> None:
        """Send a piece to the device, if it is one and not there."""
        if number * self._per >= self._batches or (epoch, number) in self._ready:
            return
        begin = min(number * self._per, self._batches - self._per)  # the last piece is filled from before it
        index = self._in_order(epoch)[:, begin * self._size : (begin + self._per) * self._size]
        samples = jax.tree.map(lambda x: np.asarray(x)[index], (self._data.train.x, self._data.train.y))
        place = engine.Piece(jax.device_put(index, self._by_seed), jnp.int32(begin))
        self._ready[epoch, number] = jax.device_put(samples, self._by_seed), place

    def of_test(self) -> Iterator[tuple[int, jax.Array, Any]]:
        """How many samples are new, the place of the first one, and samples and targets on the device."""
        n, rows = len(self._data.test), min(self._test_rows, len(self._data.test))
        for first in range(0, n, rows):
            index = np.minimum(np.arange(first, first + rows), n - 1)
            samples = jax.tree.map(lambda x, i=index: np.asarray(x)[i], (self._data.test.x, self._data.test.y))
            yield min(rows, n - first), jnp.int32(first), jax.device_put(samples, self._everywhere)

    def _in_order(self, epoch: int) -> np.ndarray:
        """The samples' order in an epoch for every seed, int32 `[S, n]`."""
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.asarray(self._orders(self._seeds, jnp.int32(epoch)))
        return self._order[1]
