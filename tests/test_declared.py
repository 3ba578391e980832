"""Every public component refuses values of other types than its fields declare, as it is made."""

import doctest
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax import declared
from erbp_jax.declared import checked
from erbp_jax.registry import GROUPS, entries

RESULTS = {"Model", "Recording", "SweepTable", "Dataset", "Events"}
"""Dataclasses that the library makes and hands out, or whose arrays it looks through."""
OF_A_NETWORK = (ej.Network, ej.Population, ej.Projection)
"""Have checks of their own."""
ODD = {int: (1.5, 2.0, True, "3", None), bool: ("no", 0, None), float: ("0.5", True, np.nan, None), str: (3, None)}
"""Values that are none of a type."""


def components():
    public = [getattr(ej, name) for name in ej.__all__ if name not in RESULTS]
    found = [*public, *(entry.make for group in GROUPS for entry in entries(group))]
    return sorted({c for c in found if isinstance(c, type) and is_dataclass(c)}, key=lambda c: c.__name__)


def plain(annotation):
    """The number or truth value that an annotation is, or may be besides None, and whether None is allowed."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    args = get_args(annotation)
    if type(None) in args and len(args) == 2:
        return plain(next(a for a in args if a is not type(None)))[0], True
    return annotation, False


@pytest.mark.parametrize("component", [c for c in components() if c not in OF_A_NETWORK])
def test_no_component_takes_a_value_of_another_type(component):
    """`Dense(4.5, 3)` was a network, and `Reliable("no")` an eventful one."""
    for f in fields(component):
        kind, or_none = plain(get_type_hints(component, include_extras=True)[f.name])
        for odd in ODD.get(kind, ()) if f.init else ():
            if not (odd is None and or_none):
                with pytest.raises(ValueError, match=f"^{component.__name__}: "):  # its own words, or the general ones
                    component(**{f.name: odd})


@pytest.mark.parametrize("odd", ODD[bool])
def test_a_projection_learns_or_does_not(odd):
    with pytest.raises(ValueError, match="Projection a -> b: plastic must be True or False, got"):
        ej.Projection("a", "b", ej.Dense(2, 3), plastic=odd)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ej.mlp(4.5, 3), "Dense: inputs must be a whole number, got 4.5"),
        (lambda: ej.Sparse(9, 3, fan_in=1.5), "Sparse: fan_in must be a whole number or None, got 1.5"),
        (lambda: ej.Conv2d((8, 8), 2, 3), r"input_shape must be a tuple of 3 whole numbers, got \(8, 8\)"),
        (lambda: ej.Conv2d([8, 8, 1], 2, 3), "input_shape must be a tuple of 3 whole numbers, got"),
        (lambda: ej.Dense(3, 4, transmission="blank_out"), "transmission must be a Transmission, got 'blank_out'"),
        (lambda: ej.LIF(noise=ej.GaussianNoise), "noise must be a Noise or None, got the class GaussianNoise"),
        (lambda: ej.LIF(refractory=2.5), "LIF: refractory must be a whole number of ticks .*, got 2.5"),
        (lambda: ej.LIF(refractory=2.0), "LIF: refractory must be a whole number of ticks, got 2.0"),
        (lambda: ej.ERBP(10), "ERBP: label must be a Teacher, got 10"),
        (lambda: ej.BackProp(loss="mse"), "BackProp: loss must be a Loss, got 'mse'"),
        (lambda: ej.TrialReward(5, 0.5), "TrialReward: reward must be a function, got 0.5"),
        (lambda: replace(ej.LIF(), tau_mem="long"), "LIF: tau_mem must be a number, got 'long'"),
    ],
)
def test_the_message_says_where_and_what_is_allowed(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_nan_is_no_number():
    for make in (lambda: ej.Dense(3, 4, np.nan), lambda: ej.LIF(threshold=np.float32("nan"))):
        with pytest.raises(ValueError, match=r"(gain|threshold) must be a number, got "):
            make()
    with pytest.raises(ValueError, match="tau_mem must be >= 0 and finite, got nan"):  # the class's own words
        ej.LIF(tau_mem=np.nan)


def test_numbers_of_numpy_numbers_that_are_not_known_yet_and_plain_tuples_will_do():
    assert ej.Dense(np.int64(3), np.int32(4), np.float32(2)) == ej.Dense(3, 4, 2.0)
    terms = ej.mstdp().terms
    assert ej.ThreeFactor(tuple(tuple(map(tuple, of_one)) for of_one in terms)) == ej.ThreeFactor(terms)
    assert ej.Reliable(by_events=np.True_) == ej.Reliable(by_events=True)
    params, spikes = ej.Dense(2, 3).init(jax.random.key(0)), jnp.ones((1, 1, 2))
    del params

    def total(gain):
        dense = ej.Dense(2, 3, gain)
        return dense(dense.init(jax.random.key(0)), (), spikes)[1].sum()

    np.testing.assert_allclose(jax.grad(total)(2.0), total(1.0), rtol=1e-6)


def test_a_class_of_ones_own_is_checked_where_it_is_registered_or_asks_for_it():
    @checked
    @dataclass(frozen=True)
    class Mine:
        units: int
        free: Any = None
        pair: tuple[int, ...] = ()
        unknown: "Nowhere" = None  # noqa: F821  # pyright: ignore

    assert checked(Mine) is Mine
    assert Mine(3, "x", (1, 2)).pair == (1, 2)
    with pytest.raises(TypeError, match="units"):
        Mine()  # pyright: ignore

    @dataclass(frozen=True)
    class More(Mine):
        late: int = 1

    assert More(2.5).units == 2.5  # a subclass asks for itself

    @checked
    @dataclass(frozen=True)
    class ByHand:
        units: int

        def __init__(self, text):
            object.__setattr__(self, "units", len(text))

    assert ByHand("four").units == 4
    assert doctest.testmod(declared).failed == 0


@pytest.mark.parametrize("batch", [1.5, -1, 0, True, "2", None])
def test_a_state_is_of_a_number_of_samples(batch):
    network = ej.mlp(4, 3)
    for call in (network.init_state, lambda b: ej.BackProp().init_state(network, b)):
        with pytest.raises(ValueError, match="Network 4-3: init_state takes a whole number of samples >= 1, got"):
            call(batch)


@pytest.mark.parametrize("make", [lambda x: ej.SynapseList(x, [0]), lambda x: ej.SynapseList([0], x), ej.Delays])
def test_a_ragged_list_is_no_array(make):
    with pytest.raises(ValueError, match="must be whole numbers in one array, got lists of different lengths"):
        make([[0, 1], [2]])
