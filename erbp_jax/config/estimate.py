"""What a training takes, worked out in whole numbers from its config before anything is made.

The sum is of arrays that must be there at once, so a refusal is right; compilation and copies come on top.
"""

import math
from dataclasses import dataclass

import jax

from erbp_jax.config import memory
from erbp_jax.config.memory import SHARE, Part, refuse_beyond
from erbp_jax.config.schema import Config, Optimizer
from erbp_jax.config.schema.base import MOST
from erbp_jax.connections import Connection, Conv2d, Dense, Pool2d
from erbp_jax.errors import UserError
from erbp_jax.learning import ERBP, BackProp, Direct, Rule
from erbp_jax.network import Network
from erbp_jax.wording import plural

FLOAT = 4
"""Bytes of a float32."""
LEAST_PROBE = 10
"""Samples that alignment is measured on at least, over all ticks at once."""


@dataclass(frozen=True)
class Shapes:
    """The sizes of a training that its network and rule do not know."""

    steps: int
    test_steps: int
    burn_in: int
    update_every: int
    test_block: int
    batch: int
    test_batch: int
    samples: int  # of training
    tests: int  # samples of the test
    sample_bytes: int


def check(config: Config, network: Network, rule: Rule, shapes: Shapes, mesh: jax.sharding.Mesh | None) -> None:
    """Refuse what cannot be held in memory or counted.

    Raises:
        UserError: names what is largest, its key, the bytes that it takes and those that there are.
    """
    batches = shapes.samples // shapes.batch
    updates = config.training.epochs * batches * ((shapes.steps - shapes.burn_in) // shapes.update_every)
    if updates > MOST:
        raise UserError(
            f"training.epochs, encoding.steps: {config.training.epochs:,} epochs of {batches:,} batches make "
            f"{updates:,} updates, more than the {MOST:,} that can be counted"
        )
    refuse_beyond(parts(config, network, rule, shapes), _limit(mesh), "this training")


def _limit(mesh: jax.sharding.Mesh | None) -> int:
    """Bytes that may be used, on all devices together."""
    devices = jax.devices()[:1] if mesh is None else list(mesh.devices.flat)
    if devices[0].platform == "cpu":
        return int(SHARE * memory.there())
    return sum((device.memory_stats() or {}).get("bytes_limit", memory.there()) for device in devices)


def parts(config: Config, network: Network, rule: Rule, shapes: Shapes) -> list[Part]:
    """All that is there at once: what stays, and the largest of what comes and goes."""
    segment = rule.segment if isinstance(rule, BackProp) else None
    kept = shapes.update_every if segment is None else segment + shapes.update_every // segment
    passing = [_training(network, kept, shapes.batch), _testing(network, shapes)]
    if config.training.alignment and segment is None:
        passing.append(_alignment(network, shapes))
    stays = _weights(config.optimizer, network) + _rule(rule, network, shapes) + _delays(network, shapes)
    seeds = config.training.seeds
    found = [*stays, *max(passing, key=lambda group: sum(part.size for part in group))]
    if seeds > 1:
        found = [Part(f"{p.key}, training.seeds", f"{p.what}, {plural(seeds, 'seed')}", seeds * p.size) for p in found]
    images = 2 * (shapes.samples + shapes.tests) * shapes.sample_bytes
    longest = max(shapes.steps, shapes.test_steps)
    return [
        *found,
        Part("data.train_size", plural(shapes.samples + shapes.tests, "sample"), images),
        Part("encoding.steps", f"the numbers of {plural(longest, 'tick')}", 4 * longest),
    ]


def parameters(connection: Connection) -> int:
    """Weights of a connection."""
    match connection:
        case Dense():
            return connection.inputs * connection.outputs
        case Conv2d():
            return connection.kernel**2 * connection.input_shape[2] * connection.channels
        case Pool2d():
            return 0
    trained = jax.eval_shape(connection.init, jax.random.key(0, impl="threefry2x32")).trained
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(trained))


def copies(section: Optimizer) -> int:
    """Arrays of the weights' shape that a learner holds: they, their mean, and what the optimiser keeps."""
    moments = 2 if section.kind == "adam" else int(section.momentum > 0)
    sums = section.accumulate > 1 or section.accumulate_growth > 1
    words = sum(trick.entry.about.get("words", 0) for trick in section.tricks)
    return 1 + moments + sums + words + (section.average is not None)


def _weights(section: Optimizer, network: Network) -> list[Part]:
    """The learner before a stretch and after it, and an update."""
    each = 2 * copies(section) + 1
    counts = [parameters(projection.connection) for projection in network.projections]
    return [
        Part(key, f"{plural(count, 'weight')}, {each} times with the optimiser's copies", FLOAT * each * count)
        for key, count in zip(_keys(network), counts, strict=True)
    ]


