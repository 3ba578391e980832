"""A hidden layer's own guess at the label, for errors that do not have to come from the output."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from erbp_jax.learning.feedback import gather


@dataclass(frozen=True)
class LocalReadout:
    r"""R K readout neurons that see a hidden layer through its feedback weights, turned round.

    .. math:: s^P_{rk}[t] = \Theta\Big(\frac{c}{g_\mathrm{rms} \sqrt N} \sum_n g_{rkn}\, s_n[t] - 1\Big)

    Neurons without memory, of threshold 1; `gain` is c. Error neurons of the layer's own set their spikes against the
    label's. Errors then come back through the very weights that made the guess, fixed and random as they are: they are
    the way down for this guess from the start, and nothing has to align. The guess serves learning alone.

    One random guess is a poor judge of what a layer knows: what helps it need not help the next layer. Each of R
    `populations` guesses through weights of its own, and what helps them all is good for more.
    Source: local errors, Mostafa, Ramesh, Cauwenberghs 2018, Front. Neurosci. 12:608; with spikes, Kaiser, Mostafa,
    Neftci 2020, Front. Neurosci. 14:424.
    """

    gain: float = 3.0
    populations: int = 1

    def __post_init__(self) -> None:
        if self.gain <= 0:
            raise ValueError(f"LocalReadout: gain must be > 0, got {self.gain}")
        if self.populations < 1:
            raise ValueError(f"LocalReadout: at least one population, got {self.populations}")

    def __call__(self, feedback: jax.Array, spikes: jax.Array) -> jax.Array:
        """Spikes `[k, B, R K]` of the readout neurons; feedback `[R K, N]` (of maps `[R K, M]`), spikes `[k, B, N]`."""
        scale = self.gain / jnp.sqrt(jnp.square(feedback).mean() * spikes.shape[-1])
        current = gather(spikes, feedback.shape[-1]) @ (scale * feedback).T
        return (current > 1.0).astype(spikes.dtype)
