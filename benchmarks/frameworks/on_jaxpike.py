"""jaxpike (Equinox): products for all ticks at once, then a scan over the neurons, not unrolled (faster on a CPU)."""
# pyright: reportMissingImports=false

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxpike
import numpy as np

from frameworks.base import Framework, Semantics
from frameworks.with_jax import JaxNetwork


def build(weights: Sequence[np.ndarray], decay: float) -> JaxNetwork:
    layers = []
    for weight in weights:
        layers.append(jaxpike.Dense(*weight.shape, key=jax.random.key(0), use_bias=False))
        layers.append(jaxpike.LIF(-1.0 / math.log(decay), surrogate=jaxpike.FastSigmoid(Semantics().slope)))
    network = jaxpike.Sequential(*layers)
    dense = range(0, len(layers), 2)

    def apply(weights, spikes):
        model = eqx.tree_at(lambda n: [n.layers[i].weight for i in dense], network, [w.T for w in weights])
        return jaxpike.unroll(model, spikes, scan_unroll=1)[0]

    return JaxNetwork(apply, [jnp.asarray(w) for w in weights], 1.0 - decay)


FRAMEWORK = Framework("jaxpike", build, lambda decay: Semantics(gain=1.0 - decay, through_reset=True))
