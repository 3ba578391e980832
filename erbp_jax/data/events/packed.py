"""A data set of recordings: each event a bit, as the encoder `Frames` takes them."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from erbp_jax.archive import shown
from erbp_jax.data.arrays import check_seed
from erbp_jax.data.dataset import Dataset, Samples
from erbp_jax.data.events.augment import Augment
from erbp_jax.data.events.bins import Bins
from erbp_jax.data.events.events import Events
from erbp_jax.data.events.folder import Recordings, recordings
from erbp_jax.data.from_arrays import as_classes
from erbp_jax.declared import having
from erbp_jax.errors import UserError
from erbp_jax.wording import plural


def from_recordings(
    source: Recordings | Path | str,
    bins: Bins,
    *,
    augment: Augment | None = None,
    seed: int = 0,
    repair: bool = False,
    progress: bool = True,
) -> Dataset:
    """A data set of recordings of events, from a folder or from `Recordings`; read once, a recording at a time.

    `train.x` is uint8 `[n, T, ceil(I / 8)]`, one bit each (`[n, T, I]` with `bins.counts`); on the device it
    stays so, and `Frames` unpacks it a block at a time. N-MNIST, 60,000 recordings at 300 ticks of 2,312 inputs, takes
    5.2 GB.

    Args:
        source: A folder, or `Recordings`.
        bins: Window, tick, crop, pooling, polarity, pixels that are left out.
        augment: How many further copies of the training recordings there are, and how they differ from them.
        seed: Of the augmentation.
        repair: Put events that are out of order in order, in place of refusing them.
        progress: Say how far it is, where it takes more than two seconds.

    Example:
        >>> import erbp_jax as ej
        >>> from erbp_jax.data.events import Recordings
        >>> def seen(label):
        ...     return ej.Events(t=[1000 * label], x=[label], y=[0], p=[0], sensor=(1, 3, 1)), label
        >>> both = Recordings("drops", [seen(0), seen(1), seen(2)], [seen(1)], (1, 3, 1))
        >>> data = ej.from_recordings(both, ej.Bins(steps=5))
        >>> data.train.x.shape, data.labels.tolist()
        ((3, 5, 1), [0, 1, 2])

    Raises:
        UserError: a recording that cannot be read, with its path; labels of the test set that are not in training.
    """
    if not isinstance(source, Recordings | Path | str):
        raise UserError(
            "from_recordings: takes a folder or erbp_jax.data.events.Recordings(name, train, test, sensor), of "
            f"(Events, label) pairs, got {type(source).__name__}"
        )
    if repair and isinstance(source, Recordings):
        raise UserError(
            "repair: is for a folder that is read here; recordings(folder, repair=True) and from_structured(..., "
            "repair=True) read in order what is not"
        )
    check_seed(seed)
    members = ("steps", "dt", "counts", "shape", "bytes_a_tick", "__call__")
    having("bins", bins, members, f"ej.Bins(steps=...), or have {', '.join(members)}")
    if augment is not None:
        having("augment", augment, ("copies", "__call__"), "ej.Augment(...), or have copies and __call__")
    found = source if isinstance(source, Recordings) else recordings(source, repair=repair)
    copies = 0 if augment is None else augment.copies
    shape, rng = bins.shape(found.sensor), np.random.default_rng(seed)

    def variants(part: Sequence[tuple[Events, Any]], learned: bool) -> Iterator[tuple[Events, Any]]:
        for i in range(len(part)):
            events, label = pair_of(part[i], found.name, i)
            if events.sensor != found.sensor:
                raise UserError(f"{events.name}: of a sensor {events.sensor} in a set of {found.sensor}")
            yield events, label
            if learned and augment is not None:
                for _ in range(copies):
                    yield augment(events, rng), label

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not (progress and console.is_terminal)) as bar:
        task = bar.add_task(f"reading {found.name}", total=len(found.train) * (1 + copies) + len(found.test))
        parts, cut = [], 0
        for part, learned in ((found.train, True), (found.test, False)):
            number = len(part) * (1 + copies * learned)
            if not number:
                raise UserError(f"{found.name}: has no {'training' if learned else 'test'} recordings")
            x, labels = _zeros(found.name, (number, bins.steps, bins.bytes_a_tick(found.sensor))), []
            for i, (events, label) in enumerate(variants(part, learned)):
                one = bins(events)
                x[i] = one.spikes
                cut += 0 if learned and i % (1 + copies) else one.cut  # copies of them are not counted again
                labels.append(label)
                bar.advance(task)
            parts.append((x, np.asarray(labels)))
    if progress and cut:
        window = f"{plural(bins.steps, 'tick')} of {bins.dt:g} ms"
        print(f"{shown(found.name)}: {cut:,} events lie beyond {window} and are cut off", file=sys.stderr)
    (x, y), (x_test, y_test) = parts
    y, y_test, labels = as_classes(y, y_test)
    return Dataset(
        found.name, Samples(x, y), Samples(x_test, y_test), shape=shape, labels=labels, ticks=bins.steps,
        packed=not bins.counts, dt=bins.dt, copies=copies,
    )  # fmt: skip


def pair_of(given: Any, name: str, number: int) -> tuple[Events, Any]:
    """One recording and its label.

    Raises:
        UserError: something else.
    """
    if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], Events):
        parts = ", ".join(type(x).__name__ for x in given) if isinstance(given, tuple | list) else type(given).__name__
        raise UserError(
            f"{shown(name)}: recording {number}: must be (Events, label), got {parts}; ej.from_structured makes Events "
            "of a structured array"
        )
    return given[0], given[1]


def _zeros(name: str, shape: tuple[int, int, int]) -> np.ndarray:
    try:
        return np.zeros(shape, np.uint8)
    except (MemoryError, ValueError):  # ValueError: more than an address can say
        size = " x ".join(f"{n:,}" for n in shape)
        raise UserError(
            f"{shown(name)}: recordings x ticks x bytes per tick are {size}, more than memory has; fewer ticks, a crop "
            "or a pool make it less"
        ) from None
