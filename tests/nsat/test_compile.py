"""Compiled networks: equal to the float network where integers can be, refused where the machine has no like."""

import re
import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import BlankOut, Dense, Reliable, SharedBlankOut
from erbp_jax.errors import UserError
from erbp_jax.neurons import LIF, GaussianNoise, LeakyIF
from erbp_jax.nsat import files, replay
from erbp_jax.nsat.agreement import _decided
from erbp_jax.nsat.compile import compile_network
from erbp_jax.nsat.plan import Leak
from erbp_jax.nsat.results import placed_layers
from erbp_jax.random import new_key
from tests.command_line import call


def integer_network(sizes, rng, threshold):
    """A network whose weights and leaks the machine can hold exactly: nothing is left to round."""
    neuron = LIF(tau_mem=0, tau_syn=0, refractory=0, threshold=threshold)
    network = sequential(*((Dense(i, o), neuron) for i, o in zip(sizes[:-1], sizes[1:], strict=True)))
    weights = [rng.integers(-127, 128, (i, o)) for i, o in zip(sizes[:-1], sizes[1:], strict=True)]
    for w in weights:
        w.flat[0] = 127  # the scale of the layer is one
    return network, weights


def float_spikes(network, weights, spikes):
    """Spikes `[T, N]` of every layer for input spikes `[T, I]`."""
    drawn = network.init(new_key(0))
    trained = drawn.trained._replace(projections=tuple({"weight": jnp.asarray(w, jnp.float32)} for w in weights))
    params = drawn._replace(trained=trained)
    keys = jax.random.split(jax.random.key(0), (len(spikes), 1))
    _, trace = jax.jit(lambda s: network.advance(params, network.init_state(1), s, key=keys))(
        jnp.asarray(spikes[:, None], jnp.float32)
    )
    return [np.asarray(layer.spikes[:, 0], bool) for layer in trace.populations]


@pytest.mark.parametrize("sizes", [(30, 40, 10), (20, 3000, 5)])
def test_a_network_of_integers_spikes_alike_one_tick_a_layer_later(sizes):
    rng = np.random.default_rng(0)
    network, weights = integer_network(sizes, rng, 200.5)
    spikes = rng.random((40, sizes[0])) < 0.3
    compiled = compile_network(network, weights)
    cores = len(compiled.program.cores)
    assert cores == (2 if sizes[1] > 2048 else 1)
    assert compiled.latency == 2
    tick, axon = np.nonzero(spikes)
    events = np.stack([tick + 1, axon], 1).astype(np.int32)
    program = compiled.program
    with_input = tuple(
        replace(one, arrays={**one.arrays, "events": events}) if c in compiled.input_cores else one
        for c, one in enumerate(program.cores)
    )
    outcomes = replay.simulate(type(program)(with_input, program.routes), 44)
    for depth, want in enumerate(float_spikes(network, weights, spikes)):
        got = np.zeros((44, sizes[depth + 1]), bool)
        for piece, (c, first, unit) in enumerate(compiled.pieces[depth]):
            stops = [u for _, _, u in compiled.pieces[depth][piece + 1 :]] + [sizes[depth + 1]]
            mine = outcomes[c].spikes
            inside = (mine[:, 1] >= first) & (mine[:, 1] < first + stops[0] - unit)
            got[mine[inside, 0], mine[inside, 1] - first + unit] = True
        # Input of row t comes at tick t + 1, the answer of layer l at t + 2 + l.
        np.testing.assert_array_equal(got[2 + depth : 42 + depth], want)
        assert want.any()


def test_leaks_are_the_nearest_powers_of_two():
    assert [Leak.nearest(f).factor for f in (0.0, 0.135, 0.4, 0.78, 0.9, 0.999)] == [0, 0, 0.5, 0.75, 0.875, 1 - 2**-10]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (sequential(Dense(3, 2), LeakyIF(5.0)), "layer 0: only LIF neurons can be compiled, got LeakyIF"),
        (sequential(Dense(3, 2), LIF(noise=GaussianNoise(0.1))), "layer 0: noise on the membrane"),
        (sequential(Dense(3, 2), LIF(), delay=2), "layer 0: a delay of 2 ticks"),
        (sequential(Dense(3, 2, transmission=SharedBlankOut(0.5)), LIF()), "layer 0: SharedBlankOut transmission"),
    ],
)
def test_what_the_machine_has_no_like_for_is_refused(network, message):
    with pytest.raises(UserError, match=message):
        compile_network(network, [np.ones((3, 2))])


