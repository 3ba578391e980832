"""The twenty firing patterns of Mihalas & Niebur 2009: parameters, initial state and input current of each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from erbp_jax.neurons.mihalas_niebur import MihalasNiebur


@dataclass(frozen=True)
class FiringPattern:
    """A neuron and the current that shows what it can do: `current` is (mV/ms, ms) after (mV/ms, ms).

    Example:
        >>> from erbp_jax.neurons import PATTERNS
        >>> PATTERNS["tonic_spiking"].current
        ((1.5, 200),)
    """

    panel: str
    neuron: MihalasNiebur
    current: tuple[tuple[float, float], ...]

    def input(self, dt: float | None = None) -> np.ndarray:
        """The current of every tick, float64 `[T]`, for ticks of `dt` ms (default: the neuron's)."""
        dt = self.neuron.dt if dt is None else dt
        return np.concatenate([np.full(round(length / dt), value) for value, length in self.current])

    def at(self, dt: float) -> MihalasNiebur:
        """The neuron with ticks of `dt` ms."""
        return replace(self.neuron, dt=dt)


def _pattern(
    panel: str, current: tuple[tuple[float, float], ...], a: float = 0.0, a1: float = 0.0, a2: float = 0.0,
    start: float | None = None,
) -> FiringPattern:  # fmt: skip
    first: dict[str, Any] = {} if start is None else {"v_init": start, "theta_init": start}
    return FiringPattern(panel, MihalasNiebur(a=a, a1=a1, a2=a2, **first), current)


_A = 0.005  # 5 per s
PATTERNS: dict[str, FiringPattern] = {
    "tonic_spiking": _pattern("A", ((1.5, 200),)),
    "class_1": _pattern("B", ((1 + 1e-6, 500),)),
    "spike_frequency_adaptation": _pattern("C", ((2, 200),), _A),
    "phasic_spiking": _pattern("D", ((1.5, 500),), _A),
    "accommodation": _pattern("E", ((1.5, 100), (0, 500), (0.5, 100), (1, 100), (1.5, 100), (0, 100)), _A),
    "threshold_variability": _pattern("F", ((1.5, 20), (0, 180), (-1.5, 25), (0, 25), (1.5, 25), (0, 125)), _A),
    "rebound_spike": _pattern("G", ((0, 50), (-3.5, 755), (0, 195)), _A),
    "class_2": _pattern("H", ((2 * (1 + 1e-6), 300),), _A, start=-30.0),
    "integrator": _pattern("I", ((1.5, 20), (0, 10), (1.5, 20), (0, 250), (1.5, 20), (0, 20), (1.5, 20), (0, 40)), _A),
    "input_bistability": _pattern("J", ((1.5, 100), (1.7, 400), (1.5, 100), (1.7, 400)), _A),
    "hyperpolarization_induced_spiking": _pattern("K", ((-1, 400),), 0.03),
    "hyperpolarization_induced_bursting": _pattern("L", ((-1, 400),), 0.03, 10.0, -0.6),
    "tonic_bursting": _pattern("M", ((2, 500),), _A, 10.0, -0.6),
    "phasic_bursting": _pattern("N", ((1.5, 500),), _A, 10.0, -0.6),
    "rebound_burst": _pattern("O", ((0, 100), (-3.5, 500), (0, 400)), _A, 10.0, -0.6),
    "mixed_mode": _pattern("P", ((2, 500),), _A, 5.0, -0.3),
    "afterpotentials": _pattern("Q", ((2, 15), (0, 185)), _A, 5.0, -0.3),
    "basal_bistability": _pattern("R", ((5, 10), (0, 90), (5, 10), (0, 90)), 0.0, 8.0, -0.1),
    "preferred_frequency": _pattern(
        "S", ((5, 5), (0, 5), (4, 5), (0, 385), (5, 5), (0, 45), (4, 5), (0, 345)), _A, -3.0, 0.5
    ),
    "spike_latency": _pattern("T", ((8, 2), (0, 48)), -0.08),
}
"""By name; `panel` is the letter of the paper's figure."""
