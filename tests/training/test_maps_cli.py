"""A network of maps through the command line: train, pictures, a checkpoint read again, what the compiler says."""

import json

import jax
import numpy as np
import pytest

from erbp_jax.config import check, load_config, to_yaml
from erbp_jax.errors import UserError
from tests.command_line import call

SMALL = ["training.epochs=6", "training.alignment=false"]


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("maps") / "run"
    with jax.numpy_dtype_promotion("standard"):
        from erbp_jax.cli import train

        train(root / "configs" / "digits_conv.yaml", SMALL, out=out)
    return out


def test_a_network_of_maps_learns_digits_by_erbp(finished):
    metrics = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert metrics[-1]["train_error"] < 15
    assert min(m["test_error"] for m in metrics) < 25
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["network"] == "64-8c3-p2-50-10"
    weights = np.load(finished / "weights.npz", allow_pickle=False)
    assert {name: weights[name].shape for name in weights.files} == {
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
            "layers.1.kind: unknown: 'cnv' (did you mean 'conv'?); known: conv, p",
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
