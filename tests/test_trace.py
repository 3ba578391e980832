"""The trace keeps the neurons' whole state, and what nobody reads costs nothing."""

import jax
import jax.numpy as jnp
import pytest

import erbp_jax as ej
from erbp_jax.random import split

pytestmark = pytest.mark.optimized

TICKS, BATCH, UNITS = 100, 8, 500
NETWORK = ej.sequential(ej.Dense(20, UNITS), ej.LIF(), ej.Dense(UNITS, 10), ej.LIF())


def bytes_of(read):
    """What a compiled block holds besides its arguments and results."""
    params, key = NETWORK.init(jax.random.key(0)), jax.random.key(1)

    def block(state, spikes, keys):
        return read(NETWORK.advance(params, state, spikes, key=keys)[1])

    spikes, keys = jnp.zeros((TICKS, BATCH, 20)), split(key, (TICKS, BATCH))
    compiled = jax.jit(block).lower(NETWORK.init_state(BATCH), spikes, keys).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_what_nobody_reads_is_not_kept():
    whole = 4 * TICKS * BATCH * UNITS  # one field of the hidden population over the block
    output = bytes_of(lambda trace: NETWORK.output_spikes(trace))
    one = bytes_of(lambda trace: (NETWORK.output_spikes(trace), trace.populations[0].state.drive.sum()))
    every = bytes_of(
        lambda trace: (
            NETWORK.output_spikes(trace),
            [x.sum() for x in jax.tree.leaves(trace.populations[0].state)],
        )
    )
    assert output < 3.5 * whole  # currents in, spikes out
    assert one - output < 1.5 * whole
    assert every > output + 1.5 * whole
