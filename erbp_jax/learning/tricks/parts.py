"""What the leaves of an update are, so that a trick knows which axis is the postsynaptic one."""

from typing import Any, Literal

import jax
import jax.numpy as jnp

from erbp_jax.trace import Tree

Part = Literal["weights", "list", "neuron"]
"""`weights`: an array whose last axis counts postsynaptic neurons (or maps) and all others together the presynaptic
side: `[I, O]`, a kernel `[h, w, c, o]`. `list`: one axis or none, such as the synapses `[S]` of a sparse connection,
which does not say whose they are. `neuron`: parameters of the neurons themselves."""


def parts(tree: Any) -> Any:
    """Which `Part` each leaf is; of a tree that is not a network's, by its axes alone."""
    if isinstance(tree, Tree):
        weights, neurons = tree
        return Tree(jax.tree.map(_of_axes, weights), jax.tree.map(lambda _: "neuron", neurons))
    return jax.tree.map(_of_axes, tree)


def _of_axes(leaf: Any) -> Part:
    return "weights" if leaf.ndim > 1 else "list"


def onto(part: Part, leaf: Any) -> tuple[int, ...]:
    """The axes to take together for one number a postsynaptic neuron; for a list one of all, for neurons each alone."""
    return () if part == "neuron" else tuple(range(leaf.ndim - (part == "weights")))


def out_of(part: Part, leaf: Any) -> tuple[int, ...]:
    """The axes to take together for one number a presynaptic place; where there are no places one for all."""
    return (leaf.ndim - 1,) if part == "weights" else tuple(range(leaf.ndim))


def wide_enough(x: Any) -> Any:
    """float32 at least: squares of halves leave their range."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def of_projections(tree: Any) -> Any:
    """A mask for optax: weights, and not the parameters of neurons."""
    return jax.tree.map(lambda part: part != "neuron", parts(tree))


def no_lists(name: str, tree: Any) -> None:
    """
    Raises:
        ValueError: a list of synapses, of which `name` cannot know whose they are.
    """
    for path, part in jax.tree_util.tree_leaves_with_path(parts(tree)):
        if part == "list":
            raise ValueError(
                f"{name}: {jax.tree_util.keystr(path)} is a list, which does not say on which neuron a synapse ends; "
                "leave it out by optax.masked, or take a dense connection"
            )
