"""`network.recurrent`: each hidden layer back to itself, from a config, through the commands."""

import jax
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.config import check
from erbp_jax.config.build import build
from erbp_jax.errors import UserError
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
