"""What is trained, and how long: all that the engine needs besides data and an optimiser."""

from dataclasses import dataclass

import jax

from erbp_jax.data.shift import Shift
from erbp_jax.encoding import Encoder
from erbp_jax.learning import Rule
from erbp_jax.network import Network
from erbp_jax.tasks import Classification, Task
from erbp_jax.training.average import Average


@dataclass(frozen=True)
class Experiment:
    """Everything is frozen and hashable. Times in ticks."""

    network: Network
    encoder: Encoder
    rule: Rule
    steps: int
    test_steps: int
    update_every: int
    batch_size: int
    test_batch_size: int
    burn_in: int = 0  # at the start of a presentation, in which nothing is learned
    reset_state: bool = True
    mesh: jax.sharding.Mesh | None = None  # of several devices
    average: Average | None = None  # of the weights, for tests
    shift: Shift | None = None  # of training images
    task: Task = Classification()

    @property
    def blocks(self) -> int:
        """Learning blocks of a presentation."""
        return (self.steps - self.burn_in) // self.update_every

    @property
    def test_block(self) -> int:
        """Ticks that a test works through at once: the largest divisor of its length up to 10."""
        return max(k for k in range(1, 11) if self.test_steps % k == 0)
