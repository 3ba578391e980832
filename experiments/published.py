"""What the talk and the paper print, for comparison: test errors, energies, a way of counting SynOps.

Source: E. Neftci, "Event-Driven Random Backpropagation: Enabling Neuromorphic Deep Learning Machines" (the talk), and
the published code of Neftci et al. 2017 (the paper).
"""

from dataclasses import dataclass

import numpy as np

from erbp_jax.evaluation import anytime
from erbp_jax.evaluation.synops import Recording

ERRORS: dict[str, dict[str, float]] = {
    "784-100-10": {"erbp": 3.94, "rbp": 2.74, "bp": 2.19},
    "784-200-10": {"erbp": 3.53, "rbp": 2.15, "bp": 1.81},
    "784-500-10": {"erbp": 2.76, "rbp": 2.08, "bp": 1.80},
    "784-200-200-10": {"erbp": 3.48, "rbp": 2.42, "bp": 1.91},
    "784-500-500-10": {"perbp": 2.02, "rbp": 2.20, "bp": 1.90},
    "784-8c5s2-16c5s2-100-10": {"perbp": 3.80, "rbp": 1.95, "bp": 1.23},
}
"""MNIST test error in percent, by network and rule; of the convolutional one peRBP after 5 epochs. Its rbp and bp are
non-spiking networks on a GPU: the rate form."""


def talk(dataset: str, network: str, rule: str, form: str) -> float | None:
    """The talk's figure for a network and rule, if it has one for this form (`spiking` or `rate`)."""
    if dataset != "mnist" or form != ("rate" if rule in ("rbp", "bp") else "spiking"):
        return None
    return ERRORS.get(network, {}).get(rule)


@dataclass(frozen=True)
class System:
    """A row of the talk's table: what a classification of an MNIST digit costs on it."""

    name: str
    accuracy: float  # percent
    microjoules: float
    node: str
    remark: str


SYSTEMS: tuple[System, ...] = (
    System("eRBP at 20 pJ/SynOp", 95.0, 2.0, "none given", "100,000 SynOps until the first output spike times 20 pJ"),
    System("DropConnect on a GPU", 99.79, 1265.0, "28 nm", "4.8 points more accurate than the row above"),
    System("SpiNNaker", 95.0, 6000.0, '"Unknown" (130 nm)', "a processor for simulations"),
    System("TrueNorth", 95.0, 4.0, "28 nm", ""),
)
"""Energy for inference as the talk prints it."""


def first_spike_synops(recording: Recording) -> float:
    r"""SynOps until the first output spike as the paper's plotting script counts them, a mean over samples.

    .. math:: 200\, N_{data} + 100\, N_{hidden}

    It takes the mean fan-out of a hidden spike for 100 (those of the first layer have 200, those of the second 10), and
    knows 784-200-200-10 alone: `recording` is to be of this network.
    """
    tick = anytime.first_spike(recording.output).tick
    sample = np.arange(len(tick))
    data = np.cumsum(recording.addressed[..., 0] // 200, 0)[tick - 1, sample].mean()
    hidden = np.cumsum(recording.spikes[..., :-1].sum(-1), 0)[tick - 1, sample].mean()
    return 200.0 * float(data) + 100.0 * float(hidden)
