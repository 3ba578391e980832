"""Reward-modulated STDP learns XOR: rate-coded and temporally coded inputs, MSTDP and MSTDPET (Florian 2007).

A spike of the output neuron is rewarded (+1) while the answer should be 1 and punished (-1) while it should be 0;
the network receives nothing else. 200 epochs of the four patterns in random order, 500 ms each, the state carried
over. Every seed has a twin with the same weights and inputs that does not learn. All seeds run side by side in one
program. Success: in the last epoch the rate for (1,1) below those for (0,1) and (1,0), and silence for (0,0) but for
spikes that were in flight when it came; in temporal code every pattern of answer 0 below every pattern of answer 1.

Command:   python experiments/florian_xor.py [--out runs/florian_xor] [--seeds 200] [--cells rate_mstdp,...]
           The same command again keeps the cells that are done.
Hardware:  any CPU.
Wall time: 25 min on one free core for 200 seeds: temporal code 2 min a rule, rate code 5 to 10.
Expected:  rate code: at least 95 % of seeds (paper, 1000 runs: 99.1 and 98.2 %), about 1 % of frozen twins. Temporal
           code: about 81 % with MSTDP and 100 % with MSTDPET (paper: 89.7 and 99.5 %); there 67 % of frozen twins
           succeed by chance, with a margin between the rates for answers 1 and 0 of 4 Hz, against 10 and 28 Hz.
"""

import argparse
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import keep, kept
from erbp_jax.__main__ import guarded
from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.files import write_json
from erbp_jax.learning.three_factor import ThreeFactor
from erbp_jax.learning.three_factor.reward import mstdp, mstdpet
from erbp_jax.network import Network
from erbp_jax.neurons import LeakyIF
from erbp_jax.params import Params
from erbp_jax.random import bernoulli, between, new_key, permutation, split
from erbp_jax.trace import Tree
from erbp_jax.training.learn import Learning, Stream, learn, start
from erbp_jax.training.transforms import keep_within
from erbp_jax.viz.figure import INK, MUTED, colours, save, styled, subplots

PATTERNS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
ANSWERS = np.array([0, 1, 1, 0])
STEPS, EPOCHS, CHUNK = 500, 200, 10
IN_FLIGHT = 2
"""Ticks from an input to the output: as many output spikes at the start of a pattern may be the last one's."""
RATE_BLOCK = 5
"""Rate code: weights are written every 5 ms, which makes many seeds affordable; temporal code: every tick."""
PUBLISHED = {"rate_mstdp": 99.1, "rate_mstdpet": 98.2, "temporal_mstdp": 89.7, "temporal_mstdpet": 99.5}


