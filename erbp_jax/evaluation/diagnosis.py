"""Why is it silent? What the populations of a network do while samples are shown, and what to change."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax.evaluation.advice import Naming, Seen, advice, in_python
from erbp_jax.evaluation.passes import observe
from erbp_jax.learning import ERBP
from erbp_jax.learning.base import Rule
from erbp_jax.learning.local_rule import WrittenRule
from erbp_jax.network import Network
from erbp_jax.neurons.base import highest_rate
from erbp_jax.params import Params
from erbp_jax.settings import settled
from erbp_jax.trace import Trace, member
from erbp_jax.training.experiment import Experiment

SATURATED = 0.9
"""Share of the highest rate from which a neuron counts as saturated."""


class Diagnosis(NamedTuple):
    """What `diagnose` found."""

    populations: tuple[Seen, ...]
    """The inputs first."""
    undecided: float | None
    """Percent of samples without a decision; None if the task decides nothing."""
    advice: tuple[str, ...]
    """What to change; nothing if nothing is out of the ordinary."""

    def __str__(self) -> str:
        lines = ["population     rate Hz  silent %  saturated %  |I| / threshold  open gates %"]
        for p in self.populations:
            rest = [
                f"{'-' if x is None else format(x, digits):>{width}}"
                for x, digits, width in ((p.saturated, ".1f", 13), (p.drive, ".3g", 17), (p.open_gates, ".1f", 14))
            ]
            lines.append(f"{p.name[:13]:<13} {p.rate:>8.1f} {p.silent:>9.1f}" + "".join(rest))
        if self.undecided is not None:
            lines.append(f"undecided samples: {self.undecided:.1f} %")
        return "\n".join([*lines, *(f"- {text}" for text in self.advice)])


@settled
def diagnose(
    experiment: Experiment, params: Params, samples: Any, targets: Any, *, seed: int, dt: float, trained: bool = True,
    naming: Naming = in_python,
) -> Diagnosis:  # fmt: skip
    """Look at a batch of samples without learning; `naming` is what the user calls the settings to change."""
    n = len(jax.tree.leaves(targets)[0])
    samples, targets = jax.tree.map(jnp.asarray, (samples, targets))
    seen = jax.device_get(jax.jit(lambda: _watch(experiment, params, samples, targets, n, seed))())
    network, ticks = experiment.network, experiment.test_steps
    found = []
    for name, fired in zip(network.inputs, seen["inputs"], strict=True):
        rate = float(fired.mean()) / ticks * 1e3 / dt
        found.append(Seen(name, rate, 100.0 * float((fired.sum(0) == 0).mean()), None, None, None))
    for i, population in enumerate(network.populations):
        fired, neuron = seen["fired"][i], population.neuron
        saturated = None
        if (highest := highest_rate(neuron)) is not None:
            saturated = 100.0 * float((fired / ticks >= SATURATED * highest).mean())
        threshold, drive = getattr(neuron, "threshold", None), seen["drive"][i]
        share = None if drive is None or not threshold else float(drive) / ticks / float(threshold)
        gate = seen["gates"][i]
        rate, silent = float(fired.mean()) / ticks * 1e3 / dt, 100.0 * float((fired.sum(0) == 0).mean())
        opened = None if gate is None else 100.0 * float(gate) / ticks
        found.append(Seen(population.name, rate, silent, saturated, share, opened))
    undecided = seen["scores"].get("undecided")
    undecided = None if undecided is None else 100.0 * float(np.mean(undecided))
    unanswered = 0 if undecided is None else _unanswered(seen["fired"][network.index(network.output)], targets)
    texts = advice(experiment, found, undecided, unanswered, trained=trained, naming=naming)
    return Diagnosis(tuple(found), undecided, tuple(texts))


def _unanswered(fired: Any, targets: Any) -> int:
    """Classes among the targets `[n]` whose output neuron never fired, by `fired[n, K]`; 0 for targets of no class."""
    if np.ndim(targets) != 1 or not np.issubdtype(np.asarray(targets).dtype, np.integer):
        return 0
    return int((fired.sum(0) == 0)[np.unique(np.asarray(targets))].sum())


def _watch(experiment: Experiment, params: Params, samples: Any, targets: Any, n: int, seed: int) -> dict[str, Any]:
    network, task = experiment.network, experiment.task
    gates = _gates(experiment.rule, network)

    def step(sums: dict[str, Any], trace: Trace, ticks: jax.Array) -> dict[str, Any]:
        current = [member(p.state, "synaptic") for p in trace.populations]
        made = {
            "inputs": [x.sum(0) for x in trace.inputs],
            "fired": [p.spikes.sum(0) for p in trace.populations],
            "drive": [None if c is None else jnp.abs(c).mean((1, 2)).sum() for c in current],
            "gates": [
                None if c is None or g is None else g(c).astype(jnp.float32).mean((1, 2)).sum()
                for c, g in zip(current, gates, strict=True)
            ],
        }
        task_state = task.observe(network, sums["task"], trace, targets, ticks)
        rest = {key: value for key, value in sums.items() if key != "task"}
        return {**jax.tree.map(jnp.add, rest, made), "task": task_state}

    def zeros(size: int) -> jax.Array:
        return jnp.zeros((n, size), jnp.float32)

    states = [jax.eval_shape(lambda p=p: p.neuron.init_state((1, 1))) for p in network.populations]
    zero = [None if member(state, "synaptic") is None else jnp.float32(0) for state in states]
    begin = {
        "inputs": [zeros(size) for size in network.inputs.values()],
        "fired": [zeros(p.size) for p in network.populations],
        "drive": zero,
        "gates": [z if g is not None else None for z, g in zip(zero, gates, strict=True)],
        "task": task.init_state(network, n),
    }
    index = jnp.arange(n, dtype=jnp.int32)
    _, sums = observe(
        experiment, params, samples, index, seed=jnp.uint32(seed), epoch=jnp.int32(0), observe=step, observed=begin
    )
    return {**{k: v for k, v in sums.items() if k != "task"}, "scores": task.score(sums["task"], targets)}


def _gates(rule: Rule, network: Network) -> list[Any]:
    if not isinstance(rule, ERBP) or isinstance(rule, WrittenRule):  # the function of a user gates nothing
        return [None] * len(network.populations)
    return list(rule.boxcars(network).values())


def odd(metrics: dict[str, Any], names: tuple[str, ...], highest_hz: list[float | None], look: str) -> str | None:
    """One line on an epoch in which nothing was decided, no population fired, or one fired as fast as it can; None if
    all is well. `highest_hz` are the populations' highest rates, of those that know one; `look` is how to find out
    more.
    """
    rates = metrics["rates_hz"][-len(highest_hz) :]
    silent = [i for i, rate in enumerate(rates) if rate == 0]
    full = [i for i, (r, h) in enumerate(zip(rates, highest_hz, strict=True)) if h and r >= SATURATED * h]
    undecided = metrics.get("undecided", 0.0) >= 100.0
    if not (silent or full or undecided):
        return None
    if silent:
        what = f"{names[silent[0]]} never fired"
    elif full:
        what = f"{names[full[0]]} fired at {rates[full[0]]:.0f} Hz, nearly as fast as it can"
    else:
        what = "no test sample was decided"
    return f"warning: {what}; why, and what to change: {look}"
