"""Do parameters, states and what a neuron makes of them belong to a network? Others must not be used without a word."""

from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from erbp_jax.params import Params
from erbp_jax.random import new_key
from erbp_jax.trace import NetworkState, Tree

if TYPE_CHECKING:
    from erbp_jax.network import Network
    from erbp_jax.projection import Population


def check_params(network: "Network", params: Any) -> None:
    """Refuse parameters that `network.init` would not have made.

    Raises:
        ValueError: names the projection or population, with the shapes wanted and given.
    """
    if not (isinstance(params, Params) and all(isinstance(tree, Tree) for tree in params)):
        raise ValueError(
            f"Network {network.name}: parameters must be those of Network.init, Params(trained, fixed) of a Tree each, "
            f"got {type(params).__name__}"
        )
    projections = [f"the projection {p.name}" for p in network.projections]
    populations = [f"the population {p.name!r}" for p in network.populations]
    for given, wanted in zip(params, _params(network), strict=True):
        _compare(network, "parameters", projections, given.projections, wanted.projections)
        _compare(network, "parameters", populations, given.populations, wanted.populations)


def check_state(network: "Network", state: Any, batch: int) -> None:
    """Refuse a state that `network.init_state(batch)` would not have made: of other delays, for instance.

    Raises:
        ValueError: names the projection or population, with the shapes wanted and given.
    """
    if not isinstance(state, NetworkState):
        raise ValueError(
            f"Network {network.name}: the state must be that of Network.init_state, got {type(state).__name__}"
        )
    wanted = _state(network, batch)
    projections = [f"the projection {p.name}" for p in network.projections]
    populations = [f"the population {p.name!r}" for p in network.populations]
    _compare(network, "the state", populations, state.populations, wanted.populations)
    _compare(network, "the state", projections, state.connections, wanted.connections)
    _compare(network, "spikes in flight", projections, state.in_flight, wanted.in_flight)


def check_tick(population: "Population", state: Any, current: Any, made: Any) -> tuple[Any, Any]:
    """What a neuron's step made of a state and a current, `(state, spikes)`: as at rest, and a spike for each unit.

    Raises:
        ValueError: it made something else; names the population and the neuron, with the shapes wanted and given.
    """
    who = f"the neuron of population {population.name!r}, {type(population.neuron).__name__}: step"
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise ValueError(f"{who} must return (state, spikes), got {type(made).__name__}")
    after, spikes = made
    if jax.tree.structure(state) != jax.tree.structure(after) or not all(
        jnp.shape(a) == jnp.shape(b) and (_weak(a) or jnp.result_type(a) == jnp.result_type(b))
        for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True)
    ):
        wanted, given = (jax.tree.map(lambda x: f"{jnp.result_type(x)}{list(jnp.shape(x))}", x) for x in (state, after))
        raise ValueError(
            f"{who} must return a state like the one it is given, which init_state made: {wanted}, got {given}"
        )
    if jnp.shape(spikes) != jnp.shape(current):
        raise ValueError(
            f"{who} must return spikes of the shape of its current, {list(jnp.shape(current))}, got "
            f"{list(jnp.shape(spikes))}"
        )
    return after, spikes


def _weak(x: Any) -> bool:
    """Whether a leaf takes another's type, as a Python number does: a scan then begins anew with that one."""
    return bool(getattr(jax.typeof(x), "weak_type", False))


def _compare(network: "Network", what: str, names: list[str], given: Any, wanted: Any) -> None:
    if len(given) != len(wanted):
        raise ValueError(
            f"Network {network.name}: {what} of {len(given)} parts, and the network has {len(wanted)}: "
            f"{', '.join(names)}"
        )
    for name, one, want in zip(names, given, wanted, strict=True):
        shapes, allowed = (jax.tree.map(lambda x: tuple(jnp.shape(x)), tree) for tree in (one, want))
        if shapes != allowed:
            raise ValueError(
                f"Network {network.name}: {what} of another network: {name} needs the shapes {allowed}, got {shapes}"
            )


@cache
def _params(network: "Network") -> Params:
    return jax.eval_shape(lambda: network.init(new_key(0)))


@cache
def _state(network: "Network", batch: int) -> NetworkState:
    return jax.eval_shape(lambda: network.init_state(batch))
