"""Output neurons that follow given curves of rates, on inputs they have never seen: eRBP and BP on one network.

    python experiments/regression.py --out runs/regression

A slow signal u(t) in [0, 1], a sum of two sines with random phases, moves a bump of activity along 80 input neurons.
Two outputs are to fire at rates that are functions of it, 0.05 + 0.4 u and 0.45 - 0.4 u^2 spikes per tick. The error is
the mean squared difference of output and target, both smoothed by 20 ticks, as a share of the target's variance.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import optax

import erbp_jax as ej
from erbp_jax.files import write_json
from erbp_jax.viz.figure import colours, save, styled, subplots
from erbp_jax.viz.followed import smoothed

TICKS, INPUTS = 200, 80
NEURON = ej.LIF(tau_mem=2.0, tau_syn=1.0, refractory=0)


def curves(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Input spikes uint8 `[n, T, I]` and target rates float32 `[n, T, 2]`."""
    draw = np.random.default_rng(seed)
    time = np.arange(TICKS)[None, :, None]
    period, phase = draw.uniform(80, 200, (samples, 1, 2)), draw.uniform(0, 2 * np.pi, (samples, 1, 2))
    u = 0.5 + 0.25 * np.sin(2 * np.pi * time / period + phase).sum(-1)  # [n, T]
    centres = np.linspace(-0.1, 1.1, INPUTS)
    rate = 0.5 * np.exp(-0.5 * ((u[..., None] - centres) / 0.08) ** 2)
    spikes = (draw.random(rate.shape) < rate).astype(np.uint8)
    return spikes, np.stack([0.05 + 0.4 * u, 0.45 - 0.4 * u**2], -1).astype(np.float32)


def data_set(train: int = 400, test: int = 100) -> ej.Dataset:
    """Curves to learn from, and others to be tested on; the settings below were chosen on those of seed 1."""
    return ej.dataset(*curves(train, 0), *curves(test, 2), trains=True, name="curves")


def rules(network: ej.Network, updates: int) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each rule with what `fit` gets besides; `updates` of back-propagation in all."""
    label = {"label": ej.Curves(network.classes), "gates": ej.Boxcar(-8.0, 8.0)}
    schedule = optax.cosine_decay_schedule(1e-2, updates)
    return {
        "BP": (
            ej.BackProp(loss=ej.CurveError(tau=20.0), surrogate=ej.Surrogate("triangular")),
            {"optimizer": optax.adam(schedule)},
        ),
        "eRBP": (ej.ERBP.default(network, feedback_scale=3.0, **label), {"learning_rate": 3e-4, "update_every": 5}),
    }


def follow(data: ej.Dataset, epochs: int, seed: int, hidden: int = 100, progress: bool = True) -> dict[str, ej.Model]:
    """The network trained by each rule."""
    network = ej.mlp(*data.sizes(hidden), neuron=NEURON)
    return {
        name: ej.fit(network, rule, data, epochs=epochs, seed=seed, progress=progress, burn_in=0, batch_size=20, **more)
        for name, (rule, more) in rules(network, epochs * (len(data.train) // 20)).items()
    }


@styled
def picture(models: dict[str, ej.Model], data: ej.Dataset, path: Path) -> Path:
    """Both outputs of every rule on the first test curve, beside the target."""

    figure, axes = subplots(len(models), 1, figsize=(6.4, 2.2 * len(models)), sharex=True, squeeze=False)
    for axis, (name, model) in zip(axes[:, 0], models.items(), strict=True):
        spikes = model.record(data.test.x[:1]).spikes["output"][:, 0]
        for place, colour in enumerate(colours()[:2]):
            for values, style in ((data.test.y[0], "--"), (spikes, "-")):
                axis.plot(smoothed(values, 20.0)[:, place], style, color=colour, linewidth=1.2)
        axis.set_ylabel("spikes per tick")
        axis.set_title(f"{name}: nmse {model.metrics['test_nmse']:.3f}", loc="left", fontsize=9)
    axes[-1, 0].set_xlabel("tick (dashed: target, line: output, both smoothed)")
    figure.tight_layout()
    return save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/regression"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    data = data_set()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[float]] = {}
    for seed in range(arguments.seeds):
        models = follow(data, arguments.epochs, seed)
        for name, model in models.items():
            found.setdefault(name, []).append(model.metrics["test_nmse"])
        if seed == 0:
            print(picture(models, data, arguments.out / "regression.png"))
    rows = {
        name: {"nmse": float(np.mean(x)), "std": float(np.std(x, ddof=1)) if len(x) > 1 else None, "per_seed": x}
        for name, x in found.items()
    }
    write_json(arguments.out / "regression.json", {"epochs": arguments.epochs, "rules": rows})
    for name, row in rows.items():
        print(f"{name}: nmse {row['nmse']:.4f}" + (f" +- {row['std']:.4f}" if row["std"] is not None else ""))


if __name__ == "__main__":
    main()
