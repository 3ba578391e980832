"""A neuron of this package as nodes of NIR, and the other way round."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from erbp_jax.api.described import described, made
from erbp_jax.errors import UserError
from erbp_jax.neurons import LIF, Firing, LeakyIF, Neuron, ParametricLIF, SecondOrderLIF
from erbp_jax.nir.discrete import MS, Method, time_constant
from erbp_jax.nir.files import library
from erbp_jax.nir.neuron import NEURONS, NIRNeuron
from erbp_jax.nir.shapes import Shape
from erbp_jax.params import Params

if TYPE_CHECKING:
    from nir.ir import NIRNode

NEURON = "erbp_jax:neuron"
OWN = (LIF, LeakyIF, SecondOrderLIF)
"""Neurons without parameters of their own that NIR has an equal of."""


class Written(NamedTuple):
    """A population as a chain of nodes, the last of which spikes; and the properties that they cannot express."""

    parts: list[tuple[str, "NIRNode"]]  # suffix of the name, node; the last has the suffix ""
    unsaid: list[str]


def written(neuron: Neuron, params: Params, shape: Shape, dt: float, method: Method) -> Written:
    """The nodes of a population with a NIR shape.

    Raises:
        UserError: a neuron that no nodes say, whatever is left out; time constants as `discrete.factors`.
    """
    if isinstance(neuron, NIRNeuron):
        if (neuron.dt, neuron.method) != (dt, method):
            raise UserError(f"it is discretised for dt {neuron.dt:g} ms, {neuron.method}; it is written with these")
        drawn = neuron.init((neuron.size,), None)  # pyright: ignore[reportArgumentType]
        if any(not np.array_equal(drawn.fixed[name], x) for name, x in params.fixed.items()):
            raise UserError("its factors are no longer those of its constants")
        constants = {name: neuron.constant(name).copy() for name in NEURONS[neuron.kind]}
        return Written([("", getattr(library(), neuron.kind)(**constants))], [])
    if not isinstance(neuron, (*OWN, ParametricLIF)):
        raise UserError(f"NIR has no {type(neuron).__name__}")
    return _Writer(neuron, params, shape, dt, method).nodes()


class _Writer:
    def __init__(self, neuron: Firing, params: Params, shape: Shape, dt: float, method: Method) -> None:
        self.neuron, self.params, self.shape, self.dt, self.method = neuron, params, shape, dt, method
        self.nir: Any = library()

    def full(self, value: float | np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, np.float64), self.shape).copy()

    def stage(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The time constant in seconds and the factor of a stage, by the name of its field in ticks."""
        if isinstance(self.neuron, ParametricLIF):
            logits = {**dict(self.params.fixed), **dict(self.params.trained)}
            logit = np.asarray(logits[name], np.float64)
            spread = np.moveaxis(logit.reshape((*self.shape[1:], self.shape[0])), -1, 0) if self.shape[1:] else logit
            factor = 1.0 / (1.0 + np.exp(-spread))
            return time_constant(factor, self.dt, self.method), factor
        ticks: float = getattr(self.neuron, name)
        factor = self.neuron.leak(ticks)
        same = self.neuron.integration == self.method
        return self.full(ticks * self.dt / MS if same else time_constant(factor, self.dt, self.method)), self.full(
            factor
        )

    def instant(self, factor: np.ndarray) -> bool:
        """Whether a stage has no memory, which exact time constants above 0 cannot say."""
        return self.method == "exact" and not factor.any()

    def nodes(self) -> Written:
        neuron, nir = self.neuron, self.nir
        tau, keep = self.stage("tau_mem")
        threshold, zero, one = self.full(neuron.threshold), self.full(0.0), self.full(1.0)
        firing = {"v_leak": zero, "v_threshold": threshold, "v_reset": self.full(0.0)}
        memoryless = self.instant(keep)
        if not memoryless and neuron.reset == "value":
            firing["v_reset"] = self.full(neuron.v_reset)
        parts: list[tuple[str, Any]] = []
        if isinstance(neuron, SecondOrderLIF):
            rise, keep_rise = self.stage("tau_rise")
            if not self.instant(keep_rise):
                parts.append((".rise", nir.LI(tau=rise, r=1.0 / (1.0 - keep_rise), v_leak=zero)))
        if isinstance(neuron, LeakyIF):
            last = nir.LIF(tau=tau, r=1.0 / (1.0 - keep), **firing)
        else:
            tau_syn, keep_syn = self.stage("tau_syn")
            weight = one if isinstance(neuron, SecondOrderLIF) else 1.0 / (1.0 - keep_syn)
            if self.instant(keep_syn):
                last = nir.LIF(tau=tau, r=one, **firing)
            elif memoryless:
                parts.append((".synapse", nir.LI(tau=tau_syn, r=weight, v_leak=zero)))
                last = None
            else:
                last = nir.CubaLIF(tau_syn=tau_syn, tau_mem=tau, r=one, w_in=weight, **firing)
        parts.append(("", nir.Threshold(threshold=threshold) if memoryless or last is None else last))
        return Written(parts, self.unsaid(memoryless))

    def unsaid(self, memoryless: bool) -> list[str]:
        neuron, out = self.neuron, []
        if neuron.refractory:
            out.append(f"a refractory period of {neuron.refractory:g} ticks")
        if neuron.noise is not None:
            out.append(f"noise ({type(neuron.noise).__name__})")
        if isinstance(neuron, SecondOrderLIF) and neuron.bias:
            out.append(f"a bias of {neuron.bias:g} of the synaptic current")
        if not memoryless:
            if neuron.reset != "value":
                out.append(f"the reset {neuron.reset!r}")
            elif neuron.v_reset:
                out.append(f"that it starts at v_reset = {neuron.v_reset:g}")
        return out


