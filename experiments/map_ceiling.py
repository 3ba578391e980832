"""How good are the kernels of a run? A readout that is trained by back-propagation on the spikes of its last maps.

Command:   python experiments/map_ceiling.py runs/RUN [--shuffle]
Hardware:  one CPU core.
Wall time: four minutes for MNIST.
Expected:  eRBP's own dense layers (1.65 %) do at least as well on its kernels as this readout (1.92 %); with the
           entries of the kernels shuffled it has 3.04 % (docs/lab/convolution.md).

A layer of as many rectified units as the network's own dense layer and a softmax, Adam with a cosine schedule, batches
of 100: the ceiling that the kernels set for any readout of this size, or near it. With `--shuffle` the entries of every
kernel change places: kernels of the same size that know nothing.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from erbp_jax import archive
from erbp_jax.__main__ import guarded
from erbp_jax.errors import UserError
from erbp_jax.evaluation.passes import batches, present
from erbp_jax.network import Network
from erbp_jax.params import Params
from erbp_jax.random import new_key, normal, permutation, split
from erbp_jax.training import run_folder
from erbp_jax.training.session import Session

BATCH, CHUNK, RATE = 100, 500, 1e-3


def trained(folder: Path, shuffle: bool) -> tuple[Session, Network, Params]:
    """The layers of a run up to its last maps, and their weights (of its first seed)."""
    session = Session(run_folder.open_config(folder))
    whole = session.experiment.network
    maps = 1 + max((i for i, x in enumerate(whole.layers) if len(x.connection.output_shape) == 3), default=-1)
    if not maps or session.experiment.steps == 1:
        raise UserError(f"{folder}: must be a run of a spiking network that has layers of maps")
    file, rng, weights = folder / "weights.npz", np.random.default_rng(0), []
    if not file.is_file():
        raise UserError(f"{file}: was not found; a run leaves it when it ends")
    stored = archive.load(file)
    for i in range(maps):
        weight = stored[f"layer{i}_weight"][0] if f"layer{i}_weight" in stored else None
        if weight is not None and shuffle:
            weight = rng.permutation(weight.ravel()).reshape(weight.shape)
        weights.append({} if weight is None else {"weight": jnp.asarray(weight)})
    network = Network(whole.populations[:maps], whole.projections[:maps])
    params = network.init(new_key(0))
    return session, network, params._replace(trained=params.trained._replace(projections=tuple(weights)))


def rates(session: Session, network: Network, params: Params, images: np.ndarray) -> jax.Array:
    """Spikes per tick of every unit of the last maps, `[n, N]`."""
    e, shown = replace(session.experiment, network=network), jnp.asarray(images)

    @jax.jit
    def chunk(shown, index):
        counted = present(
            e, params, shown, index,
            seed=session.seeds[0], epoch=jnp.int32(0), record=lambda t: network.output_spikes(t).sum(0)[None],
        )[1]  # fmt: skip
        return counted.sum(0) / e.test_steps

    return jnp.concatenate([chunk(shown, index)[:new] for index, new in batches(len(images), CHUNK)])


def readout_errors(units: int, epochs: int, train: tuple, test: tuple) -> tuple[float, float]:
    """Train and test error, in percent, of a readout with one hidden layer."""
    (x, y), classes = train, int(train[1].max()) + 1
    a, b, order = split(new_key(0), 3)
    batches = len(x) // BATCH
    params = [
        normal(a, (x.shape[1], units)) * (8.0 / x.shape[1]) ** 0.5,
        jnp.zeros(units),
        normal(b, (units, classes)) * units**-0.5,
        jnp.zeros(classes),
    ]
    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, epochs * batches))

    def logits(params, x):
        return jax.nn.relu(x @ params[0] + params[1]) @ params[2] + params[3]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(logits(params, x), y).mean()

    @jax.jit
    def epoch(params, state, key):
        def step(carry, index):
            params, state = carry
            update, state = optimizer.update(jax.grad(loss)(params, x[index], y[index]), state)
            return (optax.apply_updates(params, update), state), None

        chosen = permutation(key, len(x))[: batches * BATCH].reshape(batches, BATCH)
        return jax.lax.scan(step, (params, state), chosen)[0]

    state = optimizer.init(params)
    for n in range(epochs):
        params, state = epoch(params, state, jax.random.fold_in(order, n))
    train_wrong, test_wrong = (float((logits(params, x).argmax(-1) != y).mean()) for x, y in (train, test))
    return 100.0 * train_wrong, 100.0 * test_wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run of a network with layers of maps")
    parser.add_argument("--shuffle", action="store_true", help="shuffle the entries of every kernel")
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    session, network, params = trained(arguments.run, arguments.shuffle)
    d = session.data
    train, test = (
        (rates(session, network, params, images), jnp.asarray(labels))
        for images, labels in ((d.train.x, d.train.y), (d.test.x, d.test.y))
    )
    print(f"{train[0].shape[1]} units in the last maps fire in {float(train[0].mean()):.1%} of the ticks", flush=True)
    train_error, test_error = readout_errors(arguments.units, arguments.epochs, train, test)
    print(f"readout of {arguments.units} units: test error {test_error:.2f} %, train error {train_error:.2f} %")


if __name__ == "__main__":
    guarded(main)
