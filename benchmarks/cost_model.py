"""What do a training step's time and memory follow from? A model with few terms, fitted, then tried on other sizes.

Command: erbp-jax bench cost_model [--repeats 5] [--out FILE.json]     (needs no data set)

eRBP, 784-N-N-10, B samples, T ticks, an update every k = 5 ticks, products for all layers (`network.events: none`):

    seconds = a T + b T B (784 + 2 N) + c T B W + d T W / k,      W = 784 N + N^2 + 10 N
    bytes   = e + f k B (784 + 2 N) + g W

a: what a tick costs by itself; b: neurons and encoding; c: products; d: passes over the weights at an update. Memory is
the compiled program's temporaries. Fitted with non-negative least squares of relative errors on eighteen sizes, then
compared with three that were not used.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from harness import machine, take_turns
from rich.console import Console
from rich.table import Table
from train_speed import P2, images, merge, prepare

EVERY = 5
FITTED = [(n, b, t) for n in (50, 200, 800) for b in (10, 50, 200) for t in (20, 80)]
TRIED = [(400, 100, 60), (100, 500, 40), (1200, 20, 40)]


class Size(NamedTuple):
    units: int
    batch: int
    ticks: int

    @property
    def weights(self) -> int:
        return 784 * self.units + self.units**2 + 10 * self.units

    @property
    def neurons(self) -> int:
        return 784 + 2 * self.units

    def time_terms(self) -> list[float]:
        t, rows = self.ticks, self.ticks * self.batch
        return [t, rows * self.neurons, rows * self.weights, t * self.weights / EVERY]

    def memory_terms(self) -> list[float]:
        return [1.0, EVERY * self.batch * self.neurons, self.weights]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the fitted coefficients as JSON")
    arguments = parser.parse_args()
    console = Console(width=110)
    data, sizes = images(), [Size(*s) for s in FITTED + TRIED]
    cases = {}
    with console.status("compiling") as status:
        for s in sizes:
            status.update(f"compiling {s}")
            shape = {
                "encoding": {"steps": s.ticks},
                "network": {"layers": [784, s.units, s.units, 10], "events": "none"},
                "training": {"batch_size": s.batch, "update_every": EVERY},
            }
            cases[s] = prepare(merge(P2, shape), data)
        times = take_turns({s: case.call for s, case in cases.items()}, arguments.repeats, status.update)
    seconds = {s: times[s].fastest for s in sizes}
    memory = {s: cases[s].memory * 2**20 for s in sizes}
    fitted = sizes[: len(FITTED)]
    time_fit = fit(np.array([s.time_terms() for s in fitted]), np.array([seconds[s] for s in fitted]))
    memory_fit = fit(np.array([s.memory_terms() for s in fitted]), np.array([memory[s] for s in fitted]))
    table = Table("N", "B", "T", "ms", "model", "off", "MiB", "model", "off", "used in the fit")
    for s in sizes:
        t, m = float(np.dot(time_fit, s.time_terms())), float(np.dot(memory_fit, s.memory_terms()))
        row = [f"{1e3 * seconds[s]:.1f}", f"{1e3 * t:.1f}", f"{100 * (t / seconds[s] - 1):+.0f} %"]
        row += [f"{memory[s] / 2**20:.2f}", f"{m / 2**20:.2f}", f"{100 * (m / memory[s] - 1):+.0f} %"]
        table.add_row(str(s.units), str(s.batch), str(s.ticks), *row, "yes" if s in fitted else "no")
    console.print(machine(), table)
    a, b, c, d = time_fit
    console.print(
        f"a = {1e6 * a:.1f} us per tick, b = {1e9 * b:.2f} ns per neuron, tick and sample, "
        f"c = {1e9 * c:.4f} ns per synapse, tick and sample ({4 / c / 1e9:.1f} GFLOP/s), "
        f"d = {1e9 * d:.2f} ns per weight and update"
    )
    e, f, g = memory_fit
    console.print(f"e = {e / 2**20:.2f} MiB, f = {f:.1f} bytes, g = {g:.1f} bytes")
    if arguments.out:
        arguments.out.write_text(json.dumps({"seconds": list(time_fit), "bytes": list(memory_fit)}, indent=1))


def fit(terms: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Non-negative coefficients with the least relative errors: every size counts alike."""
    from scipy.optimize import nnls

    scale = terms.max(0) + 1e-30  # the terms differ by many orders
    found, _ = nnls(terms / scale / measured[:, None], np.ones(len(measured)))
    return found / scale


if __name__ == "__main__":
    main()
