"""Networks of any shape as float64 NumPy loops over ticks, written from the equations and not from the package.

A projection is `(source, target, delay, side)`; weights are one matrix per projection. Neurons: first-order synapse,
leaky membrane, threshold 1, reset to 0, no refractory period.
"""

from typing import Any

import numpy as np


def forward(populations, projections, weights, inputs, *, tau_mem, tau_syn):
    """`inputs[name][T, I]` -> spikes, I, V before the reset, arriving spikes and currents, by name and projection.

    `populations` maps names to sizes, in an order in which sources without delay come first.
    """
    ticks = len(next(iter(inputs.values())))
    a_mem, a_syn = np.exp(-1.0 / tau_mem), np.exp(-1.0 / tau_syn)
    spikes: dict[str, Any] = {name: np.asarray(x, float) for name, x in inputs.items()}
    out = {kind: {n: np.zeros((ticks, size)) for n, size in populations.items()} for kind in ("I", "V", "c")}
    spikes.update({n: np.zeros((ticks, size)) for n, size in populations.items()})
    arriving = [np.zeros((ticks, w.shape[0])) for w in weights]
    kept = {n: np.zeros(size) for n, size in populations.items()}
    for t in range(ticks):
        for name in populations:
            current = np.zeros(populations[name])
            for j, (source, target, delay, _) in enumerate(projections):
                if target != name:
                    continue
                seen = spikes[source][t - delay] if t >= delay else np.zeros(weights[j].shape[0])
                arriving[j][t] = seen
                current = current + seen @ weights[j]
            before = out["I"][name][t - 1] if t else np.zeros(populations[name])
            out["I"][name][t] = a_syn * before + current
            v = a_mem * kept[name] + (1 - a_mem) * out["I"][name][t]
            s = (v > 1.0).astype(float)
            out["c"][name][t], out["V"][name][t], spikes[name][t] = current, v, s
            kept[name] = np.where(s > 0, 0.0, v)
    for j, (source, _, _, side) in enumerate(projections):
        if side == "dendritic":  # what a rule sees lies in front of the delay
            arriving[j] = spikes[source]
    return spikes, out, arriving


def gradient(populations, projections, weights, spikes, out, d_output, output, *, tau_mem, tau_syn, surrogate):
    """Back-propagation through time, by hand: a matrix per projection, for `d_output[T, K]` on the output's spikes."""
    ticks = len(d_output)
    a_mem, a_syn = np.exp(-1.0 / tau_mem), np.exp(-1.0 / tau_syn)
    d_spikes = {n: np.zeros((ticks, size)) for n, size in populations.items()}
    d_spikes[output] = d_spikes[output] + d_output
    later_v = {n: np.zeros(size) for n, size in populations.items()}  # of V after the reset, from the tick after
    later_i = {n: np.zeros(size) for n, size in populations.items()}
    d_weights = [np.zeros_like(w) for w in weights]
    for t in reversed(range(ticks)):
        for name in reversed(populations):
            v = out["V"][name][t]
            d_v = d_spikes[name][t] * surrogate(v - 1.0) + later_v[name] * (v <= 1.0)
            d_i = (1 - a_mem) * d_v + later_i[name]
            later_v[name], later_i[name] = a_mem * d_v, a_syn * d_i
            for j, (source, target, delay, _) in enumerate(projections):
                if target == name and t >= delay:
                    d_weights[j] += np.outer(spikes[source][t - delay], d_i)
                    if source in populations:
                        d_spikes[source][t - delay] += weights[j] @ d_i
    return d_weights


def error_spikes(label, output, *, weight, threshold):
    """E+ minus E- spikes `[T, K]` of label and output spikes."""
    plus = minus = np.zeros(label.shape[1])
    found = []
    for s_label, s_out in zip(label, output, strict=True):
        plus, minus = plus + weight * (s_label - s_out), minus - weight * (s_label - s_out)
        up, down = plus > threshold, minus > threshold
        plus, minus = np.maximum(plus - threshold * up, 0.0), np.maximum(minus - threshold * down, 0.0)
        found.append(up.astype(float) - down)
    return np.array(found)


def erbp(populations, projections, out, arriving, errors, feedback, *, tau_u, gate):
    """The sum of eRBP's updates over all ticks, one matrix per projection; positive grows."""
    updates = [np.zeros((x.shape[1], populations[p[1]])) for x, p in zip(arriving, projections, strict=True)]
    dendrite = {n: np.zeros(size) for n, size in populations.items()}
    for t in range(len(errors)):
        for name in populations:
            dendrite[name] = np.exp(-1.0 / tau_u) * dendrite[name] + errors[t] @ feedback[name]
        for j, (_, target, _, _) in enumerate(projections):
            current = out["I"][target][t]
            updates[j] += np.outer(arriving[j][t], dendrite[target] * ((current > gate[0]) & (current < gate[1])))
    return updates


def pair_stdp(arriving, post, kernel, window):
    """All pairs of spikes less than a window apart; those of one tick do nothing."""
    update = np.zeros((arriving.shape[1], post.shape[1]))
    for t_post in range(len(post)):
        for t_pre in range(len(arriving)):
            if 0 < abs(t_post - t_pre) < window:
                update += kernel(t_post - t_pre) * np.outer(arriving[t_pre], post[t_post])
    return update
