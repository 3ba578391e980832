"""What is in a NIR file, in words: nodes, shapes, parameters, time constants, cycles, what is not exact here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.nir.cycles import implied
from erbp_jax.nir.discrete import MS
from erbp_jax.nir.files import read
from erbp_jax.nir.graph import Flat, flat
from erbp_jax.nir.neuron import NEURONS, SPIKING
from erbp_jax.wording import plural

if TYPE_CHECKING:
    import nir

ARRAYS = ("weight", "bias", "scale")


def info(graph: "nir.NIRGraph | Path | str") -> str:
    """A table of the nodes of a graph or a file, and what to know before it is imported.

    Example:
        >>> import jax, erbp_jax as ej
        >>> network = ej.mlp(4, 3, neuron=ej.LIF(tau_mem=10.0, refractory=0))
        >>> text = ej.nir.info(ej.nir.to_nir(network, network.init(jax.random.key(0)), dt=1.0))
        >>> "CubaLIF" in text
        True

    Raises:
        UserError: as `files.read` and `graph.flat`; of a file the path stands in front.
    """
    if not isinstance(graph, (str, Path)):
        return _description(flat(graph))
    loaded = read(graph)
    try:
        return _description(flat(loaded))
    except UserError as error:
        raise UserError(f"{graph}: {error}") from None


def _description(graph: Flat) -> str:
    rows = [("node", "type", "shape", "parameters", "constants")]
    total = 0
    for name, node in graph.nodes.items():
        count = sum(np.size(getattr(node, field, ())) for field in ARRAYS)
        total += count
        shape = "x".join(map(str, graph.shapes[name]))
        rows.append((name, graph.kind(name), shape, str(count) if count else "", _constants(graph.kind(name), node)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(n) for text, n in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(
        f"{plural(len(graph.nodes), 'node')}, {plural(len(graph.edges), 'edge')}, {plural(total, 'parameter')}"
    )
    lines += [f"{key}: {value}" for key, value in graph.metadata.items() if key.startswith("erbp_jax:")]
    return "\n".join([*lines, *_cycles(graph), *_notes(graph)])


def _constants(kind: str, node: Any) -> str:
    if kind == "Delay":
        return f"delay {_range(np.asarray(node.delay) * MS)} ms"
    parts = []
    for name in NEURONS.get(kind, ()):
        value = np.asarray(getattr(node, name))
        is_time = name.startswith("tau")
        parts.append(f"{name} {_range(value * MS if is_time else value)}{' ms' if is_time else ''}")
    return ", ".join(parts)


def _range(value: np.ndarray) -> str:
    low, high = float(np.min(value)), float(np.max(value))
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _cycles(graph: Flat) -> list[str]:
    delayed = {n for n in graph.nodes if graph.kind(n) == "Delay" and (np.asarray(graph.nodes[n].delay) > 0).all()}
    edges = [(a, b, int(a in delayed)) for a, b in graph.edges]
    spiking = {n for n in graph.nodes if graph.kind(n) in SPIKING}
    try:
        closing = implied([n for n in graph.nodes if graph.kind(n) == "Input"], edges, spiking)
    except UserError as error:
        return [f"cannot be imported: {error}"]
    return [
        f"cycle without a Delay, closed by {edges[i][0]} -> {edges[i][1]}: gets a delay of one tick" for i in closing
    ]


def _notes(graph: Flat) -> list[str]:
    notes, kinds = [], {graph.kind(n) for n in graph.nodes}
    doubles = [n for n, x in graph.nodes.items() if any(_rounded(getattr(x, f, None)) for f in ARRAYS)]
    if doubles:
        notes.append(f"rounded to float32 when imported: the weights of {', '.join(doubles)}")
    if kinds & {"I", "IF"}:
        notes.append("I and IF add r times their input once per tick: their unit of time is the tick")
    times = [
        float(np.min(getattr(x, f))) * MS
        for n, x in graph.nodes.items()
        for f in NEURONS.get(graph.kind(n), ())
        if f.startswith("tau")
    ]
    if times:
        notes.append(f"Euler needs dt of at most {min(times):.4g} ms; exact takes any")
    outputs = [n for n in graph.nodes if graph.kind(n) == "Output"]
    if len(outputs) > 1:
        notes.append(f"the output is what leads to {outputs[0]}; {', '.join(outputs[1:])} are populations like others")
    return notes


def _rounded(value: Any) -> bool:
    return value is not None and not np.array_equal(np.asarray(value), np.asarray(value, np.float32))
