"""Several devices: which axis of which array is spread over them.

A mesh has the axes `seeds`, `batch` and `neurons`. Where arrays lie is said at a few places (`along_batch`,
`along_neurons`); the compiler carries that through everything between and adds what has to be exchanged: with the batch
spread, the sum of a block's updates; with the neurons spread, the spikes of a layer.
"""

from typing import TypeVar

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

Tree = TypeVar("Tree")

AXES = ("seeds", "batch", "neurons")


def make_mesh(seeds: int = 1, batch: int = 1, neurons: int = 1) -> Mesh:
    """A mesh over the first `seeds * batch * neurons` devices.

    Raises:
        ValueError: there are not so many.
    """
    wanted, there = seeds * batch * neurons, jax.device_count()
    if wanted > there:
        raise ValueError(
            f"{seeds} x {batch} x {neurons} (seeds, batch, neurons) need {wanted} devices, this process sees {there}"
            + ("; on a CPU JAX_NUM_CPU_DEVICES makes more" if jax.default_backend() == "cpu" else "")
        )
    return jax.make_mesh((seeds, batch, neurons), AXES, devices=jax.devices()[:wanted], axis_types=(AxisType.Auto,) * 3)


def along_batch(mesh: Mesh | None, tree: Tree) -> Tree:
    """Arrays `[B, ...]` with their samples spread; unchanged without a mesh."""
    return tree if mesh is None else jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, PartitionSpec("batch")))


def along_neurons(mesh: Mesh | None, tree: Tree) -> Tree:
    """Weights `[..., O]` with their postsynaptic units spread, where these can be divided evenly."""
    if mesh is None or mesh.shape["neurons"] == 1:
        return tree

    def spread(x):
        if x.ndim < 2 or x.shape[-1] % mesh.shape["neurons"]:
            return x
        spec = PartitionSpec(*[None] * (x.ndim - 1), "neurons")
        return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, spec))

    return jax.tree.map(spread, tree)


def by_seed(mesh: Mesh) -> NamedSharding:
    """Arrays with the axis of the seeds in front."""
    return NamedSharding(mesh, PartitionSpec("seeds"))


def everywhere(mesh: Mesh) -> NamedSharding:
    """A copy on every device."""
    return NamedSharding(mesh, PartitionSpec())
