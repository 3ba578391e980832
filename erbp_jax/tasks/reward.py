"""A choice that is rewarded: the target is what each choice would bring."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from erbp_jax.network import Network
from erbp_jax.registry import register
from erbp_jax.tasks.base import Measure
from erbp_jax.tasks.decisions import decide
from erbp_jax.trace import Trace


@register("task", "choice")
@dataclass(frozen=True)
class Choice:
    r"""The output neuron with the most spikes is the choice, and the target y `[B, K]` says what each choice brings.

    .. math:: a = \arg\max_k \sum_t s_k[t], \qquad \mathrm{reward} = y_a, \qquad \mathrm{regret} = \max_k y_k - y_a

    Without a choice (a tie or silence) the reward is `nothing`. `regret` is what the best choice would have brought
    more.

    Example:
        >>> import jax.numpy as jnp, erbp_jax as ej
        >>> task, counts = ej.Choice(nothing=-1.0), jnp.array([[3.0, 1.0], [2.0, 2.0]])  # the second chooses nothing
        >>> scores = task.score(counts, jnp.array([[0.25, 1.0], [1.0, 0.0]]))
        >>> scores["reward"].tolist(), scores["regret"].tolist()
        ([0.25, -1.0], [0.75, 2.0])

    Raises:
        ValueError: a target that is not one number a choice.
    """

    nothing: float = 0.0
    """Reward if no choice is made."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("reward", counted=False, high_is_good=True),
            Measure("regret", counted=False),
            Measure("undecided", counted=True),
        )

    def init_state(self, network: Network, batch: int) -> jax.Array:
        """Spikes so far, `[B, K]`."""
        return jnp.zeros((batch, network.classes), jnp.float32)

    def observe(self, network: Network, state: jax.Array, trace: Trace, target: Any, ticks: jax.Array) -> jax.Array:
        del target, ticks
        return state + network.output_spikes(trace).sum(0)

    def score(self, state: jax.Array, target: Any) -> dict[str, jax.Array]:
        if tuple(getattr(target, "shape", ())) != state.shape:
            raise ValueError(
                f"Choice: the target must be the reward of each choice, {list(state.shape)}, got "
                f"{list(getattr(target, 'shape', ()))}"
            )
        reward = earned(state, target, self.nothing)
        return {"reward": reward, "regret": target.max(-1) - reward, "undecided": ~decide(state)[1]}

    def answer(self, state: jax.Array) -> jax.Array:
        """The choice, int32 `[B]`; -1 where there is none."""
        choice, decided = decide(state)
        return jnp.where(decided, choice, -1)


def earned(counts: jax.Array, payoff: jax.Array, nothing: float = 0.0) -> jax.Array:
    """The reward `[B]` of the choice with the most of `counts[B, K]`, by `payoff[B, K]`; `nothing` if none is alone."""
    choice, decided = decide(counts)
    got = jnp.take_along_axis(payoff, choice[:, None], -1)[:, 0]
    return jnp.where(decided, got, jnp.float32(nothing)).astype(jnp.float32)
