"""Compiled networks: equal to the float network where integers can be, refused where the machine has no like."""

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import BlankOut, Dense, GaussianBlankOut
from erbp_jax.errors import UserError
from erbp_jax.network import Layer, Network
from erbp_jax.neurons import LIF, GaussianNoise, LeakyIF
from erbp_jax.nsat import files, replay
from erbp_jax.nsat.compile import compile_network
from erbp_jax.nsat.plan import Leak
from tests.command_line import call


def integer_network(sizes, rng, threshold):
    """A network whose weights and leaks the machine can hold exactly: nothing is left to round."""
    neuron = LIF(tau_mem=0, tau_syn=0, refractory=0, threshold=threshold)
    network = Network(tuple(Layer(Dense(i, o), neuron) for i, o in zip(sizes[:-1], sizes[1:], strict=True)))
    weights = [rng.integers(-127, 128, (i, o)) for i, o in zip(sizes[:-1], sizes[1:], strict=True)]
    for w in weights:
        w.flat[0] = 127  # the scale of the layer is one
    return network, weights


def float_spikes(network, weights, spikes):
    """Spikes `[T, N]` of every layer for input spikes `[T, I]`."""
    params = tuple({"weight": jnp.asarray(w, jnp.float32)} for w in weights)
    keys = jax.random.split(jax.random.key(0), (len(spikes), 1))
    _, trace = jax.jit(lambda s: network.advance(params, network.init_state(1), s, key=keys))(
        jnp.asarray(spikes[:, None], jnp.float32)
    )
    return [np.asarray(layer.spikes[:, 0], bool) for layer in trace]


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
    ("layer", "message"),
    [
        (Layer(Dense(3, 2), LeakyIF(5.0)), "layer 0: only LIF neurons can be compiled, got LeakyIF"),
        (Layer(Dense(3, 2), LIF(noise=GaussianNoise(0.1))), "layer 0: noise on the membrane"),
        (Layer(Dense(3, 2), LIF(), 2), "layer 0: a delay of 2 ticks"),
        (Layer(Dense(3, 2, transmission=GaussianBlankOut(0.5)), LIF()), "layer 0: GaussianBlankOut transmission"),
    ],
)
def test_what_the_machine_has_no_like_for_is_refused(layer, message):
    with pytest.raises(UserError, match=message):
        compile_network(Network((layer,)), [np.ones((3, 2))])


def test_blank_out_becomes_fifteenths():
    network = Network((Layer(Dense(3, 2, transmission=BlankOut(0.6)), LIF()),))
    core = compile_network(network, [np.ones((3, 2))]).program.cores[0]
    assert core.probability[0].tolist() == [15, 9]  # the membrane, and the current that the synapses end on
    assert core.states == 2


def test_a_trained_run_becomes_a_program_that_decides_alike(tmp_path, monkeypatch, capsys):
    run, program = tmp_path / "run", tmp_path / "digits.npz"
    code, _, err = call(monkeypatch, capsys, "train", "configs/digits.yaml", "training.epochs=4", "--out", run)
    assert code == 0, err
    code, out, err = call(monkeypatch, capsys, "nsat", "compile", run, "--out", program, "--samples", 200)
    assert code == 0, err
    line = next(x for x in out.splitlines() if x.startswith("test error on 200 samples"))
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
