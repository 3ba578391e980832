"""A list of synapses in place of a matrix."""

from dataclasses import dataclass, field, replace
from typing import Annotated

import jax
import jax.numpy as jnp

from erbp_jax.connections import lists
from erbp_jax.connections.base import Arrived, Weights
from erbp_jax.connections.host import SynapseList
from erbp_jax.connections.placed import PlacedConnection
from erbp_jax.connections.transmission import BlankOut, Reliable
from erbp_jax.params import Params
from erbp_jax.random import between, split
from erbp_jax.registry import register
from erbp_jax.units import Count, FromBuilder


class OnList(PlacedConnection):
    """Weights `[S]` of the synapses of a `lists.table` in `params.fixed`, whose sources are `inputs` lines of `units`
    presynaptic units; masks are those of the units."""

    transmission: Reliable | BlankOut  # pyright: ignore[reportIncompatibleVariableOverride]
    units: int

    def current(self, params: Params, spikes: jax.Array, keys: jax.Array | None) -> jax.Array:
        weight, listed = params.trained["weight"], params.fixed
        if not (self.transmission.draws or self.transmission.by_events):
            return lists.current(weight, listed["pre"], listed["post"], spikes, self.outputs)
        rows = jnp.arange(len(spikes))[:, None]

        def arrive(total, source, synapses, exists, value):
            post = listed["post"][synapses]
            crosses = exists & self._crosses(keys, source, post)
            arriving = value * jnp.where(crosses, weight[synapses], 0.0)
            return total.at[rows, jnp.where(exists, post, self.outputs)].add(arriving, mode="drop")

        return lists.walk(spikes, listed, arrive, jnp.zeros((len(spikes), self.outputs), weight.dtype))

    def plasticity(
        self,
        params: Params,
        arrived: Arrived,
        post: jax.Array,
        *,
        factor: jax.Array | None = None,
        gated: bool = False,
    ) -> Weights:
        pre, post, keys = self._rows(arrived, post, factor, gated)
        listed, size = params.fixed, self.synapses
        if keys is None and not self.transmission.by_events:
            return {"weight": lists.outer(listed["pre"], listed["post"], pre, post)}
        rows = jnp.arange(len(pre))[:, None]

        def arrive(total, source, synapses, exists, value):
            onto = listed["post"][synapses]
            crosses = exists if keys is None else exists & self._crosses(keys, source, onto)
            change = value * jnp.where(crosses, post[rows, onto], 0.0)
            return total.at[jnp.where(exists, synapses, size)].add(change, mode="drop")

        return {"weight": lists.walk(pre, listed, arrive, jnp.zeros((size,), post.dtype))}

    def transpose(self, params: Params, post: jax.Array) -> jax.Array:
        rows, listed = post.reshape(-1, self.outputs), params.fixed
        pre = lists.current(params.trained["weight"], listed["post"], listed["pre"], rows, self.inputs)
        return pre.reshape(*post.shape[:-1], self.inputs)

    def fan_outs(self, params: Params) -> jax.Array:
        return jnp.diff(params.fixed["start"])

    def _crosses(self, keys: jax.Array | None, source: jax.Array, post: jax.Array) -> jax.Array:
        return self.transmission.crosses(None if keys is None else keys[:, None], source % self.units, post)


