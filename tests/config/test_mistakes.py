"""What is said of a mistake in a config: in the words of configs, not in those of Python."""

import re

import pytest

from erbp_jax.config import check
from erbp_jax.errors import UserError

BASE = {"network": {"layers": [64, 30, 10]}, "data": {"name": "digits"}}


def said(path, value, **base):
    *groups, key = path.split(".")
    for group in reversed(groups):
        key, value = group, {key: value}
    data = {**BASE, **base}
    data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(UserError) as refused:
        check(data, "here")
    first, *lines = str(refused.value).splitlines()
    assert first == "here:"
    assert not re.search("tuple|dictionary|instance|object|boolean|string|validation|interpret", "".join(lines))
    return "\n".join(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("network.layers", 5, "network.layers: must be a list, got 5"),
        ("network.layers", [], "network.layers: must have at least 2 items, not 0, got []"),
        ("network.layers", [64, 4.5, 10], "network.layers.1: must be a valid integer, got 4.5"),
        ("network.layers", [64, [3], 10], "network.layers.1: must be a group of keys, got [3]"),
        ("network", [1], "network: must be a group of keys, got [1]"),
        ("network.neuron", 3, "network.neuron: must be a group of keys, got 3"),
        ("network.neuron", {"noise": [3]}, "network.neuron.noise: must be a group of keys, got [3]"),
        ("network.transmission", 3, "network.transmission: must be a group of keys, got 3"),
        ("rule", "bp", "rule: must be a group of keys, e.g. {kind: bp}, got 'bp'"),
        ("data", "digits", "data: must be a group of keys, e.g. {name: digits}, got 'digits'"),
        ("training.mesh", 3, "training.mesh: must be a group of keys, got 3"),
        ("rule.gate", 3, "rule.gate: must be a list, got 3"),
        ("rule.gate", [1, 2, 3], "rule.gate.0: must have at most 2 items, not 3, got [1, 2, 3]"),
        ("data.name", 3, "data.name: must be a text, got 3"),
        ("training.reset_state", "maybe", "training.reset_state: must be true or false, got 'maybe'"),
        ("training.epochs", 1.5, "training.epochs: must be a valid integer, got 1.5"),
    ],
)
def test_lists_and_groups_of_keys_are_called_so(path, value, line):
    assert said(path, value) == line


def test_a_pair_that_is_too_short_says_so():
    layer = {"kind": "delayed", "outputs": 5, "delays": [1]}
    assert said("network.layers", [64, layer, 10]) == "network.layers.1.delays: too few values, got [1]"


@pytest.mark.parametrize(
    ("path", "kind", "owners"),
    [
        ("rule.gate", "bp", "erbp, perbp; bp has: form, surrogate"),
        ("rule.segment", "erbp", "bp, rbp; erbp has: gate, "),
        ("rule.kernel", "clopath", "forward_table_stdp, stdp; clopath has: theta_minus"),
        ("network.neuron.tau_rise", "lif", "second_order_lif; lif has: threshold"),
        ("network.transmission.p", "reliable", "blank_out, shared_blank_out; reliable has: none"),
        ("encoding.dead_time", "regular", "poisson, escape; regular has: dt, "),
        ("task.tau", "classification", "regression; classification has: by"),
    ],
)
def test_a_key_of_another_kind_says_whose_it_is(path, kind, owners):
    """`rule.gate` under bp was reported as a mistyped `surrogate`."""
    *section, key = path.split(".")
    group = {"kind": kind, key: 1}
    assert f"{path}: unknown key ({key} is a key of {owners}" in said(".".join(section), group)


def test_a_key_of_a_layer_of_another_kind_says_whose_it_is():
    line = said("network.layers", [64, {"kind": "dense", "outputs": 5, "stride": 3}, 10])
    assert line == "network.layers.1.stride: unknown key (stride is a key of conv, pool; dense has: outputs)"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"kind": "bp", "form": "rate", "surrogate": {"kind": "triangular"}}, "surrogate: triangular has no effect"),
        ({"kind": "rbp", "smoothing": 7}, "smoothing: 7.0 has no effect with `form: spiking`; it needs rate"),
        ({"kind": "rbp", "wiring": "layerwise", "zero_sum": False}, "zero_sum: False has no effect with `wiring: la"),
    ],
)
def test_a_key_without_effect_is_refused(section, line):
    assert f"rule: {line}" in said("rule", section)


def test_a_mistyped_key_has_its_nearest_one():
    assert said("rule.gats", 3) == "rule.gats: unknown key (did you mean 'gate'?)"
