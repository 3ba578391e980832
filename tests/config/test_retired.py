"""What configs once said: the old defaults load, other values are refused with the reason, kept results load."""

import pytest

from erbp_jax.config import Config, check, load_config, retired
from erbp_jax.config.simulation import load_simulation
from erbp_jax.errors import UserError


def test_every_kept_config_loads(root):
    kept = sorted((root / "docs").rglob("config.yaml"))
    assert len(kept) > 60
    for path in kept:
        load_config(path)


@pytest.mark.parametrize("key", retired.KEYS, ids=lambda key: key.path)
def test_an_old_default_is_silent_and_another_value_has_a_reason(key):
    group, name = key.path.split(".")
    assert check({group: {name: key.default}}, "t") == check({}, "t")
    with pytest.raises(UserError) as refused:
        check({group: {name: "another"}, "seed": -1}, "t")
    lines = str(refused.value).splitlines()[1:]
    assert [line.strip().split(":")[0] for line in lines] == [key.path, "seed"]
    assert f"got 'another': {key.reason}" in lines[0]
    assert all(name not in type(section).model_fields for section in (Config(), getattr(Config(), group)))


@pytest.mark.parametrize("kind", [k for k in retired.KINDS if k.path.startswith("network.")], ids=lambda k: k.path)
def test_a_kind_that_is_gone_has_a_reason(kind):
    _, name = kind.path.split(".")
    with pytest.raises(UserError) as refused:
        check({"network": {name: {"kind": kind.kind, "tau_dendrite": 3}, "layers": [4, 2]}}, "t")
    (line,) = str(refused.value).splitlines()[1:]
    assert line.strip() == f"{kind.path}.kind: {kind.kind!r} is retired: {kind.reason}"


@pytest.mark.parametrize("override", ["network.transmission.kind=gaussian_blank_out", "rule.feedback=per_map"])
def test_an_override_is_refused_alike(root, override):
    with pytest.raises(UserError, match="retired"):
        load_config(root / "configs" / "digits.yaml", [override])


def test_simulations_are_refused_alike():
    for override in (
        "neuron.kind=two_compartment",
        "network={layers: [2, 3], transmission: {kind: gaussian_blank_out}}",
    ):
        with pytest.raises(UserError, match="is retired"):
            load_simulation("lif/step", [override])


def test_rules_of_a_gradient_pass_over_what_was_a_local_rules(root):
    assert load_config(root / "configs" / "digits.yaml", ["rule={kind: rbp, feedback: dense}"]).rule.kind == "rbp"
