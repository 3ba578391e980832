"""Independent float64 NumPy loops, written from the equations and not from the package."""

from typing import NamedTuple

import numpy as np


class Learned(NamedTuple):
    """A readout that learns."""

    rate: float
    tau: float
    scale: float  # of the errors on their way back
    draws: np.ndarray  # [T] in [0, 1), one for the softmax of every tick


def lif(current, *, tau_mem, tau_syn, threshold, refractory, reset, noise=None):
    """Spikes, I and V of one neuron for a current `[T]`; order: synapse, membrane, clamp, threshold, reset."""
    i = v = 0.0
    held = 0
    alpha = np.exp(-1.0 / tau_mem) if tau_mem else 0.0
    beta = np.exp(-1.0 / tau_syn) if tau_syn else 0.0
    out = []
    for t, c in enumerate(current):
        i = beta * i + c
        spike = 0
        if held:
            held -= 1
        else:
            v = alpha * v + (1 - alpha) * i + (0.0 if noise is None else noise[t])
            if v > threshold:
                spike = 1
                v = v - threshold if reset == "subtract" else 0.0
                held = refractory
        out.append((spike, i, v))
    return np.array(out).T


def error_pair(label, prediction, *, weight, threshold):
    """Spikes of one E+ and one E- for spike trains `[T]`."""
    plus = minus = 0.0
    out = []
    for s_label, s_out in zip(label, prediction, strict=True):
        plus += weight * (s_label - s_out)
        minus -= weight * (s_label - s_out)
        fired = [0, 0]
        if plus > threshold:
            plus -= threshold
            fired[0] = 1
        if minus > threshold:
            minus -= threshold
            fired[1] = 1
        plus, minus = max(plus, 0.0), max(minus, 0.0)
        out.append(fired)
    return np.array(out).T


