"""What the public `run` says to images and keys that it cannot take."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import erbp_jax as ej
from erbp_jax import simulate
from erbp_jax.random import new_key, split

NETWORK = ej.sequential(ej.Dense(64, 5, 9.0), ej.LIF())
ENCODERS = [ej.Regular(), ej.Poisson(), ej.ExponentialEscape(), ej.Analog()]
IMAGE = np.full((2, 64), 200, np.uint8)


def run(encoder, image, keys):
    return ej.run(NETWORK, encoder, NETWORK.init(new_key(0)), image, keys, steps=3)


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize(
    ("image", "given"),
    [
        (IMAGE / np.float32(255), "float32"),
        (IMAGE / 255.0, "float"),
        (-IMAGE / np.float32(255), "float32"),
        (np.full((2, 64), np.nan, np.float32), "float32"),
        (IMAGE.astype(np.int32), "int32"),
        (IMAGE.astype(np.int8), "int8"),
        (IMAGE > 0, "bool"),
    ],
)
def test_images_that_are_no_bytes_are_refused(encoder, image, given):
    """Images in [0, 1] were taken, and never made a spike."""
    keys = split(new_key(1), 2)
    for call in (
        lambda: run(encoder, image, keys),
        lambda: simulate.start(NETWORK, encoder, image, keys),
        lambda: encoder.init_state(image, keys),
        lambda: encoder.step(encoder.init_state(IMAGE, keys), image, keys),
        lambda: jax.jit(lambda i: simulate.encode(encoder, encoder.init_state(IMAGE, keys), i, keys, jnp.arange(2)))(
            image
        ),
    ):
        with pytest.raises(ValueError, match=rf"images must be uint8.*got {given}"):
            call()


@pytest.mark.parametrize(
    ("image", "keys", "said"),
    [
        (IMAGE.reshape(2, 8, 8), 2, r"shape \[B, 64\].*got \[2, 8, 8\]"),
        (IMAGE[:, :60], 2, r"shape \[B, 64\].*got \[2, 60\]"),
        (IMAGE[0], 1, r"shape \[B, 64\].*got \[64\]"),
        (IMAGE[:0], 2, r"at least one sample, got shape \[0, 64\]"),
        (IMAGE.tolist(), 2, r"shape \[B, 64\].*got \[\]"),
        (IMAGE, 3, r"one key for each sample, shape \[2\], got \[3\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(image, keys, said):
    for call in (run, lambda *a: simulate.start(NETWORK, *a)):
        with pytest.raises(ValueError, match=said):
            call(ej.Regular(), image, split(new_key(1), keys))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (jax.random.PRNGKey(0), r"typed.*got uint32 \[2\]"),
        (jax.vmap(jax.random.PRNGKey)(jnp.arange(2)), r"typed.*got uint32 \[2, 2\]"),
        (jax.random.key(0, impl="threefry2x32"), r"shape \[2\], got \[\]"),
        (jax.vmap(lambda s: jax.random.key(s, impl="rbg"))(jnp.arange(2)), "generator threefry2x32, got .*rbg"),
        (7, "typed.*got int"),
        (None, "typed.*got NoneType"),
    ],
)
def test_keys_that_are_none_are_refused(keys, said):
    for encoder in ENCODERS:
        with pytest.raises(ValueError, match=said):
            run(encoder, IMAGE, keys)
        with pytest.raises(ValueError, match=said):
            encoder.init_state(IMAGE, keys)


def test_bytes_run_as_numpy_or_jax_arrays():
    keys = split(new_key(1), 2)
    a, b = (run(ej.Regular(0.5), image, keys)[1] for image in (IMAGE, jnp.asarray(IMAGE)))
    np.testing.assert_array_equal(a, b)


def test_an_encoder_feeds_one_input(capsys):
    onto = [ej.Projection(name, "output", ej.Dense(64, 5)) for name in ("left", "right")]
    network = ej.Network({"output": ej.LIF()}, onto)
    said = "an encoder feeds one input, and it has left, right .sources that are no population"
    with pytest.raises(ValueError, match=said):
        ej.run(network, ej.Regular(), network.init(new_key(0)), IMAGE, split(new_key(1), 2), steps=3)
    data = ej.dataset(IMAGE.repeat(4, 0), np.arange(8) % 5)
    with pytest.raises(ej.UserError, match=said):
        ej.fit(network, ej.BackProp(), data, epochs=1)
    assert not "".join(capsys.readouterr())  # before anything is compiled


def test_all_inputs_have_the_same_ticks():
    """The first one said how many there are, and what was missing of the others was their end once more."""
    onto = [ej.Projection(name, "output", ej.Dense(size, 3)) for name, size in (("ear", 4), ("eye", 5))]
    network, rule = ej.Network({"output": ej.LIF()}, onto), ej.ERBP(ej.LabelNeurons(3))
    learning, key = ej.Learning(network, rule, optax.sgd(0.1)), new_key(0)
    stream = ej.start(learning, network.init(key), rule.init(network, key))
    spikes = {"ear": jnp.ones((60, 2, 4)), "eye": jnp.ones((50, 2, 5))}
    with pytest.raises(ValueError, match=r"all inputs must .*, got \[60, 2, 4\] for 'ear', \[50, 2, 5\] for 'eye'"):
        ej.learn(learning, stream, spikes, jnp.zeros(2, int), key=split(key, 2), block=10)


def test_packages_are_there_without_an_import_of_their_own():
    code = "import erbp_jax as ej; print(ej.neurons.spike, ej.trace.Trace, ej.nsat, ej.tasks.task_for)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
