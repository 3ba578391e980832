"""The fields of a program, once: name in files, shape, allowed range, meaning. Validation, files and docs read it.

Sizes: N neurons, I input axons, S states a neuron, G parameter groups, L learning groups, M synapses, W weights,
E external events. Everything is an integer array; booleans are 0 and 1 (uint8).
"""

from typing import NamedTuple

INT32 = (-(2**31), 2**31 - 1)
STATE = (-(2**24), 2**24)
"""Bound on values that are added to states, far beyond the 16 bits of a state, so that sums stay within 32 bits."""
STATES = 64
"""Most states of a neuron."""
SHIFT = (-31, 31)
NO_CONNECTION = -16
"""A coupling exponent at or below this one couples nothing."""
FLAG = (0, 1)


class Field(NamedTuple):
    """A field of a program file: its names, its shape by the letters above, and what it may be.

    Example:
        >>> from erbp_jax.nsat.fields import FIELDS
        >>> [field.name for field in FIELDS[:4]]
        ['coupling', 'coupling_sign', 'bias', 'threshold']
    """

    name: str  # in our code
    file_name: str  # in files, after the core's prefix
    shape: tuple[str | int, ...]
    allowed: tuple[int, int]
    default: int | tuple[int, ...] | None  # None: must be given
    meaning: str


FIELDS = (
    Field("coupling", "A", ("G", "S", "S"), SHIFT, NO_CONNECTION, "coupling exponents [source][destination]"),
    Field("coupling_sign", "sA", ("G", "S", "S"), (-1, 1), 0, "sign of the coupling"),
    Field("bias", "b", ("G", "S"), STATE, 0, "added every tick"),
    Field("threshold", "Xth", ("G",), INT32, None, "spike threshold of state 0"),
    Field("adaptive", "flagXth", ("G",), FLAG, 0, "1: the threshold is state 1 of the neuron"),
    Field("lower", "Xthlo", ("G", "S"), STATE, -32767, "lower limit of a state"),
    Field("upper", "Xthup", ("G", "S"), STATE, 32767, "upper limit of a state"),
    Field("reset", "Xreset", ("G", "S"), STATE, 0, "value after a spike"),
    Field("reset_on", "XresetOn", ("G", "S"), FLAG, 0, "1: the state is set to its reset value at a spike"),
    Field("spike_increment", "XspikeIncr", ("G", "S"), STATE, 0, "added at a spike where there is no reset"),
    Field("refractory", "t_ref", ("G",), (0, 2**15), 0, "refractory period, ticks"),
    Field("noise", "sigma", ("G", "S"), (0, 2**20), 0, "standard deviation of additive noise"),
    Field("weight_gain", "Wgain", ("G", "S"), SHIFT, 0, "exponent of the summed synaptic input"),
    Field("probability", "prob", ("G", "S"), (0, 15), 15, "transmission probability in fifteenths"),
    Field("modulator", "modstate", ("G",), (0, STATES - 1), 0, "the state that modulates learning"),
    Field("gate_lower", "gate_lower", ("G",), INT32, -2560, "open interval of the learning gate"),
    Field("gate_upper", "gate_upper", ("G",), INT32, 2560, "open interval of the learning gate"),
    Field("period", "period", ("G",), (1, 2**30), 1500, "ticks; learning only where t mod period >= burn-in"),
    Field("burn_in", "burnin", ("G",), (0, 2**30), 0, "ticks"),
    Field("plastic", "plastic", ("L",), FLAG, 0, "1: synapses of the group learn"),
    Field("stdp", "stdp_en", ("L",), FLAG, 0, "1: STDP; 0: every presynaptic event writes the modulator"),
    Field("exponential", "stdp_exp", ("L",), FLAG, 0, "1: the kernel is a staircase of halvings"),
    Field("window", "tstdp", ("L",), (0, 2000), 64, "length of the STDP window, ticks"),
    Field("causal_edges", "tca", ("L", 2), (-4096, 4096), (16, 36), "borders of the causal segments"),
    Field("acausal_edges", "tac", ("L", 2), (-4096, 4096), (-16, -36), "borders of the acausal segments (negative)"),
    Field("causal_shift", "hica", ("L", 3), SHIFT, (1, 0, -1), "exponents of the causal segments"),
    Field("causal_sign", "sica", ("L", 3), (-1, 1), 1, "signs of the causal segments"),
    Field("causal_slope", "slca", ("L", 3), (0, 31), 16, "slopes of the causal segments"),
    Field(
        "acausal_shift", "hiac", ("L", 3), SHIFT, (1, 0, -1), "exponents of the acausal segments; [0] for pre-triggered"
    ),
    Field("acausal_sign", "siac", ("L", 3), (-1, 1), -1, "signs of the acausal segments"),
    Field("acausal_slope", "slac", ("L", 3), (0, 31), 16, "slopes of the acausal segments"),
    Field("rounding", "rr_on", ("L",), FLAG, 0, "1: randomised rounding of weight changes"),
    Field("rounding_bits", "rr_bits", ("L",), (0, 30), 0, "bits that the rounding removes"),
    Field("group", "nmap", ("N",), (0, 2**15), 0, "neuron -> parameter group"),
    Field("learning_group", "lrnmap", ("G", "S"), (0, 2**15), 0, "(group, state) of the target -> learning group"),
    Field("initial", "Xinit", ("N", "S"), STATE, 0, "initial states"),
    Field("synapses", "syn", ("M", 5), (0, 2**31 - 1), None, "source, is external, target, state, weight index"),
    Field("weights", "wgt", ("W",), STATE, None, "weight table; synapses with one index share a weight"),
    Field("events", "ext", ("E", 2), (0, 2**31 - 1), None, "external events: tick, axon; ticks ascending, from 1"),
)
BY_NAME = {field.name: field for field in FIELDS}
FLAGS = frozenset(field.name for field in FIELDS if field.allowed == FLAG)
MAX_STATES = 2048
"""Neurons times states of a core."""
MAX_UNITS = 4096
"""Neurons and axons of a core."""
MAX_GROUPS = 4096
MAX_ROUTES = 2**20
MAX_TICKS = 10**9
MAX_SYNAPSES = 2**24
"""A core's table; the chip has about a million bits of weights."""
