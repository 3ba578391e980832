"""`erbp-jax nir export`, `import`, `info`, and a graph on recordings, through the real entry point."""

import nir
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.__main__ import main
from erbp_jax.data.events import write_bin
from erbp_jax.errors import UserError
from erbp_jax.nir import evaluate_nir
from erbp_jax.nir.evaluating import evaluate_overrides
from erbp_jax.nir.modelling import model_of
from tests.nir.running import drawn, spikes


def called(monkeypatch, capsys, *arguments):
    """Exit code, what was said, what was complained of."""
    monkeypatch.setattr("sys.argv", ["erbp-jax", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.fixture
def model():
    network = ej.sequential(ej.Dense(6, 4, gain=4.0), ej.LIF(refractory=0, tau_mem=5.0, threshold=0.5))
    import jax

    return model_of(network, network.init(jax.random.key(0)), 0.5, 20)


def test_a_model_there_and_back(tmp_path, monkeypatch, capsys, model):
    ej.save(tmp_path / "a.npz", model)
    code, out, _ = called(monkeypatch, capsys, "nir", "export", tmp_path / "a.npz", "--out", tmp_path / "a.nir")
    assert code == 0
    assert "4 nodes, 3 edges; dt 0.5 ms, exact" in out
    code, out, _ = called(monkeypatch, capsys, "nir", "info", tmp_path / "a.nir")
    assert code == 0
    for text in ("output           CubaLIF  4", "tau_syn 2 ms, tau_mem 2.5 ms", "24 parameters", "erbp_jax:dt_ms: 0.5"):
        assert text in out
    arguments = "nir", "import", tmp_path / "a.nir", "--out", tmp_path / "b.npz", "--dt", "0.5", "--steps", "20"
    code, out, _ = called(monkeypatch, capsys, *arguments)
    assert code == 0
    again = ej.load(tmp_path / "b.npz")
    assert (again.network.populations, again.dt, again.steps) == (model.network.populations, 0.5, 20)
    x = drawn(0, 8, 20, 6).astype(np.float32)
    assert np.array_equal(again.predict(x), model.predict(x))
    assert len(set(again.predict(x))) > 1


def test_a_run_of_the_kept_recipe_there_and_back(root, tmp_path, monkeypatch, capsys):
    small = (
        "data.train_size=40",
        "data.test_size=20",
        "encoding.steps=15",
        "rule.burn_in=0",
        "network.layers=[64,20,10]",
    )
    run, file, out = tmp_path / "run", tmp_path / "a.nir", tmp_path / "a.npz"
    config = root / "configs" / "digits_cuba.yaml"
    code, *_ = called(monkeypatch, capsys, "train", config, *small, "training.epochs=1", "--out", run)
    assert code == 0
    code, said, _ = called(monkeypatch, capsys, "nir", "export", run, "--out", file)
    assert (code, "6 nodes, 5 edges; dt 1 ms, exact" in said) == (0, True)
    assert sorted(type(node).__name__ for node in nir.read(file).nodes.values()) == [
        "CubaLIF", "CubaLIF", "Input", "Linear", "Linear", "Output",
    ]  # fmt: skip
    code, said, _ = called(monkeypatch, capsys, "nir", "info", file)
    assert (code, "tau_syn 4 ms, tau_mem 4 ms" in said) == (0, True)
    code, *_ = called(monkeypatch, capsys, "nir", "import", file, "--out", out)
    assert code == 0
    trained, again = ej.open_run(run), ej.load(out)
    assert again.network == trained.network
    inputs = drawn(0, 30, 4, 64)
    for name in ("hidden1", "output"):
        seen = spikes(trained.network, trained.params, inputs, name)
        assert np.array_equal(seen, spikes(again.network, again.params, inputs, name))
        assert 0.02 < seen.mean() < 0.98


def test_neurons_of_nir_are_saved(tmp_path, monkeypatch, capsys):
    graph = nir.NIRGraph.from_list(
        nir.Affine(np.eye(3, dtype=np.float32), np.full(3, 0.1)), nir.IF(np.ones(3), np.ones(3))
    )
    nir.write(tmp_path / "a.nir", graph)
    code, *_ = called(monkeypatch, capsys, "nir", "import", tmp_path / "a.nir", "--out", tmp_path / "b.npz")
    assert code == 0
    loaded = ej.load(tmp_path / "b.npz")
    assert spikes(loaded.network, loaded.params, drawn(0, 20, 2, 3)).sum() > 10
    code, *_ = called(monkeypatch, capsys, "nir", "export", tmp_path / "b.npz", "--out", tmp_path / "c.nir")
    assert code == 0
    assert np.array_equal(nir.read(tmp_path / "c.nir").nodes["affine"].bias, np.full(3, 0.1, np.float32))


def test_refusals(tmp_path, monkeypatch, capsys):
    network = ej.sequential(ej.Dense(6, 4), ej.LIF(refractory=2))
    import jax

    ej.save(tmp_path / "a.npz", model_of(network, network.init(jax.random.key(0)), 1.0, 20))
    to = "--out", tmp_path / "a.nir"
    code, _, err = called(monkeypatch, capsys, "nir", "export", tmp_path / "a.npz", *to)
    assert code == 2
    assert "population output: a refractory period of 2 ticks" in err
    assert not (tmp_path / "a.nir").exists()
    code, out, _ = called(monkeypatch, capsys, "nir", "export", tmp_path / "a.npz", *to, "--metadata")
    assert code == 0
    assert "kept as metadata alone, other simulators leave it out: output: a refractory period of 2 ticks" in out
    code, _, err = called(monkeypatch, capsys, "nir", "info", tmp_path / "a.npz")
    assert code == 2
    assert "not HDF5" in err


@pytest.fixture
def recorded(tmp_path):
    """Six recordings: a digit's events are all in its own column."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for part, first in (("train", 1), ("test", 4)):
        lines = []
        for label in range(3):
            number, t = first + label, np.arange(40) * 1000
            events = ej.Events(t, np.full(40, label), np.arange(40) % 34, np.ones(40, int), (34, 34, 2))
            write_bin(folder / f"{number}.bs2", events)
            lines.append(f"{number} {label}")
        (folder / f"{part}.txt").write_text("\n".join(lines))
    return folder


def columns(polarity=1):
    """A graph that counts the events of the first three columns, of one polarity; NIR counts channels first."""
    weight = np.zeros((3, 2, 34, 34), np.float32)
    for label in range(3):
        weight[label, polarity, :, label] = 1
    nodes = (
        nir.Flatten(np.array([2, 34, 34]), 0, -1),
        nir.Linear(weight.reshape(3, -1)),
        nir.IF(np.ones(3), 2.5 * np.ones(3)),
    )
    return nir.NIRGraph.from_list(nir.Input(np.array([2, 34, 34])), *nodes)


def test_a_graph_on_recordings(tmp_path, recorded):
    nir.write(tmp_path / "a.nir", columns())
    result = evaluate_nir(tmp_path / "a.nir", recorded)
    assert (result.right, result.samples, result.steps) == (3, 3, 40)
    assert result.answers.tolist() == [0, 1, 2]
    assert evaluate_nir(tmp_path / "a.nir", recorded, swap_polarity=True).undecided == 3
    assert evaluate_nir(tmp_path / "a.nir", recorded, dt=10.0, counts=True).right == 3
    assert evaluate_nir(tmp_path / "a.nir", recorded, batch_size=2).right == 3
    nir.write(tmp_path / "b.nir", columns(polarity=0))
    assert evaluate_nir(tmp_path / "b.nir", recorded).right == 0
    reported = evaluate_overrides(tmp_path / "a.nir", [f"data.path={recorded}", "encoding.dt=2"])
    assert "3 of 3 right (100.00 %), 0 undecided; 20 ticks of 2 ms" in str(reported)
    (recorded / "train.txt").unlink()  # only the test set is needed
    assert evaluate_nir(tmp_path / "a.nir", recorded).right == 3


def test_what_evaluate_refuses(tmp_path, recorded):
    nir.write(tmp_path / "a.nir", columns())
    with pytest.raises(UserError, match=r"data\.path: the folder"):
        evaluate_overrides(tmp_path / "a.nir", [])
    with pytest.raises(UserError, match=r"'data\.size=3': with --nir, key=value"):
        evaluate_overrides(tmp_path / "a.nir", ["data.size=3"])
    with pytest.raises(UserError, match=r"encoding\.dt: must be"):
        evaluate_overrides(tmp_path / "a.nir", [f"data.path={recorded}", "encoding.dt=x"])
    flat = nir.NIRGraph.from_list(nir.Linear(np.ones((3, 5), np.float32)), nir.IF(np.ones(3), np.ones(3)))
    nir.write(tmp_path / "b.nir", flat)
    with pytest.raises(
        UserError, match=r"its input is a row of 5 units, and nothing says which of them is which pixel"
    ):
        evaluate_nir(tmp_path / "b.nir", recorded)
