"""Training images moved at random: against a loop, within bounds, the same in any stretches, and only in training."""

import jax
import numpy as np
import pytest

from erbp_jax.config import load_config
from erbp_jax.data.shift import Shift
from erbp_jax.errors import UserError
from erbp_jax.random import Stream, root_key, sample_keys
from erbp_jax.training.session import Session

SMALL = [
    "data.train_size=200",
    "data.test_size=100",
    "training.batch_size=50",
    "encoding.steps=20",
    "training.alignment=false",
]


def moved(image, down, right):
    """By a loop over pixels."""
    result = np.zeros_like(image)
    for i, j in np.ndindex(*image.shape):
        if 0 <= i - down < image.shape[0] and 0 <= j - right < image.shape[1]:
            result[i, j] = image[i - down, j - right]
    return result


def test_every_move_is_one_of_the_loops_and_all_are_drawn_equally_often():
    images = np.random.default_rng(0).integers(1, 256, (900, 6, 5), dtype=np.uint8)  # no zeros: moves can be told apart
    keys = jax.random.split(jax.random.key(0), len(images))
    got = np.asarray(Shift(1, (6, 5))(images.reshape(900, -1), keys)).reshape(images.shape)
    assert got.dtype == np.uint8
    offsets = [(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)]
    seen = [
        [offset for offset in offsets if np.array_equal(new, moved(image, *offset))]
        for new, image in zip(got, images, strict=True)
    ]
    assert all(len(found) == 1 for found in seen)
    counts = [sum(found == [offset] for found in seen) for offset in offsets]
    assert np.abs(np.array(counts) - 100).max() < 40  # a standard deviation is 9.4


def session_of(root, *more):
    session = Session(load_config(root / "configs" / "digits.yaml", [*SMALL, *more]))
    session.compile(session.start())
    return session


def test_learning_sees_moved_images_and_tests_do_not(root):
    plain, session = session_of(root), session_of(root, "data.shift=1")
    learner = session.train(session.start(), 0, 0, session.batches)
    alone = plain.train(plain.start(), 0, 0, plain.batches)
    assert any(
        np.any(np.asarray(a) != np.asarray(b))
        for a, b in zip(jax.tree.leaves(learner.params), jax.tree.leaves(alone.params), strict=True)
    )
    jax.tree.map(np.testing.assert_array_equal, session.test(learner, 1), plain.test(learner, 1))


def test_moves_depend_on_seed_epoch_and_image_alone(root):
    session = session_of(root, "data.shift=1")
    start, last = session.start(), session.batches
    at_once = session.train(start, 1, 0, last)
    in_parts = session.train(session.train(start, 1, 0, 1), 1, 1, last)
    jax.tree.map(np.testing.assert_array_equal, at_once.params, in_parts.params)
    index = np.arange(200)
    drawn = {
        jax.random.key_data(sample_keys(np.uint32(seed), Stream.SHIFT, np.int32(epoch), index)).tobytes()
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(drawn) == 4
    assert not np.array_equal(
        jax.random.key_data(root_key(0, Stream.SHIFT)), jax.random.key_data(root_key(0, Stream.TRAIN))
    )


@pytest.mark.parametrize("pixels", [8, -1])
def test_what_would_move_out_of_sight_is_refused(root, pixels):
    with pytest.raises(UserError, match=r"data\.shift"):
        session_of(root, f"data.shift={pixels}")
