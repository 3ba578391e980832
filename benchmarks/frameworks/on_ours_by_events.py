"""erbp_jax, whose first layer walks through its spikes, as `network.events: auto` has it for a sparse input."""

from functools import partial

from frameworks.base import Framework
from frameworks.on_ours import build, semantics

FRAMEWORK = Framework("erbp_jax, events", partial(build, events=True), semantics)
