"""The three shifts, bit for bit."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.nsat.shifts import couple, gain, round_randomly
from tests.nsat import reference

VALUES = [-1000, -129, -17, -16, -9, -8, -1, 0, 1, 8, 9, 15, 16, 17, 127, 128, 1000, 32767]
COUPLED = {
    -3: [-125, -16, -2, -2, -1, -1, -1, 0, 1, 1, 1, 1, 2, 2, 15, 16, 125, 4095],
    -16: [0] * len(VALUES),
    -31: [0] * len(VALUES),
    0: VALUES,
    2: [4 * x for x in VALUES],
}


def apply(shift, x, exponent):
    return shift(jnp.asarray(x, jnp.int32), jnp.full(np.shape(x), exponent, jnp.int32)).tolist()


@pytest.mark.parametrize(("exponent", "wanted"), COUPLED.items())
def test_coupling_vectors(exponent, wanted):
    assert apply(couple, VALUES, exponent) == wanted


def test_coupling_never_falls_below_one():
    assert apply(couple, [-32768, 32767], -15) == [-1, 1]
    assert apply(couple, [-17, 17, 3, 1], -1) == [-8, 8, 1, 1]


def test_gain_goes_toward_zero_and_reaches_it():
    assert apply(gain, [-9, -7, 15, 17], -3) == [-1, 0, 1, 2]
    assert apply(gain, [-9, 7], 4) == [-144, 112]
    assert apply(gain, [-9, 7], -31) == [0, 0]


def test_rounding_floors():
    zero, four = jnp.zeros(3, jnp.int32), jnp.full(3, 4, jnp.int32)
    assert round_randomly(jnp.array([-5, -16, 31], jnp.int32), four, zero + 15).tolist() == [-1, -1, 1]
    assert round_randomly(jnp.array([-5, -16, 31], jnp.int32), four, zero).tolist() == [0, -1, 2]
    assert round_randomly(jnp.array([-5, 0, 7], jnp.int32), zero, zero).tolist() == [-5, 0, 7]


@pytest.mark.parametrize("change", [-3000, -1025, -1, 0, 5, 1023, 2047])
def test_rounding_is_unbiased(change):
    # Over all draws at once the mean is exact.
    draws = jnp.arange(1024, dtype=jnp.int32)
    rounded = round_randomly(jnp.full(1024, change, jnp.int32), jnp.full(1024, 10, jnp.int32), draws)
    assert int(rounded.sum()) == change
    assert set(rounded.tolist()) <= {change // 1024, change // 1024 + 1}


@settings(deadline=None, max_examples=60)
@given(st.integers(-(2**15), 2**15 - 1), st.integers(-31, 15))
def test_both_are_those_of_the_oracle(x, exponent):
    assert apply(couple, [x], exponent) == [reference.couple(exponent, x)]
    assert apply(gain, [x], exponent) == [reference.gain(x, exponent)]
