"""Learning rates from one word per neuron, or one per layer."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from erbp_jax.learning.tricks.moments import Decay, Epsilon, mean_square, one_more, towards, weight_of_new
from erbp_jax.learning.tricks.parts import onto, parts, wide_enough
from erbp_jax.registry import register
from erbp_jax.trace import Tree
from erbp_jax.units import Above


class NeuronMoments(NamedTuple):
    """What `scale_by_neuron_rms` carries."""

    seen: jax.Array  # [] int32, updates so far
    post: Any  # [1, ..., O] float32 a leaf


@register("trick", "neuron_rms", place="normalise")
def scale_by_neuron_rms(decay: Decay = 0.999, eps: Epsilon = 0.0) -> optax.GradientTransformation:
    r"""A learning rate for each postsynaptic neuron: its updates over their root mean square.

    .. math::
        c_j \leftarrow \beta c_j + (1 - \beta)\, \overline{g_{ij}^2}^{\,i}, \qquad
        \Delta_{ij} = \frac{g_{ij}}{\sqrt{c_j / (1 - \beta^n)} + \epsilon}

    The left half of `scale_by_factored_moments`: layers and neurons take steps of one size, and inputs keep the
    differences between them. The last axis counts postsynaptic neurons; a list of synapses has one rate, parameters of
    neurons have one each. Where nothing came yet the step is 0.

    State: one word a postsynaptic neuron, float32, and a count. Integer form: :math:`\eta_j = \eta_0 2^{-k_j}` with
    :math:`k_j` half the place of the leading one of :math:`c_j`; in a tick c moves by :math:`e_j^2`.
    Source: RMSprop (Tieleman and Hinton 2012), a mean over each neuron's synapses in place of one per synapse.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import scale_by_neuron_rms
    >>> link = scale_by_neuron_rms()
    >>> update = {"weight": jnp.array([[1.0, 300.0], [-1.0, 300.0]])}
    >>> link.update(update, link.init(update))[0]["weight"].tolist()
    [[1.0, 1.0], [-1.0, 1.0]]

    Raises:
        ValueError: a decay that is not in [0, 1), an `eps` below 0.
    """
    if not 0.0 <= decay < 1.0 or eps < 0:
        raise ValueError(f"scale_by_neuron_rms: decay in [0, 1) and eps at least 0, got {decay} and {eps}")

    def init(params: Any) -> NeuronMoments:
        post = jax.tree.map(lambda part, x: mean_square(jnp.zeros_like(x), onto(part, x)), parts(params), params)
        return NeuronMoments(jnp.zeros((), jnp.int32), post)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, NeuronMoments]:
        del params
        count, kinds = one_more(state.seen), parts(updates)
        new = weight_of_new(decay, count)
        post = jax.tree.map(lambda k, u, m: towards(m, mean_square(u, onto(k, u)), new), kinds, updates, state.post)

        def step(u: jax.Array, c: jax.Array) -> jax.Array:
            root = jnp.sqrt(c)
            return jnp.where(root > 0, wide_enough(u) / (jnp.where(root > 0, root, 1) + eps), 0).astype(u.dtype)

        return jax.tree.map(step, updates, post), NeuronMoments(count, post)

    return optax.GradientTransformation(init, update)


@register("trick", "normalised_step", place="normalise")
def normalised_step(
    eps: Annotated[float, Above(0.0), "Number added to the squared length of the input."] = 1.0,
) -> optax.GradientTransformationExtraArgs:
    r"""Normalised least mean squares: the update over the squared length of what the presynaptic side sent.

    .. math:: \Delta_{ij} = \frac{g_{ij}}{\epsilon + E}, \qquad E = \frac1B \sum_b \sum_i \Big(\sum_t s_{bi}[t]\Big)^2

    over the k ticks of the block. A pattern n of spike counts with the error e has the update :math:`e_j n_i`, which
    moves its own current by :math:`e_j |n|^2`: by :math:`e_j` once it is divided, however many inputs are active and
    however often they spike. E is that of the signals that reach a unit, on average: all of a dense projection, the
    share that has synapses of a sparse or a delayed one, for a kernel those of the whole map.

    The training loops give E as `eligibility`, one number per projection. Trees that are not a network's, such as a
    rule's own parameters, pass as they are. State: none. Integer form: a shift by the leading one of E.
    Source: Widrow and Hoff 1960; Nagumo and Noda 1967.

    >>> import jax.numpy as jnp
    >>> from erbp_jax.learning.tricks import normalised_step
    >>> from erbp_jax.trace import Tree
    >>> spikes = jnp.array([3.0, 0.0, 4.0])
    >>> update = Tree(({"weight": 2.0 * spikes[:, None]},), ({},))
    >>> step, _ = normalised_step(1e-6).update(update, (), eligibility=(spikes @ spikes,))
    >>> (spikes @ step.projections[0]["weight"]).round(4).tolist()
    [2.0]

    Raises:
        ValueError: an `eps` that is not above 0; on update, no eligibility.
    """
    if eps <= 0:
        raise ValueError(f"normalised_step: eps must be above 0, got {eps}")

    def update(updates: Any, state: Any, params: Any = None, *, eligibility: Any = None, **_: Any) -> tuple[Any, Any]:
        del params
        if not isinstance(updates, Tree):
            return updates, state
        if eligibility is None:
            raise ValueError("normalised_step: needs eligibility=, one per projection; the training loops give it")

        def over(tree: Any, energy: Any) -> Any:
            return jax.tree.map(lambda u: (wide_enough(u) / (eps + energy)).astype(u.dtype), tree)

        pairs = zip(updates.projections, eligibility, strict=True)
        return updates._replace(projections=tuple(over(tree, energy) for tree, energy in pairs)), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)
