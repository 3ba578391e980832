"""Training as a pure function of (learner, data, position): whole stretches of an epoch in one `jit`."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from erbp_jax import simulate
from erbp_jax.counting import Wide, wide, wide_add, wide_stack, wide_zeros
from erbp_jax.evaluation.alignment import Alignment, feedback_angles, update_angles
from erbp_jax.learning.base import Aligned, Events, LearningState
from erbp_jax.learning.loop import Carry, over_blocks
from erbp_jax.network import Network
from erbp_jax.parallel import along_batch, along_neurons
from erbp_jax.params import Params
from erbp_jax.random import Stream, permutation, root_key, sample_keys
from erbp_jax.settings import settled
from erbp_jax.trace import NetworkState, Tree
from erbp_jax.training.counters import Counters, counted, new_counters
from erbp_jax.training.experiment import Experiment
from erbp_jax.training.transforms import Optimizers, after_block

UPDATE = 2**32 - 1
"""Folded into the key of a batch's first sample, for what is drawn at updates; ticks count up from 1."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["seed", "params", "fixed", "optimizer", "rule_params", "carried", "counters", "mean"],
    meta_fields=[],
)
@dataclass(frozen=True)
class Learner:
    """All that training changes or depends on. With several seeds every leaf has a leading axis for them."""

    seed: jax.Array  # [] uint32
    params: Tree  # the network's trained parameters
    fixed: Tree  # those that are never trained
    optimizer: Any  # optax states, of the network's and of the rule's trained parameters
    rule_params: Params  # what the rule has besides the network
    carried: LearningState | None  # state of the batch's samples, where presentations follow on one another
    counters: Counters  # of the epoch under way
    mean: Tree | None = None  # exponential moving average of the trained parameters, if the experiment keeps one

    @property
    def network_params(self) -> Params:
        """What learning goes on from."""
        return Params(self.params, self.fixed)

    @property
    def weights(self) -> Params:
        """What tests work with, and what learning leaves behind: the average if there is one."""
        return Params(self.params if self.mean is None else self.mean, self.fixed)


@settled
def init(experiment: Experiment, optimizers: Optimizers, seed: jax.Array) -> Learner:
    """A learner that has seen nothing."""
    network, rule = experiment.network, experiment.rule
    params = network.init(root_key(seed, Stream.INIT))
    rule_params = rule.init(network, root_key(seed, Stream.FEEDBACK))
    carried = None if experiment.reset_state else rule.init_state(network, experiment.batch_size)
    state = optimizers.network.init(cast(Any, params.trained)), optimizers.rule.init(rule_params.trained)
    mean = None if experiment.average is None else params.trained
    return Learner(params=params.trained, fixed=params.fixed, seed=seed, optimizer=state, rule_params=rule_params,
                   carried=carried, counters=new_counters(network, experiment.task), mean=mean)  # fmt: skip


def replaced(learner: Learner, params: Params, rule_params: Params) -> Learner:
    """The learner with other parameters, all else as new."""
    mean = None if learner.mean is None else params.trained
    return replace(learner, params=params.trained, fixed=params.fixed, rule_params=rule_params, mean=mean)


def _count(counts: Wide, events: Events | None, learn: bool) -> Wide:
    """Counts `[k, B, 2 P + 2]` of the presentation, after one more block. Summed over k at the end: fewer kernels."""
    if events is None:
        return counts
    plasticity = events.plasticity if learn else jax.tree.map(jnp.zeros_like, events.plasticity)
    parts = (events.synops, plasticity, wide_stack([events.label, events.error], -1))
    return wide_add(counts, Wide(*(jnp.concatenate(words, -1) for words in zip(*parts, strict=True))))


def finite_samples(state: NetworkState) -> jax.Array:
    """Whether all states of a population's neurons are finite, for every population and sample, `[N, B]`.

    Weights may stay finite where states do not: their sum overflows, or infinities of either sign meet, and what comes
    of it never fires. A look at the end of a presentation is enough: a neuron with a memory keeps what is not finite,
    and one without gets it anew in every tick.
    """

    well = jnp.ones(state.in_flight[0].shape[1], bool)  # neurons may have no state

    def one(neurons: Any) -> jax.Array:
        leaves = (jnp.isfinite(x) for x in jax.tree.leaves(neurons))
        return jnp.stack([well, *(x.reshape(len(x), -1).all(-1) for x in leaves)]).all(0)

    return jnp.stack([one(neurons) for neurons in state.populations])


