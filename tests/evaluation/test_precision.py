"""Grids, stochastic rounding and stored states against loops, and a network that learns in eight bits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from erbp_jax.evaluation.precision import best_grids, quantize
from erbp_jax.grid import Grid
from erbp_jax.neurons import LIF, Dendrite
from erbp_jax.neurons.quantized import QuantizedDendrite, QuantizedNeuron
from erbp_jax.random import hashed_words
from erbp_jax.trace import Tree
from erbp_jax.training.rounding import keep_on_grid


def tree(layers):
    """Weights of projections, without parameters of neurons."""
    return Tree(tuple(layers), ())


def nearest(x, grid):
    """Python's round() sends halves to the even neighbour too."""
    q = round(float(x) / grid.step)
    return grid.step * min(max(q, -(2 ** (grid.bits - 1))), 2 ** (grid.bits - 1) - 1)


@pytest.mark.parametrize("bits", [2, 5, 8, 16])
def test_rounding_to_nearest_saturates(bits, key):
    grid = Grid.reaching(0.7, bits)
    assert 0.7 <= grid.step * (2 ** (bits - 1) - 1) < 0.7 * 1.02
    x = np.asarray(jax.random.uniform(key, (300,), minval=-2.0, maxval=2.0))
    got = np.asarray(grid.round(jnp.asarray(x)))
    np.testing.assert_array_equal(got, np.asarray([nearest(v, grid) for v in x], np.float32))
    assert len(np.unique(got)) <= 2**bits
    assert got.min() == np.float32(-(2 ** (bits - 1)) * grid.step)
    np.testing.assert_array_equal(grid.round(jnp.asarray(got)), got)


@pytest.mark.parametrize("bits", [3, 8, 16])
def test_weights_walk_on_the_grid_exactly_and_keep_small_steps_in_the_mean(bits, key):
    grids = (Grid.reaching(0.9, bits), Grid.reaching(0.05, bits))
    params = tree({"weight": g.round(jax.random.uniform(key, (40, 50), minval=-0.5, maxval=0.5) * 0.04)} for g in grids)
    step = tree({"weight": jnp.full((40, 50), 0.3 * g.step)} for g in grids)

    @jax.jit
    def go(rounding_key):
        update, _ = keep_on_grid(grids, "stochastic").update(step, optax.EmptyState(), params, key=rounding_key)
        return optax.apply_updates(params, update)

    moved = np.zeros(2)
    for number in range(20):
        after = go(jax.random.fold_in(key, number))
        for layer, (old, new, grid) in enumerate(zip(params.projections, after.projections, grids, strict=True)):
            points = np.asarray(new["weight"], np.float64) / grid.step
            np.testing.assert_array_equal(points, points.round())  # not a bit beside the grid
            walked = points - np.asarray(old["weight"], np.float64) / grid.step
            assert set(np.unique(walked)) == {0.0, 1.0}
            moved[layer] += walked.mean() / 20
    np.testing.assert_allclose(moved, 0.3, atol=5 * np.sqrt(0.21 / 40_000))
    words = np.asarray(hashed_words(jax.random.fold_in(key, 19), 0, 0, n=2000), np.uint64).reshape(40, 50)
    want = np.floor(np.float32(0.3) + (words >> np.uint64(8)).astype(np.float64) / 2**24)
    got = (
        np.asarray(after.projections[0]["weight"], np.float64) - np.asarray(params.projections[0]["weight"], np.float64)
    ) / grids[0].step
    assert np.mean(got == want) > 0.999  # float32 may differ on the edge of a point


def test_rounding_to_nearest_loses_small_steps_and_saturation_holds():
    grid = Grid(4, 0.125)
    params = tree([{"weight": jnp.asarray([[0.875, -1.0, 0.25, 0.3]])}])
    steps = tree([{"weight": jnp.asarray([[0.5, -0.5, 0.06, 0.0]])}])
    update, _ = keep_on_grid((grid,), "nearest").update(steps, optax.EmptyState(), params)
    (after,), _ = optax.apply_updates(params, update)
    np.testing.assert_array_equal(after["weight"], [[0.875, -1.0, 0.25, 0.25]])
    with pytest.raises(ValueError, match="key"):
        keep_on_grid((grid,), "stochastic").update(steps, optax.EmptyState(), params)


