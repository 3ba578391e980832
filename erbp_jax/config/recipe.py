"""What a training without a config file begins with."""

from typing import Any

RECIPE: dict[str, Any] = {
    "data": {"name": "digits"},
    "encoding": {"kind": "regular", "steps": 40, "max_rate": 500},
    "network": {"layers": ["auto", 100, "auto"], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
    "rule": {
        "kind": "erbp", "gate": [-1.87, 1.87], "feedback_scale": 160, "output_scale": 0.6, "tau_dendrite": 2,
        "label_period": 1, "burn_in": 10,
    },
    "optimizer": {"learning_rate": 2.0e-4, "schedule": "exponential", "decay": 0.9},
    "training": {"epochs": 20, "batch_size": 20, "update_every": 5, "alignment": False},
}  # fmt: skip
"""The demo's, `configs/digits.yaml`, for any data set: eRBP, short presentations, a hundred hidden neurons."""
