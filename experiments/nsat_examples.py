"""Small programs that show what the machine can do, and a way to run one on many inputs at once. A tick is 1 ms.

Source: the experiments that come with the NSAT simulator (nmi-lab/NSAT), as facts. What those leave open is said to be
our choice where it is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.nsat.arriving import Events
from erbp_jax.nsat.fields import NO_CONNECTION as OFF
from erbp_jax.nsat.machine import Machine, State
from erbp_jax.nsat.program import NO_ROUTES, Program, core
from erbp_jax.nsat.run import event_lists, run
from erbp_jax.nsat.tables import Arrays
from erbp_jax.random import new_key, split

# Many replicas


@dataclass(frozen=True)
class Replicas:
    """What a run of R replicas gave; row t is the end of tick t, row 0 the start."""

    spikes: np.ndarray  # [T, R, N] bool
    states: np.ndarray  # [T, R, N, S]; no rows if they were not asked for
    weights: np.ndarray  # [T, R, W]; no rows if they were not asked for


def run_replicas(
    program: Program,
    events: Sequence[np.ndarray],
    ticks: int,
    *,
    states: bool = False,
    weights: bool = False,
    seed: int = 0,
) -> Replicas:
    """Run a program on R inputs at once, each in a replica with weights and random numbers of its own.

    Args:
        events: per replica rows `(tick, axon)`, ascending in tick; axons of a second core follow those of the first.
            The program's events are not used.
        ticks: length of the record; the ticks 1 to `ticks - 1` are run.
        seed: of the machine's random numbers.
    """
    count = len(events)
    machine, arrays, _ = Machine.of(program)
    keys = split(new_key(seed), count)
    state = machine.init(program, arrays, replicas=count, shared=not machine.layout.learns, draws=keys)
    inputs = event_lists(events, ticks=ticks - 1)
    first, kept = map(partial(jax.tree.map, np.asarray), _whole(machine, states, weights, arrays, state, inputs))
    spikes, x, w = (np.concatenate([one[None], rest]) for one, rest in zip(first, kept, strict=True))
    return Replicas(spikes, x.transpose(0, 1, 3, 2), w)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _whole(machine: Machine, states: bool, weights: bool, arrays: Arrays, state: State, events: Events):
    def keep(x, spikes, w):
        replicas = spikes.shape[0]
        empty = jnp.zeros((replicas, 0), jnp.int32)
        x = x if states else empty[..., None]
        return spikes, x, jnp.broadcast_to(machine.table(w), (replicas, machine.layout.weights)) if weights else empty

    first = keep(state.x, jnp.zeros_like(state.refractory, bool), state.weights)
    _, kept = run(machine, arrays, state, events, record=lambda tick, _: keep(tick.x, tick.spikes, tick.weights))
    return first, kept


def poisson(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Events `(tick, axon)` of independent axons, one with `probability[T, I]` in each tick."""
    return np.argwhere(rng.random(probability.shape) < probability).astype(np.int32)


def to_both(events: np.ndarray, inputs: int) -> np.ndarray:
    """The same events for two merged programs of `inputs` axons each."""
    return np.stack([events, events + np.array([0, inputs], np.int32)], axis=1).reshape(-1, 2)


# Neural field

Mode = Literal["bump", "selection", "tracking"]
FIELD = 100
"""Neurons of a field."""
FIELD_TICKS: dict[Mode, int] = {"bump": 700, "selection": 700, "tracking": 2500}
TRACKING_WINDOW = 500


class Kernel(NamedTuple):
    """Difference of two Gaussians on a field of length 1."""

    excitation: float
    inhibition: float
    narrow: float
    wide: float
    behind: float = 0.0  # how far the inhibition lies behind the source, toward the first neuron


KERNELS: dict[Mode, Kernel] = {
    "bump": Kernel(7, 3, 0.1, 0.35),
    "selection": Kernel(6, 3, 0.1, 1.0),
    "tracking": Kernel(6, 3, 0.1, 1.0, 0.1),
}


def field_kernel(mode: Mode) -> np.ndarray:
    """Lateral weights `[source, target]`, quantised to halves, then truncated toward 0."""
    k = KERNELS[mode]
    place = np.linspace(-0.5, 0.5, FIELD)
    ahead = place[None, :] - place[:, None]
    w = k.excitation * np.exp(-(ahead**2) / (2 * k.narrow**2))
    w -= k.inhibition * np.exp(-((ahead + k.behind) ** 2) / (2 * k.wide**2))
    return np.trunc(0.5 * np.floor(w / 0.5 + 0.5)).astype(np.int32)


def neural_field(mode: Mode) -> Program:
    """Amari's dynamic field: a row of neurons that excite near ones and inhibit far ones; axon i feeds neuron i.

    A neuron takes two coincident inputs to fire, and then fires every tick for as long as its neighbours hold it up.
    """
    every = range(FIELD)
    into = [[i, 1, i, 0, 0] for i in every]
    lateral = [[i, 0, j, 0, 1 + FIELD * i + j] for i in every for j in every]
    one = core(
        inputs=FIELD,
        initial=np.zeros((FIELD, 1), np.int32),
        coupling=[[[-2]]],
        coupling_sign=[[[-1]]],
        bias=[[-5]],
        threshold=[20],
        synapses=into + lateral,
        weights=np.concatenate([[30], field_kernel(mode).reshape(-1)]),
    )
    return Program((one,), NO_ROUTES)