LEAKS = {
    "Euler": {"tau_mem": 4.0, "tau_syn": 2.0, "integration": "euler"},
    "Euler, without a membrane of its own": {"tau_mem": 1.0, "tau_syn": 2.0, "integration": "euler"},
    "exact": {"tau_mem": -1 / np.log(0.75), "tau_syn": -1 / np.log(0.5)},
    "exact, without a membrane of its own": {"tau_mem": 0.0, "tau_syn": -1 / np.log(0.75)},
}
"""Those that the machine has: factors of 1 - 2**-n per tick."""


def lif_oracle(neuron, weight, spikes, chance, rng):
    """Equations 2 of the talk, tick by tick, in float64; forward Euler loses 1 / tau of a state in a tick."""
    keep = [
        (np.exp(-1 / tau) if tau else 0.0) if neuron.integration == "exact" else 1 - 1 / tau
        for tau in (neuron.tau_syn, neuron.tau_mem)
    ]
    current, membrane, held = np.zeros((3, weight.shape[1]))
    fired = np.zeros((len(spikes), weight.shape[1]), bool)
    for t, arriving in enumerate(spikes):
        current = keep[0] * current + (weight * (rng.random(weight.shape) < chance) * arriving[:, None]).sum(0)
        membrane = np.where(held > 0, membrane, keep[1] * membrane + (1 - keep[1]) * current)
        fired[t] = (membrane > neuron.threshold) & (held == 0)
        after = {"value": 0.0, "subtract": membrane - neuron.threshold, "none": membrane}[neuron.reset]
        membrane = np.where(fired[t], after, membrane)
        held = np.where(fired[t], neuron.refractory, np.maximum(held - 1, 0))
    return fired


def test_silence_is_no_decision_for_class_0():
    counts = np.array([[0, 0, 0], [3, 0, 0], [2, 2, 0], [0, 1, 2]])
    assert _decided(counts).tolist() == [-1, 0, -1, 2]


def compiled_spikes(compiled, spikes):
    """How often every layer of a program on one core fires."""
    (one,) = compiled.program.cores
    events = np.argwhere(spikes).astype(np.int32) + np.array([1, 0], np.int32)
    program = replace(compiled.program, cores=(replace(one, arrays={**one.arrays, "events": events}),))
    (outcome,) = replay.simulate(program, len(spikes) + compiled.latency + 1, seed=3)
    firsts = [first for ((_, first, _),) in compiled.pieces]
    return np.histogram(outcome.spikes[:, 1], [*firsts, one.neurons])[0]


