"""The equations of the tricks as float64 loops over synapses, written from their page and not from the package."""

import math

import jax.numpy as jnp
import numpy as np

from erbp_jax.trace import Tree

SHAPES = Tree(({"weight": (5, 4)}, {"weight": (3, 2, 2, 4)}, {"weight": (6,)}), ({"tau": (4,)}, {}, {}))


def tree(dense, kernel, listed, neurons):
    return Tree(({"weight": dense}, {"weight": kernel}, {"weight": listed}), ({"tau": neurons}, {}, {}))


def arrays(of):
    """The four arrays of a `tree`, float64."""
    parts = (*(p["weight"] for p in of.projections), of.populations[0]["tau"])
    return [np.asarray(x, np.float64) for x in parts]


def stream(n, seed=0, lists=True):
    """Updates of all parts; some presynaptic rows are rare, one is silent, and so is one neuron."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        dense, kernel = rng.normal(size=(5, 4)), 30 * rng.normal(size=(3, 2, 2, 4))
        dense[1] *= rng.random() < 0.2
        dense[3] = 0
        kernel[..., 2] = 0
        listed, neurons = rng.normal(size=6), rng.normal(size=4) * [0, 1, 10, 100]
        update = tree(*(jnp.asarray(x, jnp.float32) for x in (dense, kernel, listed, neurons)))
        made.append(update if lists else update._replace(projections=update.projections[:2]))
    return made


def weights(shape):
    """Index tuples of a weight array: `(place of the presynaptic side, postsynaptic unit)`."""
    return [(index[:-1], index[-1]) for index in np.ndindex(shape)]


def moments(updates, decay):
    """Corrected moments of a stream of arrays with two axes or more, after every update: `(c[j], p[place])`."""
    shape = updates[0].shape
    c, p = dict.fromkeys(range(shape[-1]), 0.0), dict.fromkeys(np.ndindex(shape[:-1]), 0.0)
    out = []
    for n, g in enumerate(updates, 1):
        for j in c:
            squares = [g[i][j] ** 2 for i in p]
            c[j] = decay * c[j] + (1 - decay) * sum(squares) / len(squares)
        for i in p:
            squares = [g[i][j] ** 2 for j in c]
            p[i] = decay * p[i] + (1 - decay) * sum(squares) / len(squares)
        seen = 1 - decay**n
        out.append(({j: x / seen for j, x in c.items()}, {i: x / seen for i, x in p.items()}))
    return out


def factored(updates, decay, floor, shifts=False):
    """The steps of the factored moments, or of their leading ones."""
    steps = []
    for g, (c, p) in zip(updates, moments(updates, decay), strict=True):
        mean, step = sum(p.values()) / len(p), np.zeros(g.shape)
        for i, j in weights(g.shape):
            relative = max(p[i] / mean, floor)
            if c[j] == 0 or relative == 0:
                continue
            if shifts:
                k = math.floor((math.floor(math.log2(c[j])) + math.floor(math.log2(relative))) / 2)
                step[i][j] = g[i][j] * 2.0**-k
            else:
                step[i][j] = g[i][j] / math.sqrt(c[j] * relative)
        steps.append(step)
    return steps


def alone(updates, decay):
    """RMSprop of each number alone, with Adam's correction."""
    nu, steps = np.zeros(updates[0].shape), []
    for n, g in enumerate(updates, 1):
        nu = decay * nu + (1 - decay) * g**2
        root = np.sqrt(nu / (1 - decay**n))
        steps.append(np.divide(g, root, out=np.zeros(g.shape), where=root > 0))
    return steps


def together(updates, decay):
    """One rate for all numbers."""
    nu, steps = 0.0, []
    for n, g in enumerate(updates, 1):
        nu = decay * nu + (1 - decay) * np.mean(g**2)
        steps.append(g / np.sqrt(nu / (1 - decay**n)))
    return steps


def by_neuron(updates, decay):
    steps = []
    for g, (c, _) in zip(updates, moments(updates, decay), strict=True):
        step = np.zeros(g.shape)
        for i, j in weights(g.shape):
            step[i][j] = g[i][j] / math.sqrt(c[j]) if c[j] else 0.0
        steps.append(step)
    return steps


def triggered(updates, rate, step):
    """What is written, and the thresholds after every update."""
    shape = updates[0].shape
    threshold = dict.fromkeys(range(shape[-1]), 0.0)
    out = []
    for g in updates:
        written = np.zeros(shape)
        for j in threshold:
            event = max(abs(g[i][j]) for i in np.ndindex(shape[:-1])) > threshold[j]
            for i in np.ndindex(shape[:-1]):
                written[i][j] = g[i][j] if event else 0.0
            threshold[j] = max(threshold[j] + step * event - rate * step, 0.0)
        out.append((written, dict(threshold)))
    return out


def kept_back(steps, threshold):
    """Writes, and what waits after each."""
    waiting, out = np.zeros(steps[0].shape), []
    for step in steps:
        write = np.zeros(step.shape)
        for index in np.ndindex(step.shape):
            waiting[index] += step[index]
            if abs(waiting[index]) >= threshold:
                write[index], waiting[index] = waiting[index], 0.0
        out.append((write, waiting.copy()))
    return out


def within_norm(old, step, bound):
    """Weights after a step and the projection."""
    new = old + step
    for j in range(new.shape[-1]):
        norm = math.sqrt(sum(new[i][j] ** 2 for i in np.ndindex(new.shape[:-1])))
        if norm > bound:
            for i in np.ndindex(new.shape[:-1]):
                new[i][j] *= bound / norm
    return new


def by_errors(errors, decay, settle, reference=None):
    """The share of the rate that is left after each update."""
    mean, shares, first = 0.0, [], []
    for n, e in enumerate(errors, 1):
        mean = decay * mean + (1 - decay) * e
        first += [e] if n <= settle else []
        whole = sum(first) / len(first) if reference is None else reference
        settled = reference is not None or n > settle
        shares.append(min(1.0, mean / (1 - decay**n) / whole) if settled and whole else 1.0)
    return shares
