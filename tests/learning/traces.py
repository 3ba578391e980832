"""A trace of one projection onto one population, made by hand."""

from typing import Any, NamedTuple

from erbp_jax.connections import Arrived
from erbp_jax.trace import PopulationTrace, Trace


class Seen(NamedTuple):
    """What rules may read of the neurons' state."""

    synaptic: Any
    membrane: Any


def trace_of(pre, post, synaptic=None, membrane=None):
    """Spikes `pre[k, B, I]` and `post[k, B, O]`; the postsynaptic spikes stand for what is not given."""
    state = Seen(post if synaptic is None else synaptic, post if membrane is None else membrane)
    return Trace((pre,), (Arrived(pre),), (PopulationTrace(post, state, post),))
