"""How hard are 5,000 training digits, and which test digits? A multi-layer perceptron beside `nsat_erbp.py`.

Command:   python experiments/mlp_twin.py [--out runs/mlp_twin] [--seeds 3]
Hardware:  one CPU core. Wall time: half a minute.
Expected:  784-100-10 by back-propagation (scikit-learn, Adam, 12 epochs) on the first 5,000 training digits: about 8 %
           of all test digits are wrong; the first half of the test set is harder than the second.
"""

import warnings

import numpy as np

from common import seeds_and_folder
from erbp_jax import data
from erbp_jax.__main__ import guarded
from erbp_jax.files import write_json
from erbp_jax.training.progress import busy


def main() -> None:
    seeds, out = seeds_and_folder(__doc__, "mlp_twin", seeds=3)
    with busy("training"):
        wrong = np.stack([errors(seed) for seed in range(seeds)])  # [S, n]
    thousands = 100.0 * wrong.reshape(seeds, 10, -1).mean(2)
    summary = {
        "seeds": seeds,
        "all_test_digits": (100.0 * wrong.mean(1)).tolist(),
        "every_tenth_test_digit": (100.0 * wrong[:, ::10].mean(1)).tolist(),
        "thousand_by_thousand": thousands.mean(0).round(2).tolist(),
    }
    write_json(out / "summary.json", summary)
    for name, value in summary.items():
        print(f"{name}: {value}")


def errors(seed: int) -> np.ndarray:
    """Which test digits a network of this seed gets wrong, bool `[n]`."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    digits = data.load("mnist")
    network = MLPClassifier((100,), max_iter=12, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # twelve epochs are what was asked for
        network.fit(digits.train.x[:5000] / 255.0, digits.train.y[:5000])
    return network.predict(digits.test.x / 255.0) != digits.test.y


if __name__ == "__main__":
    guarded(main)
