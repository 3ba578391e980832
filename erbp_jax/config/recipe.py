"""What a training without a config file begins with."""

from typing import Any

RECIPE: dict[str, Any] = {
    "data": {"name": "digits"},
    "encoding": {"kind": "regular", "steps": 40, "max_rate": 500},
    "network": {"layers": ["auto", 100, "auto"], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
    "rule": {
        "kind": "erbp", "gate": [-2.5, 2.5], "feedback_scale": 160, "output_scale": 0.6, "rate_penalty": 0.3,
        "tau_dendrite": 2, "label_period": 1, "burn_in": 10,
    },
    "optimizer": {"learning_rate": 4.0e-4, "schedule": "linear", "final": 0.05, "average": 1},
    "training": {"epochs": 20, "batch_size": 20, "update_every": 5, "alignment": False},
}  # fmt: skip
"""That of `configs/digits.yaml` for any data set: eRBP, short presentations, a hundred hidden neurons.

The penalty on hidden spikes is smaller: what suits 64 inputs silences the hidden layer of 784."""
