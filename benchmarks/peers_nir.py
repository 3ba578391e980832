"""Does a network that was trained here run in another simulator through NIR, spike for spike?

Command: erbp-jax bench peers_nir [--run RUN] [--digits 100] [--out FILE]
Needs:   pip install '.[nir,bench]'; on a machine without a GPU take PyTorch's CPU build first. Simulators that are
         not installed are left out. Without --run, configs/digits_cuba.yaml is trained first (a minute).
Result:  docs/results/nir_peers/results.json; docs/guides/nir.md has its tables.

The network is written as a NIR file and read by the other simulator, which gets the input spikes of 100 test digits.
Its spikes are compared with those of the trained network, of every population and tick. The file is also read here by
forward Euler: what is left between this and the other simulator is not the way of discretising. `first differences`
are, a digit, the first tick at which a neuron differs; the column has the largest distance of a membrane from its
threshold there. Two more graphs of one neuron each probe the order of a tick and the threshold.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, get_args

import nir
import numpy as np
from frameworks import reading
from harness import machine
from rich.console import Console
from rich.table import Table

import erbp_jax as ej
from erbp_jax.api.runs import opened
from erbp_jax.encoding import Frames
from erbp_jax.files import write_json
from erbp_jax.network import Network
from erbp_jax.nir import from_nir, to_nir, write
from erbp_jax.nir.discrete import Method
from erbp_jax.params import Params

CONFIG = Path(__file__).parents[1] / "configs" / "digits_cuba.yaml"
console = Console(width=150)


class Ran(NamedTuple):
    """Spikes `[T, B, N]` and, where they are known, drives (membrane before the reset minus threshold) by name."""

    spikes: dict[str, np.ndarray]
    drive: dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run folder whose network NIR can say [trains the kept recipe]")
    parser.add_argument("--digits", type=int, default=100)
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    arguments = parser.parse_args()
    console.print(machine())
    if missing := [name for name in reading.READERS if name not in reading.available()]:
        console.print(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run or trained(Path(folder) / "run")
        model, data = opened(run)
        x, y = data.test.x[: arguments.digits], np.asarray(data.test.y[: arguments.digits])
        inputs = spikes_of(model, x)
        rows = [row for name in reading.available() for row in compared(name, model, inputs, y, Path(folder))]
    probes = {name: probed(name) for name in ["here", *reading.available()]}
    show(rows, probes)
    if arguments.out:
        versions = {name: version(name) for name in ("nir", "nirtorch", "torch", *reading.available())}
        write_json(
            arguments.out,
            {"machine": machine(), "versions": versions, "network": model.network.name, "digits": len(y),
             "ticks": len(inputs), "rows": rows, "probes": probes},
        )  # fmt: skip


def trained(folder: Path) -> Path:
    """A run of the kept recipe."""
    subprocess.run([sys.executable, "-m", "erbp_jax", "train", str(CONFIG), "--out", str(folder)], check=True)
    return folder


def spikes_of(model: Any, x: np.ndarray) -> np.ndarray:
    """Input spikes `[T, B, I]` of some samples."""
    seen = ej.record(model.network, model.params, x, model.encoder, steps=model.steps)
    return seen.spikes[next(iter(model.network.inputs))]


def ran_here(network: Network, params: Params, inputs: np.ndarray) -> Ran:
    """What a network of this package does with input spikes `[T, B, I]`."""
    seen = ej.record(network, params, np.swapaxes(inputs, 0, 1), Frames(), steps=len(inputs))
    names = [p.name for p in network.populations]
    return Ran({n: seen.spikes[n] for n in names}, {n: seen.state[n].drive for n in names})


def compared(name: str, model: Any, inputs: np.ndarray, labels: np.ndarray, folder: Path) -> list[dict[str, Any]]:
    """Rows for one simulator: a graph written for either way of discretising, against the network and against the
    same file read here by Euler."""
    reader, rows = reading.load(name), []
    dt = reader.tick or model.dt
    for method in get_args(Method):
        file = folder / f"{name}_{method}.nir"
        write(file, to_nir(model.network, model.params, dt, method))
        there = Ran(reader.run(nir.read(file), dt, inputs), {})
        for how, here in (
            ("trained", ran_here(model.network, model.params, inputs)),
            ("euler", ran_here(*from_nir(file, dt, "euler"), inputs)),
        ):
            about = {"simulator": reader.name, "written for": method, "here": how, "dt, ms": dt}
            rows.append(about | difference(here, there, model.network.output, labels))
    return rows


def difference(here: Ran, there: Ran, output: str, labels: np.ndarray) -> dict[str, Any]:
    """Spikes of every population, those that differ, and what is decided by the number of output spikes."""
    unlike = {name: here.spikes[name] != there.spikes[name] for name in here.spikes}
    answers = [decided(ran.spikes[output]) for ran in (here, there)]
    return {
        "spikes here": {name: int(s.sum()) for name, s in here.spikes.items()},
        "spikes there": {name: int(there.spikes[name].sum()) for name in here.spikes},
        "differ": {name: int(d.sum()) for name, d in unlike.items()},
        "digits alike": int((~np.any([d.any((0, 2)) for d in unlike.values()], 0)).sum()),
        "distance at first differences": at_first(unlike, here.drive),
        "decisions alike": int((answers[0] == answers[1]).sum()),
        "right here": int((answers[0] == labels).sum()),
        "right there": int((answers[1] == labels).sum()),
    }


def at_first(unlike: dict[str, np.ndarray], drive: dict[str, np.ndarray]) -> float | None:
    """The largest distance from the threshold of the neurons that differ first, over the samples; None if none does.

    Within a tick only the first population that differs counts: those behind it get other spikes.
    """
    distances = []
    for sample in range(next(iter(unlike.values())).shape[1]):
        ticks = {name: np.flatnonzero(d[:, sample].any(1))[:1] for name, d in unlike.items()}
        there = {name: int(tick[0]) for name, tick in ticks.items() if tick.size}
        if there:
            first = min(there, key=lambda name: there[name])
            place = there[first], sample
            distances.append(np.abs(drive[first][place][unlike[first][place]]).max())
    return float(max(distances)) if distances else None


def decided(spikes: np.ndarray) -> np.ndarray:
    """The class with most spikes of `[T, B, K]`, -1 where two have as many."""
    total = spikes.sum(0)
    best = total.max(1)
    return np.where((total == best[:, None]).sum(1) == 1, total.argmax(1), -1)


COMMON = ("digits alike", "decisions alike", "right here", "right there")
DT = 0.1
PROBES: dict[str, tuple[float, float, tuple[int, ...]]] = {
    "a membrane at its threshold": (1.0, DT, (0,)),
    "an input above it": (2.0, DT, (0,)),
    "an input three times the threshold, tau_mem of four ticks": (3.0, 4 * DT, (0,)),
    "and again two ticks later": (3.0, 4 * DT, (0, 2)),
    "an input every tick, a fifth above the threshold once it has settled": (0.3, 4 * DT, tuple(range(16))),
}
"""Weight, tau_mem in ms, ticks with an input spike; the synapse has a time constant of one tick, so it passes on the
input as it is, and r = tau_mem / dt makes an input of w raise the membrane by w."""


def probed(name: str) -> dict[str, list[int]]:
    """The ticks at which one neuron fires in each of the probes."""
    found = {}
    for about, (weight, tau, ticks) in PROBES.items():
        one = np.ones(1)
        neuron = nir.CubaLIF(
            tau_syn=one * DT / 1000, tau_mem=one * tau / 1000, r=one * tau / DT, v_leak=0 * one, v_threshold=one,
            v_reset=0 * one, w_in=one,
        )  # fmt: skip
        graph = nir.NIRGraph.from_list(nir.Linear(np.full((1, 1), weight, np.float32)), neuron)
        inputs = np.zeros((16, 1, 1), np.float32)
        inputs[list(ticks)] = 1
        if name == "here":
            (seen,) = ran_here(*from_nir(graph, DT, "euler"), inputs).spikes.values()
        else:
            (seen,) = reading.load(name).run(graph, DT, inputs).values()
        found[about] = np.flatnonzero(seen[:, 0, 0]).tolist()
    return found


def show(rows: list[dict[str, Any]], probes: dict[str, dict[str, list[int]]]) -> None:
    """Both tables."""
    table = Table(
        "simulator", "written for", "here", "population", "spikes here", "spikes there", "differ", "digits alike",
        "decisions alike", "right here", "right there", "distance at first differences",
    )  # fmt: skip
    for row in rows:
        far = row["distance at first differences"]
        common = [str(row[key]) for key in COMMON] + ["-" if far is None else f"{far:.2g}"]
        for i, name in enumerate(row["differ"]):
            who = [row[key] for key in ("simulator", "written for", "here")]
            counts = [str(row[key][name]) for key in ("spikes here", "spikes there", "differ")]
            table.add_row(*(["", "", ""] if i else who), name, *counts, *([] if i else common))
    console.print(table)
    table = Table("ticks of the spikes", *probes)
    for about in PROBES:
        table.add_row(about, *(" ".join(map(str, found[about])) or "none" for found in probes.values()))
    console.print(table)


if __name__ == "__main__":
    main()