def test_grids_for_trained_weights(key):
    params = tree({"weight": scale * jax.random.normal(key, (60, 70))} for scale in (1.0, 0.01))
    for bits in (2, 4, 8):
        errors = []
        whole = tuple(Grid.reaching(float(jnp.abs(layer["weight"]).max()), bits) for layer in params.projections)
        for grids in (whole, best_grids(params, bits)):
            rounded = quantize(params, grids)
            pairs = zip(params.projections, rounded.projections, strict=True)
            errors.append([float(((a["weight"] - b["weight"]) ** 2).mean()) for a, b in pairs])
            assert grids[0].step / grids[1].step == pytest.approx(100, rel=0.05)
        assert np.all(np.asarray(errors[1]) <= np.asarray(errors[0]))


def test_layers_without_weights_have_no_grid_and_zeros_lie_on_any():
    params = tree([{"weight": jnp.asarray([[0.5, -0.25]])}, {}, {"weight": jnp.zeros((2, 3))}])
    grids = best_grids(params, 4)
    assert grids[1] is None
    _, nothing, zeros = quantize(params, grids).projections
    assert nothing == {}
    np.testing.assert_array_equal(zeros["weight"], params.projections[2]["weight"])
    for rounding in ("nearest", "stochastic"):
        step = jax.tree.map(jnp.ones_like, params)
        update, _ = keep_on_grid(grids, rounding).update(step, optax.EmptyState(), params, key=jax.random.key(0))
        after = optax.apply_updates(params, update).projections
        assert after[1] == {}
        for grid, layer in zip(grids, after, strict=True):
            for weight in layer.values():
                points = np.asarray(weight) / grid.step
                np.testing.assert_allclose(points, np.round(points), atol=1e-6)


def test_states_are_stored_in_few_bits(key):
    grid, plain = Grid(8, 0.0625), LIF(3.0, 2.0, refractory=1)
    neuron = QuantizedNeuron(plain, grid)
    current = jax.random.normal(key, (30, 20)) * 3
    state, synaptic, membrane = neuron.init_state((20,)), np.zeros(20), np.zeros(20)
    held = np.zeros(20)
    dendrite, potential = QuantizedDendrite(4.0, grid), np.zeros(20)
    stored, spikes = dendrite.init_state((20,)), 0
    for c in np.asarray(current, np.float64):
        state, out = neuron.step(state, jnp.asarray(c, jnp.float32))
        synaptic = np.exp(-1 / 2) * synaptic + c
        free = held <= 0
        membrane = np.where(free, np.exp(-1 / 3) * membrane + (1 - np.exp(-1 / 3)) * synaptic, membrane)
        fired = free & (membrane > 1.0)
        membrane, held = np.where(fired, 0.0, membrane), np.where(fired, 1.0, np.maximum(held - 1, 0))
        synaptic = np.asarray([nearest(x, grid) for x in synaptic])
        membrane = np.asarray([nearest(x, grid) for x in membrane])
        np.testing.assert_array_equal(out, fired)
        np.testing.assert_array_equal(state.synaptic, synaptic)
        np.testing.assert_array_equal(state.membrane, membrane)
        stored, _ = dendrite.step(stored, jnp.asarray(c, jnp.float32))
        potential = np.asarray([nearest(x, grid) for x in np.exp(-1 / 4) * potential + c])
        np.testing.assert_array_equal(stored, potential)
        spikes += fired.sum()
    assert spikes > 20
    assert not np.array_equal(potential, Dendrite(4.0).step(jnp.zeros(20), current[-1])[0])
