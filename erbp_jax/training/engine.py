"""Training as a pure function of (learner, data, position): whole stretches of an epoch in one `jit`."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from erbp_jax import simulate
from erbp_jax.config.build import Experiment
from erbp_jax.counting import Wide, wide, wide_add, wide_stack, wide_sum, wide_value, wide_zeros
from erbp_jax.evaluation.alignment import Alignment, feedback_angles, update_angles
from erbp_jax.learning.base import Events
from erbp_jax.network import NetworkState, Params
from erbp_jax.parallel import along_batch, along_neurons
from erbp_jax.random import Stream, permutation, root_key, sample_keys
from erbp_jax.settings import settled
from erbp_jax.tasks.decisions import decide
from erbp_jax.training.optimizer import Trained

UPDATE = 2**32 - 1
"""Folded into the key of a batch's first sample, for what is drawn at updates; ticks count up from 1."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["seed", "params", "optimizer", "feedback", "lanes", "tally", "mean"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Learner:
    """All that training changes or depends on. With several seeds every leaf has a leading axis for them."""

    seed: jax.Array  # [] uint32
    params: Params
    optimizer: Any  # optax state
    feedback: Any  # what the rule has besides the network: fixed, but for what it trains of its own
    lanes: Any  # network and rule state of the batch's samples, where presentations follow on one another; else None
    tally: "Tally"  # of the epoch under way
    mean: Params | None = None  # running mean of the weights, if the experiment keeps one

    @property
    def weights(self) -> Params:
        """What tests work with, and what learning leaves behind: the running mean if there is one."""
        return self.params if self.mean is None else self.mean


class Tally(NamedTuple):
    """Counts since the epoch began, exact in 64 bits."""

    samples: Wide  # []
    wrong: Wide  # [] samples whose decision, while learning, was not their label
    error_spikes: Wide  # [] of the error neurons
    lost: Wide  # [L] samples after which states of the layer's neurons were NaN or infinite
    events: Wide  # [2 L + 2] SynOps by layer, plasticity by layer, label, error

    def values(self) -> "TallyValues":
        """The same counts on the host."""
        return TallyValues(*map(wide_value, self))


class TallyValues(NamedTuple):
    """A `Tally` as int64, with the learner's leading axes."""

    samples: np.ndarray
    wrong: np.ndarray
    error_spikes: np.ndarray
    lost: np.ndarray
    events: np.ndarray


@settled
def init(experiment: Experiment, optimizer: optax.GradientTransformation, seed: jax.Array) -> Learner:
    """A learner that has seen nothing."""
    params = experiment.network.init(root_key(seed, Stream.INIT))
    feedback = experiment.rule.init(experiment.network, root_key(seed, Stream.FEEDBACK))
    lanes = None if experiment.reset_state else _rest(experiment, experiment.batch_size)
    tally = new_tally(len(experiment.network.layers))
    mean = None if experiment.average is None else params
    state = optimizer.init(cast(optax.Params, Trained(params, experiment.rule.own(feedback))))
    return Learner(seed, params, state, feedback, lanes, tally, mean)


def _rest(experiment: Experiment, batch: int) -> tuple[Any, Any]:
    network, rule = experiment.network, experiment.rule
    return network.init_state(batch), rule.init_state(network, batch)


def new_tally(layers: int) -> Tally:
    return Tally(wide_zeros(), wide_zeros(), wide_zeros(), wide_zeros(layers), wide_zeros(2 * layers + 2))


def _count(counts: Wide, events: Events | None, learn: bool) -> Wide:
    """Counts `[k, B, 2 L + 2]` of the presentation, after one more block. Summed over k at the end: fewer kernels."""
    if events is None:
        return counts
    plasticity = events.plasticity if learn else jax.tree.map(jnp.zeros_like, events.plasticity)
    parts = (events.synops, plasticity, wide_stack([events.label, events.error], -1))
    return wide_add(counts, Wide(*(jnp.concatenate(words, -1) for words in zip(*parts, strict=True))))


