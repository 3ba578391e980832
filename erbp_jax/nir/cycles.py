"""Cycles of a graph that carry no delay: where the tick that they get lies."""

from collections.abc import Collection, Sequence

from erbp_jax.errors import UserError
from erbp_jax.graph import Edge


def implied(first: Sequence[str], edges: Sequence[Edge], spiking: Collection[str]) -> list[int]:
    """Places of the edges that close a cycle without delay, each of which gets one tick.

    The graph is walked depth first from the populations `first`, along its edges in their order; an edge that leads
    back to where the walk came from closes a cycle.

    Raises:
        UserError: a cycle without a neuron that spikes; names it.
    """
    out: dict[str, list[tuple[str, int]]] = {}
    for place, (source, target, delay) in enumerate(edges):
        if not delay:
            out.setdefault(source, []).append((target, place))
    closing: list[int] = []
    done: set[str] = set()
    for start in (*first, *(end for a, b, _ in edges for end in (a, b))):
        if start in done:
            continue
        path, waiting = [start], [list(reversed(out.get(start, [])))]
        while path:
            if not waiting[-1]:
                done.add(path.pop())
                waiting.pop()
                continue
            target, place = waiting[-1].pop()
            if target in path:
                cycle = path[path.index(target) :]
                if not any(name in spiking for name in cycle):
                    raise UserError(
                        f"a cycle without a spiking neuron and without a Delay: {' -> '.join((*cycle, target))}"
                    )
                closing.append(place)
            elif target not in done:
                path.append(target)
                waiting.append(list(reversed(out.get(target, []))))
    return sorted(closing)
