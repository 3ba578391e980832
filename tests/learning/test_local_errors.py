"""A hidden layer that learns from errors of its own learns to tell the classes through weights that never change."""

import jax
import jax.numpy as jnp
import numpy as np

from erbp_jax import simulate
from erbp_jax.config import load_config
from erbp_jax.training.session import Session


def guesses(session, learner):
    """Spikes of the hidden layer's readout neurons for every test digit, `[n, K]`."""
    e, (readout,) = session.experiment, session.experiment.rule.readouts
    params, feedback = (jax.tree.map(lambda x: x[0], part) for part in (learner.params, learner.feedback))
    images = jnp.asarray(session.data.test_images)
    keys = jax.random.split(jax.random.key(0, impl="threefry2x32"), len(images))
    _, counts = simulate.run(
        e.network,
        e.encoder,
        params,
        images,
        keys,
        steps=e.test_steps,
        block=e.test_block,
        record=lambda trace: readout.guess(feedback[0], trace[0].spikes).sum(0)[None],
    )
    return np.asarray(counts.sum(0))


def test_a_fixed_random_readout_comes_to_tell_the_digits(root):
    options = ["rule.errors=local", "training.alignment=false", "data.train_size=1000"]
    session = Session(load_config(root / "configs" / "digits.yaml", options))
    learner = session.start()
    session.compile(learner)
    labels = session.data.test_labels
    before = (guesses(session, learner).argmax(-1) != labels).mean()
    after = session.train(learner, 0, 0, session.batches)
    assert before > 0.75  # chance is 0.9
    assert (guesses(session, after).argmax(-1) != labels).mean() < 0.25
    jax.tree.map(np.testing.assert_array_equal, after.feedback, learner.feedback)
    assert session.test(after, 1).wrong.mean() < 0.5  # and the output learns on top of it
