"""Why is it silent?"""

from typing import Any

import jax

from erbp_jax.api.model import Model
from erbp_jax.api.numbers import numbers, parts
from erbp_jax.api.prepare import data_of
from erbp_jax.declared import having
from erbp_jax.encoding import Encoder
from erbp_jax.evaluation.diagnosis import Diagnosis
from erbp_jax.evaluation.diagnosis import diagnose as _diagnose
from erbp_jax.training.experiment import Experiment

MOST_SAMPLES = 200


def diagnose(model: Model, data: Any, *, encoder: Encoder | None = None, steps: int | None = None) -> Diagnosis:
    """What every population does while 200 test samples at most are shown, and what to change: mean rate, share of
    neurons that never fire or fire as fast as they can, mean current in thresholds, share of open gates. Advice names
    the arguments of the parts that the model is made of.

    `print` it, or read its fields. A network that was never trained is `ej.fit(..., epochs=0)`.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 50)
        >>> quiet = ej.mlp(64, 20, 10, neuron=ej.LIF(threshold=50.0))
        >>> model = ej.fit(quiet, ej.ERBP.default, data, epochs=0, progress=False)
        >>> ej.diagnose(model, data).advice[0].split(":")[0]
        'hidden1'

    Raises:
        UserError: data that does not fit the model.
    """
    having("model", model, ("network", "params", "steps"), "what ej.fit returned; for a network ej.fit(..., epochs=0)")
    numbers(steps=steps)
    parts(encoder=encoder)
    shown = data_of(data)
    n = min(MOST_SAMPLES, len(shown.test))
    length = steps or model.steps
    experiment = Experiment(
        model.network, encoder or model.encoder, model.rule, length, length, length, n, n, task=model.task
    )
    samples = jax.tree.map(lambda x: x[:n], (shown.test.x, shown.test.y))
    trained = bool(model.history)
    return _diagnose(experiment, model.params, *samples, seed=model.seed, dt=model.dt, trained=trained)
