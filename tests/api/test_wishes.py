"""What a new user wants to type, as it is typed: every job in as few lines as it takes."""

import subprocess
import sys
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax.errors import UserError

SMALL = {"epochs": 1, "progress": False}


@pytest.fixture(scope="module")
def data():
    return ej.data.load("digits").subset(400, 100)


@pytest.fixture(scope="module")
def net():
    return ej.mlp(64, 30, 10)


@pytest.fixture(scope="module")
def model(data, net):
    return ej.fit(net, ej.ERBP.default, data, epochs=4, progress=False)


def test_build_run_raster(data):
    net = ej.mlp(64, 30, 10, neuron=ej.LIF(tau_mem=10, tau_syn=4))
    params = net.init(jax.random.key(0))
    rec = ej.record(net, params, data.test.x[0].reshape(8, 8), ej.Poisson(0.25), steps=50)
    assert rec.spikes["hidden1"].shape == (50, 30)
    assert rec.membrane["output"].shape == (50, 10)
    assert len(rec.raster().axes) == 6
    assert rec.raster(title="one digit").get_suptitle() == "one digit"
    floats = ej.record(net, params, data.test.x[0] / np.float32(255), steps=50)
    np.testing.assert_array_equal(floats.spikes["output"], rec.spikes["output"])
    assert ej.record(net, params, data.test.x[:3], steps=5).spikes["input"].shape == (5, 3, 64)
    with pytest.raises(UserError, match=r"takes samples of 64 values, one or a batch \[B, \.\.\.\], got shape \[63\]"):
        ej.record(net, params, data.test.x[0, 1:])


def test_train_from_python(model):
    assert model.test_error < 30
    assert [entry["epoch"] for entry in model.history] == [1, 2, 3, 4]
    assert model.plot().axes[0].get_ylabel() == "error (%)"


def test_swap_the_rule(net, data):
    errors = [
        ej.fit(net, rule, data, epochs=3, batch_size=20, progress=False).test_error
        for rule in (ej.BackProp(), ej.BackProp(wiring=ej.Direct()))
    ]
    assert errors[0] < 60
    assert errors[1] < 90


def test_own_local_rule(net, data):
    @ej.local_rule(feedback=ej.RandomFeedback(1.0), burn_in=10)
    def my_rule(pre, post, error):
        gate = abs(post.current) < 2
        return pre[:, :, None] * (gate * error)[:, None, :]

    @ej.local_rule(feedback=ej.RandomFeedback(1.0), burn_in=10)
    def as_factor(pre, post, error):
        return (abs(post.current) < 2) * error

    whole, factor, theirs = (
        ej.fit(net, rule, data, **SMALL)
        for rule in (my_rule, as_factor, lambda n: ej.ERBP.default(n, feedback_scale=1.0))
    )
    for ours in (whole, factor):
        for a, b in zip(jax.tree.leaves(ours.params), jax.tree.leaves(theirs.params), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)

    @ej.local_rule()
    def odd(pre, post, error):
        return error.sum()

    with pytest.raises(UserError, match=r"must return the postsynaptic factor \[100, 30\].*or all synapses"):
        ej.fit(net, odd, data, **SMALL)


class ALIFState(NamedTuple):
    synaptic: jax.Array
    membrane: jax.Array
    refractory: jax.Array
    adapt: jax.Array


@dataclass(frozen=True)
class ALIF(ej.Firing):
    tau_mem: float = 5.0
    tau_syn: float = 4.0
    tau_a: float = 50.0
    beta: float = 0.2

    def init_state(self, shape, dtype=jnp.float32):
        return ALIFState(*(jnp.zeros(shape, dtype) for _ in range(4)))

    def step(self, s, current, *, key=None):
        del key
        i = self.leak(self.tau_syn) * s.synaptic + current
        v = self.leak(self.tau_mem) * s.membrane + (1 - self.leak(self.tau_mem)) * (i - s.adapt)
        fired = self.fire(s.membrane, v, s.refractory)
        adapt = self.leak(self.tau_a) * s.adapt + self.beta * fired.spikes
        return ALIFState(i, fired.membrane, fired.refractory, adapt), fired.spikes