def finite_samples(state: NetworkState) -> jax.Array:
    """Whether all states of a layer's neurons are finite, for every layer and sample, `[L, B]`.

    Weights may stay finite where states do not: their sum overflows, or infinities of either sign meet, and what comes
    of it never fires. A look at the end of a presentation is enough: a neuron with a memory keeps what is not finite,
    and one without gets it anew in every tick.
    """

    def one(neurons: Any) -> jax.Array:
        return jnp.stack([jnp.isfinite(x).all(-1) for x in jax.tree.leaves(neurons)]).all(0)

    return jnp.stack([one(neurons) for neurons in state.neurons])


def present(
    experiment: Experiment,
    optimizer: optax.GradientTransformation,
    learner: Learner,
    image: jax.Array,
    target: jax.Array,
    key: jax.Array,
    *,
    check: bool = False,
) -> tuple[Learner, Any]:
    """Show one batch, `image[B, ...]`, `target[B]`, `key[B]`, and learn from it on line.

    With `check` also returns for every learning block and layer whether its weights and states are finite,
    `[blocks, 2, L]`.
    """
    network, rule, encoder = experiment.network, experiment.rule, experiment.encoder
    every, batch = experiment.update_every, image.shape[0]
    update = optax.with_extra_args_support(optimizer).update
    own_key = jax.random.fold_in(key[0], UPDATE)  # for an optimiser that draws random numbers
    start = simulate.start(network, encoder, image, key)
    network_state, rule_state = _rest(experiment, batch) if learner.lanes is None else learner.lanes

    def block(carry, ticks, learn):
        trained, opt_state, encoder_state, network_state, rule_state, counts, errors, events = carry
        encoder_state, spikes, tick_key = simulate.encode(encoder, encoder_state, image, key, ticks)
        result = rule.block(
            network,
            trained.network,
            _with_own(learner.feedback, trained.rule),
            network_state,
            rule_state,
            spikes,
            target,
            ticks=ticks,
            key=tick_key,
        )
        finite = None
        if learn:
            gradient, draws = Trained(result.update, result.own), jax.random.fold_in(own_key, ticks[0])
            step, opt_state = update(gradient, opt_state, trained, key=draws)
            trained = cast(Trained, optax.apply_updates(trained, step))
            finite = jnp.stack([_finite_layers(trained), finite_samples(result.network).all(1)]) if check else None
        counts, errors = counts + result.output.sum(0), wide_add(errors, wide(result.error_spikes))
        events = _count(events, result.events, learn)
        return (trained, opt_state, encoder_state, result.network, result.state, counts, errors, events), finite

    counts = jnp.zeros((batch, network.sizes[-1]), jnp.float32)
    carry = (
        Trained(learner.params, rule.own(learner.feedback)),
        learner.optimizer,
        start.encoder,
        network_state,
        rule_state,
        counts,
        wide_zeros(),
        wide_zeros(every, batch, len(learner.tally.events.low)),
    )
    if rule.burn_in:
        carry, _ = simulate.over_time(partial(block, learn=False), carry, start=0, steps=rule.burn_in, block=every)
    carry, finite = simulate.over_time(
        partial(block, learn=True),
        carry,
        start=rule.burn_in,
        steps=experiment.steps - rule.burn_in,
        block=every,
    )
    trained, opt_state, _, network_state, rule_state, counts, errors, events = carry
    lanes = None if learner.lanes is None else (network_state, rule_state)
    choice, decided = decide(counts)
    tally = learner.tally
    tally = Tally(
        wide_add(tally.samples, wide(jnp.int32(batch))),
        wide_add(tally.wrong, wide(jnp.sum((choice != target) | ~decided, dtype=jnp.int32))),
        wide_add(tally.error_spikes, errors),
        wide_add(tally.lost, wide(jnp.sum(~finite_samples(network_state), 1, dtype=jnp.int32))),
        wide_add(tally.events, wide_sum(wide_sum(events))),
    )
    feedback = _with_own(learner.feedback, trained.rule)
    return replace(
        learner, params=trained.network, optimizer=opt_state, feedback=feedback, lanes=lanes, tally=tally
    ), finite


