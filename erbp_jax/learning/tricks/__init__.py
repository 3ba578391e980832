"""Tricks of deep learning in local, event-driven form, of little memory: links for a chain of optax transformations.

Each takes the update of a rule, a `Tree` of weights and of parameters of neurons, and gives another. In a config they
are `optimizer.tricks`; in Python they are links like any others::

    from erbp_jax.learning import tricks
    optimizer = optax.chain(tricks.scale_by_factored_moments(), optax.sgd(1e-3), tricks.max_norm(4.0))
    ej.fit(network, ej.ERBP.default, data, optimizer=optimizer)
"""

from erbp_jax.learning.tricks.bounds import keep_within, max_norm
from erbp_jax.learning.tricks.moments import scale_by_factored_moments, scale_by_shifts, sign
from erbp_jax.learning.tricks.rates import normalised_step, scale_by_neuron_rms
from erbp_jax.learning.tricks.steps import scale_by_errors
from erbp_jax.learning.tricks.writes import count_writes, error_triggered, write_threshold, written

__all__ = [
    "count_writes",
    "error_triggered",
    "keep_within",
    "max_norm",
    "normalised_step",
    "scale_by_errors",
    "scale_by_factored_moments",
    "scale_by_neuron_rms",
    "scale_by_shifts",
    "sign",
    "write_threshold",
    "written",
]