def test_own_arrays(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((200, 20, 30)), rng.integers(0, 3, 200) * 7
    data = ej.dataset(x, y, test=0.2, seed=0)
    found = ej.fit(ej.mlp(*data.sizes(20)), ej.ERBP.default, data, **SMALL)
    assert set(found.predict(x[:20])) <= {0, 7, 14, -1}
    data.save(tmp_path / "my.npz")
    assert ej.data.from_npz(tmp_path / "my.npz").sizes() == (600, 3)


def test_recurrent(data):
    net = ej.Network(
        {"hidden": ej.LIF(), "output": ej.LIF()},
        (
            ej.Projection("input", "hidden", ej.Dense(64, 30)),
            ej.Projection("hidden", "hidden", ej.Dense(30, 30, gain=0.5), delay=1),
            ej.Projection("hidden", "output", ej.Dense(30, 10)),
        ),
    )
    before = net.init(jax.random.key(0)).trained.projections[1]["weight"].shape
    assert ej.fit(net, ej.ERBP.default, data, **SMALL).params.trained.projections[1]["weight"].shape == before


def test_save_load_in_another_process(model, data, tmp_path, cli_environment):
    path = tmp_path / "model.npz"
    ej.save(path, model)
    code = (
        "import sys, numpy as np, erbp_jax as ej\n"
        "model = ej.load(sys.argv[1])\n"
        "np.save(sys.argv[2], model.predict(np.load(sys.argv[3])))\n"
    )
    np.save(tmp_path / "x.npy", data.test.x)
    places = [str(path), str(tmp_path / "said.npy"), str(tmp_path / "x.npy")]
    subprocess.run([sys.executable, "-c", code, *places], check=True, env=cli_environment)
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), model.predict(data.test.x))
    again = ej.load(path)
    assert (again.network, again.rule, again.encoder, again.task) == (
        model.network, model.rule, model.encoder, model.task,
    )  # fmt: skip
    assert again.evaluate(data) == model.evaluate(data)


def test_go_on_from_a_model_and_stop_early(model, net, data):
    seen = []
    more = ej.fit(
        net, ej.ERBP.default, data, epochs=3, model=model, progress=False, on_epoch=lambda m, _: seen.append(m) or True
    )
    assert [entry["epoch"] for entry in more.history] == [1, 2, 3, 4, 5]
    assert seen == more.history[4:]
    at_once = ej.fit(net, ej.ERBP.default, data, epochs=5, progress=False)
    for a, b in zip(jax.tree.leaves(more.params), jax.tree.leaves(at_once.params), strict=True):
        np.testing.assert_array_equal(a, b)  # one training or two: the same numbers
    with pytest.raises(UserError, match="with another network, whose weights do not fit"):
        ej.fit(ej.mlp(64, 31, 10), ej.ERBP.default, data, model=model, **SMALL)


def test_gradients_through_the_network(net, data):
    params, key, x = net.init(jax.random.key(0)), jax.random.key(1), jnp.asarray(data.train.x[:100])
    y = jnp.asarray(data.train.y[:100])

    def loss(trained):
        own = params._replace(trained=trained)
        counts = ej.count(net, own, x, ej.Poisson(0.25), key, steps=20, surrogate="fast_sigmoid")
        return optax.softmax_cross_entropy_with_integer_labels(counts, y).mean()

    trained, optimizer = params.trained, optax.adam(1e-2)
    state, step = optimizer.init(trained), jax.jit(jax.value_and_grad(loss))
    values = []
    for _ in range(20):
        value, gradient = step(trained)
        change, state = optimizer.update(gradient, state)
        trained = optax.apply_updates(trained, change)
        values.append(float(value))
    assert values[-1] < 0.8 * values[0]


def test_two_devices_give_the_numbers_of_one(net, data):
    one, two = (ej.fit(net, ej.ERBP.default, data, devices=n, **SMALL) for n in (1, 2))
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_why_silent(data):
    quiet = ej.mlp(64, 30, 10, neuron=ej.LIF(threshold=50.0))
    found = ej.diagnose(ej.fit(quiet, ej.ERBP.default, data, epochs=0, progress=False), data)
    assert found.undecided == 100
    assert [round(p.silent) for p in found.populations[1:]] == [100, 100]
    assert "hidden1: 100 % of its neurons never fire" in found.advice[0]


def test_a_sweep(net, data):
    table = ej.sweep(net, ej.ERBP.default, data, learning_rate=[1e-5, 1e-3], seed=range(2), epochs=2)
    assert table.best() == pytest.approx(1e-3)
    assert [row["learning_rate"] for row in table.rows()] == pytest.approx([1e-5, 1e-3])
    assert table.plot().axes[0].get_xscale() == "log"


def test_look_inside(model, data):
    rec = model.record(data.test.x[0])
    assert rec.membrane["hidden1"][:, 3].shape == (60,)
    assert len(rec.plot_neuron("hidden1", 3).axes) == 2
    with pytest.raises(UserError, match="hidden1 has neurons 0 to 29"):
        rec.plot_neuron("hidden1", 30)


def test_a_threshold_that_moves_is_drawn(data):
    """It was left out, and millivolts were called units of the threshold."""
    network = ej.sequential(ej.Dense(64, 3, 20.0), ej.neurons.MihalasNiebur())
    seen = ej.record(network, network.init(jax.random.key(0)), data.test.x[0], steps=20)
    figure = seen.plot_neuron("output", 1)
    drawn = {line.get_label(): line.get_ydata() for line in figure.axes[1].lines}
    np.testing.assert_array_equal(drawn["threshold"][:-1], seen.state["output"].threshold[:, 1])
    assert "units" not in figure.get_suptitle()


def test_own_neuron(data):
    net = ej.mlp(64, 30, 10, neuron=ALIF(beta=0.05))
    assert ej.fit(net, ej.ERBP.default, data, epochs=3, progress=False).test_error < 80


