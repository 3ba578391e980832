"""Event-driven random back-propagation as a program of the fixed-point machine.

Hidden and output neurons have two states: the membrane V (leak 2^-7) and the dendrite U (leak 2^-6), which only
modulates learning. Error neurons, a pair per class, integrate label minus output spikes, fire into the dendrites: one
to one into the outputs', through fixed random weights into the hidden ones'. Every presynaptic spike changes its
plastic synapses by `U * 2^-7`, randomly rounded by 10 bits, where V lies in the gate and the burn-in is over.
Source: facts of the NSAT simulator's eRBP examples; Neftci et al. 2017 (arXiv 1612.05596).
"""

from dataclasses import dataclass

import numpy as np

from erbp_jax.nsat.fields import NO_CONNECTION as OFF
from erbp_jax.nsat.program import NO_ROUTES, Core, Program, all_to_all, core

HIDDEN, OUTPUT, ERROR = 0, 1, 2  # parameter groups
STATIC, PLASTIC = 0, 1  # learning groups


@dataclass(frozen=True)
class Recipe:
    """The parameters of the reference's benchmark; ticks, and the machine's own integers.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe
        >>> recipe = Recipe(layers=(16, 8, 3))
        >>> recipe.classes, recipe.outputs
        (3, slice(8, 11, None))
    """

    layers: tuple[int, ...] = (784, 100, 10)
    threshold: int = 500
    refractory: int = 39
    leak: int = -7
    dendrite_leak: int = -6
    probability: int = 9  # fifteenths
    gain: int = 3
    dendrite_gain: int = 4
    gate: int = 2560
    exponent: int = -7
    rounding_bits: int = 10
    error_threshold: int = 1025
    error_weight: int = 96
    output_feedback: int = 37
    hidden_init: int = 16
    output_init: int = 4
    train_ticks: int = 1500
    burn_in: int = 375
    test_ticks: int = 3000
    label_period: int = 40
    rate: float = 0.025  # spikes per tick of a white pixel
    dead_time: int = 4
    boundary: int = 7

    @property
    def classes(self) -> int:
        return self.layers[-1]

    @property
    def outputs(self) -> slice:
        """Where the output neurons are."""
        hidden = sum(self.layers[1:-1])
        return slice(hidden, hidden + self.classes)


def random_feedback(rng: np.random.Generator, classes: int, units: int, shuffles: int = 3000) -> np.ndarray:
    """Fixed feedback weights `[K, units]`: sums of shuffled columns of as many -1 as +1, zero-sum over classes.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.erbp import random_feedback
        >>> feedback = random_feedback(np.random.default_rng(0), classes=3, units=8)
        >>> feedback.shape, feedback.dtype.kind
        ((3, 8), 'i')
    """
    ones = max(1, round(0.2 * classes))
    column = np.array([-1] * ones + [1] * ones + [0] * (classes - 2 * ones), np.int8)
    total = np.zeros((classes, units), np.int32)
    for _ in range(shuffles):
        total += rng.permuted(np.broadcast_to(column[:, None], (classes, units)), axis=0)
    return total


def erbp_program(recipe: Recipe = Recipe(), seed: int = 0, *, learning: bool = True) -> Program:
    """A network that learns to classify: axons are the pixels, then one label axon per class.

    Neurons: hidden layers, outputs, E+ and E- of every class. The weight table begins with the plastic layers, each
    `[inputs, outputs]` row by row.

    Example:
        >>> from erbp_jax.nsat.erbp import Recipe, erbp_program
        >>> program = erbp_program(Recipe(layers=(16, 8, 3)), seed=0)
        >>> len(program.cores), program.cores[0].neurons
        (1, 17)
    """
    rng = np.random.default_rng(seed)
    sizes, classes = recipe.layers, recipe.classes
    starts = np.cumsum([0, *sizes[1:]])  # neurons of layer l + 1 begin at starts[l]
    hidden, total = int(starts[-2]), int(starts[-1])
    synapses: list[np.ndarray] = []
    weights: list[np.ndarray] = []

    def connect(sources, external, targets, state, table):
        used = sum(len(w) for w in weights)
        synapses.append(all_to_all(sources, targets, external=bool(external), state=state, weight=used))
        weights.append(np.asarray(table).reshape(-1))

    for layer, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        bound = recipe.output_init if layer == len(sizes) - 2 else recipe.hidden_init
        sources = np.arange(inputs) + (starts[layer - 1] if layer else 0)
        initial = np.trunc(rng.uniform(-bound, bound, (inputs, outputs)))
        connect(sources, int(layer == 0), starts[layer] + np.arange(outputs), 0, initial)
    errors = total + np.arange(2 * classes)  # E+ of every class, then E-
    if hidden:
        g = random_feedback(rng, classes, hidden)
        connect(errors, 0, np.arange(hidden), 1, np.concatenate([g, -g]))
    for k in range(classes):
        for sign, error in ((1, errors[k]), (-1, errors[classes + k])):
            connect([sizes[0] + k], 1, [error], 0, [sign * recipe.error_weight])
            connect([hidden + k], 0, [error], 0, [-sign * recipe.error_weight])
            connect([error], 0, [hidden + k], 1, [sign * recipe.output_feedback])
    return Program((_core(recipe, hidden, np.concatenate(synapses), np.concatenate(weights), learning),), NO_ROUTES)


