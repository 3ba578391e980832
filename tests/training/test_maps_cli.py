"""A network of maps through the command line: train, pictures, a checkpoint read again, what the compiler says."""

import json

import jax
import numpy as np
import pytest

from erbp_jax import archive
from erbp_jax.config import check, load_config, to_yaml
from erbp_jax.config.build_precision import weight_grids
from erbp_jax.errors import UserError
from erbp_jax.training.session import Session
from tests.command_line import call

pytestmark = pytest.mark.thorough
SMALL = ["training.epochs=3", "optimizer.decay=0.7", "training.alignment=false"]


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps") / "run"
    with jax.numpy_dtype_promotion("standard"):
        from erbp_jax.cli import train

        train(root / "configs" / "digits_conv.yaml", SMALL, out=out)
    return out


def test_a_network_of_maps_learns_digits_by_erbp(finished):
    metrics = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert metrics[-1]["train_error"] < 20
    assert min(m["test_error"] for m in metrics) < 30
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["network"] == "64-8c3-p2-50-10"
    weights = archive.load(finished / "weights.npz")
    assert {name: weights[name].shape for name in weights} == {
        "layer0_weight": (1, 3, 3, 1, 8),
        "layer2_weight": (1, 128, 50),
        "layer3_weight": (1, 50, 10),
    }


def test_its_run_folder_has_kernels_and_feature_maps(finished):
    for picture in ("learning_curve.png", "raster.png", "weights.png", "feature_maps.png"):
        assert (finished / picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_fixed_point_compiler_refuses_maps(finished, tmp_path, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "nsat", "compile", finished, "--out", tmp_path / "program.npz")
    assert code == 2
    assert "layer 0: only dense connections can be compiled, got Conv2d" in err
    assert not list(tmp_path.iterdir())


def test_pooling_costs_what_its_spikes_reach_and_is_never_written(finished, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "evaluate", finished, "--anytime")
    assert code == 0, err
    anytime = json.loads((finished / "anytime.json").read_text())
    metrics = json.loads((finished / "metrics.jsonl").read_text().splitlines()[-1])
    assert anytime["spike_count"][-1]["synops"] == pytest.approx(metrics["synops_per_sample"])
    counted = metrics["training_events_per_sample"]
    assert counted["plasticity"][1] == 0 < counted["synops"][1]
    assert min(counted["plasticity"][0], *counted["plasticity"][2:]) > 0
    units = (64, 512, 128, 50)
    spikes = np.asarray(
        [1e-3 * rate * n for rate, n in zip(metrics["rates_hz"], units, strict=False)]
    )  # a tick of 1 ms
    np.testing.assert_allclose(anytime["synops_per_tick"][1:], spikes[1:] * [1, 50, 10], rtol=0.01)


def test_a_run_with_pooling_is_evaluated_in_few_bits(finished, monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, "evaluate", finished, "--weight-bits", 6)
    assert code == 0, err
    assert "after" in out
    steps = json.loads((finished / "quantized.json").read_text())["weight_steps"][0]
    assert [step is None for step in steps] == [False, True, False, False]


def test_a_network_with_pooling_can_learn_in_few_bits(root):
    small = ["data.train_size=40", "data.test_size=20", "precision.weight_bits=8"]
    session = Session(load_config(root / "configs" / "digits_conv.yaml", small))
    params = session.start().params.projections
    grids = weight_grids(session.config.precision, session.experiment.network)
    assert [grid is None for grid in grids] == [layer == {} for layer in params] == [False, True, False, False]
    factors = [grid.step * 127 / np.abs(params[i]["weight"]).max() for i, grid in enumerate(grids) if grid]
    np.testing.assert_allclose(factors, [16, 8, 4], rtol=0.1)  # of the largest initial weight, which is drawn


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [
                "precision.weight_bits=4",
                "network.layers=[64,{kind: conv, channels: 8, kernel: 3, initial: [0,0]},10]",
                "rule.feedback_scale=1",
            ],
            ["precision.weight_range: the weights of layer 0 (from 0) start at 0"],
        ),
    ],
)
def test_what_cannot_be_is_said_before_a_folder_is_made(root, tmp_path, monkeypatch, capsys, changes, words):
    config = root / "configs" / "digits_conv.yaml"
    code, _, err = call(monkeypatch, capsys, "train", config, *changes, "--out", tmp_path / "o")
    assert code == 2
    assert all(word in err for word in words)
    assert not (tmp_path / "o").exists()


def test_layers_survive_yaml(root, tmp_path):
    config = load_config(root / "configs" / "conv_mnist" / "talk.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            [784, {"kind": "conv", "channels": 8, "kernel": 0}, 10],
            "layers.1.kernel: must be greater than or equal to 1",
        ),
        (
            [784, {"kind": "conv", "chanels": 8, "kernel": 5}, 10],
            "layers.1.chanels: unknown key (did you mean 'channels'",
        ),
        ([784, {"kind": "conv", "kernel": 5}, 10], "layers.1.channels: missing"),
        (
            [784, {"kind": "cnv", "channels": 8}, 10],
            "layers.1.kind: unknown: 'cnv' (did you mean 'conv'?); known: conv, delayed",
        ),
        ([784, {"channels": 8}, 10], "layers.1.kind: missing"),
        ([784, {"kind": "pool", "size": 2, "mode": "max"}, 10], "layers.1.mode: unknown: 'max'"),
        ([784, 0, 10], "network.layers.1: must be greater than or equal to 1, got 0"),
        ([784, {"kind": "pool", "size": 2}], "layers: the first and the last must be numbers of units"),
    ],
)
def test_mistakes_in_layers_are_named(layers, words):
    with pytest.raises(UserError) as error:
        check({"network": {"layers": layers}}, "test")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("[64,20,{kind: conv, channels: 2, kernel: 3},10]", "network.layers.2: conv needs maps"),
        ("[64,{kind: conv, channels: 2, kernel: 9, padding: valid},10]", "network.layers.1: Conv2d: a window of 9"),
        ("[64,{kind: pool, size: 9},10]", "network.layers.1: Pool2d: a window of 9 does not fit into maps of 8 x 8"),
    ],
)
def test_layers_that_do_not_fit_are_named(root, tmp_path, monkeypatch, capsys, layers, words):
    config = root / "configs" / "digits.yaml"
    code, _, err = call(monkeypatch, capsys, "train", config, f"network.layers={layers}", "--out", tmp_path / "o")
    assert code == 2
    assert words in err
    assert not (tmp_path / "o").exists()
