"""Learning rates and seeds side by side are the single runs; a cell that diverges is marked."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax import data
from erbp_jax.config import load_config
from erbp_jax.learning import tricks
from erbp_jax.training import engine, testing
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.session import Session
from erbp_jax.training.sweep import Sweep, sweep
from erbp_jax.training.transforms import Optimizers

NEURON = ej.LIF(tau_mem=0.0, tau_syn=0.5, refractory=0)
NETWORK = ej.sequential(ej.Dense(64, 20, 4.0), NEURON, ej.Dense(20, 10, 4.0), NEURON)
RULES = {
    "eRBP": ej.ERBP(ej.LabelNeurons(10, 1), feedback=ej.RandomFeedback(30.0)),
    "learned readouts": ej.ERBP(ej.LabelNeurons(10, 1), local=(ej.LearnedReadout(),)),
    "BP": ej.BackProp(),
}
RATES, SEEDS = (3e-5, 1e-4, 3e-4), (0, 1, 2, 3, 4)


def parts(rule):
    shown = data.load("digits")
    some = (shown.train.x[:60], shown.train.y[:60]), (shown.test.x[:40], shown.test.y[:40])
    every = 10 if rule == "BP" else 5
    return Experiment(NETWORK, ej.Regular(0.5), RULES[rule], 10, 10, every, 20, 40), some


def optimizers(rate):
    schedule = optax.exponential_decay(rate, 6, 0.5)
    return Optimizers(optax.chain(optax.trace(0.5), optax.scale_by_learning_rate(schedule)), optax.sgd(rate))


@pytest.mark.parametrize("rule", RULES)
def test_every_cell_is_a_single_run(rule):
    experiment, (train_data, test_data) = parts(rule)
    made = sweep(experiment, optimizers, RATES, SEEDS, train_data, test_data, epochs=2)
    assert made.test_error.shape == (3, 5, 2)
    assert not made.diverged.any()
    for place, (r, s) in enumerate(((0, 1), (2, 4))):
        one = optimizers(RATES[r])
        learner = first = engine.init(experiment, one, jnp.uint32(SEEDS[s]))
        train = jax.jit(partial(engine.train, experiment, one))
        for epoch in range(2):
            learner = train(learner, *train_data, jnp.int32(epoch), jnp.int32(0), jnp.int32(3))
        result = testing.test(experiment, learner.seed, learner.weights, *map(jnp.asarray, test_data), jnp.int32(2))
        assert abs(100 * float(result.scores["error"].mean()) - made.test_error[r, s, -1]) <= 2.5, place
        cell = jax.tree.map(lambda x, r=r, s=s: x[r, s], made.learner)
        for a, b, start in zip(*map(jax.tree.leaves, (cell.params, learner.params, first.params)), strict=True):
            assert np.abs(b - start).max() > 1e-5
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_cell_that_diverges_is_marked_and_the_others_go_on():
    experiment, (train_data, test_data) = parts("BP")
    reported = []
    made = sweep(
        experiment, optimizers, (1e-3, 3e38), (0, 1), train_data, test_data, epochs=2,
        progress=lambda epoch, errors: reported.append((epoch, errors.shape)),
    )  # fmt: skip
    assert made.diverged.tolist() == [[False, False], [True, True]]
    assert np.isfinite(made.test_error[0]).all()
    assert np.isnan(made.test_error[1, :, -1]).all()
    assert made.best == 0
    assert reported == [(1, (2, 2)), (2, (2, 2))]
    alone = sweep(experiment, optimizers, (1e-3,), (0, 1), train_data, test_data, epochs=2)
    assert not alone.diverged.any()
    np.testing.assert_allclose(made.test_error[0], alone.test_error[0])


@pytest.mark.parametrize(
    "late",
    [tricks.write_threshold(1e-4), tricks.max_norm(2.0), ej.keep_within(-0.1, 0.1)],
    ids=["write threshold", "max-norm", "bounds"],
)
def test_what_stands_behind_the_learning_rate_sees_steps_of_that_rate(late):
    shown, network = data.load("digits").subset(100, 20), ej.mlp(64, 12, 10, gain=2.0)
    table = ej.sweep(
        network, ej.ERBP.default, shown, learning_rate=[1e-4, 1e-3], seed=3, epochs=1, steps=20, progress=False,
        optimizer=lambda rate: optax.chain(optax.sgd(rate), late),
    )  # fmt: skip
    for place, rate in enumerate((1e-4, 1e-3)):
        one = ej.fit(
            network, ej.ERBP.default, shown, optimizer=optax.chain(optax.sgd(rate), late), seed=3, epochs=1, steps=20,
            progress=False,
        )  # fmt: skip
        cell = jax.tree.map(lambda x, place=place: x[place, 0], table.cells.learner.params)
        start = ej.fit(network, ej.ERBP.default, shown, seed=3, epochs=0, steps=20, progress=False)
        for a, b, before in zip(*map(jax.tree.leaves, (cell, one.params.trained, start.params.trained)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
            assert np.abs(b - before).max() > 1e-4


@pytest.mark.parametrize(
    "overrides",
    [
        ["precision.weight_bits=8", "optimizer.schedule=constant"],
        ["optimizer.tricks=[{kind: write_threshold, threshold: 0.01}]"],
        ["optimizer.kind=adam", "optimizer.schedule=cosine"],
    ],
    ids=["few bits", "write threshold", "adam"],
)
def test_the_optimisers_of_a_config_at_a_rate(root, overrides):
    config = load_config(root / "configs" / "digits.yaml", ["data.train_size=40", "data.test_size=20", *overrides])
    session = Session(config)
    swept = sweep(
        session.experiment, session.optimizers_at, [1e-4, 1e-3], [0],
        (session.data.train.x, session.data.train.y), (session.data.test.x, session.data.test.y), epochs=1,
    )  # fmt: skip
    at = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"learning_rate": 1e-3})})
    one = Session(at)
    learner = one.start()
    one.compile(learner)
    learner = one.train(learner, 0, 0, one.batches)
    for a, b in zip(*map(jax.tree.leaves, (swept.learner.params, learner.params)), strict=True):
        np.testing.assert_allclose(a[1, 0], b[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("rates", "seeds", "message"),
    [
        ((), (0,), "learning rates must be a list of different numbers, got \\[\\]"),
        ((1e-3, 1e-3), (0,), "learning rates must be a list of different numbers"),
        ((1e-3,), (0, 0), "seeds must be a list of different numbers"),
        ((-1.0, 1e-3), (0,), "learning rates must be finite and above 0, also in float32, got \\[-1.0, 0.001\\]"),
        (np.float32([0, 1e-3]), (0,), "above 0, also in float32, got \\[0.0, 0.001\\]"),
        ((1e-3, np.inf), (0,), "must be finite .* got \\[0.001, inf\\]"),
        ((1e39,), (0,), "must be finite .* got \\[1e\\+39\\]"),
        ((1e-60,), (0,), "above 0, also in float32, got \\[1e-60\\]"),
    ],
)
def test_what_cannot_be_swept_is_refused(rates, seeds, message):
    experiment, (train_data, test_data) = parts("BP")
    with pytest.raises(ValueError, match=message):
        sweep(experiment, optimizers, rates, seeds, train_data, test_data, epochs=1)
    with pytest.raises(ValueError, match="5 samples are less than a batch of 20"):
        sweep(experiment, optimizers, (1.0,), (0,), (train_data[0][:5], train_data[1][:5]), test_data, epochs=1)


def test_what_is_said_of_rates_that_all_diverged_is_true_of_the_seeds():
    for lost, said in (([[True, True]], "diverged$"), ([[True, False]], "diverged for some seed$")):
        cells = Sweep(np.array([1.0]), np.arange(2), np.ones((1, 2, 1)), np.array(lost), None)
        with pytest.raises(ValueError, match=f"every learning rate {said}"):
            _ = cells.best