@register("connection", "sparse")
@dataclass(frozen=True)
class Sparse(OnList):
    r"""Some units of one layer onto some of the next, synapse by synapse.

    .. math:: c_o[t] = \sum_{s:\, post(s) = o} \xi_s[t]\, s_{pre(s)}[t]\, w_s

    Either each output has `fan_in` synapses from different inputs, drawn by the key of `init`, each choice alike
    likely, in the order of outputs and, for each, of inputs; or the synapses are `pairs`, in their order. Weights
    `[S]`, initialised as `U(-b, b)` with `b = gain * sqrt(7 / (S / O + S / I))`, the mean fan-in and fan-out; those of
    `Dense` where all pairs are listed. The list is in `params.fixed` (`lists.table`).

    Time and memory are those of the list: without blank-out S for every tick and sample, with it, or with `by_events`,
    the synapses that spikes address. A synapse draws the masks that it would have in a matrix. On a GPU the order of
    sums is not fixed, hence their last bits.

    Example:
        >>> import jax, erbp_jax as ej
        >>> layer = ej.Sparse(100, 20, fan_in=5)
        >>> params = layer.init(jax.random.key(0))
        >>> params.trained["weight"].shape, layer.label
        ((100,), '20f5')

    Raises:
        ValueError: an empty layer; neither or both of `fan_in` and `pairs`; more synapses than inputs; units that are
            not there; 2^31 synapses or more; a transmission for matrices only.
    """

    inputs: int
    outputs: Count
    """Units of the layer."""
    fan_in: Count | None = None
    """Synapses onto each unit, from different inputs that are drawn once."""
    gain: Annotated[float, FromBuilder("init_gain")] = 1.0
    transmission: Reliable | BlankOut = field(default_factory=Reliable)
    pairs: SynapseList | None = None

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise ValueError(f"Sparse: a layer must have at least one unit, got {self.inputs} -> {self.outputs}")
        if (self.fan_in is None) == (self.pairs is None):
            raise ValueError(f"Sparse: one of fan_in and pairs, got {'none' if self.pairs is None else 'both'}")
        if self.pairs is not None:
            if not isinstance(self.pairs, SynapseList):
                raise ValueError(f"Sparse: pairs must be a SynapseList(pre, post), got {type(self.pairs).__name__}")
            self.pairs.check_range("Sparse: pairs", self.inputs, self.outputs)
        elif not 1 <= (self.fan_in or 0) <= self.inputs:
            raise ValueError(f"Sparse: fan_in must be from 1 to the {self.inputs} inputs, got {self.fan_in}")
        if max(self.synapses, self.inputs, self.outputs) >= 2**31:
            raise ValueError(f"Sparse: synapses and units must be fewer than 2^31, got {self.synapses} synapses")
        if not isinstance(self.transmission, Reliable | BlankOut):
            raise ValueError(
                f"Sparse: transmission must be Reliable or BlankOut, got {type(self.transmission).__name__}"
            )

    @property
    def synapses(self) -> int:
        return (self.fan_in or 0) * self.outputs if self.pairs is None else len(self.pairs)

    @property
    def units(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inputs

    @property
    def label(self) -> str:
        """`100f20` for 20 synapses onto each, `100n6000` for 6000 synapses."""
        return f"{self.outputs}f{self.fan_in}" if self.pairs is None else f"{self.outputs}n{self.synapses}"

    def init(self, key: jax.Array) -> Params:
        if self.pairs is None:
            assert self.fan_in is not None
            of_list, key = split(key, 2)
            pre = lists.distinct(of_list, self.outputs, self.fan_in, self.inputs).reshape(-1)
            post = jnp.repeat(jnp.arange(self.outputs, dtype=jnp.int32), self.fan_in)
        else:
            pre, post = jnp.asarray(self.pairs.pre), jnp.asarray(self.pairs.post)
        size = self.synapses
        bound = self.gain * (7.0 / (size / self.outputs + size / self.inputs)) ** 0.5
        return Params({"weight": between(key, (size,), -bound, bound)}, lists.table(pre, post, self.inputs))

    def reliable(self) -> "Sparse":
        return replace(self, transmission=Reliable())

    def on_lines(self, lines: int) -> "SparseLines":
        """The same synapses from `lines` delay lines of the inputs."""
        return SparseLines(lines * self.inputs, self.outputs, self.inputs, self.synapses, self.transmission)


@dataclass(frozen=True)
class SparseLines(OnList):
    """The synapses of a `Sparse`, each from one of several lines of the inputs: line n of input i is source `n I + i`.

    Raises:
        ValueError: 2^31 sources or more.
    """

    inputs: int
    outputs: int
    units: int
    size: int
    transmission: Reliable | BlankOut

    def __post_init__(self) -> None:
        if self.inputs >= 2**31:
            raise ValueError(f"Delayed: inputs times delays must be fewer than 2^31, got {self.inputs}")

    @property
    def synapses(self) -> int:
        return self.size

    def place(self, params: Params, line: jax.Array) -> Params:
        """Parameters of the list with the synapses at lines `[S]`."""
        listed = params.fixed
        source = line * self.units + listed["pre"]
        return Params(params.trained, lists.table(source, listed["post"], self.inputs))

    def line(self, params: Params) -> jax.Array:
        """The line of every synapse, int32 `[S]`."""
        return params.fixed["pre"] // self.units

    def onto_units(self, params: Params, post: jax.Array) -> jax.Array:
        """`post[..., O] -> pre[..., I]`, from whatever line."""
        each = self.transpose(params, post)
        return each.reshape(*each.shape[:-1], -1, self.units).sum(-2)

    def reliable(self) -> "SparseLines":
        return replace(self, transmission=Reliable())
