"""Learning on real digits, and the published pitfalls: leave one part out and learning is clearly worse."""

import jax
import pytest

from erbp_jax.config import load_config
from erbp_jax.training.session import Session

DIGITS = ("digits.yaml", "training.epochs=2", "training.seeds=2", "optimizer.decay=0.7")
MNIST = (
    "pi_mnist/erbp_784_100_10.yaml", "training.epochs=2", "data.train_size=3000", "data.test_size=1000",
    "training.alignment=false",
)  # fmt: skip


def error(root, *overrides, base=DIGITS):
    """Mean test error (percent) of a shipped config in short."""
    name, *short = base
    session = Session(load_config(root / "configs" / name, [*short, *overrides]))
    learner = session.start()
    session.compile(learner)
    for epoch in range(session.config.training.epochs):
        learner = session.train(learner, epoch, 0, session.batches)
    result = session.test(learner, session.config.training.epochs)
    return 100.0 * float(result.scores["error"].mean())


@pytest.fixture(scope="module")
def intact(root):
    return error(root)


def test_erbp_learns_digits(intact):
    assert intact < 10.0


def test_perbp_learns_digits(root):
    assert error(root, "rule.kind=perbp", "network.transmission.p=0.75", "training.seeds=1") < 15.0


def test_without_the_gate_learning_is_clearly_worse(root, mnist):
    assert len(mnist.train.y) == 60000
    gated = error(root, base=MNIST)  # 15 %, and 19 % without
    assert gated < 18.0
    assert error(root, "rule.gate=[-1e9,1e9]", base=MNIST) > gated + 2.0


def test_without_feedback_to_the_hidden_layer_learning_is_clearly_worse(root, intact):
    assert error(root, "rule.feedback_scale=0") > intact + 2.0


def test_momentum_and_adam_are_one_config_key_away(root):
    assert error(root, "optimizer.momentum=0.5", "optimizer.learning_rate=1e-4") < 12.0
    with jax.numpy_dtype_promotion("standard"):  # optax's bias correction mixes floats and integers
        assert error(root, "optimizer.kind=adam", "optimizer.learning_rate=3e-3") < 20.0