def _core(recipe: Recipe, hidden: int, synapses: np.ndarray, weights: np.ndarray, learning: bool) -> Core:
    classes = recipe.classes
    neuron = [[recipe.leak, OFF], [OFF, recipe.dendrite_leak]]
    group = np.repeat([HIDDEN, OUTPUT, ERROR], [hidden, classes, 2 * classes])
    return core(
        inputs=recipe.layers[0] + classes,
        learning=learning,
        gated=True,
        boundary=recipe.boundary,
        coupling=[neuron, neuron, [[OFF, OFF], [OFF, OFF]]],
        coupling_sign=[[[-1, 0], [0, -1]], [[-1, 0], [0, -1]], [[0, 0], [0, 0]]],
        threshold=[recipe.threshold, recipe.threshold, recipe.error_threshold],
        refractory=[recipe.refractory, recipe.refractory, 0],
        spike_increment=[[0, 0], [0, 0], [-recipe.error_threshold, 0]],
        lower=[[-32767, -32767], [-32767, -32767], [0, 0]],
        weight_gain=[[recipe.gain, recipe.dendrite_gain]] * 2 + [[4, 4]],
        probability=[[recipe.probability, 15]] * 2 + [[15, 15]],
        modulator=[1, 1, 1],
        gate_lower=[-recipe.gate] * 3,
        gate_upper=[recipe.gate] * 3,
        period=[recipe.train_ticks] * 3,
        burn_in=[recipe.burn_in] * 3,
        plastic=[0, 1],
        acausal_shift=[[0, 0, 0], [recipe.exponent, 0, 0]],
        rounding=[0, 1],
        rounding_bits=[0, recipe.rounding_bits],
        learning_group=[[PLASTIC, STATIC], [PLASTIC, STATIC], [STATIC, STATIC]],
        group=group,
        initial=np.zeros((len(group), 2), np.int32),
        synapses=synapses,
        weights=weights.astype(np.int32),
    )


def image_events(
    images: np.ndarray,
    labels: np.ndarray | None,
    rng: np.random.Generator,
    *,
    recipe: Recipe,
    ticks: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random spikes of images `[R, pixels]` (uint8) and regular ones of their labels, for ticks 0 .. ticks - 1.

    A pixel fires in every tick with probability `rate * value / 256`, but not within `dead_time` ticks of its last
    spike; drawn interval by interval. Label axons fire every `label_period` ticks from a random phase on.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.nsat.erbp import Recipe, image_events
        >>> images = np.full((2, 16), 255, np.uint8)
        >>> recipe = Recipe(layers=(16, 8, 3))
        >>> tick, replica, axon = image_events(images, None, np.random.default_rng(0), recipe=recipe, ticks=100)
        >>> bool((np.diff(tick) >= 0).all()), sorted(set(replica.tolist()))
        (True, [0, 1])

    Returns:
        Tick, replica and axon of every event, ascending in tick.
    """
    replica, pixel = np.nonzero(images)
    chance = recipe.rate * images[replica, pixel] / 256.0
    mean = ticks * recipe.rate / (1 + recipe.dead_time * recipe.rate)
    draws = int(mean + 8 * mean**0.5) + 8
    waits = rng.standard_exponential((len(replica), draws), dtype=np.float32)
    waits /= -np.log1p(-chance).astype(np.float32)[:, None]
    intervals = np.maximum(np.ceil(np.minimum(waits, ticks + 1)), 1).astype(np.int32)
    intervals[:, 1:] += recipe.dead_time
    times = np.cumsum(intervals, axis=1) - 1
    which, place = np.nonzero(times < ticks)
    tick, rows, axons = times[which, place], replica[which], pixel[which]
    if labels is not None:
        phase = rng.integers(0, recipe.label_period, len(labels))
        shots = phase[:, None] + np.arange(0, ticks, recipe.label_period)
        row, k = np.nonzero(shots < ticks)
        tick, rows = np.r_[tick, shots[row, k]], np.r_[rows, row]
        axons = np.r_[axons, recipe.layers[0] + np.asarray(labels, np.int64)[row]]
    order = np.argsort(tick.astype(np.uint16) if ticks < 2**16 else tick, kind="stable")
    return tick[order], rows[order], axons[order]
