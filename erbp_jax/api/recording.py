"""Everything that happens in a network while something is shown to it, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from erbp_jax import simulate
from erbp_jax.api.numbers import numbers, positive, whole
from erbp_jax.data.arrays import as_bytes, flat
from erbp_jax.encoding import Encoder, Frames, Poisson
from erbp_jax.errors import UserError
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import new_key, split
from erbp_jax.settings import settled
from erbp_jax.trace import Trace, member


class ByName(dict[str, Any]):
    """A part of a recording; a name that it does not have is answered with those that it has."""

    def __missing__(self, name: str) -> Any:
        raise UserError(f"recording: no {name!r} in this part; it has {', '.join(self) or 'nothing'}")


def _flattened(part: ByName) -> tuple[list[tuple[Any, Any]], tuple[str, ...]]:
    names = tuple(sorted(part))
    return [(jax.tree_util.DictKey(name), part[name]) for name in names], names


jax.tree_util.register_pytree_with_keys(
    ByName, _flattened, lambda names, leaves: ByName(zip(names, leaves, strict=True))
)


@dataclass(frozen=True, eq=False)
class Recording:
    """What `record` kept, by the names of inputs and populations; `[T, N]` of one sample, `[T, B, N]` of a batch.

    Example:
        >>> import jax, numpy as np, erbp_jax as ej
        >>> network = ej.mlp(64, 20, 10)
        >>> seen = ej.record(network, network.init(jax.random.key(0)), np.ones((3, 8, 8)), steps=50)
        >>> seen
        Recording(spikes: input [50, 3, 64], hidden1 [50, 3, 20], output [50, 3, 10])
        >>> seen.of(0).spikes["hidden1"].shape, sorted(seen.rates())
        ((50, 20), ['hidden1', 'input', 'output'])

    Raises:
        UserError: by each part (`spikes`, `current`, `state`, `threshold`, `membrane`): a name that it does not have.
    """

    spikes: dict[str, np.ndarray]
    """Of the inputs and of every population."""
    current: dict[str, np.ndarray]
    """What reached each population through its synapses."""
    state: dict[str, Any]
    """The whole state of each population after every tick."""
    threshold: dict[str, float]
    """Of populations whose neurons have one."""
    dt: float
    """Length of a tick in ms."""

    def __post_init__(self) -> None:
        for part in ("spikes", "current", "state", "threshold"):
            object.__setattr__(self, part, ByName(getattr(self, part)))

    @property
    def membrane(self) -> dict[str, np.ndarray]:
        """The membrane potential of every population that has one."""
        return ByName({name: v for name, state in self.state.items() if (v := member(state, "membrane")) is not None})

    def of(self, sample: int) -> "Recording":
        """One sample of the recording of a batch.

        Raises:
            UserError: a recording of one sample, or a sample that is not there.
        """
        first = next(iter(self.spikes.values()))
        if first.ndim != 3 or not 0 <= sample < first.shape[1]:
            there = f"samples 0 to {first.shape[1] - 1}" if first.ndim == 3 else "one sample"
            raise UserError(f"of: this recording is of {there}, got {sample}")
        spikes, current = ({name: x[:, sample] for name, x in part.items()} for part in (self.spikes, self.current))
        state = {name: jax.tree.map(lambda x: x[:, sample], leaves) for name, leaves in self.state.items()}
        return Recording(spikes, current, state, self.threshold, self.dt)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {list(x.shape)}" for name, x in self.spikes.items())
        return f"Recording(spikes: {shapes})"

    def rates(self) -> dict[str, float]:
        """Mean rate of each input and population, Hz."""
        return {name: float(1e3 * x.mean() / self.dt) for name, x in self.spikes.items()}

    def raster(self, names: Sequence[str] | None = None, title: str = "") -> Any:
        """All spikes by time, of some inputs and populations or of all: a matplotlib figure, which a notebook shows by
        itself."""
        from erbp_jax.viz.recording import raster_figure

        return raster_figure(self, names, title)

    def plot_neuron(self, name: str, neuron: int) -> Any:
        """Input current, membrane potential with its threshold, and spikes of one neuron: a matplotlib figure.

        The potential is that at the end of every tick, after the reset of a neuron that fired, in the unit of the
        model: mV, or what its threshold is in. A threshold that moves is drawn where the state has it.
        """
        from erbp_jax.viz.recording import neuron_figure

        return neuron_figure(self, name, neuron)

    def plot_curves(self, target: Any, *, name: str = "output", tau: float = 20.0) -> Any:
        """The outputs' rates and the `target` `[T, K]` that they are to follow, in spikes per tick, both smoothed by
        `tau` ticks as `Regression` does: a matplotlib figure.

        Raises:
            UserError: a recording of a batch, a target of another shape, a population that is not there.
        """
        from erbp_jax.viz.followed import followed_figure

        positive("tau", tau)
        return followed_figure(self.spikes[name], target, dt=self.dt, tau=tau)


@settled
def record(
    network: Network,
    params: Params,
    x: Any,
    encoder: Encoder | None = None,
    *,
    steps: int = 100,
    seed: int = 0,
    dt: float = 1.0,
) -> Recording:
    """Show one sample, or a batch `[B, ...]`, to a network for some ticks and keep everything, without learning.

    Images may be float in [0, 1] or uint8, in any shape of the network's size. `encoder` is `Poisson(0.25)` if not
    given. `dt` is the length of a tick in ms, for rates in Hz and for plots.

    Example:
        >>> import jax, numpy as np, erbp_jax as ej
        >>> network = ej.mlp(64, 20, 10)
        >>> seen = ej.record(network, network.init(jax.random.key(0)), np.random.rand(8, 8), steps=50)
        >>> seen.spikes["hidden1"].shape, seen.membrane["output"].shape
        ((50, 20), (50, 10))

    Raises:
        UserError: a sample that does not fit the network.
    """
    encoder = Poisson(0.25) if encoder is None else encoder
    whole("steps", steps, 1)
    numbers(seed=seed)
    rows, one = _rows(network, encoder, x)
    batch = len(jax.tree.leaves(rows)[0])
    key = split(new_key(seed), batch)
    kept = _RUN(network, encoder, params, rows, key, steps)
    kept = jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0] if one else np.asarray(leaf), kept)
    inputs, populations = kept
    seen = dict(zip(network.names, populations, strict=True))
    thresholds = {p.name: getattr(p.neuron, "threshold", None) for p in network.populations}
    return Recording(
        {**dict(zip(network.inputs, inputs, strict=True)), **{name: p.spikes for name, p in seen.items()}},
        {name: p.current for name, p in seen.items()},
        {name: p.state for name, p in seen.items()},
        {name: float(value) for name, value in thresholds.items() if isinstance(value, (int, float))},
        dt,
    )


def _keep(trace: Trace) -> Any:
    return trace.inputs, trace.populations


def _run(network: Network, encoder: Encoder, params: Params, rows: Any, key: jax.Array, steps: int) -> Any:
    return simulate.run(network, encoder, params, rows, key, steps=steps, record=_keep)[1]


_RUN = jax.jit(_run, static_argnums=(0, 1, 5))


def are_bits(given: np.ndarray, size: int) -> bool:
    """Whether they are trains of `size` inputs packed as bits."""
    return given.ndim == 3 and given.dtype == np.uint8 and given.shape[-1] == -(-size // 8)


def _rows(network: Network, encoder: Encoder, x: Any) -> tuple[Any, bool]:
    """A batch, and whether one sample was given; what is no array is a batch that the encoder knows."""
    if isinstance(x, dict | tuple) or not hasattr(x, "shape"):
        return x, False
    given, size = np.asarray(x), network.sizes[0]
    if (
        isinstance(encoder, Frames)
        and encoder.bits == size
        and are_bits(given if given.ndim != 2 else given[None], size)
    ):
        return (given[None], True) if given.ndim == 2 else (given, False)
    if given.size == size and given.shape[:1] != (1,):
        return flat(as_bytes("x", given.reshape(1, -1))), True
    if given.ndim > 1 and len(given) and given.size == len(given) * size:
        return flat(as_bytes("x", given)), False
    if given.ndim == 3 and given.shape[-1] == size:  # given trains
        return given, False
    raise UserError(
        f"x: {network.name} takes samples of {size} values, one or a batch [B, ...], got shape {list(given.shape)}"
    )
