"""Run what a `Simulation` describes, and keep every state of every tick."""

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.chain import sequential
from erbp_jax.config import memory
from erbp_jax.config import simulation as config
from erbp_jax.config.build import build_transmissions
from erbp_jax.config.construct import construct
from erbp_jax.config.memory import SHARE, Part, refuse_beyond
from erbp_jax.connections import Dense
from erbp_jax.encoding import stimulus
from erbp_jax.errors import UserError
from erbp_jax.files import write_arrays
from erbp_jax.network import Network
from erbp_jax.neurons import MihalasNiebur, Neuron, Parametric
from erbp_jax.random import new_key, split
from erbp_jax.units import Clock, ticks
from erbp_jax.wording import plural

MAX_TRACES = 2**28
"""Bytes of all that a simulation keeps of its ticks: a neuron for ten million, a thousand for ten thousand."""


@dataclass(frozen=True)
class Traces:
    """All that happened, NumPy, one row per tick."""

    dt: float  # ms
    input: np.ndarray  # [T, N]
    spikes: list[np.ndarray]  # per layer [T, N]; one entry for neurons without a network
    states: dict[str, np.ndarray]  # per state variable [T, N]; of a network `layer0.membrane` and so on
    input_per: str = "tick"  # what `input` counts in: what a tick brings, or "ms"
    unit: str = "unit of the threshold"  # of the membrane; empty where the neuron says none

    def spike_times(self, layer: int = -1, neuron: int = 0) -> np.ndarray:
        """In ms, at the end of the tick of each spike."""
        return (np.flatnonzero(self.spikes[layer][:, neuron]) + 1) * self.dt

    def save(self, path: Path) -> Path:
        """As `.npz`: `time` (ms, end of tick), `input`, `spikes0`, ..., and the states."""
        arrays = {"time": (np.arange(len(self.input)) + 1) * self.dt, "input": self.input, **self.states}
        arrays |= {f"spikes{i}": s for i, s in enumerate(self.spikes)}
        write_arrays(path, arrays)
        return path


def simulate(wanted: config.Simulation) -> Traces:
    """Run a simulation.

    Raises:
        UserError: parts that do not fit together or into memory, an input file that cannot be used, or states that
            became NaN or infinite.
    """
    try:
        neuron = construct(wanted.neuron, "neuron", Clock(wanted.dt, "dt"))
        network = _network(wanted, neuron) if wanted.network else None
        if network is None and isinstance(neuron, Parametric):
            raise UserError("neuron.kind: its parameters are those of a population; give it a network")
        if network is not None and wanted.precision != "float32":
            raise UserError("precision: a network runs in float32; float64 is for neurons alone")
        _check_memory(wanted, neuron, network)
        drive = input_current(wanted, network.sizes[0] if network else wanted.neurons)
    except ValueError as error:  # a component's own check
        raise UserError(str(error)) from None
    if (largest := np.abs(drive).max()) > np.finfo(wanted.precision).max:
        raise UserError(f"input: {largest:.3g} in a tick is more than {wanted.precision} holds")
    if network is None:
        with jax.enable_x64(wanted.precision == "float64"):
            spikes, states = _run_neurons(neuron, jnp.asarray(drive, wanted.precision), wanted.seed)
            spikes = [spikes]
    else:
        spikes, states = _run_network(network, jnp.asarray(drive, jnp.float32), wanted.seed)
    states = {name: np.asarray(value) for name, value in states.items()}
    for name, value in states.items():
        if not np.isfinite(value).all():
            tick = int(np.argmax(~np.isfinite(value).all(1)))
            raise UserError(f"{name}: became NaN or infinite in tick {tick}; smaller inputs or weights keep it finite")
    millivolts = isinstance(neuron, MihalasNiebur)
    per = "ms" if network is None and millivolts else "tick"
    unit = "mV" if millivolts else "unit of the threshold" if hasattr(neuron, "threshold") else ""
    return Traces(wanted.dt, drive, [np.asarray(s) for s in spikes], states, per, unit)