def test_logging(net, data, tmp_path):
    ej.fit(net, ej.ERBP.default, data, on_epoch=ej.tensorboard(tmp_path / "logs"), **SMALL)
    (log,) = (tmp_path / "logs").iterdir()
    assert b"test_error" in log.read_bytes()


def test_early_stop(net, data):
    still = ej.fit(net, ej.ERBP.default, data, epochs=6, patience=1, learning_rate=1e-9, progress=False)
    assert len(still.history) == 2  # nothing learned: the second epoch is no better than the first


def test_reward_at_the_end_of_a_trial():
    """A rule that is paid once per presentation, by what was chosen, trained and scored as any other."""
    draw = np.random.default_rng(0)
    x, payoff = draw.random((60, 12)), np.eye(2)[draw.integers(0, 2, 60)]

    def reward(counts, target):
        return jnp.take_along_axis(target, counts.argmax(-1)[:, None], 1)[:, 0] - 0.5

    rule = ej.mstdpet(ej.TrialReward(20, reward), tau_eligibility=20.0)
    bounded = optax.chain(optax.sgd(0.02), ej.keep_within(-3.0, 3.0))
    more = {"task": ej.Choice(), "steps": 20, "update_every": 5, "batch_size": 10, "optimizer": bounded}
    model = ej.fit(ej.mlp(12, 2, gain=4.0), rule, (x, payoff), **more, **SMALL)
    assert {"test_reward", "train_reward", "regret", "undecided"} <= set(model.metrics)
    assert max(float(jnp.abs(w).max()) for w in jax.tree.leaves(model.params)) <= 3.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"learning_rate": -1.0}, "learning_rate: must be a finite number above 0, got -1.0"),
        ({"epochs": 1.5}, "epochs: must be a whole number from 0 on, got 1.5"),
        ({"steps": 0}, "steps: must be a whole number from 1 on"),
        ({"batch_size": 0}, "batch_size: must be"),
        ({"patience": 0}, "patience: must be"),
        ({"seed": "a"}, "seed: must be"),
        ({"task": "classification"}, r"task: must be a task, e\.g\. ej\.Classification\(\), got 'classification'"),
        ({"encoder": "poisson"}, "encoder: must be an encoder, e.g."),
        ({"optimizer": "adam"}, "optimizer: must be an optax transformation, e.g."),
        ({"model": "model.npz"}, "model: must be what ej.fit or ej.load returned"),
        ({"on_epoch": 3}, "on_epoch: must be a function"),
        ({"rule": ej.ERBP}, "rule: must be a rule, or a function of the network .* got the class ERBP"),
        ({"rule": "erbp"}, "rule: must be a rule, .* got 'erbp'"),
        ({"network": ej.ERBP.default}, "network: must be a network, e.g."),
        ({"learning_rate": 0.1, "optimizer": optax.sgd(0.1)}, "pass one of the two"),
        ({"data": 5}, "data: must be a Dataset"),
        ({"burn_in": 60}, "burn_in: must be from 0 to 59"),
        ({"update_every": 7}, "update_every: 7 ticks do not divide steps"),
    ],
)
def test_what_no_training_can_have_is_refused_before_anything_is_compiled(net, data, given, said):
    with pytest.raises(UserError, match=said):
        ej.fit(**{"network": net, "rule": ej.ERBP.default, "data": data, "progress": False, **given})


def test_targets_suit_the_rule_they_are_given_to():
    draw = np.random.default_rng(0)
    spikes, curves = (draw.random((20, 15, 6)) < 0.3).astype(np.uint8), draw.random((20, 15, 2)) * 0.3
    data, net = ej.dataset(spikes, curves, trains=True), ej.mlp(6, 4, 2)
    assert ej.fit(net, ej.ERBP.default, data, epochs=0).rule.label == ej.Curves(2)
    assert ej.fit(net, ej.BackProp(), data, epochs=0).rule.loss == ej.CurveError()
    labelled = ej.dataset(spikes, np.arange(20) % 2, trains=True)
    with pytest.raises(UserError, match="must be one reward per sample, float; whole numbers are classes"):
        ej.fit(net, ej.mstdpet(ej.GivenReward()), labelled, **SMALL)
    with pytest.raises(UserError, match="80 ticks asked for, and the trains of the data have 15"):
        ej.fit(net, ej.ERBP.default, data, steps=80)


def test_an_interrupted_epoch_begins_again(net, data, monkeypatch):
    """Ctrl-C after a part of the first epoch: what was learned comes back, and its counts do not stay."""
    from erbp_jax.api import fit as module

    stops = iter([False, True])

    def check(self):
        if next(stops, False):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._InMemory, "check", check)
        part = ej.fit(net, ej.ERBP.default, data, **SMALL)
    assert (part.history, int(part.learner.counters.values().samples)) == ([], 100)
    whole = ej.fit(net, ej.ERBP.default, data, model=part, **SMALL)
    assert [entry["epoch"] for entry in whole.history] == [1]
    assert not whole.learner.counters.values().samples.any()
    assert 0 <= whole.history[0]["train_error"] <= 100
