"""A Mihalas-Niebur neuron in integers: the reference's trace, and the same neuron with other parameters, bursting.

Shows membrane, threshold and spike-induced currents as four coupled 16-bit states that need shifts and sums alone. The
first parameters are checked, integer for integer, against what the reference simulator computed from them.

Command:   python experiments/nsat_mihalas_niebur.py [--out runs/nsat_mihalas_niebur]
Hardware:  any CPU.
Wall time: 10 s on one core.
Expected:  adapting: spikes at the ticks 16, 38, 63, 92, 126 and 172, silence after that, all rows equal.
           Bursting: eight spikes, then bursts of six, 4 to 7 ticks apart, with 112 or 113 ticks between bursts.
"""

import argparse
from pathlib import Path

import numpy as np

import nsat_examples as examples
from erbp_jax.__main__ import guarded
from erbp_jax.errors import UserError
from erbp_jax.files import write_json
from erbp_jax.nsat.program import merge
from erbp_jax.nsat.replay import Outcome, simulate
from erbp_jax.viz.figure import ACCENT, INK, colours, save, styled, subplots

TICKS = 500
SPIKES = [16, 38, 63, 92, 126, 172]
ROWS = {
    1: [-6703, -4998, 75, 9],
    2: [-6451, -4995, 57, 8],
    3: [-6233, -4991, 43, 7],
    4: [-6044, -4987, 33, 6],
    5: [-5878, -4982, 25, 5],
    10: [-5280, -4949, 7, 0],
    16: [-7000, -4897, 0, 0],
    17: [-6813, -4891, 0, 0],
    20: [-6320, -4883, 0, 0],
    50: [-5387, -4721, 0, 0],
    100: [-5794, -4480, 0, 0],
    498: [-4015, -3351, 0, 0],
    499: [-4015, -3350, 0, 0],
}
"""Membrane, threshold and currents at the end of a tick, from the reference simulator."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs") / "nsat_mihalas_niebur")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    adapting, bursting = simulate(merge([examples.mihalas_niebur(), examples.mihalas_niebur("bursting")]), TICKS)
    first, second = (outcome.spikes[:, 0].tolist() for outcome in (adapting, bursting))
    wrong = [tick for tick, row in ROWS.items() if adapting.states[tick, 0].tolist() != row]
    if first != SPIKES or wrong:
        raise UserError(f"not the reference's trace: spikes {first}, expected {SPIKES}; rows that differ: {wrong}")
    print(f"adapting: spikes {first}; all {len(ROWS)} rows as in the reference")
    print(f"bursting: spikes {second}")
    print(f"          pauses {np.diff(second).tolist()}")
    write_json(out / "summary.json", {"adapting": {"spikes": first, "rows_equal": len(ROWS)},
                                      "bursting": {"spikes": second}})  # fmt: skip
    print(picture({"adapting (the reference's parameters)": adapting, "bursting": bursting},
                  out / "nsat_mihalas_niebur.png"))  # fmt: skip


@styled
def picture(outcomes: dict[str, Outcome], path: Path) -> Path:
    """Membrane and threshold above, currents below."""
    figure, grid = subplots(2, len(outcomes), figsize=(10, 4.6), sharex=True, height_ratios=[2, 1], squeeze=False)
    for column, (name, outcome) in enumerate(outcomes.items()):
        top, bottom = grid[:, column]
        membrane, threshold, fast, slow = outcome.states[:, 0].T
        times = outcome.spikes[:, 0]
        top.plot(threshold, color=ACCENT, linewidth=1.2, label="threshold")
        top.plot(membrane, color=INK, linewidth=1, label="membrane")
        low, high = top.get_ylim()
        mark = high + 0.12 * (high - low)
        top.vlines(times, high, mark, color=INK, linewidth=1)
        top.set(ylim=(low, mark + 0.03 * (high - low)), xlim=(0, len(membrane)))
        top.set_title(f"{name}: {len(times)} spikes", fontsize=9, loc="left")
        bottom.plot(fast, color=colours()[1], linewidth=1, label="fast current")
        bottom.plot(slow, color=colours()[2], linewidth=1, label="slow current")
        bottom.set_xlabel("tick")
    grid[0, 0].set_ylabel("state (units of the machine)\nspikes above")
    grid[1, 0].set_ylabel("current (units per tick)")
    for axis in grid[:, 0]:
        axis.legend(frameon=False, fontsize=8, loc="upper right" if axis is grid[1, 0] else "lower right")
    return save(figure, path)


if __name__ == "__main__":
    guarded(main)
