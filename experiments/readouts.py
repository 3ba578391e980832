"""Other output neurons on the same hidden layers: one run is enough for all of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.evaluation.synops import Recording
from erbp_jax.neurons import LIF
from erbp_jax.training.experiment import Experiment


@dataclass(frozen=True)
class Readout:
    """Output neurons that wait: they add up what they get over `tau_syn` ticks, until `threshold`."""

    tau_syn: float
    threshold: float

    def neuron(self) -> LIF:
        return LIF(tau_mem=0.0, tau_syn=self.tau_syn, threshold=self.threshold, refractory=0)


def with_readout(experiment: Experiment, readout: Readout) -> Experiment:
    """The same experiment with other output neurons."""
    network = experiment.network
    populations = (replace(p, neuron=readout.neuron()) if p.name == network.output else p for p in network.populations)
    return replace(experiment, network=replace(network, populations=tuple(populations)))


RAW = Readout(0.0, float(np.finfo(np.float32).max))
"""Output neurons that never fire and whose synaptic current is what arrives in the tick."""


def read(current: np.ndarray, readout: Readout) -> np.ndarray:
    """Spikes `[T, n, K]`, int8, of a readout under the input currents `[T, n, K]`."""
    neuron = readout.neuron()

    @jax.jit
    def run(current):
        def tick(state, c):
            state, spikes = neuron.step(state, c)
            return state, spikes.astype(jnp.int8)

        return jax.lax.scan(tick, neuron.init_state(current.shape[1:]), current)[1]

    return np.asarray(run(jnp.asarray(current)))


def readings(recording: Recording, readouts: Iterable[Readout]) -> Iterable[tuple[Readout, Recording]]:
    """What a recording of `with_readout(experiment, RAW)` would be with each readout."""
    for readout in readouts:
        output = read(recording.current, readout)
        spikes = recording.spikes.copy()
        spikes[..., -1] = output.sum(-1)
        yield readout, recording._replace(output=output, spikes=spikes)
