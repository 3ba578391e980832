"""`erbp-jax simulate`: what it prints and writes, against neurons stepped by hand."""

import json
import time

import numpy as np
import pytest

from erbp_jax import archive
from erbp_jax.config import memory
from erbp_jax.config.simulation import PRESETS, Simulation, load_simulation
from erbp_jax.errors import UserError
from erbp_jax.evaluation.traces import input_current, simulate
from tests import oracles
from tests.command_line import call


def test_the_command_prints_spike_times_and_writes_traces_and_a_picture(tmp_path, monkeypatch, capsys, root):
    out = tmp_path / "run"
    code, printed, _ = call(monkeypatch, capsys, "simulate", "mihalas_niebur/tonic_bursting", "--out", out)
    assert code == 0
    golden = json.loads((root / "tests" / "golden" / "mn_vectors.json").read_text())
    want = next(times for name, times in golden.items() if name.startswith("M"))["euler_dt0.1ms"]
    line = next(x for x in printed.splitlines() if x.startswith("spikes of neuron 0"))
    np.testing.assert_allclose([float(t) for t in line.partition("ms: ")[2].split(", ")], want, atol=1e-6)
    traces = archive.load(out / "traces.npz")
    assert {"time", "input", "spikes0", "membrane", "threshold", "fast", "slow"} <= set(traces)
    assert traces["membrane"].shape == traces["input"].shape == (5000, 1)
    np.testing.assert_allclose(traces["time"][np.flatnonzero(traces["spikes0"][:, 0])], want, atol=1e-6)
    assert (out / "traces.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert load_simulation(str(out / "config.yaml")) == load_simulation("mihalas_niebur/tonic_bursting")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_fires(name):
    traces = simulate(load_simulation(name))
    assert all(s.sum() > 0 for s in traces.spikes)
    assert all(np.isfinite(x).all() for x in traces.states.values())


def test_a_lif_in_a_step_is_the_equation():
    wanted = load_simulation("lif/step", ["precision=float64", "duration=60"])
    traces = simulate(wanted)
    current = np.where(np.arange(600) < 200, 0.0, 0.4) * 0.1
    spikes, synaptic, membrane = oracles.lif(
        current, tau_mem=100.0, tau_syn=40.0, threshold=1.0, refractory=30, reset="value"
    )
    np.testing.assert_array_equal(traces.spikes[0][:, 0], spikes)
    np.testing.assert_allclose(traces.states["synaptic"][:, 0], synaptic, atol=1e-12)
    np.testing.assert_allclose(traces.states["membrane"][:, 0], membrane, atol=1e-12)
    np.testing.assert_allclose(traces.spike_times(), (np.flatnonzero(spikes) + 1) * 0.1)


def current_of(section, tmp_path=None, **others):
    del tmp_path
    base = {"dt": 0.5, "duration": 10.0, "neurons": 2, "neuron": {"kind": "mihalas_niebur"}}
    return input_current(Simulation.model_validate({**base, **others, "input": section}), 2)


def test_inputs(tmp_path):
    np.testing.assert_array_equal(current_of({"kind": "constant", "value": 3}), np.full((20, 2), 3.0))
    assert current_of({"kind": "constant", "value": 3}, neuron={"kind": "lif"})[0, 0] == 1.5  # 3 a ms, ticks of 0.5
    step = current_of({"kind": "step", "value": 2, "start": 4, "before": -1})
    np.testing.assert_array_equal(step[:, 0], [-1.0] * 8 + [2.0] * 12)
    pulse = current_of({"kind": "pulse", "value": 2, "start": 1, "length": 2})
    np.testing.assert_array_equal(pulse[:, 1], [0.0] * 2 + [2.0] * 4 + [0.0] * 14)
    pieces = current_of({"kind": "pieces", "values": [[1, 2], [5, 3]]})
    np.testing.assert_array_equal(pieces[:, 0], [1.0] * 4 + [5.0] * 6 + [0.0] * 10)
    long = {"duration": 10_000.0}
    noise = current_of({"kind": "noise", "mean": 1, "sigma": 2}, **long)
    assert (noise.mean(), noise.std()) == pytest.approx((1.0, 2.0), abs=0.05)
    train = current_of({"kind": "poisson", "rate": 200, "weight": 0.5}, **long)
    assert train.mean() == pytest.approx(0.5 * 200e-3 * 0.5, rel=0.05)
    assert set(np.unique(train)) <= {0.0, 0.5, 1.0, 1.5, 2.0}
    wave = np.sin(np.arange(15.0))
    for name, write in (("a.npy", np.save), ("a.csv", np.savetxt), ("a.npz", np.savez)):
        write(tmp_path / name, wave)
        read = current_of({"kind": "file", "path": str(tmp_path / name)})
        np.testing.assert_allclose(read, np.r_[wave, np.zeros(5)][:, None] * np.ones(2), atol=1e-12)


def test_a_small_network_runs_layer_after_layer():
    wanted = {
        "dt": 1.0,
        "duration": 200.0,
        "neuron": {"kind": "lif"},
        "network": {"layers": [20, 8, 3], "init_gain": 6.0},
        "input": {"kind": "poisson", "rate": 300.0},
    }
    traces = simulate(Simulation.model_validate(wanted))
    assert [s.shape for s in traces.spikes] == [(200, 8), (200, 3)]
    assert all(s.sum() > 0 for s in traces.spikes)
    assert traces.states["layer1.membrane"].shape == (200, 3)
    again = simulate(Simulation.model_validate(wanted))
    np.testing.assert_array_equal(traces.spikes[1], again.spikes[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mihalas_niebur/tonic_bursts"], ["did you mean 'mihalas_niebur/tonic_bursting'", "lif/step"]),
        (["no.yaml"], ["no.yaml: no such config file"]),
        (["lif/step", "neuron.tau_men=3"], ["neuron.tau_men: unknown key (did you mean 'tau_mem'?)"]),
        (["lif/step", "input.kind=sine"], ["input.kind: unknown: 'sine'", "poisson"]),
        (["lif/step", "duration=0.25"], ["0.25 ms is not a whole number of ticks of dt = 0.1 ms"]),
        (["lif/step", "neuron.integration=euler", "neuron.tau_syn=0.01"], ["tau_syn = 0.1 ticks is too short"]),
        (["mihalas_niebur/class_1", "dt=50", "duration=500"], ["dt = 50.0 ms is too coarse"]),
        (["lif/step", "input={kind: file, path: nowhere.npy}"], ["input.path: nowhere.npy: no such file"]),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path, monkeypatch, capsys, arguments, words):
    out = tmp_path / "run"
    code, _, err = call(monkeypatch, capsys, "simulate", *arguments, "--out", out)
    assert code == 2
    for word in words:
        assert word in err
    assert not out.exists()


TOO_MUCH = {
    "duration=1e9": "duration: 1e+09 ms are 1e+10 ticks of dt = 0.1 ms, more than 2,147,483,647",
    "duration=1e7": "what a simulation keeps of its ticks takes at least",
    "dt=1e-9": "more than 2,147,483,647",
    "dt=1e-320": "dt: must be within the range of float32",
    "neurons=1e9": "duration, dt and neurons: a simulation takes at least 32 TB of memory",
    "input={kind: poisson, rate: 1e300}": "input.rate: must be within",
    "input={kind: poisson, rate: 1e30}": "input.rate: 1e+30 Hz are 1e+26 events in a tick of 0.1 ms, more than 1e+06",
    "input={kind: pieces, values: [[1e308, 1]]}": "input.values.0.0: must be within",
    "input={kind: noise, sigma: 1e308}": "input.sigma: must be within",
    "input={kind: noise, sigma: 3e38}": "in a tick is more than float32 holds",
    "input.value=1e38": "became NaN or infinite in tick",
    "network={layers: [3, 2], delay: 1e6}": "network.delay: after 1e+06 ms nothing arrives within 100 ms (duration)",
    "network={layers: [3, 2], delay: 1e30}": "network.delay: 1e+30 ms are 1e+31 ticks of dt = 0.1 ms, more than",
    "network={layers: [100000, 100000]}": "network.layers.1: a simulation takes at least",
    "network={layers: [1, 1], init_gain: 1e300}": "network.init_gain: must be within",
    "neuron.noise={kind: poisson_kicks, rate: 1e30}": "rate must be above 0 and at most 500 events per tick",
    "neuron.refractory=1e30": "neuron.refractory: 1e+30 ms are 1e+31 ticks of dt = 0.1 ms",
    "seed=010": "seed: must be a valid integer, in decimal digits",
    "neurons=true": "neurons: must be a valid integer, got True",
}


@pytest.mark.parametrize("override", TOO_MUCH)
def test_what_is_too_large_is_one_message_at_once_and_no_folder(tmp_path, monkeypatch, capsys, override):
    monkeypatch.setattr(memory, "there", lambda: 2**34)
    began = time.perf_counter()
    code, _, err = call(monkeypatch, capsys, "simulate", "lif/step", override, "--out", tmp_path / "run")
    assert code == 2
    assert TOO_MUCH[override] in err
    assert not (tmp_path / "run").exists()
    assert time.perf_counter() - began < 5


def test_files_of_another_shape_are_refused_with_both_shapes(tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((5, 7)))
    with pytest.raises(UserError, match=r"shape \(5, 7\); wanted 1 to 20 rows \(ticks\) and 1 or 2 columns"):
        current_of({"kind": "file", "path": str(tmp_path / "wide.npy")})
