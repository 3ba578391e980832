"""Pair-based STDP, and its forward-table form: windows, how much of exact STDP the forward table sees, and learning.

Left: the change that a pair of spikes makes, through the rules, for the kernels of the fixed-point machine and an
exponential. Middle: independent Poisson trains; the sum of forward-table updates over that of all pairs (exponential
kernel, 20 ms, window 64 ms). Right: a neuron learns from 40 inputs at 20 Hz of which half share events; all seeds
side by side.

Command:   python experiments/stdp_windows.py [--out runs/stdp_windows] [--seeds 20]
Hardware:  any CPU.
Wall time: 2 min on one core.
Expected:  the windows are their kernels, the forward table's difference to exact STDP is 0 wherever both refractory
           periods reach the window; with a refractory period of 1 ms the causal ratio is 0.61 +- 0.03 at 10 Hz
           (reference: 0.609 causal, 0.862 acausal; 0.751 at 5 Hz, 0.430 at 20 Hz). In every seed the inputs that
           share events end with the larger mean weight, under all-to-all, nearest and forward-table STDP alike (the
           last with a weaker acausal side).
"""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import seeds_and_folder
from erbp_jax.__main__ import guarded
from erbp_jax.chain import sequential
from erbp_jax.connections import Arrived, Dense
from erbp_jax.files import write_json
from erbp_jax.kernels import Exponential, Kernel, Staircase
from erbp_jax.learning.base import Given
from erbp_jax.learning.three_factor import ForwardTableSTDP, ThreeFactor, pair_stdp
from erbp_jax.network import Network
from erbp_jax.neurons import LeakyIF
from erbp_jax.params import Params
from erbp_jax.random import bernoulli, between, new_key, split
from erbp_jax.trace import PopulationTrace, Trace
from erbp_jax.training.learn import Learning, learn, start
from erbp_jax.training.progress import busy
from erbp_jax.training.transforms import keep_within
from erbp_jax.viz.figure import INK, MUTED, colours, save, styled, subplots

EXPONENTIAL = Exponential(20.0, 20.0, 1.0, -1.0, 64, 2.0**-12)
KERNELS: dict[str, Kernel] = {
    "staircase": Staircase(),
    "staircase of halvings": Staircase(
        causal_shift=(1, 1, 1),
        acausal_shift=(1, 1, 1),
        causal_slope=(4, 4, 4),
        acausal_slope=(4, 4, 4),
        exponential=True,
    ),
    "exponential": EXPONENTIAL,
}
RATES = {5: (1, 32, 64), 10: (1, 5, 10, 20, 32, 64), 20: (1, 5, 32)}
REFERENCE = {
    (10, 1): (0.609, 0.862), (10, 5): (0.633, 0.885), (10, 10): (0.662, 0.910), (10, 20): (0.742, 0.949),
    (10, 32): (0.831, 0.975), (5, 1): (0.751, 0.918), (5, 32): (0.929, 0.990), (20, 1): (0.430, 0.752),
    (20, 32): (0.720, 0.929),
}  # fmt: skip
CHUNK, TRAINS = 1000, 16
NOTHING = Params((), ())
"""What these rules have besides the network."""
INPUTS, SHARED, RATE = 40, 20, 0.02
SPREAD = 10
"""Ticks over which inputs that share an event fire."""
SECONDS = 60


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "stdp_windows")
    drawn = {name: windows(kernel) for name, kernel in KERNELS.items()}
    table = []
    for rate, refractories in RATES.items():
        for refractory in refractories:
            table.append(ratios(rate, refractory))
            print("{rate_hz} Hz, refractory {refractory} ms: causal {causal:.3f}, acausal {acausal:.3f} of all pairs; "
                  "largest difference {difference}".format(**table[-1]))  # fmt: skip
    learned = {}
    for name, rule in rules().items():
        with busy(f"learning, {name}"):
            learned[name] = learning(rule, seeds)
    gaps = {name: w[:, -1, :SHARED].mean(1) - w[:, -1, SHARED:].mean(1) for name, w in learned.items()}
    summary: dict[str, Any] = {"seeds": seeds, "ratios": table, "learning": {}}
    for name, gap in gaps.items():
        summary["learning"][name] = {
            "seeds_where_shared_inputs_win": int((gap > 0).sum()),
            "weight_gap_mean": round(float(gap.mean()), 3),
            "weight_gap_least": round(float(gap.min()), 3),
        }
        print(f"{name}: {summary['learning'][name]}")
    write_json(out / "summary.json", summary)
    print(picture(drawn, table, learned, out / "stdp_windows.png"))


