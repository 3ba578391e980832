"""The first three batches of every rule, bit for bit those of the revision that is named in the golden file.

Weights and feedback lie on a coarse grid and decays are one half, so that every sum is exact: products and events,
which add in different orders, and any machine must give the same bits. `benchmarks/freeze.py` does the rest, on one
machine.
"""

import json
import sys

import numpy as np
import pytest

CASES = (
    "eRBP / dense / products",
    "eRBP / dense / events",
    "peRBP / dense / events",
    "peRBP / conv / products",
    "eRBP, learned readouts / dense / products",
    "eRBP, learned readouts / conv / events",
    "RBP spiking / dense / events",
    "BP spiking / dense / products",
    "BP spiking / conv / products",
)
"""Half of the table, for time; `benchmarks/freeze.py REV --golden` refuses to write what the other half contradicts."""


@pytest.fixture(scope="module")
def freezing(root):
    """The parts of the script; they find their neighbours on the path, as when it is run."""
    sys.path.insert(0, str(root / "benchmarks"))
    from freezing import cases, work  # type: ignore[import-not-found]

    yield cases, work
    sys.path.remove(str(root / "benchmarks"))


@pytest.fixture(scope="module")
def golden(root):
    return json.loads((root / "tests" / "golden" / "freeze.json").read_text())["hashes"]


@pytest.mark.parametrize("name", CASES)
def test_three_batches_are_those_of_the_frozen_revision(root, freezing, golden, name):
    cases, work = freezing
    case = next(c for c in cases.exact_table() if c.name == name)
    prepared = work.Prepared(root, case, 1)
    before = work.of_learner(prepared.learner)
    arrays = prepared.arrays()
    for name in (n for n in arrays if n.startswith("weights/")):  # or the bits would be those of a dead layer
        assert (arrays[name] != before[name]).mean() > 0.1, name
    assert (arrays["test/activity"].mean((0, 1)) > 0.5).all()
    assert work.digest(case.name, arrays) == golden[case.name.rpartition(" / ")[0]]


def test_one_bit_of_one_weight_is_found(freezing):
    _, work = freezing
    arrays = {"weights/0": np.zeros((3, 2), np.float32), "tally/samples": np.ones(1)}
    nudged = {**arrays, "weights/0": np.nextafter(arrays["weights/0"], np.float32(1))}
    assert work.digest("case", arrays)["tally"] == work.digest("case", nudged)["tally"]
    assert work.digest("case", arrays)["weights"] != work.digest("case", nudged)["weights"]
