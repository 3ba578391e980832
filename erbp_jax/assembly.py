"""From what a caller gives to the parts of a network, and whether they fit together."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from erbp_jax.graph import cycle_without_delay
from erbp_jax.projection import Population, Projection

if TYPE_CHECKING:
    from erbp_jax.network import Network

T = TypeVar("T")


def populations_of(given: Any, projections: Sequence[Projection]) -> tuple[Population, ...]:
    """Populations from those that are ones, or from neurons by name; without a size that of the first projection.

    Raises:
        ValueError: none, names that are no texts, or a projection that leads to none of them.
    """
    if isinstance(given, Mapping):
        named = cast(Mapping[str, Any], given)
        if strange := [name for name in named if not isinstance(name, str)]:
            raise ValueError(f"Network: names of populations are texts, got {strange[0]!r}")
        _check_targets(named, projections)
        given = [_population(name, one, projections) for name, one in named.items()]
    populations = parts_of("populations", Population, given)
    if not populations:
        raise ValueError("Network: needs at least one population")
    return populations


def check_network(network: "Network") -> None:
    """Refuse names, sizes and projections that do not fit together.

    Raises:
        ValueError: says which.
    """
    names = network.names
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"Network: two populations are named {twice[0]!r}")
    if network.output not in names:
        raise ValueError(f"Network: the output {network.output!r} is none of its populations: {', '.join(names)}")
    _check_targets(names, network.projections)
    sizes = {p.name: p.size for p in network.populations}
    for projection in network.projections:
        for end, name, size in (
            ("takes {} inputs", projection.source, projection.connection.inputs),
            ("has {} outputs", projection.target, projection.connection.outputs),
        ):
            if sizes.setdefault(name, size) != size:  # the first projection of an input gives its size
                raise ValueError(
                    f"Network: the projection {projection.name} {end.format(size)}, and {name!r} has {sizes[name]} "
                    "units"
                )
    reached = {p.target for p in network.projections}
    if alone := [name for name in names if name not in reached]:
        raise ValueError(f"Network: no projection leads to the population {alone[0]!r}")
    if cycle := cycle_without_delay(network.edges):
        raise ValueError(
            f"Network: a cycle without delay, {' -> '.join(cycle)}; one of its projections needs a delay of at "
            "least 1 tick; delays of single synapses (Delayed) come on top and do not count"
        )
    ends = {p.source for p in network.projections} | {network.output}
    for name in network.inputs:
        for meant in difflib.get_close_matches(name, [n for n in names if n not in ends], 1, 0.75):
            raise ValueError(
                f"Network: a projection comes from {name!r}, which is no population and so an input, and none "
                f"comes from the population {meant!r}; did you mean {meant!r}?"
            )


def parts_of(what: str, kind: type[T], given: Any) -> tuple[T, ...]:
    """Populations or projections as a tuple, if they are ones."""
    parts = tuple(given) if isinstance(given, Iterable) else (given,)
    if wrong := [x for x in parts if not isinstance(x, kind)]:
        raise ValueError(f"Network: {what} must be given as {kind.__name__}, got {wrong[0]!r}")
    return parts


def _check_targets(names: Collection[str], projections: Sequence[Projection]) -> None:
    for projection in projections:
        if projection.target not in names:
            raise ValueError(
                f"Network: the projection {projection.name} leads to no population; there are {', '.join(names)}"
            )


def _population(name: str, given: Any, projections: Sequence[Projection]) -> Population:
    if isinstance(given, tuple):
        if len(given) != 2:
            raise ValueError(
                f"Network: population {name!r} must be a neuron, or a neuron and a size, got {len(given)} parts"
            )
        neuron, size = given
        return Population(name, neuron, size)
    onto = [p for p in projections if p.target == name]
    if not onto:
        raise ValueError(f"Network: no projection leads to the population {name!r}")
    return Population(name, given, onto[0].connection.outputs)