@pytest.mark.parametrize("leaks", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize(("chance", "reset", "refractory"), [(1, "subtract", 0), (0.65, "value", 3), (0.1, "value", 0)])
def test_rates_agree_where_leaks_do(leaks, chance, reset, refractory):
    """Within 6 % in every layer: exact and Euler, for chances to transmit that are no fifteenths, too."""
    rng = np.random.default_rng(1)
    neuron = LIF(refractory=refractory, reset=reset, **leaks)
    transmission = Reliable() if chance == 1 else BlankOut(chance)
    network = sequential(*((Dense(i, o, transmission=transmission), neuron) for i, o in ((50, 60), (60, 40))))
    unit = 1.0 / (neuron.steady_current(1.0) * chance)
    weights = [rng.normal(0.15, 0.4, (50, 60)) * unit, rng.normal(0.25, 0.25, (60, 40)) * unit]
    spikes = rng.random((400, 50)) < 0.2
    hidden = lif_oracle(neuron, weights[0], spikes, chance, rng)
    wanted = [hidden.sum(), lif_oracle(neuron, weights[1], hidden, chance, rng).sum()]
    compiled = compile_network(network, weights)
    for layer in compiled.layers:
        got = [layer.current_leak.factor, layer.membrane_leak.factor if layer.membrane_leak else 0.0]
        np.testing.assert_allclose(layer.wanted_leaks, got, atol=1e-6)
    assert min(wanted) > 500
    np.testing.assert_allclose(compiled_spikes(compiled, spikes), wanted, rtol=0.06)


def test_an_euler_neuron_keeps_what_its_equation_keeps():
    """Report 13: 1 - 1 / tau of the current, and a membrane that is the current at one tick."""
    neuron = LIF(tau_mem=1.0, tau_syn=1.5, integration="euler")
    (layer,) = compile_network(sequential(Dense(3, 2), neuron), [np.ones((3, 2))]).layers
    assert layer.wanted_leaks == (pytest.approx(1 / 3), 0.0)
    assert (layer.current_leak.factor, layer.membrane_leak) == (0.5, None)


@pytest.mark.parametrize(("chance", "fifteenths"), [(0.1, 2), (0.5, 8), (0.65, 10), (0.99, 15), (0.034, 1)])
def test_weights_make_up_for_a_chance_that_is_no_fifteenth(chance, fifteenths):
    weight = np.random.default_rng(0).uniform(0.1, 1.0, (30, 20))
    neuron = LIF(tau_mem=0, tau_syn=0, refractory=0)

    def made(p):
        compiled = compile_network(sequential(Dense(30, 20, transmission=BlankOut(p)), neuron), [weight])
        core, (layer,) = compiled.program.cores[0], compiled.layers
        # The mean current in units of the threshold, of every synapse.
        return core, layer.probability / 15 * core.weights * 2.0**layer.gain / layer.threshold

    core, driven = made(chance)
    assert core.probability.tolist() == [[fifteenths]]
    np.testing.assert_allclose(driven, chance * weight.ravel(), atol=0.006)


@pytest.mark.parametrize("chance", [0.03, 1 / 30, 0.0])
def test_a_chance_that_would_become_never_is_refused(chance):
    network = sequential(Dense(3, 2, transmission=BlankOut(chance)), LIF())
    with pytest.raises(UserError, match=r"layer 0: a chance to transmit of .* never.*above 1/30 = 0\.0333"):
        compile_network(network, [np.ones((3, 2))])


def one_layer(neuron, weight):
    return compile_network(sequential(Dense(*weight.shape), neuron), [weight])


@pytest.mark.parametrize("reset", ["subtract", "none"])
def test_only_a_reset_value_is_held(reset):
    with pytest.raises(UserError, match=f"layer 0: a refractory period with reset '{reset}' cannot be compiled"):
        one_layer(LIF(reset=reset, refractory=3), np.ones((3, 2)))
    for neuron in (LIF(reset=reset, refractory=0), LIF(reset=reset, refractory=3, tau_mem=0)):
        assert one_layer(neuron, np.ones((3, 2))).layers[0].threshold > 0


def test_an_input_as_large_as_the_threshold_does_not_fire():
    spikes = np.ones((10, 2), bool)
    neuron = LIF(tau_mem=0, tau_syn=0, refractory=0, threshold=2.0)
    assert compiled_spikes(one_layer(neuron, np.array([[1.0], [1.0]])), spikes) == [0]
    assert compiled_spikes(one_layer(neuron, np.array([[1.0], [1.01]])), spikes) == [10]


def test_a_layer_without_weights_is_silent():
    assert compiled_spikes(one_layer(LIF(threshold=0.3), np.zeros((4, 3))), np.ones((20, 4), bool)) == [0]


def test_a_membrane_begins_at_its_reset_value():
    core = one_layer(LIF(v_reset=-0.5), np.ones((3, 2))).program.cores[0]
    assert (core.initial[:, 0] == core.reset[0, 0]).all()
    assert core.initial[0, 0] / core.threshold[0] == pytest.approx(-0.5, abs=1e-3)
    assert (core.initial[:, 1] == 0).all()


UNHOLDABLE = {
    "weights far above the threshold": (LIF(threshold=1e-7), np.ones((30, 2)), "too small for its weights"),
    "weights far below the threshold": (LIF(threshold=1e3), np.ones((3, 2)), "more than 16 bits"),
    "a reset far below": (LIF(v_reset=-100.0), np.ones((3, 2)), "v_reset -100 is"),
    "a threshold at rest": (LIF(threshold=0.0, v_reset=-1.0), np.ones((3, 2)), "must be above 0"),
    "a refractory period of a day": (LIF(refractory=10**7), np.ones((3, 2)), "a refractory period of 10000000 ticks"),
    "weights that are no numbers": (LIF(), np.full((3, 2), np.nan), "not finite"),
}


@pytest.mark.parametrize(("neuron", "weight", "reason"), UNHOLDABLE.values(), ids=UNHOLDABLE)
def test_numbers_that_the_machine_cannot_hold_are_refused(neuron, weight, reason):
    with pytest.raises(UserError, match=f"layer 0: .*{reason}"):
        one_layer(neuron, weight)


@pytest.mark.usefixtures("without_pictures")
def test_a_program_has_the_averaged_weights_that_tests_use(tmp_path, monkeypatch, capsys, root):
    run, program = tmp_path / "run", tmp_path / "digits.npz"
    options = ["data.train_size=100", "data.test_size=40", "training.epochs=1", "network.layers=[64,20,10]"]
    options += ["encoding.steps=20", "optimizer.average=2.0", "network.transmission={kind: blank_out, p: 0.5}"]
    code, _, err = call(monkeypatch, capsys, "train", root / "configs" / "digits.yaml", *options, "--out", run)
    assert code == 0, err
    code, out, err = call(monkeypatch, capsys, "nsat", "compile", run, "--out", program, "--samples", 40)
    assert code == 0, err
    with np.load(run / "weights.npz") as kept:
        wanted = [kept[f"layer{i}_weight"][0] for i in range(2)]
    (core,) = files.read(program).program.cores
    assert (core.probability == 8).all()
    sizes = np.cumsum([w.size for w in wanted])
    for integer, w in zip(np.split(core.weights, sizes[:-1]), wanted, strict=True):
        scale = 127 / np.abs(w).max()
        np.testing.assert_array_equal(integer, np.rint(w.astype(np.float64) * scale).ravel())
    assert placed_layers(files.read(program)) == [[[0, 0, 20]], [[0, 20, 10]]]
    assert out.startswith("weights after epoch 1, averaged\n")
    reported = [line for line in out.splitlines() if line.startswith("layer") and "threshold" in line]
    assert len(reported) == 2
    assert all("chance to transmit 8/15 = 0.533 (float 0.5), weights x0.938" in line for line in reported)


def test_a_network_that_no_program_holds_is_refused_before_it_is_made():
    weight = np.broadcast_to(np.float32(1.0), (4000, 5000))
    with pytest.raises(UserError, match="20,000,000 synapses are more than the 16,777,216"):
        one_layer(LIF(), weight)


def test_blank_out_becomes_fifteenths():
    network = sequential(Dense(3, 2, transmission=BlankOut(0.6)), LIF())
    core = compile_network(network, [np.ones((3, 2))]).program.cores[0]
    assert core.probability[0].tolist() == [15, 9]  # the membrane, and the current that the synapses end on
    assert core.states == 2


@pytest.mark.usefixtures("without_pictures")
def test_a_trained_run_becomes_a_program_that_decides_alike(tmp_path, monkeypatch, capsys):
    run, program = tmp_path / "run", tmp_path / "digits.npz"
    by_currents = "task={kind: classification, by: current}"  # the comparison is by count all the same
    code, _, err = call(
        monkeypatch, capsys, "train", "configs/digits.yaml", "training.epochs=4", by_currents, "--out", run
    )
    assert code == 0, err
    code, out, err = call(monkeypatch, capsys, "nsat", "compile", run, "--out", program, "--samples", 200)
    assert code == 0, err
    line = next(x for x in out.splitlines() if x.startswith("test error by spike count on 200 samples"))
    floats, compiled, same = (float(x) for x in re.findall(r"(\d+\.\d+) %", line))
    assert compiled <= floats + 4
    assert same >= 93
    fixture = files.read(program)
    assert all(np.abs(c.weights).max() <= 128 for c in fixture.program.cores)
    assert fixture.spec["latency"] >= 2


def test_a_folder_that_is_no_run_is_refused(tmp_path, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "nsat", "compile", tmp_path, "--out", tmp_path / "p.npz")
    assert code == 2
    assert str(tmp_path) in err
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("out", ["none/p.npz", ".", "p" * 300 + ".npz"])
def test_a_place_that_cannot_be_written_is_one_message(tmp_path, monkeypatch, capsys, root, out):
    folder, run = tmp_path / "out", tmp_path / "run"
    folder.mkdir()
    run.mkdir()
    shutil.copy(root / "configs" / "digits.yaml", run / "config.yaml")
    code, _, err = call(monkeypatch, capsys, "nsat", "compile", run, "--out", folder / out)
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be written" in err
    assert not list(folder.iterdir())
    with pytest.raises(UserError, match="cannot be written"):
        files.write(folder / out, one_layer(LIF(), np.ones((3, 2))).program, ticks=10)
    assert not list(folder.iterdir())