def erbp(
    weights,
    feedback,
    inputs,
    label_train,
    target,
    *,
    neuron,
    gate,
    tau_u,
    error,
    eta,
    burn_in,
    every=1,
    masks=None,
    readouts=None,
):
    """eRBP on one sample, tick by tick: the weights after a presentation and the output spikes `[T, K]`.

    `inputs[T, I]`, `label_train[T]`; `feedback[l][K, N]`; `masks[l][T, I, N]` are transmission masks; `readouts[l]` is
    None, or of a hidden layer that has errors of its own: the gain and the populations if they are fixed, with feedback
    `[populations K, N]`, or what `Learned` has. Their weights are the feedback, which is changed in place.
    """
    weights = [w.astype(np.float64).copy() for w in weights]
    sizes = [w.shape[1] for w in weights]
    alpha = np.exp(-1.0 / neuron["tau_mem"]) if neuron["tau_mem"] else 0.0
    beta = np.exp(-1.0 / neuron["tau_syn"]) if neuron["tau_syn"] else 0.0
    gamma = np.exp(-1.0 / tau_u)
    current = [np.zeros(n) for n in sizes]
    potential = [np.zeros(n) for n in sizes]
    held = [np.zeros(n, int) for n in sizes]
    dendrite = [np.zeros(n) for n in sizes]
    readouts = [*(readouts or [None] * (len(sizes) - 1)), None]
    learned = [isinstance(readout, Learned) for readout in readouts]
    many = [
        readout[1] if readout and not is_learned else 1 for readout, is_learned in zip(readouts, learned, strict=True)
    ]
    plus, minus = ([np.zeros((n, sizes[-1])) for n in many] for _ in range(2))  # of every layer, used or not
    pending, own_pending = [np.zeros_like(w) for w in weights], [np.zeros_like(g) for g in feedback]
    belief, own_dendrite = ([np.zeros(sizes[-1]) for _ in sizes] for _ in range(2))
    outputs = []
    for t, spikes in enumerate(inputs):
        pre, predictions = [], []
        label = np.zeros(sizes[-1])
        label[target] = label_train[t]
        for layer, w in enumerate(weights):
            pre.append(spikes)
            through = w if masks is None else w * masks[layer][t]
            current[layer] = beta * current[layer] + spikes @ through
            nxt = np.zeros(sizes[layer])
            for n in range(sizes[layer]):
                if held[layer][n] > 0:
                    held[layer][n] -= 1
                    continue
                v = alpha * potential[layer][n] + (1 - alpha) * current[layer][n]
                if v > neuron["threshold"]:
                    nxt[n] = 1.0
                    held[layer][n] = neuron["refractory"]
                    v = 0.0
                potential[layer][n] = v
            spikes = nxt
            if learned[layer]:
                leak = np.exp(-1.0 / readouts[layer].tau)
                belief[layer] = leak * belief[layer] + (1 - leak) * feedback[layer] @ spikes
                chance = np.exp(belief[layer]) / np.exp(belief[layer]).sum()
                winner = np.searchsorted(np.cumsum(chance), readouts[layer].draws[t], side="right")
                predictions.append(label.sum() * np.eye(sizes[-1])[winner])
            elif readouts[layer] is not None:
                g, gain = feedback[layer], readouts[layer][0]
                seen = gain * (g @ spikes) / np.sqrt((g**2).mean() * sizes[layer])
                predictions.append((seen > 1.0).astype(float).reshape(many[layer], -1))
            else:
                predictions.append(None)
        outputs.append(spikes)
        for layer, prediction in enumerate(predictions):
            error_input = error["weight"] * (label - (spikes if prediction is None else prediction))
            plus[layer] = plus[layer] + error_input
            minus[layer] = minus[layer] - error_input
            e_plus, e_minus = plus[layer] > error["threshold"], minus[layer] > error["threshold"]
            plus[layer] = np.maximum(plus[layer] - error["threshold"] * e_plus, 0.0)
            minus[layer] = np.maximum(minus[layer] - error["threshold"] * e_minus, 0.0)
            e = e_plus.astype(float) - e_minus
            if learned[layer]:
                e = readouts[layer].scale * (label - prediction)
                own_dendrite[layer] = gamma * own_dendrite[layer] + label - prediction
            dendrite[layer] = gamma * dendrite[layer] + e.ravel() @ feedback[layer]
        for layer in range(len(weights)):
            if t >= burn_in:
                open_gate = (current[layer] > gate[0]) & (current[layer] < gate[1])
                for i in np.flatnonzero(pre[layer]):
                    pending[layer][i] += eta * dendrite[layer] * open_gate
                if learned[layer]:
                    own_pending[layer] += eta * readouts[layer].rate * np.outer(own_dendrite[layer], pre[layer + 1])
        if t >= burn_in and (t + 1) % every == 0:
            for layer in range(len(weights)):
                weights[layer] += pending[layer]
                feedback[layer] += own_pending[layer]
                pending[layer][:] = own_pending[layer][:] = 0.0
    return weights, np.array(outputs)


def bptt(weights, spikes, target, tau_mem, tau_syn, threshold, derivative):
    """Gradient of the mean over the batch of half the squared error of the output's mean rates, by hand.

    Leaky neurons without refractory period, reset to 0; the reset is not differentiated. `spikes[T, B, I]`.
    """
    steps, batch = spikes.shape[:2]
    a = np.exp(-1 / tau_syn)
    b = np.exp(-1 / tau_mem) if tau_mem else 0.0
    inputs, kept = spikes.astype(np.float64), []
    for w in weights:
        current = np.zeros((batch, w.shape[1]))
        membrane = np.zeros_like(current)
        record = []
        for t in range(steps):
            current = a * current + inputs[t] @ w
            before = b * membrane + (1 - b) * current
            spiking = before > threshold
            membrane = np.where(spiking, 0.0, before)
            record.append((before, spiking))
        kept.append((inputs, record))
        inputs = np.stack([s for _, s in record]).astype(np.float64)
    label = np.eye(weights[-1].shape[1])[target]
    d_spikes = np.broadcast_to((inputs.mean(0) - label) / steps / batch, inputs.shape).copy()
    gradients = []
    for w, (below, record) in zip(weights[::-1], kept[::-1], strict=True):
        gradient, d_below = np.zeros_like(w), np.zeros_like(below)
        d_membrane = np.zeros(d_spikes.shape[1:])
        d_current = np.zeros_like(d_membrane)
        for t in reversed(range(steps)):
            before, spiking = record[t]
            d_before = np.where(spiking, 0.0, d_membrane) + derivative(before - threshold) * d_spikes[t]
            d_current = a * d_current + (1 - b) * d_before
            d_membrane = b * d_before
            gradient += below[t].T @ d_current
            d_below[t] = d_current @ w.T
        gradients.append(gradient)
        d_spikes = d_below
    return gradients[::-1]


