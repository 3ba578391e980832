r"""`network.events: auto`: whether the input layer works through its spikes or takes a product, on a CPU.

Events and products give the same sums in another order. The choice depends on the config and the data alone, never on a
timing, so that a config and a seed give the same numbers on every machine with a CPU.

**Given trains**, recordings of events among them: the rows of a block are walked through in lock-step, so what counts
is the row with the most spikes. With I inputs, O outputs and L spikes in that row, the mean over blocks, a current and
an update of a row take, in ns on one core (`erbp-jax bench events --question model`):

.. math::

    5.4\, I + L\, (0.057\, I + 0.52\, O) \quad\text{by events}, \qquad 0.050\, I O + 2.6\, I \quad\text{as products}

Events are taken if they need less than `MARGIN` of the time of products, which free cores speed up; a walk has one.

**Spikes of an encoder**: events if less than `SPARSE` of the inputs spike in a tick on average.
"""

import numpy as np

from erbp_jax.data import Dataset

SPARSE = 0.05
"""Share of inputs of an encoder that spike in a tick, below which events are taken."""
FEW_ROWS = 4
"""Samples times ticks of a block, below which a walk through spikes costs more than it saves (`train_speed.py`)."""
LOCATE, TURN_INPUT, TURN_OUTPUT = 5.4, 0.057, 0.52
"""ns: an input of a row that is searched; in a turn, an input and an output."""
PRODUCT, READ = 0.050, 2.6
"""ns: a synapse and row; an input of a row that is read."""
MARGIN = 0.8
"""Of the time of products, which events must stay below."""
MOST_SAMPLES = 256
"""That are looked at."""


def events_pay(inputs: int, outputs: int, longest: float) -> bool:
    """Whether events are faster than products, with `longest` spikes in the row of a block that has the most."""
    events = LOCATE * inputs + longest * (TURN_INPUT * inputs + TURN_OUTPUT * outputs)
    return events < MARGIN * (PRODUCT * inputs * outputs + READ * inputs)


def longest_row(data: Dataset, batch: int, every: int) -> float | None:
    """Spikes of the row with the most in a block of `batch` samples and `every` ticks: the mean over blocks.

    Of at most `MOST_SAMPLES` training samples, evenly spaced; None of samples that are no trains.
    """
    trains = data.train.x
    if data.ticks is None or not isinstance(trains, np.ndarray):
        return None
    looked_at = trains[:: -(-len(trains) // MOST_SAMPLES)]
    count = np.bitwise_count(looked_at) if data.packed else looked_at != 0
    spikes = count.sum(-1, dtype=np.int64)  # [n, T]
    blocks = np.arange(0, spikes.shape[1], every)
    busiest = np.maximum.reduceat(spikes, blocks, axis=1)
    return float(np.maximum.reduceat(busiest, np.arange(0, len(busiest), batch), axis=0).mean())


def input_by_events(data: Dataset, max_rate: float, outputs: int | None, batch: int, every: int) -> bool:
    """Whether the input layer is to work through its spikes; `outputs` is None if it is not dense."""
    if outputs is None or batch * every < FEW_ROWS:
        return False
    longest = longest_row(data, batch, every)
    if longest is None:
        return data.mean * max_rate < SPARSE
    return events_pay(data.features, outputs, longest)
