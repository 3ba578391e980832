"""Lists of synapses: against loops over the list in float64, and against the matrix with zeros elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erbp_jax.connections import (
    Arrived,
    BlankOut,
    Dense,
    Params,
    Reliable,
    SharedBlankOut,
    Sparse,
    SynapseList,
)
from erbp_jax.connections.lists import distinct, table
from erbp_jax.counting import wide_value

K, B, I, O = 3, 4, 30, 40
KINDS = {
    "reliable": Reliable(),
    "by events": Reliable(by_events=True),
    "blank-out": BlankOut(0.65, by_events=True),
}


def uneven(rng, inputs=I, outputs=O, share=0.1):
    """A list in random order: one input onto all outputs, one onto none, the others onto some."""
    matrix = rng.random((inputs, outputs)) < share
    matrix[3], matrix[5] = True, False
    pairs = rng.permutation(np.argwhere(matrix))
    return SynapseList(pairs[:, 0], pairs[:, 1])


def problem(sparse, key):
    """Parameters, other weights, graded spikes, factors of both sides, keys."""
    a, b, c, d, e, f = jax.random.split(key, 6)
    values = jnp.asarray([0.0, 0.0, 1.0, 1.0, 0.25, -2.0])
    spikes = values[jax.random.randint(a, (K, B, sparse.inputs), 0, 6)].at[0, 1].set(0.0)
    post, factor = jax.random.normal(b, (K, B, sparse.outputs)), jax.random.normal(c, (K, B, sparse.inputs))
    return sparse.init(d), sparse.init(e).trained, spikes, post, factor, jax.random.split(f, (K, B))


def masks(transmission, keys, inputs, outputs):
    """xi `[k, B, I, O]` of the matrix."""
    if isinstance(transmission, Reliable):
        return np.ones((*keys.shape, inputs, outputs))
    return np.asarray(transmission.mask(keys[..., None], jnp.arange(inputs)[None, None], outputs), np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_synapses_equals_the_loop_over_it(key, kind):
    pairs, transmission = uneven(np.random.default_rng(0)), KINDS[kind]
    sparse = Sparse(I, O, transmission=transmission, pairs=pairs)
    params, other, spikes, post, factor, keys = problem(sparse, key)
    weights = params.trained["weight"], other["weight"]
    w, u, s, q, f = (np.asarray(x, np.float64) for x in (*weights, spikes, post, factor))
    xi = masks(transmission, keys, I, O)
    current, back, by_other = np.zeros_like(q), np.zeros_like(s), np.zeros_like(s)
    free, gated, filtered = (np.zeros(len(pairs)) for _ in range(3))
    addressed, delivered = np.zeros((K, B), int), np.zeros((K, B), int)
    open_writes, open_gated, is_open = np.zeros((K, B), int), np.zeros((K, B), int), q > 0
    for n, (i, o) in enumerate(zip(pairs.pre, pairs.post, strict=True)):
        x, fired = xi[..., i, o], s[..., i] != 0
        current[..., o] += x * s[..., i] * w[n]
        back[..., i] += q[..., o] * w[n]
        by_other[..., i] += q[..., o] * u[n]
        free[n], gated[n] = (s[..., i] * q[..., o]).sum(), (x * s[..., i] * q[..., o]).sum()
        filtered[n] = (f[..., i] * q[..., o]).sum()
        addressed += fired
        delivered += fired & (x > 0)
        open_writes += fired & is_open[..., o]
        open_gated += fired & (x > 0) & is_open[..., o]

    @jax.jit
    def run(params, spikes, keys):
        _, got, arrived = sparse(params, (), spikes, key=keys)
        _, pull = jax.vjp(
            lambda w, s: sparse(Params(w, params.fixed), (), s, key=keys, backward=other)[1], params.trained, spikes
        )
        updates = (
            sparse.plasticity(params, arrived, post),
            sparse.plasticity(params, arrived, post, gated=True),
            sparse.plasticity(params, arrived, post, factor=factor),
        )
        gate = post > 0
        counts = (
            sparse.addressed(params, arrived),
            sparse.writes(params, arrived, None),
            sparse.delivered(params, arrived),
            sparse.writes(params, arrived, None, gated=True),
            sparse.writes(params, arrived, gate),
            sparse.writes(params, arrived, gate, gated=True),
        )
        return got, pull(post), updates, counts, sparse.transpose(params, post)

    got, (of_weights, of_spikes), updates, counts, way_back = run(params, spikes, keys)
    np.testing.assert_allclose(got, current, atol=1e-5)
    for update, want in zip((*updates, of_weights), (free, gated, filtered, gated), strict=True):
        np.testing.assert_allclose(update["weight"], want, atol=1e-5)
    np.testing.assert_allclose(of_spikes, transmission.mean * by_other, atol=1e-5)
    np.testing.assert_allclose(way_back, back, atol=1e-5)
    wanted = (addressed, addressed, delivered, delivered, open_writes, open_gated)
    for count, want in zip(counts, wanted, strict=True):
        np.testing.assert_array_equal(wide_value(count), want)
    assert (sparse.synapses, sparse.multiplications, sparse.learns) == (len(pairs), len(pairs), True)


@pytest.mark.parametrize("transmission", [Reliable(), BlankOut(0.65), BlankOut(1.0)])
def test_all_pairs_are_a_matrix_bit_for_bit(key, transmission):
    """With weights and factors that sum without rounding; the masks are the same bits."""
    pairs = np.stack(np.meshgrid(np.arange(I), np.arange(O), indexing="ij"), -1).reshape(-1, 2)
    sparse = Sparse(I, O, transmission=transmission, pairs=SynapseList(*pairs.T))
    dense = Dense(I, O, transmission=transmission)
    np.testing.assert_array_equal(sparse.init(key).trained["weight"], dense.init(key).trained["weight"].reshape(-1))
    params, _, spikes, post, _, keys = problem(sparse, key)
    coarse, post = (jnp.round(8 * x) / 8 for x in (params.trained["weight"], post))
    params, matrix = Params({"weight": coarse}, params.fixed), Params({"weight": coarse.reshape(I, O)})
    results = []
    for one, own in ((sparse, params), (dense, matrix)):

        @jax.jit
        def run(own, one=one):
            _, current, arrived = one(own, (), spikes, key=keys)
            updates = [one.plasticity(own, arrived, post, gated=gated)["weight"] for gated in (False, True)]
            counts = [one.addressed(own, arrived), one.delivered(own, arrived), one.writes(own, arrived, post > 0)]
            return [x.reshape(-1) for x in (current, *updates, one.transpose(own, post))], counts

        flat, counts = run(own)
        results.append((*flat, *(wide_value(count) for count in counts)))
    for of_list, of_matrix in zip(*results, strict=True):
        np.testing.assert_array_equal(of_list, of_matrix)
    assert (sparse.synapses, sparse.multiplications) == (dense.synapses, dense.multiplications)


def test_eligibility_of_every_sample_and_synapse(key):
    """The update of each sample alone, as rules with an eligibility trace ask for it."""
    sparse = Sparse(I, O, pairs=uneven(np.random.default_rng(1)))
    params, _, spikes, post, factor, _ = problem(sparse, key)
    of_each = jax.vmap(lambda arrived, post, factor: sparse.plasticity(params, arrived, post, factor=factor), in_axes=1)
    got = jax.jit(of_each)(Arrived(spikes), post, factor)["weight"]
    f, q = np.asarray(factor, np.float64), np.asarray(post, np.float64)
    pairs = zip(sparse.pairs.pre, sparse.pairs.post, strict=True)
    want = [(f[..., i] * q[..., o]).sum(0) for i, o in pairs]
    np.testing.assert_allclose(got, np.stack(want, 1), atol=1e-5)


def test_synapses_are_drawn_without_doubles_and_all_alike_likely(key):
    sets = np.asarray(distinct(key, 6000, 5, 12))
    assert (np.diff(sets, axis=1) > 0).all()
    assert (sets.min(), sets.max()) == (0, 11)
    chosen = (sets[:, :, None] == np.arange(12)).any(1)  # [sets, 12]
    np.testing.assert_allclose(chosen.mean(0), 5 / 12, atol=4 * np.sqrt(5 / 12 * 7 / 12 / 6000))
    together = chosen.T.astype(float) @ chosen / 6000
    np.testing.assert_allclose(together[~np.eye(12, dtype=bool)], 5 * 4 / (12 * 11), atol=4.5 * np.sqrt(0.15 / 6000))


def test_a_drawn_list_is_a_function_of_the_key(key):
    sparse = Sparse(12, 300, fan_in=12)  # all there are
    seeds = jax.random.split(key, 2)
    both = jax.jit(jax.vmap(sparse.init))(jnp.stack([seeds[0], seeds[0]]))
    weights = np.asarray(both.trained["weight"])
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(both.fixed["pre"], np.tile(np.arange(12), (2, 300)))
    np.testing.assert_array_equal(both.fixed["post"], np.tile(np.repeat(np.arange(300), 12), (2, 1)))
    bound = (7 / (12 + 300)) ** 0.5
    assert 0.99 * bound < np.abs(weights).max() <= bound
    few = jax.jit(jax.vmap(Sparse(12, 300, fan_in=3).init))(seeds)
    assert (np.asarray(few.fixed["pre"][0]) != np.asarray(few.fixed["pre"][1])).mean() > 0.5


def test_the_table_of_a_list_sorts_it_by_source():
    pairs = uneven(np.random.default_rng(2))
    listed = table(jnp.asarray(pairs.pre), jnp.asarray(pairs.post), I)
    order, start = np.asarray(listed["order"]), np.asarray(listed["start"])
    for i in range(I):
        np.testing.assert_array_equal(order[start[i] : start[i + 1]], np.flatnonzero(pairs.pre == i))


@pytest.mark.parametrize("kind", ["reliable", "blank-out"])
def test_memory_is_that_of_the_list(key, kind):
    """10,000 units with 100 synapses each, 80 rows: currents, gated updates and gradients without list times rows."""
    sparse = Sparse(10_000, 10_000, fan_in=100, transmission=KINDS[kind])
    params = jax.eval_shape(sparse.init, key)
    spikes, post = (jax.ShapeDtypeStruct((5, 16, 10_000), jnp.float32) for _ in range(2))
    keys = jax.eval_shape(lambda: jax.random.split(key, (5, 16)))

    def run(params, spikes, post, keys):
        def currents(w, s):
            _, current, arrived = sparse(Params(w, params.fixed), (), s, key=keys)
            return current, arrived

        current, pull, arrived = jax.vjp(currents, params.trained, spikes, has_aux=True)
        return current, pull(post), sparse.plasticity(params, arrived, post, gated=True)

    used = jax.jit(run).lower(params, spikes, post, keys).compile().memory_analysis()
    assert used is not None
    assert used.temp_size_in_bytes < 100e6  # of the list: 4e6 a column; list times rows: 320e6 an array


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sparse(0, 3, 1), "at least one unit, got 0 -> 3"),
        (lambda: Sparse(5, 3), "one of fan_in and pairs, got none"),
        (lambda: Sparse(5, 3, 2, pairs=SynapseList([0], [0])), "one of fan_in and pairs, got both"),
        (lambda: Sparse(5, 3, 6), "fan_in must be from 1 to the 5 inputs, got 6"),
        (lambda: Sparse(5, 3, 0), "fan_in must be from 1 to the 5 inputs, got 0"),
        (lambda: Sparse(5, 3, pairs=SynapseList([0, 5], [0, 0])), "pre must be below 5, got 5 at entry 1"),
        (lambda: Sparse(5, 3, pairs=([0], [0])), r"SynapseList\(pre, post\), got tuple"),
        (lambda: Sparse(10**6, 10**6, 10**4), "fewer than 2.31, got 10000000000 synapses"),
        (lambda: Sparse(5, 3, 2, transmission=SharedBlankOut(0.5)), "Reliable or BlankOut, got SharedBlankOut"),
    ],
)
def test_bad_values_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_blank_out_needs_a_key(key):
    sparse = Sparse(5, 3, 2, transmission=BlankOut(0.5))
    with pytest.raises(ValueError, match="BlankOut: stochastic transmission needs a key"):
        jax.eval_shape(lambda: sparse(sparse.init(key), (), jnp.ones((1, 1, 5))))
    assert (sparse.label, Sparse(5, 3, pairs=SynapseList([0], [1])).label) == ("3f2", "3n1")