@dataclass(frozen=True)
class Cell:
    """One network, code and rule. gamma in mV: weights are charges on a membrane that fires 16 mV above rest."""

    code: str
    rule: ThreeFactor
    gamma: float
    inputs: int
    hidden: int
    first: tuple[float, float]  # bounds of the excitatory inputs' weights, mV
    second: tuple[float, float]
    block: int = 1
    """Ticks for which weights are frozen."""

    @property
    def network(self) -> Network:
        """Charges arrive a tick after their spikes, which the rule sees when they are fired."""
        neuron, sizes = LeakyIF(20.0, threshold=16.0, refractory=0), ((self.inputs, self.hidden), (self.hidden, 1))
        return sequential(*((Dense(i, o), neuron) for i, o in sizes), delay=1, delay_side="dendritic")

    @property
    def bounds(self) -> tuple[Tree, Tree]:
        """Lowest and highest weights, shaped like the parameters."""
        low = np.full((self.inputs, self.hidden), self.first[0], np.float32)
        high = np.full((self.inputs, self.hidden), self.first[1], np.float32)
        if self.code == "rate":  # of each bit's inputs the second half is inhibitory
            inhibitory = np.arange(self.inputs) % (self.inputs // 2) >= self.inputs // 4
            low, high = np.where(inhibitory[:, None], (-high, -low), (low, high))
        second = [np.full((self.hidden, 1), bound, np.float32) for bound in self.second]
        low, high = (
            Tree(({"weight": jnp.asarray(a)}, {"weight": jnp.asarray(b)}), ({}, {}))
            for a, b in zip((low, high), second, strict=True)
        )
        return low, high

    def inputs_of(self, pattern: jax.Array, codes: jax.Array, key: jax.Array) -> jax.Array:
        """Input spikes `[T, 1, I]` of the bits `pattern[2]`."""
        if self.code == "rate":
            bits = jnp.repeat(pattern, self.inputs // 2)
            return bernoulli(key, 0.04 * bits[None, None], (STEPS, 1, self.inputs)).astype(jnp.float32)
        return jnp.where(pattern[None] > 0, codes[1], codes[0])[:, None]


CELLS = {
    "rate_mstdp": Cell("rate", mstdp(), 0.1, 60, 60, (0.0, 5.0), (0.0, 5.0), RATE_BLOCK),
    "rate_mstdpet": Cell("rate", mstdpet(), 0.625, 60, 60, (0.0, 5.0), (0.0, 5.0), RATE_BLOCK),
    "temporal_mstdp": Cell("temporal", mstdp(), 0.01, 2, 20, (-10.0, 10.0), (0.0, 10.0)),
    "temporal_mstdpet": Cell("temporal", mstdpet(), 0.25, 2, 20, (-10.0, 10.0), (0.0, 10.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "florian_xor")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--cells", default=",".join(CELLS), help="which of " + ", ".join(CELLS))
    arguments = parser.parse_args()
    names = arguments.cells.split(",")
    if unknown := [name for name in names if name not in CELLS]:
        parser.error(f"--cells: unknown {', '.join(unknown)}; known: {', '.join(CELLS)}")
    if arguments.seeds < 1:
        parser.error(f"--seeds: must be at least 1, got {arguments.seeds}")
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    rates, summary = {}, {}
    for name in names:
        path, options = out / f"{name}_{arguments.seeds}.npz", {"cell": name, "seeds": arguments.seeds}
        like = {"learned": np.zeros((arguments.seeds, EPOCHS, 4)), "frozen": np.zeros((arguments.seeds, CHUNK, 4))}
        done = kept(path, options, like)  # what is there already is not run again
        if done is None:
            began = time.perf_counter()
            arrays = dict(zip(like, run(CELLS[name], arguments.seeds, name), strict=True))
            done = {"options": options, "seconds": time.perf_counter() - began}, arrays
            keep(path, *done)
        report, arrays = done
        rates[name], seconds = (arrays["learned"], arrays["frozen"]), report["seconds"]
        summary[name] = {"seeds": arguments.seeds, **measure(CELLS[name].code, rates[name], PUBLISHED[name])}
        summary[name]["seconds"] = round(seconds, 1)
        print(name, summary[name], flush=True)
        write_json(out / "summary.json", {"epochs": EPOCHS, **summary})
    print(picture(rates, summary, out / "florian_xor.png"))


def run(cell: Cell, seeds: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Output rates in Hz `[seeds, epochs, 4]` by pattern: learning, and of the frozen twin in the last ten epochs."""
    keys = split(new_key(0), seeds)
    out = []
    for gamma in (cell.gamma, 0.0):
        state, parts = jax.jit(jax.vmap(partial(begin, cell, gamma)))(keys), []
        for first in range(0 if gamma else EPOCHS - CHUNK, EPOCHS, CHUNK):  # a frozen twin is the same all along
            state, counts, order = _epochs(cell, gamma, state, keys, first)
            parts.append(np.take_along_axis(np.asarray(counts), np.argsort(order, -1), -1))
            print(f"{name}, {'learning' if gamma else 'frozen'}: {first + CHUNK}/{EPOCHS} epochs", flush=True)
        out.append(np.concatenate(parts, 1) * (1000.0 / STEPS))
    return out[0], out[1]


def learning(cell: Cell, gamma: float) -> Learning:
    if not gamma:  # a frozen twin: no terms, nothing to work out
        return Learning(cell.network, ThreeFactor(((),)), optax.set_to_zero())
    return Learning(cell.network, cell.rule, optax.chain(optax.sgd(gamma), keep_within(*cell.bounds)))


def begin(cell: Cell, gamma: float, key: jax.Array) -> tuple[Stream, jax.Array]:
    """Weights uniform within their bounds, and the two spike trains of temporal code, `[2, T, 1]`."""
    low, high = cell.bounds
    leaves, tree = jax.tree.flatten(low)
    draws = [jax.random.fold_in(key, i) for i in range(len(leaves))]
    trained = jax.tree.unflatten(
        tree,
        [a + (b - a) * between(k, a.shape) for k, a, b in zip(draws, leaves, jax.tree.leaves(high), strict=True)],
    )
    times = [permutation(jax.random.fold_in(key, 10 + i), STEPS)[: STEPS // 10] for i in range(2)]
    codes = jnp.stack([jnp.zeros((STEPS, 1)).at[t].set(1.0) for t in times])
    params = cell.network.init(key)._replace(trained=trained)
    return start(learning(cell, gamma), params, Params((), ())), codes


@partial(jax.jit, static_argnums=(0, 1))
def _epochs(cell, gamma, state, keys, first):
    """Ten epochs of all seeds: `(state, spikes [seeds, epochs, 4] in the order shown, that order)`."""

    def presentation(codes, stream, inputs):
        which, key = inputs
        spikes = cell.inputs_of(jnp.asarray(PATTERNS)[which], codes, key)
        target = jnp.asarray(ANSWERS)[which][None]
        stream, out = learn(learning(cell, gamma), stream, spikes, target, key=key[None], block=cell.block)
        return stream, out.sum()

    def one(state, key):
        stream, codes = state

        def epoch(stream, number):
            key_order, key_spikes = split(jax.random.fold_in(key, 1000 + number), 2)
            order = permutation(key_order, 4)
            stream, counts = jax.lax.scan(partial(presentation, codes), stream, (order, split(key_spikes, 4)))
            return stream, (counts, order)

        stream, (counts, order) = jax.lax.scan(epoch, stream, first + jnp.arange(CHUNK))
        return (stream, codes), counts, order

    return jax.vmap(one)(state, keys)


def succeeded(code: str, rates: np.ndarray) -> np.ndarray:
    """Of the rates of the last epoch `[..., 4]`; (0,0) may show the spikes that were in flight when it came."""
    low, high = rates[..., ANSWERS == 0], rates[..., ANSWERS == 1]
    if code == "rate":
        return (rates[..., 0] * STEPS / 1000 <= IN_FLIGHT) & (rates[..., 3] < high.min(-1))
    return low.max(-1) < high.min(-1)


def margin(rates: np.ndarray) -> np.ndarray:
    """Least rate of an answer 1 minus largest of an answer 0."""
    return rates[..., ANSWERS == 1].min(-1) - rates[..., ANSWERS == 0].max(-1)


def measure(code: str, rates: tuple[np.ndarray, np.ndarray], published: float) -> dict[str, Any]:
    learned, frozen = (x[:, -1] for x in rates)
    both = {"learning": succeeded(code, learned), "frozen": succeeded(code, frozen)}
    margins = {"learning": margin(learned), "frozen": margin(frozen)}
    return {
        "success_percent": round(100 * float(both["learning"].mean()), 1),
        **(
            {"seeds_without_any_spike_for_00_percent": round(100 * float((learned[:, 0] == 0).mean()), 1)}
            if code == "rate"
            else {}
        ),
        "success_first_20_seeds": int(both["learning"][:20].sum()),
        "published_percent": published,
        "frozen_success_percent": round(100 * float(both["frozen"].mean()), 1),
        "frozen_success_first_20_seeds": int(both["frozen"][:20].sum()),
        "median_margin_hz": float(np.median(margins["learning"])),
        "median_margin_frozen_hz": float(np.median(margins["frozen"])),
        "median_gain_of_margin_hz": float(np.median(margins["learning"] - margins["frozen"])),
        "mean_rates_hz": dict(zip(("00", "01", "10", "11"), learned.mean(0).round(1).tolist(), strict=True)),
    }


@styled
def picture(rates: dict[str, tuple[np.ndarray, np.ndarray]], summary: dict[str, Any], path: Path) -> Path:
    """Per cell: mean output rate for each pattern over epochs, and the margin of all seeds at the end."""
    figure, grid = subplots(2, len(rates), figsize=(3.3 * len(rates), 6), squeeze=False)
    for column, (name, both) in enumerate(rates.items()):
        top, bottom = grid[:, column]
        for k, (bits, answer) in enumerate(zip(PATTERNS, ANSWERS, strict=True)):
            label = f"{bits[0]}{bits[1]} (answer {answer})"
            top.plot(both[0][:, :, k].mean(0), color=colours()[k], linewidth=1.2, label=label)
        top.set(xlabel="epoch", ylabel="output rate (Hz)" if column == 0 else None)
        done = summary[name]["success_percent"]
        title = f"{name.replace('_', ' ').replace('mstdp', 'MSTDP').replace('et', 'ET')}: {done:g} % succeed"
        top.set_title(f"{title}\n(paper {PUBLISHED[name]:g} %), {len(both[0])} seeds", fontsize=9, loc="left")
        margins = np.stack([margin(x[:, -1]) for x in both])
        bins = np.linspace(margins.min() - 1, margins.max() + 1, 41)
        bottom.hist(margins[0], bins, color=INK, label="learning")
        bottom.hist(margins[1], bins, color=MUTED, alpha=0.7, label="frozen twin")
        bottom.axvline(0, color=colours()[0], linewidth=0.8)
        bottom.set(xlabel="margin, last epoch (Hz)", ylabel="seeds" if column == 0 else None)
    grid[0, 0].legend(frameon=False, fontsize=7.5)
    grid[1, 0].legend(frameon=False, fontsize=7.5)
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
