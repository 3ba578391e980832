"""A hidden layer that learns from errors of its own learns to tell the classes, its readout fixed or learning."""

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.config import load_config
from erbp_jax.training.session import Session


def hidden(session, learner, record):
    """What `record(readout weights, spikes of the hidden layer)` makes of every test digit, summed, `[n, ...]`."""
    e = session.experiment
    params, (trained, fixed) = jax.tree.map(lambda x: x[0], (learner.network_params, learner.rule_params))
    own = (trained or fixed)[0]
    images = jnp.asarray(session.data.test.x)
    keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), len(images))
    _, counts = simulate.run(
        e.network,
        e.encoder,
        params,
        images,
        keys,
        steps=e.test_steps,
        block=e.test_block,
        record=lambda trace: record(own, trace.populations[0].spikes).sum(0)[None],
    )
    return np.asarray(counts.sum(0))


def test_a_fixed_random_readout_comes_to_tell_the_digits(root):
    options = ["rule.errors=local", "training.alignment=false", "data.train_size=1000"]
    session = Session(load_config(root / "configs" / "digits.yaml", options))
    learner = session.start()
    session.compile(learner)
    labels, (readout,) = session.data.test.y, session.experiment.rule.local
    before = (hidden(session, learner, readout.predict).argmax(-1) != labels).mean()
    after = session.train(learner, 0, 0, session.batches)
    assert before > 0.75  # chance is 0.9
    assert (hidden(session, after, readout.predict).argmax(-1) != labels).mean() < 0.25
    jax.tree.map(np.testing.assert_array_equal, after.rule_params, learner.rule_params)
    assert session.test(after, 1).scores["error"].mean() < 0.5  # and the output learns on top of it


def test_a_readout_that_learns_comes_to_tell_the_digits(root):
    options = ["rule.errors=learned", "rule.feedback_scale=10", "training.alignment=false", "data.train_size=1000"]
    session = Session(load_config(root / "configs" / "digits.yaml", options))
    learner = session.start()
    session.compile(learner)
    labels = session.data.test.y

    def potentials(weights, spikes):
        return spikes @ weights

    before = (hidden(session, learner, potentials).argmax(-1) != labels).mean()
    after = session.train(session.train(learner, 0, 0, session.batches), 1, 0, session.batches)
    assert before > 0.75
    assert (hidden(session, after, potentials).argmax(-1) != labels).mean() < 0.15
    assert np.abs(after.rule_params.trained[0] - learner.rule_params.trained[0]).max() > 0.1
    jax.tree.map(np.testing.assert_array_equal, after.rule_params.fixed, learner.rule_params.fixed)  # the output's
    assert session.test(after, 2).scores["error"].mean() < 0.25
