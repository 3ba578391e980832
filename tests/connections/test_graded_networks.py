"""Spikes of any value in networks: simulated, and written by rules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import BlankOut, Dense, Reliable
from erbp_jax.kernels import Exponential
from erbp_jax.learning.base import Given
from erbp_jax.learning.three_factor import ThreeFactor, pair_stdp
from erbp_jax.neurons import LIF
from tests.command_line import call


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("blank_out", 0.1),
        ("blank_out", 2.0),
        ("blank_out", -1.0),
        ("shared_blank_out", 0.1),
    ],
)
def test_simulated_networks_get_the_currents_of_the_input_asked_for(tmp_path, monkeypatch, capsys, kind, value):
    means = {}
    for name, chance, drive in ((kind, ["network.transmission.p=0.5"], value), ("reliable", [], 1.0)):
        arguments = [f"network.transmission.kind={name}", *chance, f"input.value={drive}", "duration=600"]
        fixed = ["network.layers=[4,3]", "input.kind=constant"]
        code, _, err = call(monkeypatch, capsys, "simulate", "lif/step", *fixed, *arguments, "--out", tmp_path / name)
        assert code == 0, err
        with np.load(tmp_path / name / "traces.npz", allow_pickle=False) as traces:
            means[name] = traces["layer0.synaptic"][100:].mean(0)
    np.testing.assert_allclose(means[kind], 0.5 * value * means["reliable"], rtol=0.08, atol=0.5 * abs(value))


def test_traces_in_the_place_of_spikes_are_written_as_they_are(key):
    """A rule's presynaptic factor by events, and through synapses that are all sure to transmit, as by a product."""
    spikes = (jax.random.uniform(key, (6, 2, 12)) < 0.4).astype(jnp.float32)
    rule, updates = ThreeFactor((pair_stdp(Exponential()),)), []
    for transmission in (Reliable(), Reliable(by_events=True), BlankOut(1.0, by_events=True)):
        network = sequential(Dense(12, 5, 6.0, transmission), LIF(2.0, 2.0))
        result = rule.block(
            network, network.init(key), rule.init(network, key), rule.init_state(network, 2),
            Given(spikes, jnp.zeros(2, jnp.int32), jnp.arange(6), jax.random.split(key, (6, 2))),
        )  # fmt: skip
        updates.append(np.asarray(result.update.projections[0]["weight"]))
    assert np.abs(updates[0]).sum() > 0.1
    for update in updates[1:]:
        np.testing.assert_allclose(update, updates[0], atol=1e-5)