def field_input(mode: Mode) -> np.ndarray:
    """Probability `[T, 100]` of an event of each axon."""
    p = np.zeros((FIELD_TICKS[mode], FIELD))
    if mode == "bump":
        p[100:500] = 0.010
        p[100:500, 41:60] = 0.035
    elif mode == "selection":
        p[100:500, 21:40] = p[100:500, 71:90] = 0.050
    else:
        for window in range(5):
            start = TRACKING_WINDOW * window
            p[start : start + TRACKING_WINDOW, 20 * window + 1 : 20 * window + 20] = 0.050
    return p


def activity(spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of some ticks `[T, R, N]`: spikes per tick and their mean place (not a number where there are none), `[R]`."""
    width = spikes.sum(2).mean(0)
    total = spikes.sum(0)
    with np.errstate(invalid="ignore"):
        return width, (total * np.arange(spikes.shape[2])).sum(1) / total.sum(1)


# Winner take all

WINNER_RATES = (0.060, 0.030, 0.030)


def winner_take_all(inhibition: int = -65) -> Program:
    """Three neurons with an input each (weight 10) and a fourth that they excite (5) and that inhibits all of them.

    Ours: at a threshold of 10 every input is a spike, unless there is inhibition, which decays with 2^-5 per tick and
    so lasts for about sixty. It arrives two ticks after the spike that caused it, when a refractory period of 2
    still holds the neuron of that spike: it hits the others only.
    """
    excitatory = range(3)
    one = core(
        inputs=3,
        initial=np.zeros((4, 1), np.int32),
        group=[0, 0, 0, 1],
        coupling=[[[-5]], [[-1]]],
        coupling_sign=[[[-1]], [[-1]]],
        threshold=[10, 5],
        reset_on=[[1], [1]],
        refractory=[2, 0],
        synapses=[[i, 1, i, 0, 0] for i in excitatory]
        + [[i, 0, 3, 0, 1] for i in excitatory]
        + [[3, 0, i, 0, 2] for i in excitatory],
        weights=[10, 5, inhibition],
    )
    return Program((one,), NO_ROUTES)


# Mihalas-Niebur


def mihalas_niebur(pattern: Literal["adapting", "bursting"] = "adapting") -> Program:
    """One neuron: membrane, threshold, and two currents into the membrane that decay with 2^-2 and 2^-6 per tick.

    `adapting`: the threshold follows the membrane, and each spike raises it for good; firing slows down and ends.
    `bursting` (ours): the threshold is constant; a spike sets the fast current to 700, which brings the next spike, and
    takes 30 from the slow one, which ends the burst and keeps the neuron silent until it has decayed.
    """
    adapting = pattern == "adapting"
    one = core(
        inputs=0,
        initial=[[-7000, -5000, 100, 10] if adapting else [-7000, -5000, 0, 0]],
        coupling=[
            [[-4, -8 if adapting else OFF, OFF, OFF], [OFF, -7, OFF, OFF], [0, OFF, -2, OFF], [0, OFF, OFF, -6]],
        ],
        coupling_sign=[[[-1, 1, 1, 1], [1, -1, 1, 1], [1, 1, -1, 1], [1, 1, 1, -1]]],
        bias=[[-250, -10 if adapting else -39, 0, 0]],
        threshold=[0],
        adaptive=[1],
        lower=[[-32768] * 4],
        reset=[[-7000, -6000, 0 if adapting else 700, 0]],
        reset_on=[[1, 0, 1, 0]],
        synapses=[[0, 0, 0, 1, 0], [0, 0, 0, 3, 1]],
        weights=[5, 0] if adapting else [0, -30],
    )
    return Program((one,), NO_ROUTES)


# Reward-modulated STDP

REWARDED = 100
"""Neurons, and axons without the reward's."""
REWARD = (400, 600)
"""Ticks in which there is reward."""
REWARD_TICKS = 1001


def reward_window(noise: int = 10) -> Program:
    """A hundred neurons with a plastic synapse each; axon 100 brings reward into state 2, which modulates learning.

    States: membrane, synaptic current (times 8 into the membrane), reward. A pair's change is a power of two of the
    reward: at the postsynaptic spike if that comes second, else at the presynaptic one.

    Ours: one axon a neuron; membrane reset at spikes; a window of 96 ticks, so that both sides have all three segments;
    9-bit weights, the reference's default.
    """
    neurons = range(REWARDED)
    one = core(
        inputs=REWARDED + 1,
        learning=True,
        boundary=8,
        initial=np.zeros((REWARDED, 3), np.int32),
        coupling=[[[-5, OFF, OFF], [3, -5, OFF], [OFF, OFF, -6]]],
        coupling_sign=[[[-1, 0, 0], [1, -1, 0], [0, 0, -1]]],
        threshold=[25000],
        reset_on=[[1, 0, 0]],
        refractory=[40],
        noise=[[0, 0, noise]],
        modulator=[2],
        plastic=[0, 1],
        learning_group=[[0, 1, 0]],
        stdp=[0, 1],
        exponential=[0, 1],
        window=[96, 96],
        causal_edges=[[24, 48]] * 2,
        causal_shift=[[-3, -5, -6]] * 2,
        acausal_edges=[[-32, -64]] * 2,
        acausal_shift=[[-6, -8, -9]] * 2,
        synapses=[[i, 1, i, 1, i] for i in neurons] + [[REWARDED, 1, i, 2, REWARDED] for i in neurons],
        weights=[100] * (REWARDED + 1),
    )
    return Program((one,), NO_ROUTES)


def reward_input() -> np.ndarray:
    """Probability `[T, 101]` of an event of each axon: inputs at 50 Hz, reward at 100 Hz in its window."""
    p = np.full((REWARD_TICKS, REWARDED + 1), 0.050)
    p[:, REWARDED] = 0
    p[slice(*REWARD), REWARDED] = 0.100
    return p
