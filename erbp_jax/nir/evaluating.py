"""A NIR graph on recordings of an event sensor: which share of the test set it gets right."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from erbp_jax.data.events import Bins, Events, recordings
from erbp_jax.encoding import Frames
from erbp_jax.errors import UserError
from erbp_jax.network import Network
from erbp_jax.nir.discrete import Method
from erbp_jax.nir.files import read
from erbp_jax.nir.graph import flat
from erbp_jax.nir.importing import from_nir
from erbp_jax.nir.shapes import ours
from erbp_jax.params import Params
from erbp_jax.random import new_key
from erbp_jax.settings import settled
from erbp_jax.simulate import count
from erbp_jax.wording import plural

BLOCK = 10
"""Ticks that a projection goes through at once."""
KEYS = ("data.path", "encoding.dt", "network.neuron.integration", "data.events.counts", "data.events.swap_polarity")


class Evaluated(NamedTuple):
    """What a network made of a test set."""

    right: int
    samples: int
    undecided: int
    """Samples for which two outputs had the most, or none had anything; they count as wrong."""
    steps: int
    dt: float
    answers: np.ndarray
    """The class of every sample, -1 where undecided."""
    merged: int
    """Events that fell on an input and tick that had one, and are lost."""

    @property
    def accuracy(self) -> float:
        """Percent."""
        return 100.0 * self.right / self.samples

    def __str__(self) -> str:
        return (
            f"{self.right} of {self.samples} right ({self.accuracy:.2f} %), {self.undecided} undecided; "
            f"{plural(self.steps, 'tick')} of {self.dt:g} ms, {plural(self.merged, 'event')} merged"
        )


def evaluate_nir(
    file: Path | str,
    folder: Path | str,
    dt: float = 1.0,
    method: Method = "exact",
    *,
    counts: bool = False,
    swap_polarity: bool = False,
    batch_size: int = 100,
) -> Evaluated:
    """Run the graph of a file on the test set of a folder of recordings, and count what it gets right.

    Events are binned into ticks of `dt` ms, at most one spike per input and tick, or as many as there are events with
    `counts`. The channel of an event is its polarity, or the other one with `swap_polarity`. A sample lasts as long as
    the longest recording. The answer is the output with the largest sum over time, spikes or graded.

    Example:
        >>> import erbp_jax as ej
        >>> try:
        ...     ej.nir.evaluate_nir("no_such_file.nir", "recordings", dt=1.0)
        ... except ej.UserError as error:
        ...     print("no_such_file" in str(error))
        True

    Raises:
        UserError: as `from_nir` and `recordings`; a graph with several inputs, an input that is not of the sensor's
            shape, labels that are no output's number, or an empty test set.
    """
    graph = flat_of(file)
    found = recordings(folder, parts=("test",))
    names = [n for n in graph.nodes if graph.kind(n) == "Input"]
    if len(names) != 1:
        raise UserError(f"{file}: recordings feed one input, and the graph has {', '.join(names)}")
    wanted = ours(graph.shapes[names[0]])
    height, width, maps = found.sensor
    in_a_row = sum(n > 1 for n in found.sensor) <= 1  # one way to number its units
    if len(wanted) == 1 and not (in_a_row and math.prod(found.sensor) == wanted[0]):
        raise UserError(
            f"{file}: its input is a row of {wanted[0]} units, and nothing says which of them is which pixel and "
            f"polarity of the recordings of {folder}, (channels, height, width) {[maps, height, width]}; the graph "
            "needs an Input of that shape, with a Flatten behind it"
        )
    if len(wanted) > 1 and tuple(found.sensor) != wanted:
        raise UserError(
            f"{file}: its input is (channels, height, width) {list(graph.shapes[names[0]])}, and the recordings of "
            f"{folder} are {[maps, height, width]}"
        )
    samples = [found.test[i] for i in range(len(found.test))]
    if not samples:
        raise UserError(f"{folder}: the test set is empty")
    network, params = from_nir(file, dt, method)
    labels = np.array([int(label) for _, label in samples])
    if not ((labels >= 0) & (labels < network.classes)).all():
        raise UserError(f"{folder}: has labels up to {labels.max()}, and the network {network.classes} outputs")
    longest = max(int(events.t[-1]) if len(events) else 0 for events, _ in samples)
    steps = BLOCK * -(-(int(longest / (1000.0 * dt)) + 1) // BLOCK)
    bins = Bins(steps=steps, dt=float(dt), counts=counts)
    sums, merged = [], 0
    for first in range(0, len(samples), batch_size):
        trains, lost = _binned([events for events, _ in samples[first : first + batch_size]], bins, swap_polarity)
        merged += lost
        sums.append(_summed(network, params, trains, counts))
    total = np.concatenate(sums)
    best = total.max(1)
    alone = (total == best[:, None]).sum(1) == 1
    answers = np.where(alone, total.argmax(1), -1)
    right = int((answers == labels).sum())
    return Evaluated(right, len(samples), int((~alone).sum()), steps, float(dt), answers, merged)


def evaluate_overrides(file: Path | str, overrides: Sequence[str]) -> Evaluated:
    """As `evaluate_nir`, from `data.path=FOLDER` and other `key=value` of `KEYS`.

    Raises:
        UserError: an unknown key, a value that is none, no `data.path`, or as `evaluate_nir`.
    """
    given: dict[str, str] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or key not in KEYS:
            raise UserError(f"{text!r}: with --nir, key=value with one of {', '.join(KEYS)} is expected")
        given[key] = value
    if "data.path" not in given:
        raise UserError("data.path: the folder of the recordings is missing; data.path=FOLDER")
    try:
        dt = float(given.get("encoding.dt", "1"))
    except ValueError:
        raise UserError(f"encoding.dt: must be milliseconds, got {given['encoding.dt']!r}") from None
    flags = {}
    for key in ("data.events.counts", "data.events.swap_polarity"):
        if given.get(key, "false") not in ("true", "false"):
            raise UserError(f"{key}: must be true or false, got {given[key]!r}")
        flags[key.removeprefix("data.events.")] = given.get(key) == "true"
    method: Any = given.get("network.neuron.integration", "exact")
    return evaluate_nir(file, Path(given["data.path"]).expanduser(), dt, method, **flags)


def flat_of(file: Path | str) -> Any:
    """The graph of a file, laid open and checked.

    Raises:
        UserError: with the path, as `files.read` and `graph.flat`.
    """
    loaded = read(file)
    try:
        return flat(loaded)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _binned(events: Sequence[Events], bins: Bins, swap: bool) -> tuple[np.ndarray, int]:
    """Trains `[B, T, ceil(I / 8)]` of bits, or `[B, T, I]` of counts; and the events that are lost."""
    binned = [bins(e if not swap else replace(e, p=e.sensor[2] - 1 - e.p)) for e in events]
    return np.stack([one.spikes for one in binned]), sum(one.merged for one in binned)


@settled
def _summed(network: Network, params: Params, trains: np.ndarray, counts: bool) -> np.ndarray:
    encoder = Frames(most=255) if counts else Frames(bits=network.sizes[0])
    return np.asarray(_count(network, params, trains, encoder, new_key(0), steps=trains.shape[1], block=BLOCK))


_count = jax.jit(count, static_argnums=(0, 3), static_argnames=("steps", "block"))