def _check_memory(wanted: config.Simulation, neuron: Neuron, network: Network | None) -> None:
    """Before anything is made of these sizes."""
    sizes = network.sizes if network else (wanted.neurons, wanted.neurons)
    ticks_, width = wanted.ticks, 8 if wanted.precision == "float64" else 4
    kept = 1 + len(jax.tree.leaves(jax.eval_shape(lambda: neuron.init_state((1,)))))  # spikes and states
    key = "network.layers" if network else "neurons"
    what = (
        f"{plural(ticks_, 'tick')} of {' + '.join(f'{n:,}' for n in sizes[1:])} neurons and {plural(sizes[0], 'input')}"
    )
    rows = Part(f"duration, dt and {key}", what, ticks_ * ((8 + width) * sizes[0] + width * kept * sum(sizes[1:])))
    parts = [rows]
    if network:
        for i, layer in enumerate(network.layers):
            inputs, outputs = sizes[i : i + 2]
            parts.append(Part(f"network.layers.{i + 1}", f"{inputs:,} x {outputs:,} weights", 4 * inputs * outputs))
            parts.append(
                Part("network.delay", f"{layer.delay:,} ticks of spikes on their way", 8 * layer.delay * inputs)
            )
    refuse_beyond(parts, int(SHARE * memory.there()), "a simulation")
    refuse_beyond([rows], MAX_TRACES, "what a simulation keeps of its ticks")


def input_current(wanted: config.Simulation, columns: int) -> np.ndarray:
    """The input of every tick, float64 `[T, columns]`.

    Steady inputs are given per ms. The integrate-and-fire family adds up what arrives in a tick, value times dt; the
    Mihalas-Niebur neuron takes I_e itself; the inputs of a network are what each tick brings.
    """
    shape, dt = (wanted.ticks, columns), wanted.dt
    rng = np.random.default_rng(wanted.seed)
    per_ms = wanted.neuron.entry.make is MihalasNiebur or wanted.network is not None
    scale = 1.0 if per_ms else dt
    match wanted.input:
        case config.ConstantInput(value=value):
            return np.full(shape, value * scale)
        case config.StepInput(value=value, start=start, before=before):
            one = stimulus.step(value, start, before, wanted.ticks, dt)
        case config.PulseInput(value=value, start=start, length=length):
            before = ((0.0, start),) if start else ()
            one = stimulus.pieces((*before, (value, length)), wanted.ticks, dt)
        case config.PiecesInput(values=values):
            one = stimulus.pieces(values, wanted.ticks, dt)
        case config.NoiseInput(mean=mean, sigma=sigma):
            return stimulus.noise(mean, sigma, shape, rng)
        case config.PoissonInput(rate=rate, weight=weight):
            return stimulus.poisson(rate, weight, shape, dt, rng)
        case config.FileInput(path=path):
            return stimulus.from_file(Path(path), shape)
    return np.broadcast_to((scale * one)[:, None], shape).copy()


def _network(wanted: config.Simulation, neuron) -> Network:
    section = wanted.network
    assert section is not None
    delay = ticks("network.delay", section.delay, wanted.dt, "dt")
    if delay >= wanted.ticks:
        raise UserError(
            f"network.delay: after {section.delay:g} ms nothing arrives within {wanted.duration:g} ms (duration)"
        )
    transmissions = build_transmissions(section.transmission, len(section.layers) - 1)
    pairs = zip(section.layers[:-1], section.layers[1:], transmissions, strict=True)
    layers = ((Dense(i, o, section.init_gain, cross(False)), neuron) for i, o, cross in pairs)
    return sequential(*layers, delay=delay)


def _by_name(state):
    """The arrays of a neuron's state by name, for any pytree."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator=".") or "state": value for path, value in leaves}


def _run_neurons(neuron, drive, seed):
    keys = split(new_key(seed), len(drive))

    def tick(state, inputs):
        current, key = inputs
        state, spikes = neuron.step(state, current, key=key)
        return state, (spikes, _by_name(state))

    @jax.jit
    def run(drive):
        return jax.lax.scan(tick, neuron.init_state(drive.shape[1:], drive.dtype), (drive, keys))[1]

    return run(drive)


def _run_network(network, drive, seed):
    root = new_key(seed)
    keys = split(jax.random.fold_in(root, 1), (len(drive), 1))
    params = network.init(jax.random.fold_in(root, 0))

    def tick(state, inputs):
        arriving, key = inputs
        state, trace = network.step(params, state, arriving[None], key=key)
        spikes = [seen.spikes[0] for seen in trace.populations]
        states = {
            f"layer{i}.{name}": value[0]
            for i, neurons in enumerate(state.populations)
            for name, value in _by_name(neurons).items()
        }
        return state, (spikes, states)

    @jax.jit
    def run(drive):
        return jax.lax.scan(tick, network.init_state(1), (drive, keys))[1]

    return run(drive)