def _keys(network: Network) -> list[str]:
    """Of the projections: the chain's first, then those from a population to itself."""
    layers = len(network.populations)
    return [
        f"network.layers.{i}" if i <= layers else "network.recurrent" for i in range(1, len(network.projections) + 1)
    ]


def feedback_weights(rule: Rule, network: Network) -> list[int]:
    """Random weights back to each hidden layer."""
    sizes, classes = network.sizes[1:-1], network.sizes[-1]
    if isinstance(rule, ERBP):
        populations = [readout.populations if readout else 1 for readout in rule.readouts(network)]
        return [many * classes * units for units, many in zip(sizes, populations, strict=True)]
    if isinstance(rule, BackProp) and isinstance(rule.wiring, Direct):
        return [classes * units for units in sizes]
    return []


def _rule(rule: Rule, network: Network, shapes: Shapes) -> list[Part]:
    found = [
        Part(f"network.layers.{i}", f"{count:,} feedback weights, twice", 2 * FLOAT * count)
        for i, count in enumerate(feedback_weights(rule, network), 1)
    ]
    readouts = rule.readouts(network) if isinstance(rule, ERBP) else ()
    many = max((readout.populations for readout in readouts if readout), default=1)
    if many > 1:
        found = [part._replace(key="rule.readouts") for part in found]
        neurons = 2 * shapes.update_every * shapes.batch * many * network.sizes[-1]
        found.append(Part("rule.readouts", f"spikes of {plural(many, 'readout')}", FLOAT * neurons))
    if not isinstance(rule, (ERBP, BackProp)):  # eligibility, for instance: a number per synapse and sample
        kept = jax.eval_shape(lambda: rule.init_state(network, shapes.batch).rule)
        size = sum(leaf.dtype.itemsize * math.prod(leaf.shape) for leaf in jax.tree.leaves(kept))
        found.append(Part("rule.kind", f"what the rule remembers of {plural(shapes.batch, 'sample')}", 2 * size))
    return found


def _delays(network: Network, shapes: Shapes) -> list[Part]:
    batch = max(shapes.batch, shapes.test_batch)
    return [
        Part(
            "network.delay",
            f"{plural(p.delay, 'tick')} of spikes on their way",
            2 * FLOAT * p.delay * batch * p.connection.inputs,
        )
        for p in network.projections
        if p.delay
    ]


def _training(network: Network, kept: int, batch: int) -> list[Part]:
    what = f"{plural(kept, 'tick')} (training.update_every) of {plural(batch, 'sample')} (training.batch_size)"
    return [*_traces(network, what, kept * batch), *_windows(network, kept * batch)]


def _testing(network: Network, shapes: Shapes) -> list[Part]:
    rows = shapes.test_block * shapes.test_batch
    counted = network.sizes[-1] + 2 * len(network.projections) + 1
    kept = shapes.test_steps // shapes.test_block * shapes.test_batch * counted
    return [
        *_traces(network, f"a test of {plural(shapes.test_batch, 'sample')} (training.test_batch_size)", rows),
        Part("encoding.test_steps", f"what a test counts in {plural(shapes.test_steps, 'tick')}", FLOAT * kept),
        *_windows(network, rows),
    ]


def _alignment(network: Network, shapes: Shapes) -> list[Part]:
    rows = shapes.steps * min(LEAST_PROBE, shapes.samples)
    return _traces(
        network, f"gradients through {plural(shapes.steps, 'tick')} (training.alignment, encoding.steps)", rows
    )


def _traces(network: Network, what: str, rows: int) -> list[Part]:
    """The input of every tick and sample, and of every unit its current, potential and spikes."""
    inputs, *sizes = network.sizes
    layers = (
        Part(f"network.layers.{i}", f"{what}: {plural(n, 'unit')}", 3 * FLOAT * rows * n)
        for i, n in enumerate(sizes, 1)
    )
    return [Part("network.layers.0", f"{what}: {plural(inputs, 'input')}", FLOAT * rows * inputs), *layers]


def _windows(network: Network, rows: int) -> list[Part]:
    """What the windows of layers of maps see, cut out."""
    found = []
    for key, connection in zip(_keys(network), (p.connection for p in network.projections), strict=True):
        if isinstance(connection, Conv2d | Pool2d):
            (down, across), window = connection.windows.shape, connection.windows.kernel
            count = rows * down * across * window**2 * connection.input_shape[2]
            if isinstance(connection, Conv2d):  # neighbouring windows share a cut
                count = rows * down * window * (window + (across - 1) * connection.windows.stride)
                count *= connection.input_shape[2]
            found.append(Part(key, f"windows of {window:,} x {window:,}", FLOAT * count))
    return found
