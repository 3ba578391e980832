"""Every network that a config accepts can be drawn: through the command, and picture by picture."""

import json

import jax
import jax.numpy as jnp
import matplotlib.image
import pytest

from erbp_jax.config import load_config
from erbp_jax.training.session import Session
from erbp_jax.training.testing import test as run_test
from erbp_jax.viz.run import draw_run, presented
from tests.command_line import call

SMALL = ["data.train_size=60", "data.test_size=40", "training.epochs=1"]
BRIEF = ["encoding.steps=2", "rule.burn_in=0", "training.update_every=1"]
POOL, CONV = "{kind: pool, size: 2}", "{kind: conv, channels: 3, kernel: 3}"
NETWORKS = {
    "a pool, then maps": ([f"network.layers=[64,{POOL},{CONV},10]"], "erbp"),
    "maps first": ([f"network.layers=[64,{CONV},{POOL},10]"], "erbp"),
    "no hidden layer": (["network.layers=[64,10]"], "erbp"),
    "one tick": (["network.layers=[64,5,10]", "encoding.steps=1"], "erbp"),
    "silent layers of one unit": (["network.layers=[64,1,1,10]", "network.neuron.threshold=1000"], "erbp"),
    "a list of synapses first": (["network.layers=[64,{kind: sparse, outputs: 8, fan_in: 5},10]"], "erbp"),
    "in rate form": ([f"network.layers=[64,{POOL},10]"], "bp"),
}


def entry(epoch, error):
    return {
        "epoch": epoch, "samples": 60 * epoch, "test_error": error, "train_error": error, "train_seconds": 1.0,
        "synops_per_sample": 0.0, "alignment": {"feedback": [90.0], "update": [90.0, 170.0]},
        "per_seed": {"seed": [0], "test_error": [error], "train_error": [error]},
    }  # fmt: skip


def sizes(folder):
    """Of all pictures, in pixels; nothing else may lie there."""
    found = {path.name: matplotlib.image.imread(path).shape[:2] for path in folder.glob("*.png")}
    assert not list(folder.glob(".*"))
    assert all(60 < side < 3000 for shape in found.values() for side in shape), found
    return found


@pytest.mark.parametrize(("overrides", "rule"), NETWORKS.values(), ids=NETWORKS)
def test_odd_networks_are_drawn(root, tmp_path, overrides, rule):
    kept = {"erbp": ["rule.label_period=1"], "bp": ["rule={kind: bp, form: rate}"]}[rule]
    times = BRIEF if rule == "erbp" else BRIEF[:1]
    session = Session(load_config(root / "configs" / "digits.yaml", [*SMALL, *times, *kept, *overrides]))
    lines = [json.dumps(entry(epoch, 100.0)) + "\n" for epoch in (1,)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    drawn = {path.name for path in draw_run(session, session.start(), tmp_path)}
    assert drawn == sizes(tmp_path).keys()
    wanted = {"learning_curve.png", "weights.png", "alignment.png"}
    wanted |= {"raster.png"} if rule != "bp" else set()
    wanted |= {"feature_maps.png"} if rule != "bp" and any(x in overrides[0] for x in (POOL, CONV)) else set()
    assert drawn == wanted


@pytest.mark.parametrize("by", ["count", "first", "membrane"])
def test_the_decision_of_the_raster_is_that_of_the_test(root, by):
    overrides = [
        *SMALL,
        *BRIEF,
        "network.layers=[64,10,10]",
        f"task={{kind: classification, by: {by}}}",
        "rule.label_period=1",
    ]
    session = Session(load_config(root / "configs" / "digits.yaml", [*overrides, "training.epochs=1"]))
    learner = session.start()
    first, test = jax.tree.map(lambda x: x[0], learner), session.data.test
    told = run_test(
        session.experiment, learner.seed[0], first.weights, jnp.asarray(test.x), jnp.asarray(test.y), jnp.int32(1)
    ).answer
    for sample in range(5):
        assert presented(session, first, sample)[1].tolist() == [told[sample]]


def test_a_run_whose_first_layer_pools_ends_with_its_pictures(root, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    code, out, err = call(
        monkeypatch, capsys, "train", root / "configs" / "digits.yaml", *SMALL, *BRIEF,
        "network.layers=[64,{kind: pool, size: 2},10]", "--out", folder,
    )  # fmt: skip
    assert code == 0, err
    assert "Traceback" not in err
    assert {"learning_curve.png", "weights.png", "raster.png", "feature_maps.png"} <= {p.name for p in folder.iterdir()}
    assert "weights.png" in out
