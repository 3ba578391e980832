"""What a network's output means, and how it is scored."""

from erbp_jax.tasks.base import Measure, Task
from erbp_jax.tasks.classification import Classification
from erbp_jax.tasks.inferred import task_for
from erbp_jax.tasks.regression import Regression
from erbp_jax.tasks.reward import Choice

__all__ = ["Choice", "Classification", "Measure", "Regression", "Task", "task_for"]
