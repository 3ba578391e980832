"""`network.recurrent`: each hidden layer back to itself, from a config, through the commands."""

import jax
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.config.build_precision import weight_grids
from erbp_jax.errors import UserError
from erbp_jax.training.session import Session
from erbp_jax.training.transforms import by_layer
from tests.command_line import call

RECURRENT = {"data": {"name": "digits"}, "network": {"layers": [64, 12, 10], "recurrent": True}}


def test_it_is_the_network_of_three_projections():
    network = build(check(RECURRENT, "t"), ej.data.load("digits")).network
    ends = [(p.source, p.target, p.delay) for p in network.projections]
    assert ends == [("input", "hidden1", 0), ("hidden1", "output", 0), ("hidden1", "hidden1", 1)]
    shapes = [p["weight"].shape for p in jax.eval_shape(network.init, jax.random.key(0)).trained.projections]
    assert shapes == [(64, 12), (12, 10), (12, 12)]


@pytest.mark.usefixtures("without_pictures")
def test_it_learns_is_evaluated_and_refused_by_what_wants_chains(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    code, _, err = call(
        monkeypatch, capsys, "train", "data.name=digits", "network.layers=[auto,12,auto]", "network.recurrent=true",
        "encoding.steps=10", "training.alignment=false", "rule.burn_in=0", "data.train_size=100",
        "training.epochs=1", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    assert call(monkeypatch, capsys, "evaluate", out)[0] == 0
    model = ej.open_run(out)
    assert model.params.trained.projections[2]["weight"].shape == (12, 12)
    assert np.abs(model.params.trained.projections[2]["weight"]).max() > 0
    code, _, err = call(monkeypatch, capsys, "nsat", "compile", out, "--out", tmp_path / "program.npz")
    assert code == 2
    assert "only a chain of layers can be compiled" in err


def test_maps_send_nothing_back():
    layers = [64, {"kind": "conv", "channels": 2, "kernel": 3}, 10]
    with pytest.raises(UserError, match=r"network.recurrent: is for layers of units, and hidden1 has maps"):
        build(check({"network": {"layers": layers, "recurrent": True}}, "t"), ej.data.load("digits"))


def test_values_by_layer_hold_for_all_projections_onto_it():
    """Rates, and ranges of weights: two layers, three projections."""
    section = {"optimizer": {"layer_rates": [1.0, 3.0]}, "precision": {"weight_bits": 8, "weight_range": [4, 2]}}
    config = check({**RECURRENT, **section}, "t")
    network = Session(config).experiment.network
    assert [round(g.step * 127) for g in weight_grids(config.precision, network)] == [4, 2, 4]
    plain = check({**RECURRENT, "precision": {"weight_bits": 8}}, "t").precision
    first, last, back = (g.step for g in weight_grids(plain, network))
    largest = [np.abs(p["weight"]).max() for p in network.init(jax.random.key(0)).trained.projections]
    np.testing.assert_allclose(np.divide([first, last, back], largest) * 127, [16, 4, 16], rtol=0.3)

    updates = jax.tree.map(lambda x: x * 0 + 1, network.init(jax.random.key(0)).trained)
    scaled, _ = by_layer([1.0, 3.0], [0, 1, 0]).update(updates, optax.EmptyState())
    assert [float(p["weight"][0, 0]) for p in scaled.projections] == [1.0, 3.0, 1.0]
