"""What the tests share: a network on given input, and a graph in float64 NumPy, node by node, written without it."""

import jax
import jax.numpy as jnp
import numpy as np


def ran(network, params, inputs, block=None):
    """The trace of `inputs[T, B, I]`."""
    inputs = jnp.asarray(inputs, jnp.float32)
    key = jax.random.split(jax.random.key(0), inputs.shape[:2])
    state, traces = network.init_state(inputs.shape[1]), []
    step = jax.jit(lambda state, x, key: network.advance(params, state, x, key=key))
    block = block or len(inputs)
    for first in range(0, len(inputs), block):
        state, trace = step(state, inputs[first : first + block], key[first : first + block])
        traces.append(trace)
    return jax.tree.map(lambda *x: np.concatenate([np.asarray(y) for y in x]), *traces)


def spikes(network, params, inputs, name=None, block=None):
    """Spikes `[T, B, N]` of a population, the output if none is named."""
    trace = ran(network, params, inputs, block)
    return trace.populations[network.index(name or network.output)].spikes


def drawn(seed, ticks, batch, size, rate=0.3):
    return (np.random.default_rng(seed).random((ticks, batch, size)) < rate).astype(np.float64)


def factor(tau, dt, method):
    """Of a tick of dt ms, for seconds."""
    ratio = dt / 1000.0 / np.asarray(tau, np.float64)
    return np.exp(-ratio) if method == "exact" else 1.0 - ratio


class Neuron:
    """One sample of a NIR neuron in float64, of the node's own shape."""

    def __init__(self, node, dt, method):
        self.node, self.kind, self.dt, self.method = node, type(node).__name__, dt, method
        self.v = np.array(getattr(node, "v_leak", 0.0), np.float64)
        self.i = 0.0

    def tick(self, c):
        n = self.node
        if self.kind == "Threshold":
            return (c > n.threshold).astype(float)
        if self.kind.startswith("Cuba"):
            a = factor(n.tau_syn, self.dt, self.method)
            self.i = a * self.i + (1 - a) * n.w_in * c
            c = self.i
        if self.kind in ("I", "IF"):
            self.v = self.v + n.r * c
        else:
            a = factor(n.tau_mem if self.kind.startswith("Cuba") else n.tau, self.dt, self.method)
            self.v = a * self.v + (1 - a) * (n.v_leak + n.r * c)
        if not self.kind.endswith("F"):
            return self.v
        fired = self.v > n.v_threshold
        self.v = np.where(fired, n.v_reset, self.v)
        return fired.astype(float)
