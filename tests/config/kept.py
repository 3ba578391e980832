"""What every kept config builds, as short digests: `python -m tests.config.kept` writes them anew.

The digests were made before the sections of a config were made from the classes themselves; whoever writes them anew
changes what kept configs compute, and says why.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from erbp_jax import data
from erbp_jax.config import load_config, rule_names
from erbp_jax.config.build import build
from erbp_jax.errors import UserError

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "configs.json"
PARTS = ("network", "encoder", "rule")
NUMBERS = (
    *("steps", "test_steps", "update_every", "burn_in", "batch_size", "test_batch_size", "reset_state"),
    *("average", "shift"),
)
SINCE = (", per_gain=False",)
"""Fields that are younger than the digests, at values that change nothing."""
SIZES = {
    "mnist": ((28, 28), 60000, 10000, None, 10),
    "digits": ((8, 8), 1437, 360, None, 10),
    "digits_saccades": ((16, 16, 2), 1437, 360, 30, 10),
    "nmnist_small": ((34, 34, 2), 1000, 100, 60, 10),
    "shd": ((1, 700, 1), 8156, 2264, 100, 20),
    "dvs_gesture": ((32, 32, 2), 1077, 264, 75, 11),
}
"""Of a sample, training and test samples, ticks of trains, classes."""


def empty(name):
    """A data set of the right sizes, all black."""
    shape, train, test, ticks, classes = SIZES[name]
    one = (ticks, -(-int(np.prod(shape)) // 8)) if ticks else (int(np.prod(shape)),)
    parts = [data.Samples(np.zeros((n, *one), np.uint8), np.zeros(n, np.int32)) for n in (train, test)]
    return data.Dataset(name, *parts, shape=shape, labels=np.arange(classes), ticks=ticks, packed=ticks is not None)


def built(path, rule=None, overrides=()):
    """A digest of each part of the experiment, or the message of the refusal."""
    config = load_config(path, overrides, rule=rule)
    kept = {"train_size": config.data.train_size, "test_size": config.data.test_size}
    dataset = empty(config.data.name).subset(kept["train_size"], kept["test_size"], config.data.validation_size)
    try:
        experiment = build(config, dataset)
    except UserError as error:
        return str(error)
    numbers = repr([getattr(value := getattr(experiment, name), "epochs", value) for name in NUMBERS])
    return [_digest(repr(getattr(experiment, name))) for name in PARTS] + [_digest(numbers)]


def _digest(text):
    for field in SINCE:
        text = text.replace(field, "")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


OVERRIDES = {
    "bits": ["precision.weight_bits=8", "precision.state_bits=12"],
    "noise": ["network.neuron={kind: lif, tau_mem: 5, noise: {kind: poisson_kicks}, reset: subtract}"],
    "second order": ["network.neuron={kind: second_order_lif, bias: 0.1}", "encoding.dt=0.5"],
    "dual": ["network.neuron={kind: dual_compartment_lif, tau_mem: 8, bias: 0.1}", "encoding={kind: escape, dt: 0.5}"],
    "leaky": ["network.neuron={kind: leaky}", "encoding={kind: poisson, dead_time: 3}"],
    "mihalas_niebur": ["network.neuron={kind: mihalas_niebur, a: 0.01}", "network.output_neuron={kind: lif}"],
    "readouts": ["rule.errors=local", "rule.readouts=3"],
    "learned": ["rule.errors=learned", "rule.tau_readout=7", "rule.rate_penalty=0.1"],
    "rbp": ["rule={kind: rbp, feedback_scale: 2, zero_sum: false, surrogate: {kind: arctan}}"],
    "layerwise": ["rule={kind: rbp, wiring: layerwise, segment: 5, loss: {kind: squared_error}}"],
    "rate": ["rule={kind: bp, form: rate, smoothing: 0.3, loss: {gain: 3}}"],
    "blank out": ["network.transmission={kind: shared_blank_out, p: [0.5, 1]}"],
    "perbp": ["rule.kind=perbp", "network.delay=2"],
}


def cases():
    """`(name, path, rule, overrides)` of all kept configs, and of the demo's under many keys."""
    for path in sorted((ROOT / "configs").rglob("*.yaml")):
        for rule in rule_names(path) or [None]:
            yield f"{path.relative_to(ROOT).as_posix()} {rule or ''}".strip(), path, rule, ()
    for name, overrides in OVERRIDES.items():
        yield f"digits with {name}", ROOT / "configs" / "digits.yaml", None, overrides


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: built(*rest) for name, *rest in cases()}, indent=1) + "\n")
