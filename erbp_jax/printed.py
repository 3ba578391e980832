"""What `print(network)` shows: a line for every input and population, and what reaches it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.network import Network


def printed(network: "Network") -> str:
    """Populations, their sizes and neurons, and the projections onto them.

    Example:
        >>> import erbp_jax as ej
        >>> print(ej.mlp(64, 100, 10))
        Network 64-100-10: 7,400 synapses
        population  neurons  neuron  projections
        input            64
        hidden1         100  LIF     input: Dense, 6,400 synapses
        output           10  LIF     hidden1: Dense, 1,000 synapses
    """
    rows: list[Sequence[str]] = [("population", "neurons", "neuron", "projections")]
    rows += [(name, f"{size:,}", "", "") for name, size in network.inputs.items()]
    for population in network.populations:
        first, *more = _onto(network, population.name) or [""]
        rows.append((population.name, f"{population.size:,}", type(population.neuron).__name__, first))
        rows += [("", "", "", text) for text in more]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:{widths[0]}}  {b:>{widths[1]}}  {c:{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]
    total = sum(p.connection.synapses for p in network.projections)
    last = "" if network.output == network.names[-1] else f", output {network.output}"
    return "\n".join([f"Network {network.name}: {plural(total, 'synapse')}{last}", *lines])


def _onto(network: "Network", name: str) -> list[str]:
    """The projections onto a population."""
    found = []
    for p in network.projections:
        if p.target == name:
            text = f"{p.source}: {type(p.connection).__name__}, {plural(p.connection.synapses, 'synapse')}"
            text += f", delay {p.delay}" if p.delay else ""
            found.append(text if p.plastic else f"{text}, not plastic")
    return found
