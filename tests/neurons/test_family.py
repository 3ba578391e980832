"""Every neuron of the talk: against its equation in a float64 loop, and against itself in other ways of running it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.config import schema
from erbp_jax.config.construct import construct
from erbp_jax.neurons import (
    LIF,
    DualCompartmentLIF,
    GaussianNoise,
    LeakyIF,
    MihalasNiebur,
    PoissonKicks,
    SecondOrderLIF,
    Surrogate,
    run_population,
)
from erbp_jax.units import Clock
from tests import oracles

EXAMPLES = {
    "leaky": LeakyIF(6.0),
    "lif": LIF(5.0, 3.0, refractory=2),
    "second_order_lif": SecondOrderLIF(5.0, 3.0, 2.0, bias=0.1, reset="subtract"),
    "dual_compartment_lif": DualCompartmentLIF(4.0, 6.0, 3.0, 1.5, 0.3, refractory=1),
    "mihalas_niebur": MihalasNiebur(a=0.005, a1=10.0, a2=-0.6),
}
DRIVE = {"mihalas_niebur": (2.0, 1.5)}


def run(neuron, current, state=None, key=None):
    """`current[T, ...]` -> final state, spikes `[T, ...]`, potentials `[T, ...]`."""
    keys = None if key is None else jax.random.split(key, (len(current), *current.shape[1:-1]))

    def tick(state, inputs):
        c, k = inputs
        state, spikes = neuron.step(state, c, key=k)
        return state, (spikes, state.membrane)

    state = neuron.init_state(current.shape[1:], current.dtype) if state is None else state
    state, (spikes, membrane) = jax.lax.scan(tick, state, (current, keys))
    return state, spikes, membrane


def drive(kind, shape, dtype=np.float32, seed=0):
    mean, spread = DRIVE.get(kind, (0.6, 0.8))
    return jnp.asarray(np.random.default_rng(seed).normal(mean, spread, shape).astype(np.float32).astype(dtype))


def test_the_table_has_an_example_of_every_neuron_of_a_config():
    sections = {section.entry.kind: section for section in schema.Neuron.sections()}
    made = {kind: type(construct(section(kind=kind), "neuron", Clock(1.0))) for kind, section in sections.items()}
    del made["parametric_lif"]  # whose step needs parameters
    assert {kind: type(neuron) for kind, neuron in EXAMPLES.items()} == made


def test_equal_neurons_hash_alike():
    for neuron in EXAMPLES.values():
        assert hash(neuron) == hash(type(neuron)(**{f: getattr(neuron, f) for f in neuron.__dataclass_fields__}))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_however_it_is_run_it_is_the_same_neuron(kind):
    neuron, current = EXAMPLES[kind], drive(kind, (600, 4, 3))
    whole_run = jax.jit(lambda c: run(neuron, c))
    end, spikes, membrane = whole_run(current)
    assert 0 < spikes.mean() < 0.9

    with jax.disable_jit():
        _, some, _ = run(neuron, current[:8])
    np.testing.assert_array_equal(some, spikes[:8])

    middle, first, _ = whole_run(current[:200])
    last, second, _ = jax.jit(lambda c, s: run(neuron, c, s))(current[200:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), spikes)
    jax.tree.map(np.testing.assert_array_equal, last, end)

    mapped = jax.jit(jax.vmap(lambda c: run(neuron, c)[1], in_axes=1, out_axes=1))(current)
    np.testing.assert_array_equal(mapped, spikes)
    np.testing.assert_array_equal(whole_run(current[:, 1:2])[1], spikes[:, 1:2])
    assert membrane.dtype == np.float32


@pytest.mark.parametrize("kind", EXAMPLES)
def test_float32_is_near_float64(kind):
    neuron, current = EXAMPLES[kind], drive(kind, (300, 5))
    _, spikes, membrane = jax.jit(lambda c: run(neuron, c))(current)
    with jax.enable_x64():
        _, exact, potential = jax.jit(lambda c: run(neuron, c))(drive(kind, (300, 5), np.float64))
        exact, potential = np.asarray(exact), np.asarray(potential)
    assert potential.dtype == np.float64
    np.testing.assert_array_equal(spikes, exact)
    scale = 70.0 if kind == "mihalas_niebur" else 1.0
    np.testing.assert_allclose(membrane, potential, atol=2e-5 * scale)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_surrogate_gives_a_gradient_and_changes_no_spike(kind):
    neuron = EXAMPLES[kind].with_surrogate(Surrogate("fast_sigmoid", 1.0))
    current = drive(kind, (60, 5))
    np.testing.assert_array_equal(run(neuron, current)[1], run(EXAMPLES[kind], current)[1])
    slope = jax.jit(jax.grad(lambda c: run(neuron, c)[1].sum()))(current)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0
    with pytest.raises(ValueError, match="with_surrogate"):
        jax.grad(lambda c: run(EXAMPLES[kind], c)[1].sum())(current)


times = st.floats(1.0, 30.0)
common = {
    "refractory": st.integers(0, 4),
    "reset": st.sampled_from(["value", "subtract", "none"]),
    "integration": st.sampled_from(["exact", "euler"]),
    "seed": st.integers(0, 2**31),
}


def check_against(oracle, neuron, seed, mean=0.5):
    """Spike times exactly, potentials to rounding, in float64."""
    current = np.random.default_rng(seed).normal(mean, 0.8, 80)
    with jax.enable_x64():
        _, spikes, membrane = jax.jit(lambda c: run(neuron, c))(jnp.asarray(current)[:, None])
        spikes, membrane = np.asarray(spikes)[:, 0], np.asarray(membrane)[:, 0]
    want_spikes, want_membrane = oracle(current)
    np.testing.assert_array_equal(spikes, want_spikes)
    np.testing.assert_allclose(membrane, want_membrane, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(tau_mem=times, **common)
def test_leaky_equals_its_equation(tau_mem, refractory, reset, integration, seed):
    neuron = LeakyIF(tau_mem, refractory=refractory, reset=reset, integration=integration)
    check_against(lambda c: oracles.leaky(c, tau_mem, refractory, reset, integration), neuron, seed, mean=0.2)


@settings(max_examples=12, deadline=None)
@given(tau_mem=times, tau_syn=times, tau_rise=times, bias=st.floats(-0.2, 0.2), **common)
def test_second_order_equals_its_equation(tau_mem, tau_syn, tau_rise, bias, refractory, reset, integration, seed):
    neuron = SecondOrderLIF(
        tau_mem, tau_syn, tau_rise, bias, refractory=refractory, reset=reset, integration=integration
    )
    check_against(
        lambda c: oracles.second_order(c, tau_mem, tau_syn, tau_rise, bias, refractory, reset, integration),
        neuron,
        seed,
    )


@settings(max_examples=12, deadline=None)
@given(
    tau_mem=st.floats(2.0, 30.0), tau_den=st.floats(2.0, 30.0), tau_syn=times, there=st.floats(0.1, 2.0),
    back=st.floats(0.0, 0.45), bias=st.floats(-0.2, 0.2), **common,
)  # fmt: skip
def test_dual_compartment_equals_its_equation(
    tau_mem, tau_den, tau_syn, there, back, bias, refractory, reset, integration, seed
):
    neuron = DualCompartmentLIF(
        tau_mem, tau_den, tau_syn, there, back, bias, refractory=refractory, reset=reset, integration=integration
    )
    check_against(
        lambda c: oracles.dual_compartment(
            c, tau_mem, tau_den, tau_syn, there, back, bias, refractory, reset, integration
        ),
        neuron,
        seed,
    )


@pytest.mark.parametrize("kind", ["lif", "second_order_lif", "dual_compartment_lif"])
def test_euler_and_exact_meet_as_the_ticks_get_shorter(kind):
    """A constant current, no spikes: the potential after 20 units of time, for ticks of 1, 1/4 and 1/16."""

    def potential(integration, ticks):
        make = {
            "lif": lambda: LIF(5.0 * ticks, 3.0 * ticks, threshold=9.0, integration=integration),
            "second_order_lif": lambda: SecondOrderLIF(
                5.0 * ticks, 3.0 * ticks, 2.0 * ticks, threshold=9.0, integration=integration
            ),
            "dual_compartment_lif": lambda: DualCompartmentLIF(
                4.0 * ticks, 6.0 * ticks, 3.0 * ticks, 1.5, 0.3, threshold=9.0, integration=integration
            ),
        }[kind]()
        with jax.enable_x64():
            return float(run(make, jnp.full((20 * ticks, 1), 0.3 / ticks, jnp.float64))[2][-1, 0])

    gaps = [abs(potential("euler", n) - potential("exact", n)) for n in (1, 4, 16)]
    assert gaps[1] < 0.4 * gaps[0]
    assert gaps[2] < 0.4 * gaps[1]


def test_noise_of_the_synaptic_kind_reaches_the_membrane_through_the_synapse(key):
    neuron = SecondOrderLIF(4.0, 3.0, 2.0, noise=GaussianNoise(0.3), threshold=100.0)
    v = np.asarray(run(neuron, jnp.zeros((4000, 20)), key=key)[2])[200:]
    a, b = np.exp(-1 / 3.0), np.exp(-1 / 4.0)
    want = oracles.filtered_noise_deviation(0.3, a, b)
    assert v.std() == pytest.approx(want, rel=0.03)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LeakyIF(-1.0), "LeakyIF: tau_mem must be >= 0 and finite, got -1.0"),
        (lambda: SecondOrderLIF(tau_rise=float("nan")), "SecondOrderLIF: tau_rise must be >= 0"),
        (lambda: LIF(0.5, integration="euler"), "LIF: tau_mem = 0.5 ticks is too short for forward Euler"),
        (lambda: LIF(threshold=0.0), "LIF: threshold 0.0 must lie above v_reset 0.0"),
        (lambda: LIF(threshold=-1.0, reset="subtract"), "must be > 0 to be subtracted"),
        (lambda: LIF(reset="gently"), "reset must be 'value', 'subtract' or 'none', got 'gently'"),
        (lambda: DualCompartmentLIF(to_soma=2.0, to_dendrite=0.5), r"to_soma \* to_dendrite must be < 1"),
        (lambda: DualCompartmentLIF(tau_den=0.0), "DualCompartmentLIF: tau_den must be > 0"),
        (lambda: DualCompartmentLIF(1.0, 1.0, 5.0, 3.0, -3.0, integration="euler"), "Euler is unstable"),
        (lambda: MihalasNiebur(g=0.0), "MihalasNiebur: g must be > 0, got 0.0"),
        (lambda: MihalasNiebur(dt=8.0), "dt = 8.0 ms is too coarse .* at most 5 ms"),
        (lambda: MihalasNiebur(theta_reset=-80.0), "v_reset -70.0 mV must lie below theta_reset -80.0 mV"),
    ],
)
def test_unphysical_parameters_are_refused_with_the_bound(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_state_of_another_shape_is_refused_with_both_shapes(kind):
    neuron = EXAMPLES[kind]
    with pytest.raises(ValueError, match=r"state has shape \(3,\), the input \(4, 3\)"):
        neuron.step(neuron.init_state((3,)), jnp.zeros((4, 3)))


def test_physical_units_there_and_back():
    """20 pF and 2 nS are 10 ms; a threshold 15 mV above rest; 2 ms of silence; ticks of half a millisecond."""
    common = {"dt": 0.5, "capacitance": 20.0, "conductance": 2.0, "e_leak": -65.0, "v_threshold": -50.0}
    neuron = LIF.from_physical(**common, v_reset=-70.0, refractory=2.0, tau_syn=4.0)
    assert neuron == LIF(20.0, 8.0, threshold=15.0, v_reset=-5.0, refractory=4)
    for cls, others in (
        (LIF, {"tau_syn": 4.0}),
        (LeakyIF, {}),
        (SecondOrderLIF, {"tau_syn": 4.0, "tau_rise": 2.0}),
        (DualCompartmentLIF, {"tau_syn": 4.0, "tau_den": 5.0, "to_dendrite": 0.1}),
    ):
        made = cls.from_physical(**common, **others)
        assert cls.from_physical(**made.to_physical(dt=0.5, conductance=2.0, e_leak=-65.0)) == made
    mn = MihalasNiebur.from_physical(dt=0.1, capacitance=10.0, conductance=0.5, a=0.005, a1=100.0)
    assert mn == MihalasNiebur(a=0.005, a1=10.0, g=0.05)
    again = MihalasNiebur.from_physical(**mn.to_physical(capacitance=10.0))
    for name in mn.__dataclass_fields__:
        assert getattr(again, name) == pytest.approx(getattr(mn, name))
    with pytest.raises(ValueError, match=r"refractory 0\.7 ms is not a whole number of ticks"):
        LIF.from_physical(**common, refractory=0.7)
    with pytest.raises(ValueError, match="capacitance must be > 0, got 0"):
        LIF.from_physical(**{**common, "capacitance": 0})


@pytest.mark.parametrize("kind", EXAMPLES)
def test_tiles_of_a_population_equal_the_whole(kind):
    neuron = EXAMPLES[kind]
    current = jnp.abs(drive(kind, (37,)))
    state, spikes, _ = jax.jit(lambda c: run(neuron, jnp.broadcast_to(c, (60, 37))))(current)
    tiled, counts = jax.jit(lambda c: run_population(neuron, c, steps=60, tile=8))(current)
    np.testing.assert_array_equal(counts, spikes.sum(0))
    assert counts.sum() > 0
    near = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)  # a compiler may fuse a product and a sum
    jax.tree.map(near, tiled, state)
    first, early = run_population(neuron, current, steps=25, tile=10)
    second, late = run_population(neuron, current, steps=35, state=first, tile=37)
    np.testing.assert_array_equal(early + late, counts)
    jax.tree.map(near, second, state)


def test_a_population_has_noise_of_its_own_in_every_tile():
    neuron = LIF(5.0, 3.0, noise=GaussianNoise(0.5))
    current = jnp.full((40,), 0.2)
    key = jax.random.key(0)
    _, counts = run_population(neuron, current, steps=200, tile=10, key=key)
    rows = np.asarray(counts).reshape(4, 10)
    assert all((rows[i] != rows[j]).any() for i in range(4) for j in range(i))
    np.testing.assert_array_equal(counts, run_population(neuron, current, steps=200, tile=10, key=key)[1])


def test_a_population_refuses_what_is_no_vector():
    with pytest.raises(ValueError, match=r"shape \[N\], got \(2, 3\)"):
        run_population(LIF(), jnp.ones((2, 3)), steps=1)
    with pytest.raises(ValueError, match="tile must be at least 1 neuron, got 0"):
        run_population(LIF(), jnp.ones(3), steps=1, tile=0)


@pytest.mark.parametrize("rate", [1e-5, 1e-3, 0.3, 1.0, 40.0, 500.0])
def test_kicks_come_at_their_rate(rate):
    """The mean of what is drawn, exactly: the share of the 2^24 uniform numbers above each edge."""
    edges = np.ceil(PoissonKicks(rate, 1.0)._cumulative().astype(np.float64) * 2**24)
    assert np.sum(1 - edges / 2**24) == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PoissonKicks(1e-8, 1.0),  # never came
        lambda: PoissonKicks(1000.0, 1.0),  # exp(-1000) is 0 in float64: the mean was wrong
        lambda: PoissonKicks(1.0, float("inf")),
        lambda: GaussianNoise(1e308),
        lambda: GaussianNoise(-1.0),
        lambda: LIF(refractory=2**24 + 1),  # a float32 does not count down from there
        lambda: LIF(refractory=float("inf")),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_a_float32_cannot_hold_is_refused(make):
    with pytest.raises(ValueError, match=r"got|drawn as"):
        make()