@settled
def train(
    experiment: Experiment,
    optimizer: optax.GradientTransformation,
    learner: Learner,
    images: jax.Array,
    labels: jax.Array,
    epoch: jax.Array,
    first: jax.Array,
    last: jax.Array,
) -> Learner:
    """Train on the batches `first .. last - 1` of an epoch, whose order is drawn anew every epoch.

    The bounds are traced, so one compiled program serves stretches of any length, and an epoch in one stretch equals
    the same epoch in many. An epoch is `n // batch_size` batches: what is left over differs from epoch to epoch.
    """
    show = _batch_of(experiment, optimizer, learner.seed, images, labels, epoch)
    return jax.lax.fori_loop(first, last, lambda batch, learner: show(learner, batch)[0], learner)


@settled
def trace_finite(
    experiment: Experiment,
    optimizer: optax.GradientTransformation,
    learner: Learner,
    images: jax.Array,
    labels: jax.Array,
    epoch: jax.Array,
    batch: jax.Array,
) -> tuple[Learner, jax.Array]:
    """One batch, and after each of its learning blocks whose weights and states are finite, bool `[blocks, 2, L]`."""
    return _batch_of(experiment, optimizer, learner.seed, images, labels, epoch)(learner, batch, check=True)


def _batch_of(experiment, optimizer, seed, images, labels, epoch):
    size = experiment.batch_size
    key = jax.random.fold_in(root_key(seed, Stream.SHUFFLE), epoch)
    order = permutation(key, images.shape[0])

    def show(learner, batch, check=False):
        index = jax.lax.dynamic_slice_in_dim(order, batch * size, size)
        key = sample_keys(seed, Stream.TRAIN, epoch, index)
        image = images[index]
        if experiment.shift is not None:
            image = experiment.shift(image, sample_keys(seed, Stream.SHIFT, epoch, index))
        image, label, key = along_batch(experiment.mesh, (image, labels[index], key))
        learner = replace(learner, params=along_neurons(experiment.mesh, learner.params))
        learner, finite = present(experiment, optimizer, learner, image, label, key, check=check)
        return _averaged(experiment, learner, epoch, batch, images.shape[0] // size), finite

    return show


def _averaged(experiment: Experiment, learner: Learner, epoch: jax.Array, batch: jax.Array, batches: int) -> Learner:
    r"""The learner with its weights taken into their running mean: over all batches at first, then over its reach.

    .. math:: \bar w_n = \bar w_{n-1} + (w_n - \bar w_{n-1}) / \min(n, h)

    after the n-th batch; h is the experiment's `average`, an epoch's batches times that many epochs, at least 1.
    """
    if experiment.average is None or learner.mean is None:
        return learner
    seen = (epoch * batches + batch + 1).astype(jnp.float32)
    share = 1.0 / jnp.minimum(seen, max(1.0, experiment.average * batches))
    return replace(learner, mean=optax.incremental_update(learner.params, learner.mean, share))


@settled
def alignment(
    experiment: Experiment, learner: Learner, images: jax.Array, labels: jax.Array, epoch: jax.Array
) -> Alignment:
    """Angles of a learner's feedback and update to those of gradient descent, on the batch `images[B, ...]`."""
    e = experiment
    key = sample_keys(learner.seed, Stream.ALIGNMENT, epoch, jnp.arange(images.shape[0], dtype=jnp.int32))
    return Alignment(
        feedback_angles(e.network, e.rule, learner.params, learner.feedback),
        update_angles(
            e.network,
            e.encoder,
            e.rule,
            learner.params,
            learner.feedback,
            images,
            labels,
            key,
            steps=e.steps,
            every=e.update_every,
        ),
    )


def _with_own(feedback: Any, own: Any) -> Any:
    """What the rule has besides the network, with the part that it trains, if any, taken from `own`."""
    return feedback if own is None else jax.tree.map(lambda old, new: old if new is None else new, feedback, own)


def _finite_layers(trained: Trained) -> jax.Array:
    """Whether all weights of a layer are finite, those of the rule for it among them, `[L]`."""
    own = trained.rule or (None,) * len(trained.network)
    return jnp.stack([_all_finite(layer) for layer in zip(trained.network, own, strict=True)])


def _all_finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.asarray(True), *(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))]))
