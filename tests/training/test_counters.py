"""Long sums of floats, and what a task must say of its scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.connections import Dense
from erbp_jax.counting import wide_zeros
from erbp_jax.neurons import LIF
from erbp_jax.tasks import Measure, Regression
from erbp_jax.training.counters import counted, new_counters

NETWORK = sequential(Dense(2, 2), LIF())


def test_the_errors_of_a_long_sum_do_not_add_up():
    task, each = Regression(), jnp.full((4,), 0.1, jnp.float32)
    events = wide_zeros(1, 4, 2 * len(NETWORK.projections) + 2)

    def add(counters, _):
        return counted(counters, task.measures, {"nmse": each}, wide_zeros(), jnp.ones((1, 4), bool), events), None

    counters, _ = jax.jit(lambda counters: jax.lax.scan(add, counters, length=50_000))(new_counters(NETWORK, task))
    values = counters.values()
    want = 50_000 * float(np.float32(4 * np.float32(0.1)))
    assert abs(float(values.scores[0]) - want) < 1e-2
    assert abs(float(np.float32(counters.scores[0].total)) - want) > 1e-1  # what a plain sum comes to
    assert (values.samples, values.means(task)["nmse"]) == (200_000, pytest.approx(0.1, rel=1e-6))


def test_scores_are_those_that_the_task_measures():
    counters, events = new_counters(NETWORK, Regression()), wide_zeros(1, 4, 2 * len(NETWORK.projections) + 2)
    rest = (wide_zeros(), jnp.ones((1, 4), bool), events)
    with pytest.raises(ValueError, match="the task measures nmse and scored mse"):
        counted(counters, Regression().measures, {"mse": jnp.zeros(4)}, *rest)
    with pytest.raises(ValueError, match="measure nmse is counted and was scored as float32"):
        counted(counters, (Measure("nmse", counted=True),), {"nmse": jnp.zeros(4)}, *rest)