class Moved(NamedTuple):
    """What a presentation changes, or counts."""

    params: Tree
    rule: Any  # the rule's trained parameters
    optimizer: Any
    observed: Any  # what the task has seen of the presentation
    errors: Wide  # [] spikes of the error neurons
    events: Wide  # [k, B, 2 P + 2]


def present(
    experiment: Experiment,
    optimizers: Optimizers,
    learner: Learner,
    sample: Any,
    target: Any,
    key: jax.Array,
    *,
    check: bool = False,
) -> tuple[Learner, Any]:
    """Show one batch of samples and targets, leaves `[B, ...]`, `key[B]`, and learn from it online.

    With `check` also returns for every learning block and each of `part_names` whether it is finite, `[blocks, parts]`.
    """
    network, rule, encoder, task = experiment.network, experiment.rule, experiment.encoder, experiment.task
    every, batch = experiment.update_every, key.shape[0]
    own_key = jax.random.fold_in(key[0], UPDATE)  # for an optimiser that draws random numbers
    start = simulate.start(network, encoder, sample, key)

    def feed(state, ticks):
        return simulate.encode(encoder, state, sample, key, ticks)

    def params(moved):
        return Params(moved.params, learner.fixed), learner.rule_params._replace(trained=moved.rule)

    def block(moved, made, ticks, *, learn):
        finite = None
        trained, rule_trained, states = moved.params, moved.rule, moved.optimizer
        if learn:
            draws = jax.random.fold_in(own_key, ticks[0])
            before = Params(trained, learner.fixed)
            trained, rule_trained, states = after_block(
                network, optimizers, made, before, rule_trained, states, key=draws
            )
            finite = _finite(network, trained, rule_trained, made.state.network) if check else None
        observed = task.observe(network, moved.observed, made.trace, target, ticks)
        fired = jnp.int32(0) if made.events is None else made.events.error_spikes.sum(dtype=jnp.int32)
        errors, events = wide_add(moved.errors, wide(fired)), _count(moved.events, made.events, learn)
        return Moved(trained, rule_trained, states, observed, errors, events), finite

    shown = Moved(
        learner.params,
        learner.rule_params.trained,
        learner.optimizer,
        task.init_state(network, batch),
        wide_zeros(),
        wide_zeros(every, batch, len(learner.counters.events.low)),
    )
    state = rule.init_state(network, batch) if learner.carried is None else learner.carried
    carry = Carry(start.encoder, state, shown)
    loop = partial(over_blocks, network, rule, feed=feed, target=target, params=params, block=every)
    burn_in = experiment.burn_in
    if burn_in:
        carry, _ = loop(step=partial(block, learn=False), carry=carry, start=0, steps=burn_in)
    carry, finite = loop(step=partial(block, learn=True), carry=carry, start=burn_in, steps=experiment.steps - burn_in)
    moved: Moved = carry.moved
    scores = task.score(moved.observed, target)
    finite_states = finite_samples(carry.state.network)
    counters = counted(learner.counters, task.measures, scores, moved.errors, finite_states, moved.events)
    return replace(
        learner,
        params=moved.params,
        optimizer=moved.optimizer,
        rule_params=learner.rule_params._replace(trained=moved.rule),
        carried=None if learner.carried is None else carry.state,
        counters=counters,
    ), finite


@settled
def train(
    experiment: Experiment,
    optimizers: Optimizers,
    learner: Learner,
    samples: Any,
    targets: Any,
    epoch: jax.Array,
    first: jax.Array,
    last: jax.Array,
    piece: "Piece | None" = None,
    batches: int | None = None,
) -> Learner:
    """Train on the batches `first .. last - 1` of an epoch, whose order is drawn anew every epoch.

    With `piece`, samples and targets are that piece of the set, in the epoch's order, and an epoch has `batches`.

    The bounds are traced, so one compiled program serves stretches of any length, and an epoch in one stretch equals
    the same epoch in many. An epoch is `n // batch_size` batches: what is left over differs from epoch to epoch.
    """
    show = _batch_of(experiment, optimizers, learner.seed, samples, targets, epoch, piece, batches)
    return jax.lax.fori_loop(first, last, lambda batch, learner: show(learner, batch)[0], learner)