def serialised(neuron: Neuron) -> str:
    """What the metadata of a node says of the neuron that it was."""
    return json.dumps(described(neuron, {}))


def remembered(text: Any) -> Neuron | None:
    """The neuron that the metadata of a node tells of; None if it is none of `OWN`, or names anything else."""
    try:
        data = json.loads(text)
        names = list(_classes(data))
        if names[:1] not in [[f"{cls.__module__}:{cls.__qualname__}"] for cls in OWN]:
            return None
        if any(not name.startswith("erbp_jax.neurons.") for name in names):
            return None
        return made(data, {})
    except (ValueError, TypeError, RecursionError, UserError):
        return None


def _classes(data: Any) -> Any:
    if isinstance(data, dict):
        for key in ("class", "function"):
            if key in data:
                yield str(data[key])
        for value in data.values():
            yield from _classes(value)
    elif isinstance(data, list):
        for value in data:
            yield from _classes(value)


def alike(a: Any, b: Any) -> bool:
    """Whether two nodes are of one type with the same constants, bit for bit."""
    names = NEURONS.get(type(a).__name__, ())
    return type(a) is type(b) and all(
        np.asarray(getattr(a, n)).dtype == np.asarray(getattr(b, n)).dtype
        and np.array_equal(getattr(a, n), getattr(b, n))
        for n in names
    )


def inferred(node: Any, dt: float, method: Method) -> Neuron | None:
    """The `LIF` or `LeakyIF` whose node this is, all constants equal bit for bit; None if it is no such neuron's."""
    names = NEURONS[type(node).__name__]
    if any(np.unique(np.asarray(getattr(node, n))).size != 1 for n in names) or "v_threshold" not in names:
        return None
    value = {n: float(np.asarray(getattr(node, n)).reshape(-1)[0]) for n in names}
    shape = np.shape(getattr(node, names[0]))
    firing: dict[str, Any] = {"threshold": value["v_threshold"], "refractory": 0, "integration": method}
    for digits in (17, 12):
        ticks = {n: float(f"{value[n] * MS / dt:.{digits}g}") for n in names if n.startswith("tau")}
        models: dict[str, list[tuple[type[LIF] | type[LeakyIF], dict[str, float]]]] = {
            "CubaLIF": [(LIF, ticks)],
            "LIF": [
                (LeakyIF, {"tau_mem": ticks.get("tau", 0.0)}),
                (LIF, {"tau_mem": ticks.get("tau", 0.0), "tau_syn": 0.0}),
            ],
        }
        for model, times in models.get(type(node).__name__, []):
            try:
                found = model(**times, **firing)
                parts = written(found, Params({}, {}), shape, dt, method).parts
            except (ValueError, UserError):  # no such neuron: the node is taken as it is
                continue
            if len(parts) == 1 and alike(parts[0][1], node):
                return found
    return None
