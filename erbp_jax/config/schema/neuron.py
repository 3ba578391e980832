"""The neuron models. Times in ms."""

from typing import Annotated, Literal

from pydantic import Field

from erbp_jax.config.schema.base import Finite, NonNegative, Positive, Section
from erbp_jax.neurons.mihalas_niebur import MihalasNiebur


class NoNoise(Section):
    kind: Literal["none"] = "none"


class GaussianNoise(Section):
    kind: Literal["gaussian"] = "gaussian"
    sigma: Positive
    """Standard deviation per tick, in units of the membrane potential."""


class KickNoise(Section):
    kind: Literal["poisson_kicks"] = "poisson_kicks"
    rate: Positive = 1000.0
    """Background spikes per neuron, Hz."""
    amplitude: Finite = 0.05
    """What a background spike adds to the membrane at once, in units of the membrane potential."""


Noise = Annotated[NoNoise | GaussianNoise | KickNoise, Field(discriminator="kind")]


class FiringNeuron(Section):
    """What the integrate-and-fire family has in common."""

    threshold: Positive = 1.0
    refractory: NonNegative = 3.0
    """Time for which a neuron is held after a spike, ms; the shortest interval is `refractory + dt`."""
    reset: Literal["value", "subtract", "none"] = "value"
    noise: Noise = NoNoise()
    integration: Literal["exact", "euler"] = "exact"


class LIFNeuron(FiringNeuron):
    """First-order synapse: equations 2 of the talk. Time constants in ms."""

    kind: Literal["lif"] = "lif"
    tau_mem: NonNegative = 1.0
    tau_syn: NonNegative = 4.0


class LeakyNeuron(FiringNeuron):
    """No synapse of its own: equations 1."""

    kind: Literal["leaky"]
    tau_mem: NonNegative = 10.0


class SecondOrderNeuron(FiringNeuron):
    """Second-order synapse: equations 3."""

    kind: Literal["second_order_lif"]
    tau_mem: NonNegative = 10.0
    tau_syn: NonNegative = 5.0
    tau_rise: NonNegative = 2.0
    bias: Finite = 0.0
    """Added to the synaptic current every ms."""


class DualCompartmentNeuron(FiringNeuron):
    """A soma and a dendrite, coupled: equations 4."""

    kind: Literal["dual_compartment_lif"]
    tau_mem: Positive = 10.0
    tau_den: Positive = 10.0
    tau_syn: NonNegative = 5.0
    to_soma: Finite = 1.0
    to_dendrite: Finite = 0.2
    bias: Finite = 0.0
    """Added to the synaptic current every ms."""


_MIHALAS_NIEBUR = MihalasNiebur()


class MihalasNieburNeuron(Section):
    """Adaptive threshold and spike-induced currents: equations 5. ms, mV and mV/ms."""

    kind: Literal["mihalas_niebur"]
    a: Finite = _MIHALAS_NIEBUR.a
    a1: Finite = _MIHALAS_NIEBUR.a1
    a2: Finite = _MIHALAS_NIEBUR.a2
    r1: Finite = _MIHALAS_NIEBUR.r1
    r2: Finite = _MIHALAS_NIEBUR.r2
    b: Positive = _MIHALAS_NIEBUR.b
    g: Positive = _MIHALAS_NIEBUR.g
    k1: Positive = _MIHALAS_NIEBUR.k1
    k2: Positive = _MIHALAS_NIEBUR.k2
    e_leak: Finite = _MIHALAS_NIEBUR.e_leak
    v_reset: Finite = _MIHALAS_NIEBUR.v_reset
    theta_reset: Finite = _MIHALAS_NIEBUR.theta_reset
    theta_inf: Finite = _MIHALAS_NIEBUR.theta_inf
    bias: Finite = _MIHALAS_NIEBUR.bias
    v_init: Finite = _MIHALAS_NIEBUR.v_init
    theta_init: Finite = _MIHALAS_NIEBUR.theta_init
    i1_init: Finite = _MIHALAS_NIEBUR.i1_init
    i2_init: Finite = _MIHALAS_NIEBUR.i2_init
    integration: Literal["exact", "euler"] = "euler"


Neuron = Annotated[
    LIFNeuron | LeakyNeuron | SecondOrderNeuron | DualCompartmentNeuron | MihalasNieburNeuron,
    Field(discriminator="kind"),
]
