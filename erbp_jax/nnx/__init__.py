"""flax: networks and rules as `flax.nnx` modules, and an nnx module as a connection of a network.

Nothing else of the package imports flax; this is loaded when it is used.
"""

from erbp_jax.nnx.connection import FromModule
from erbp_jax.nnx.modules import Fixed, NetworkModule, RuleModule

__all__ = ["Fixed", "FromModule", "NetworkModule", "RuleModule"]
