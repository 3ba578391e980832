"""Random programs against the plain loops of the oracle, integer for integer; many side by side in one compilation."""

import numpy as np
import pytest

from erbp_jax.nsat.machine import Machine
from erbp_jax.nsat.replay import drawn, first_mismatch, replay, simulate
from tests.nsat.build import learned, with_oracle
from tests.nsat.programs import random_program

KINDS = {
    "deterministic": [({}, 20), ({"cores": 2}, 8), ({"cores": 3}, 2), ({"learning": False}, 2)],
    "free": [({"w_check": False}, 6), ({"w_check": False, "shared": True}, 6)],
    "shared": [({"shared": True}, 6), ({"shared": True, "cores": 2}, 3)],
    "stochastic": [({"stochastic": True}, 8), ({"stochastic": True, "cores": 2}, 4)],
}


@pytest.mark.parametrize(
    ("kind", "compat"),
    [
        ("deterministic", "reference"),
        ("deterministic", "documented"),
        ("free", "reference"),
        ("shared", "reference"),
        ("stochastic", "documented"),
    ],
)
def test_they_run_as_in_the_oracle(tmp_path, kind, compat):
    fixtures = []
    for options, count in KINDS[kind]:
        for _ in range(count):
            i = len(fixtures)
            rng = np.random.default_rng([i, *kind.encode(), *compat.encode()])
            spec, arrays = random_program(rng, ticks=220 + 4 * i, **options)
            draws = "pcg32" if kind == "stochastic" else "none"
            fixtures.append(with_oracle(tmp_path / f"{i}.npz", spec, arrays, draws=draws, compat=compat))
    # What happens in them is worth comparing.
    assert sum(len(e.spikes) for f in fixtures for e in f.expected) > 100 * len(fixtures)
    assert sum(learned(f) for f in fixtures) > 10 * len(fixtures)
    if kind == "deterministic":
        assert sum("acausal_exp_grows" in f.spec["quirks"] for f in fixtures) > 5
    if kind == "stochastic":
        assert {n for f in fixtures for c in f.program.cores for n in drawn(c)} == {"noise", "mask", "rr_draw"}
    outcomes = replay(fixtures, source="recorded", compat=compat)
    wrong = {i: first_mismatch(f, o) for i, (f, o) in enumerate(zip(fixtures, outcomes, strict=True))}
    assert {i: str(m) for i, m in wrong.items() if m is not None} == {}


def test_with_blocks_it_runs_as_in_the_oracle(tmp_path):
    rng = np.random.default_rng(3)
    spec, arrays = random_program(rng, ticks=400, sizes=(20, 25, 2), gated=False)
    pre, post = (x.ravel() for x in np.meshgrid(np.arange(25), np.arange(20), indexing="ij"))
    rows = np.stack([pre, pre * 0 + 1, post, pre * 0, np.arange(500)], axis=1).astype(np.int32)
    arrays["c0_syn"], arrays["c0_wgt"] = rows, rng.integers(-20, 30, 500).astype(np.int32)
    fixture = with_oracle(tmp_path / "dense.npz", spec, arrays)
    machine, *_ = Machine.of(fixture.program)
    assert [(b.sources, b.targets) for b in machine.layout.blocks] == [(25, 20)]
    assert learned(fixture) > 50
    ticks = arrays["c0_w_tick"].tolist()
    outcomes = simulate(fixture.program, fixture.ticks, weight_ticks=[ticks], compat="reference")
    assert first_mismatch(fixture, outcomes) is None
