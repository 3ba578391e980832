"""From the neuron section of a config to a neuron model; its milliseconds become ticks here."""

import math

from erbp_jax.config import schema
from erbp_jax.config.time import ticks
from erbp_jax.neurons import (
    LIF,
    DualCompartmentLIF,
    GaussianNoise,
    LeakyIF,
    MihalasNiebur,
    Neuron,
    Noise,
    PoissonKicks,
    SecondOrderLIF,
)


def build_neuron(section: schema.Neuron, dt: float, key: str = "network.neuron", clock: str = "encoding.dt") -> Neuron:
    """The neuron of a config, for ticks of `dt` ms; `key` and `clock` are where the config says the two.

    Raises:
        UserError: a refractory period that is no whole number of ticks.
        ValueError: what the model itself refuses.
    """
    if isinstance(section, schema.MihalasNieburNeuron):
        return MihalasNiebur(dt=dt, **section.model_dump(exclude={"kind"}))
    common = {
        "threshold": section.threshold,
        "refractory": ticks(f"{key}.refractory", section.refractory, dt, clock),
        "reset": section.reset,
        "noise": _noise(section, dt),
        "integration": section.integration,
    }
    match section:
        case schema.LIFNeuron():
            return LIF(section.tau_mem / dt, section.tau_syn / dt, **common)
        case schema.LeakyNeuron():
            return LeakyIF(section.tau_mem / dt, **common)
        case schema.SecondOrderNeuron():
            times = (section.tau_mem / dt, section.tau_syn / dt, section.tau_rise / dt)
            return SecondOrderLIF(*times, section.bias * dt, **common)
        case schema.DualCompartmentNeuron():
            times = (section.tau_mem / dt, section.tau_den / dt, section.tau_syn / dt)
            return DualCompartmentLIF(*times, section.to_soma, section.to_dendrite, section.bias * dt, **common)


def _noise(neuron: schema.FiringNeuron, dt: float) -> Noise | None:
    match neuron.noise:
        case schema.NoNoise():
            return None
        case schema.GaussianNoise(sigma=sigma):
            return GaussianNoise(sigma)
        case schema.KickNoise(rate=rate, amplitude=amplitude):
            # A kick comes at any time within its tick, and has leaked a little when the tick ends. With the mean of
            # that leak the mean depolarisation is rate * amplitude * tau_mem at any dt.
            tau_mem = getattr(neuron, "tau_mem")  # noqa: B009 (every model of the family has one)
            left = tau_mem / dt * -math.expm1(-dt / tau_mem) if tau_mem else 0.0
            return PoissonKicks(rate * 1e-3 * dt, amplitude * left)
