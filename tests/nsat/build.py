"""From the arrays of random programs to what the package reads, and a small program to take apart."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from erbp_jax.nsat import files
from erbp_jax.nsat.files import Expected, Fixture
from erbp_jax.nsat.program import NO_ROUTES, Program, core
from erbp_jax.nsat.replay import Outcome
from tests.nsat import reference


def save(path: Path, spec, arrays) -> Path:
    np.savez(path, spec=np.array(json.dumps(spec)), **arrays)
    return path


def with_oracle(
    path: Path, spec, arrays, *, draws: reference.Draws = "none", compat: reference.Compat = "reference"
) -> Fixture:
    """A random program with what the plain loops of the oracle make of it, through a file."""
    results = reference.simulate(spec, arrays, draws=draws, compat=compat, record_draws=spec["stochastic"])
    expected = {}
    for c, result in enumerate(results):
        expected |= {f"c{c}_X": result.X, f"c{c}_spikes": result.spikes, f"c{c}_w_snap": result.w_snap}
    if spec["stochastic"]:
        expected |= reference.recorded_draws(results)
    return files.read(save(path, spec, {**arrays, **expected}))


def learned(fixture: Fixture) -> int:
    """How many entries of the weight tables a run changes."""
    pairs = zip(fixture.program.cores, fixture.expected, strict=True)
    return sum(int((wanted(e).weights[-1] != np.clip(one.weights, *one.weight_limits)).sum()) for one, e in pairs)


def wanted(e: Expected) -> Outcome:
    """What a file expects, where it holds all of it."""
    assert e.states is not None
    assert e.spikes is not None
    assert e.weights is not None
    return Outcome(e.states, e.spikes, e.weights)


def assert_equal(got: Outcome, want: Outcome) -> None:
    np.testing.assert_array_equal(got.states, want.states)
    np.testing.assert_array_equal(got.spikes, want.spikes)
    np.testing.assert_array_equal(got.weights, want.weights)


def dense(
    rng: np.random.Generator, *, inputs=24, neurons=20, ticks=200, stdp=False, threshold=90, **changes
) -> Program:
    """Two states; all inputs onto state 0 of all neurons, and, in rows of their own, some onto state 1; learning."""
    pre, post = (x.ravel() for x in np.meshgrid(np.arange(inputs), np.arange(neurons), indexing="ij"))
    zero, one = np.zeros_like(pre), np.ones_like(pre)
    wide = np.stack([pre, one, post, zero, 1 + pre * neurons + post], axis=1)
    recurrent = np.array([[i, 0, (3 * i + 1) % neurons, 1, 1 + len(wide) + i] for i in range(neurons)])
    events = np.argwhere(rng.random((ticks, inputs)) < 0.08)
    fields = {
        "coupling": [[[-4, -16], [-16, -3]]],
        "coupling_sign": [[[-1, 0], [0, -1]]],
        "bias": [[6, 1]],
        "threshold": [threshold],
        "reset_on": [[1, 0]],
        "refractory": [2],
        "weight_gain": [[0, 1]],
        "modulator": [1],
        "plastic": [1],
        "stdp": [int(stdp)],
        "acausal_shift": [[1, 0, -1]],
        "learning_group": [[0, 0]],
        "group": np.zeros(neurons, int),
        "initial": rng.integers(-40, 40, (neurons, 2)),
        "synapses": np.concatenate([wide, recurrent]),
        "weights": np.r_[0, rng.integers(-20, 30, len(wide)), rng.integers(-40, 40, neurons)],
        "events": events[events[:, 0] > 0],
    }
    options = {"learning": True, "expiry": 30, "boundary": 6, **changes}
    return Program((core(inputs=inputs, **options, **fields),), NO_ROUTES)


def with_events(program: Program, events) -> Program:
    (one,) = program.cores
    return replace(program, cores=(replace(one, arrays={**one.arrays, "events": np.asarray(events, np.int32)}),))