def _factor(tau, integration):
    return 1 - 1 / tau if integration == "euler" else np.exp(-1 / tau)


def _integrate_and_fire(potentials, refractory, reset):
    """Spikes and V of a neuron; `potentials(v)` is a generator-like function that gives V before the threshold."""
    v, held, spikes, trace = 0.0, 0, [], []
    for integrate in potentials:
        integrated = integrate(v)
        spike = 0
        if held:
            held -= 1
        else:
            v = integrated
            if v > 1.0:
                spike, held = 1, refractory
                v = {"value": 0.0, "subtract": v - 1.0, "none": v}[reset]
        spikes.append(spike)
        trace.append(v)
    return np.array(spikes), np.array(trace)


def leaky(current, tau_mem, refractory, reset, integration):
    a = _factor(tau_mem, integration)
    return _integrate_and_fire([lambda v, c=c: a * v + c for c in current], refractory, reset)


def second_order(current, tau_mem, tau_syn, tau_rise, bias, refractory, reset, integration):
    a, a1, a2 = (_factor(t, integration) for t in (tau_mem, tau_syn, tau_rise))
    first = second = 0.0
    steps = []
    for c in current:
        first = a2 * first + c
        second = a1 * second + (1 - a1) * first + bias
        steps.append(lambda v, i=second: a * v + (1 - a) * i)
    return _integrate_and_fire(steps, refractory, reset)


def dual_compartment(current, tau_mem, tau_den, tau_syn, there, back, bias, refractory, reset, integration):
    """Exact integration by many small Euler steps, extrapolated: no matrix exponential."""
    i = soma = dendrite = 0.0
    a = _factor(tau_syn, integration)
    held, spikes, trace = 0, [], []
    for c in current:
        i = a * i + c + bias
        if integration == "euler":
            new = (soma + (-soma + there * dendrite) / tau_mem, dendrite + (-dendrite + back * soma + i) / tau_den)
        else:
            new = _taylor(soma, dendrite, i, tau_mem, tau_den, there, back)
        spike = 0
        dendrite = new[1]
        if held:
            held -= 1
        else:
            soma = new[0]
            if soma > 1.0:
                spike, held = 1, refractory
                soma = {"value": 0.0, "subtract": soma - 1.0, "none": soma}[reset]
        spikes.append(spike)
        trace.append(soma)
    return np.array(spikes), np.array(trace)


def _taylor(soma, dendrite, i, tau_mem, tau_den, there, back):
    """One unit of time of the linear pair by its Taylor series: the k-th derivative from the one before."""
    total = np.array([soma, dendrite])
    term = np.array([(-soma + there * dendrite) / tau_mem, (-dendrite + back * soma + i) / tau_den])
    factorial = 1.0
    for k in range(1, 40):
        factorial *= k
        total = total + term / factorial
        term = np.array([(-term[0] + there * term[1]) / tau_mem, (-term[1] + back * term[0]) / tau_den])
    return total


def filtered_noise_deviation(sigma, a, b):
    """Standard deviation of V = b V + (1 - b) I, I = a I + xi: the impulse response, squared and summed."""
    i = v = total = 0.0
    for t in range(2000):
        i = a * i + (1.0 if t == 0 else 0.0)
        v = b * v + (1 - b) * i
        total += v * v
    return sigma * np.sqrt(total)