@settled
def trace_finite(
    experiment: Experiment,
    optimizers: Optimizers,
    learner: Learner,
    samples: Any,
    targets: Any,
    epoch: jax.Array,
    batch: jax.Array,
    piece: "Piece | None" = None,
    batches: int | None = None,
) -> tuple[Learner, jax.Array]:
    """One batch, and after each of its learning blocks which of `part_names` are finite, bool `[blocks, parts]`."""
    return _batch_of(experiment, optimizers, learner.seed, samples, targets, epoch, piece, batches)(
        learner, batch, check=True
    )


class Piece(NamedTuple):
    """Which part of a set that does not fit on the device is there: rows of consecutive batches of an epoch."""

    places: jax.Array  # [rows] int32, where they are in the set
    start: jax.Array  # [] int32, the batch that the first rows are of


def order_of(seed: jax.Array, epoch: jax.Array, n: int) -> jax.Array:
    """The order of n samples in an epoch, int32 `[n]`."""
    return permutation(jax.random.fold_in(root_key(seed, Stream.SHUFFLE), epoch), n)


def _batch_of(experiment, optimizers, seed, samples, targets, epoch, piece, batches):
    size, n = experiment.batch_size, len(jax.tree.leaves(targets)[0])
    batches = n // size if batches is None else batches
    order = order_of(seed, epoch, n) if piece is None else piece.places

    def show(learner, batch, check=False):
        at = batch * size if piece is None else (batch - piece.start) * size
        index = jax.lax.dynamic_slice_in_dim(order, at, size)
        key = sample_keys(seed, Stream.TRAIN, epoch, index)
        if piece is None:
            sample, target = jax.tree.map(lambda x: x[index], (samples, targets))
        else:
            sample, target = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, at, size), (samples, targets))
        if experiment.shift is not None:
            sample = experiment.shift(sample, sample_keys(seed, Stream.SHIFT, epoch, index))
        sample, target, key = along_batch(experiment.mesh, (sample, target, key))
        learner = replace(learner, params=along_neurons(experiment.mesh, learner.params))
        learner, finite = present(experiment, optimizers, learner, sample, target, key, check=check)
        if experiment.average is not None and learner.mean is not None:
            mean = experiment.average(learner.mean, learner.params, seed, epoch, batch, batches)
            learner = replace(learner, mean=mean)
        return learner, finite

    return show


@settled
def alignment(experiment: Experiment, learner: Learner, samples: Any, targets: Any, epoch: jax.Array) -> Alignment:
    """Angles of a learner's feedback and update to those of gradient descent, on a batch, leaves `[B, ...]`."""
    e, rule = experiment, cast(Aligned, experiment.rule)  # `Session` asks for it
    key = sample_keys(
        learner.seed, Stream.ALIGNMENT, epoch, jnp.arange(len(jax.tree.leaves(targets)[0]), dtype=jnp.int32)
    )
    return Alignment(
        feedback_angles(e.network, rule, learner.network_params, learner.rule_params),
        update_angles(
            e.network,
            e.encoder,
            e.rule,
            learner.network_params,
            learner.rule_params,
            samples,
            targets,
            key,
            steps=e.steps,
            every=e.update_every,
            burn_in=e.burn_in,
        ),
    )


def part_names(network: Network) -> tuple[str, ...]:
    """The values that can become non-finite, in the order in which they are reported."""
    names = []
    for population in network.populations:
        names += [f"weights of {p.name}" for p in network.projections if p.target == population.name]
        names += [f"parameters of {population.name}", f"states of {population.name}"]
    return (*names, "weights of the rule")


def _finite(network: Network, trained: Tree, rule: Any, state: NetworkState) -> jax.Array:
    """Whether each of `part_names` is finite, in any sample."""
    states, found = finite_samples(state).all(1), []
    for i, population in enumerate(network.populations):
        onto = [j for j, p in enumerate(network.projections) if p.target == population.name]
        found += [_all_finite(trained.projections[j]) for j in onto]
        found += [_all_finite(trained.populations[i]), states[i]]
    return jnp.stack([*found, _all_finite(rule)])


def _all_finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.asarray(True), *(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))]))
