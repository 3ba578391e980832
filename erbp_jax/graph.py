"""In which order, and how many ticks at once, the populations of a network are worked through."""

from collections.abc import Iterable, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

Edge = tuple[str, str, int]
"""Source, target and delay in ticks of a projection between populations."""


class Stage(NamedTuple):
    """Populations that go through a block together."""

    order: tuple[str, ...]
    ticks: int  # at once: a divisor of the block


def cycle_without_delay(edges: Iterable[Edge]) -> list[str]:
    """The populations on a cycle of projections without delay, the first again at the end; empty if there is none."""
    edges = list(edges)
    try:
        in_order({end for a, b, _ in edges for end in (a, b)}, edges, 1)
    except CycleError as error:
        return list(error.args[1])
    return []


@cache
def stages(names: tuple[str, ...], edges: tuple[Edge, ...], ticks: int) -> tuple[Stage, ...]:
    """The stages of a block of so many ticks, in order.

    For m = `ticks` and then its smaller divisors a projection with a delay of at least m is cut: what it brings in m
    ticks was fired before them. Populations that are on no cycle then go m ticks at once.
    """
    kept = [(a, b) for a, b, delay in edges if delay < ticks]
    reach = {name: reached(name, kept) for name in names}
    groups = []
    for name in names:
        if not any(name in group for group in groups):
            groups.append(
                [other for other in names if other == name or (other in reach[name] and name in reach[other])]
            )
    home = {name: place for place, group in enumerate(groups) for name in group}
    sorter = TopologicalSorter({place: set() for place in range(len(groups))})
    for a, b in kept:
        if home[a] != home[b]:
            sorter.add(home[b], home[a])
    out = []
    for place in sorter.static_order():
        inner = [e for e in edges if home[e[0]] == place == home[e[1]]]
        out.append(_longest(groups[place], inner, ticks))
    return tuple(out)


def _longest(group: Sequence[str], inner: Sequence[Edge], ticks: int) -> Stage:
    for m in (m for m in range(ticks, 0, -1) if ticks % m == 0):
        try:
            return Stage(tuple(in_order(group, inner, m)), m)
        except CycleError:
            continue
    raise ValueError(f"a cycle without delay among {', '.join(group)}")


def in_order(names: Iterable[str], edges: Iterable[Edge], ticks: int) -> list[str]:
    """Sources before targets, but for projections with a delay of `ticks` or more."""
    sorter = TopologicalSorter({name: set() for name in names})
    for source, target, delay in edges:
        if delay < ticks:
            sorter.add(target, source)
    return list(sorter.static_order())


def reached(start: str, edges: Iterable[tuple[str, str]]) -> set[str]:
    """Where the edges lead from here."""
    found, waiting, edges = set(), [start], list(edges)
    while waiting:
        here = waiting.pop()
        new = {b for a, b in edges if a == here} - found
        found |= new
        waiting += new
    return found
