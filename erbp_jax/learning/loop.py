"""The one learning loop: block after block of ticks, with a rule's update after each."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax

from erbp_jax import simulate
from erbp_jax.learning.base import Block, Given, LearningState, Rule
from erbp_jax.network import Network
from erbp_jax.params import Params

Moved = TypeVar("Moved")


class Carry(NamedTuple):
    """The state that is carried from block to block."""

    source: Any  # where the input spikes come from
    state: LearningState
    moved: Any  # what learning moves


def over_blocks(
    network: Network,
    rule: Rule,
    *,
    feed: Callable[[Any, jax.Array], tuple[Any, Any, jax.Array]],
    target: Any,
    params: Callable[[Any], tuple[Params, Params]],
    step: Callable[[Any, Block, jax.Array], tuple[Any, Any]],
    carry: Carry,
    start: int | jax.Array,
    steps: int,
    block: int,
) -> tuple[Carry, Any]:
    """Scan a rule over the ticks `start .. start + steps - 1`.

    Args:
        feed: `(source, ticks[k]) -> (source, inputs[k, B, I], key[k, B])`.
        target: of the samples.
        params: the network's and the rule's parameters as they are, from what is moved.
        step: `(moved, what the rule made of the block, ticks) -> (moved, record)`.

    Returns:
        The carry after the last block, and the records of all blocks.

    Raises:
        ValueError: `steps` is not a whole number of blocks, or what the rule refuses.
    """

    def body(carry: Carry, ticks: jax.Array) -> tuple[Carry, Any]:
        source, inputs, key = feed(carry.source, ticks)
        made = rule.block(network, *params(carry.moved), carry.state, Given(inputs, target, ticks, key))
        moved, record = step(carry.moved, made, ticks)
        return Carry(source, made.state, moved), record

    return simulate.over_time(body, carry, start=start, steps=steps, block=block)