def plain(inputs: int, outputs: int) -> Network:
    """One layer; a spike and the one that it causes are a tick apart."""
    return sequential(Dense(inputs, outputs), LeakyIF(), delay=1, delay_side="dendritic")


def changes(rule: Any, pre: np.ndarray, post: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """What a rule makes of given trains `[T, I]`, `[T, O]`: total change `[I, O]`."""
    network = plain(pre.shape[1], post.shape[1])
    state, total = rule.rest(network, 1), np.zeros((pre.shape[1], post.shape[1]))
    for first in range(0, len(pre), chunk):
        x, y = (jnp.asarray(s[first : first + chunk, None], jnp.float32) for s in (pre, post))
        state, update = _chunk(rule, network, state, x, y)
        total -= np.asarray(update, np.float64)
    return total


@partial(jax.jit, static_argnums=(0, 1))
def _chunk(rule, network, state, x, y):
    trace = Trace((x,), (Arrived(x),), (PopulationTrace(y, (), y),))
    key = new_key(0)
    given = Given(x, jnp.zeros(1, jnp.int32), jnp.arange(len(x), dtype=jnp.int32), split(key, x.shape[:2]))
    state, (update,), *_ = rule.step(network, network.init(key), NOTHING, state, trace, given)
    return state, update["weight"]


def windows(kernel: Kernel) -> dict[str, np.ndarray]:
    """The change made by one pair, dt from -70 to 70."""
    dt = np.arange(-70, 71)
    pre, post = np.zeros((300, len(dt))), np.zeros((300, len(dt)))
    pre[100], post[100 + dt, np.arange(len(dt))] = 1, 1
    exact = np.diagonal(changes(ThreeFactor((pair_stdp(kernel),)), pre, post, 300))
    table = np.diagonal(changes(ForwardTableSTDP(kernel), pre, post, 300))
    return {"dt": dt, "pairs": exact, "forward table": table}


def poisson(rng: np.random.Generator, rate: float, refractory: int, ticks: int, trains: int) -> np.ndarray:
    """Trains `[T, trains]` of `rate` Hz at 1 ms ticks, intervals of at least `refractory` ticks."""
    spikes = np.zeros((ticks + 100, trains))
    mean = 1000.0 / rate - refractory
    for train in range(trains):
        intervals = refractory + rng.geometric(1.0 / (mean + 1.0), int(2 * ticks * rate / 1000)) - 1
        times = np.cumsum(intervals)
        spikes[times[times < ticks - 70], train] = 1
    return spikes[:ticks]


def ratios(rate: int, refractory: int) -> dict[str, Any]:
    """Forward table over all pairs, each side of the kernel on its own."""
    rng = np.random.default_rng(1000 * rate + refractory)
    pre, post = (poisson(rng, rate, refractory, 40 * CHUNK, TRAINS) for _ in range(2))
    row: dict[str, Any] = {"rate_hz": rate, "refractory": refractory}
    difference = 0.0
    for side, kernel in (
        ("causal", Exponential(20.0, 20.0, 1.0, 0.0, 64, 2.0**-12)),
        ("acausal", Exponential(20.0, 20.0, 0.0, 1.0, 64, 2.0**-12)),
    ):
        # A postsynaptic spike in the tick of a presynaptic one is lost to the causal side: trains with such ties apart.
        forward = changes(ForwardTableSTDP(kernel), pre, post)
        exact = changes(ThreeFactor((pair_stdp(kernel),)), pre, post)
        untied = ~(pre.T @ post > 0)
        if refractory >= kernel.window and untied.any():
            difference = max(difference, float(np.abs(forward - exact)[untied].max()))
        row[side] = round(float(forward.sum() / exact.sum()), 4)
    row["difference"] = difference if refractory >= 64 else None
    row["pairs_without_ties"] = int((~(pre.T @ post > 0)).sum())
    return row


def rules() -> dict[str, Any]:
    # The forward table loses more of the causal side than of the acausal one (middle), so its acausal side is weaker.
    balanced, weaker = (Exponential(20.0, 20.0, 1.0, acausal, 64) for acausal in (-1.05, -0.7))
    return {
        "all pairs": ThreeFactor((pair_stdp(balanced),)),
        "nearest pairs": ThreeFactor((pair_stdp(balanced, "nearest"),)),
        "forward table": ForwardTableSTDP(weaker),
    }


def learning(rule: Any, seeds: int) -> np.ndarray:
    """Weights `[seeds, seconds + 1, INPUTS]` of a neuron whose first inputs fire together now and then."""
    network = plain(INPUTS, 1)
    params = network.init(new_key(0))
    learner = Learning(network, rule, optax.chain(optax.sgd(0.0003), keep_within(0.0, 0.1)))
    target = jnp.zeros(1, jnp.int32)

    def second(stream, key):
        common, own, noise = split(key, 3)
        event = bernoulli(common, RATE / 2, (CHUNK + SPREAD,))
        active = jnp.stack([event[d : d + CHUNK].astype(jnp.float32) for d in range(SPREAD)]).sum(0)
        sharing = (jnp.arange(INPUTS) < SHARED)[None]  # half of the rate of these comes in their common events
        hazard = jnp.where(sharing, RATE / 2 + active[:, None] / SPREAD, RATE)
        spikes = bernoulli(own, jnp.minimum(hazard, 1.0))[:, None]
        spikes = spikes.astype(jnp.float32)
        stream, _ = learn(learner, stream, spikes, target, key=noise[None], record=lambda *_: None)
        return stream, stream.params.trained.projections[0]["weight"][:, 0]

    def one(key):
        initial, key = split(key, 2)
        weight = between(initial, (INPUTS, 1), 0.04, 0.08)
        trained = params.trained._replace(projections=({"weight": weight},))
        stream = start(learner, params._replace(trained=trained), NOTHING)
        _, weights = jax.lax.scan(second, stream, split(key, SECONDS))
        return jnp.concatenate([weight[:, 0][None], weights])

    return np.asarray(jax.jit(jax.vmap(one))(split(new_key(0), seeds)))


@styled
def picture(drawn: Any, table: list[dict[str, Any]], learned: dict[str, np.ndarray], path: Path) -> Path:
    figure, axes = subplots(1, 3, figsize=(12, 3.8))
    left, middle, right = axes
    for (name, curves), colour, style in zip(drawn.items(), colours(), ("-", "--", ":"), strict=False):
        left.plot(curves["dt"], curves["pairs"], style, color=colour, linewidth=1.4, label=name)
        left.plot(curves["dt"][::7], curves["forward table"][::7], "o", color=colour, markersize=3)
    left.axhline(0, color=MUTED, linewidth=0.6)
    left.set(xlabel="t_post - t_pre (ticks)", ylabel="weight change of one pair")
    left.set_title("windows: lines pair-based, dots forward table", fontsize=9, loc="left")
    left.legend(frameon=False, fontsize=7.5, loc="lower right")
    for rate, colour in zip(RATES, colours(), strict=False):
        rows = [row for row in table if row["rate_hz"] == rate]
        x = [row["refractory"] for row in rows]
        for side, style in (("causal", "-"), ("acausal", "--")):
            middle.plot(
                x,
                [row[side] for row in rows],
                style,
                marker="o^s"[list(RATES).index(rate) % 3],
                markersize=3,
                color=colour,
                label=f"{rate} Hz, {side}",
            )
    for (_, refractory), both in REFERENCE.items():
        middle.plot([refractory] * 2, both, "x", color=INK, markersize=5)
    middle.plot([], [], "x", color=INK, label="reference")
    middle.set(xlabel="refractory period (ms)", ylabel="forward table / all pairs", ylim=(0.3, 1.05))
    middle.set_title("what the forward table sees of exact STDP", fontsize=9, loc="left")
    middle.legend(frameon=False, fontsize=7, loc="lower right")
    for (name, weights), style in zip(learned.items(), ("-", "--", ":"), strict=True):
        time = np.arange(weights.shape[1])
        right.plot(time, weights[..., :SHARED].mean((0, 2)), style, color=colours()[0], label=f"shared, {name}")
        right.plot(time, weights[..., SHARED:].mean((0, 2)), style, color=colours()[1], label=f"independent, {name}")
    right.set(xlabel="time (s)", ylabel="mean weight")
    right.set_title(
        f"learning to prefer inputs that share events, {len(learned['all pairs'])} seeds", fontsize=9, loc="left"
    )
    right.legend(frameon=False, fontsize=7, ncols=2, loc="upper left")
    right.set_ylim(top=right.get_ylim()[1] + 0.3 * np.ptp(right.get_ylim()))
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
