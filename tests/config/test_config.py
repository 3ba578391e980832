import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax import data
from erbp_jax.config import Config, check, differences, load_config, rule_names, schema, to_yaml
from erbp_jax.config.advice import warnings
from erbp_jax.config.build import build
from erbp_jax.config.construct import construct
from erbp_jax.connections import BlankOut, Reliable
from erbp_jax.errors import UserError
from erbp_jax.learning import LearnedReadout, LocalReadout
from erbp_jax.neurons import (
    LIF,
    DualCompartmentLIF,
    LeakyIF,
    MihalasNiebur,
    ParametricLIF,
    PoissonKicks,
    SecondOrderLIF,
)
from erbp_jax.units import Clock, ticks
from tests.config.kept import empty


def shipped(root):
    return sorted((root / "configs").rglob("*.yaml"))


def test_every_shipped_config_builds_and_names_its_command(root):
    assert len(shipped(root)) >= 5
    for path, rule in ((p, r) for p in shipped(root) for r in rule_names(p) or [None]):
        config = load_config(path, rule=rule)
        dataset = empty(config.data.name)
        experiment = build(config, dataset)
        wanted = config.network.layers
        assert [s if isinstance(w, int) else w for s, w in zip(experiment.network.sizes, wanted, strict=True)] == [
            *wanted
        ]
        assert hash(experiment.network) == hash(build(config, dataset).network)
        assert warnings(config) == []
        command = "compare" if rule else "train"
        assert f"erbp-jax {command} {path.relative_to(root)}" in path.read_text()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    p=st.floats(0, 1),
    rule=st.sampled_from(
        [{"kind": "bp"}, {"kind": "rbp", "wiring": "layerwise", "form": "rate"}, {"kind": "bp", "segment": 3}, None]
    ),
    rate=st.floats(1e-6, 1e6),
    gates=st.lists(st.tuples(st.floats(-50, -0.01), st.floats(0.01, 50)), min_size=1, max_size=3),
    kind=st.sampled_from(["erbp", "perbp"]),
    neuron=st.fixed_dictionaries(
        {},
        optional={
            "tau_mem": st.floats(0, 100, allow_subnormal=False, width=32),
            "reset": st.sampled_from(["value", "subtract"]),
        },
    ),
)
def test_a_config_survives_yaml_and_is_hashable(tmp_path_factory, seed, p, rule, rate, gates, kind, neuron):
    config = check(
        {
            "seed": seed,
            "network": {"transmission": {"kind": "blank_out", "p": p}, "neuron": neuron},
            "rule": rule or {"kind": kind, "gate": gates},
            "optimizer": {"learning_rate": rate},
        },
        "test",
    )
    path = tmp_path_factory.mktemp("c") / "config.yaml"
    path.write_text(to_yaml(config))
    again = load_config(path)
    assert again == config
    assert hash(again) == hash(config)
    assert differences(again, config) == []


def test_overrides_and_differences(root):
    base = load_config(root / "configs" / "digits.yaml")
    other = load_config(root / "configs" / "digits.yaml", ["training.epochs=7", "optimizer.learning_rate=1e-3"])
    assert other.training.epochs == 7
    assert other.optimizer.learning_rate == 1e-3
    assert len(differences(base, other)) == 2


def test_perbp_is_a_preset_of_the_transmission():
    assert check({"rule": {"kind": "perbp"}}, "t").network.transmission.kind == "blank_out"
    chosen = check({"rule": {"kind": "perbp"}, "network": {"transmission": {"p": 0.5}}}, "t")
    assert chosen.network.transmission.p == (0.5,)
    assert check({"rule": {"kind": "erbp"}}, "t").network.transmission.kind == "reliable"


def test_a_layer_transmits_with_a_chance_of_its_own():
    transmission = {"kind": "blank_out", "p": [1, 0.5]}
    section = {"data": {"name": "digits"}, "network": {"layers": [64, 20, 10], "transmission": transmission}}
    layers = build(check(section, "t"), data.load("digits")).network.layers
    assert [layer.connection.transmission for layer in layers] == [Reliable(), BlankOut(0.5)]
    transmission["p"] = [1, 0.5, 0.5]
    with pytest.raises(UserError, match=r"transmission\.p: one value, or one for each of the 2 layers; got 3"):
        build(check(section, "t"), data.load("digits"))


def test_a_hidden_layer_has_errors_of_its_own_or_the_outputs():
    section = {"data": {"name": "digits"}, "network": {"layers": [64, 20, 15, 10]}, "rule": {"errors": "local"}}
    rule = section["rule"]

    def readouts():
        return build(check(section, "t"), data.load("digits")).rule.local

    assert readouts() == (LocalReadout(3.0),) * 2
    rule |= {"errors": ["output", "local"], "readout_gain": 2, "readouts": 4}
    assert readouts() == (None, LocalReadout(2.0, 4))
    rule |= {"errors": ["learned", "local"], "readout_rate": 1, "tau_readout": 4}
    section["encoding"] = {"dt": 0.5}
    assert readouts() == (LearnedReadout(2.0, 1.0, 8.0), LocalReadout(2.0, 4))
    del rule["readout_rate"], rule["tau_readout"]
    rule["errors"] = ["local"] * 3
    with pytest.raises(UserError, match=r"rule\.errors: one value, or one for each of the 2 hidden layers; got 3"):
        readouts()
    rule["errors"] = "own"
    with pytest.raises(UserError, match=r"rule\.errors: unknown: 'own'; known: output, local, learned"):
        check(section, "t")
    for unused, errors in (
        ({"readouts": 4}, ["output", "learned"]),
        ({"readout_gain": 2}, "output"),
        ({"readout_rate": 1}, "local"),
        ({"tau_readout": 1}, "local"),
    ):
        with pytest.raises(UserError, match=rf"rule.*{next(iter(unused))}: .* has no layer to work on; it needs `err"):
            check(section | {"rule": unused | {"errors": errors}}, "t")
    rule["errors"] = "local"
    rule["feedback_scale"] = [1, 0]
    with pytest.raises(UserError, match="hidden layer 1"):
        readouts()


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(
    ("kind", "tau"), [("lif", 10.0), ("leaky", 10.0), ("second_order_lif", 5.0), ("dual_compartment_lif", 5.0)]
)
def test_the_mean_of_kicks_is_that_of_the_state_that_they_are_added_to(kind, tau, dt):
    """rate x amplitude x tau at any dt; two models add them to the synaptic current, which leaks with tau_syn."""
    times = {"tau_mem": 10.0} if kind == "leaky" else {"tau_mem": 10.0, "tau_syn": 5.0}
    noise = {"kind": "poisson_kicks", "rate": 1000, "amplitude": 0.05}
    neuron = {"kind": kind, "noise": noise, **times}
    config = check({"encoding": {"dt": dt}, "network": {"layers": [64, 10], "neuron": neuron}}, "t")
    kicks = construct(config.network.neuron, "network.neuron", Clock(dt)).noise
    assert kicks.rate * kicks.amplitude / -np.expm1(-dt / tau) == pytest.approx(0.05 * tau)
    config = check({"network": {"layers": [64, 10], "neuron": {"kind": "lif", "tau_mem": 0.0, "noise": noise}}}, "t")
    with pytest.raises(UserError, match=r"network\.neuron\.noise\.kind: 'poisson_kicks' needs tau_mem > 0, got 0"):
        construct(config.network.neuron, "network.neuron", Clock(dt))


def test_milliseconds_become_ticks_once():
    from erbp_jax import data

    config = check(
        {
            "data": {"name": "digits"},
            "encoding": {"kind": "poisson", "dt": 0.1, "steps": 100, "dead_time": 3.9, "max_rate": 250},
            "network": {
                "layers": [64, 10],
                "neuron": {
                    "refractory": 3.8,
                    "noise": {"kind": "poisson_kicks", "rate": 1000, "amplitude": 0.05},
                },
                "transmission": {"kind": "blank_out", "p": 0.5},
                "delay": 0.8,
            },
            "rule": {"burn_in": 5.0, "label_period": 4.0, "tau_dendrite": 5.0},
        },
        "t",
    )
    e = build(config, data.load("digits"))
    layer = e.network.layers[0]
    assert (layer.neuron.tau_syn, layer.neuron.tau_mem, layer.neuron.refractory, layer.delay) == (
        40.0,
        10.0,
        38,
        8,
    )
    noise = layer.neuron.noise
    assert isinstance(noise, PoissonKicks)
    assert noise.rate == pytest.approx(0.1)
    # whatever dt: mean depolarisation = rate * amplitude * tau_mem = half the published threshold
    assert noise.rate * noise.amplitude / (1 - np.exp(-0.1)) == pytest.approx(0.05)
    assert layer.connection.transmission == BlankOut(0.5, by_events=True)  # so few inputs spike in a tick of 0.1 ms
    assert (e.encoder.dead_time, e.encoder.max_rate) == (39, pytest.approx(0.025))
    assert (e.burn_in, e.rule.label.period, e.rule.dendrite.tau) == (50, 40, 50.0)
    with pytest.raises(UserError, match="whole number of ticks"):
        ticks("x", 0.25, 0.1)


def test_defaults_are_valid():
    config = check({}, "t")
    assert config == Config(optimizer=config.optimizer)  # which is the rule's own


RULES = """
network: {layers: [64, 50, 10]}
encoding: {kind: regular, steps: 20}
rules:
  erbp: {rule: {kind: erbp, tau_dendrite: 2}, training: {epochs: 3}}
  noisy: {rule: {kind: perbp}, network: {transmission: {p: 0.5}}}
  bp: {rule: {kind: bp, form: rate}, optimizer: {kind: adam}}
"""


@pytest.fixture
def several(tmp_path):
    path = tmp_path / "several.yaml"
    path.write_text(RULES)
    return path


def test_one_file_describes_a_network_under_several_rules(several):
    assert rule_names(several) == ["erbp", "noisy", "bp"]
    assert load_config(several) == load_config(several, rule="erbp")
    assert load_config(several, rule="erbp").training.epochs == 3
    assert load_config(several, rule="noisy").network.transmission.p == (0.5,)
    assert load_config(several, ["rule.kind=bp"]) == load_config(several, rule="bp")
    assert load_config(several, ["training.epochs=9"], rule="erbp").training.epochs == 9
    with pytest.raises(UserError, match=r"rules: unknown: 'nosy' \(did you mean 'noisy'\?\); known: erbp, noisy, bp"):
        load_config(several, rule="nosy")


def test_a_mistake_under_any_rule_is_found_whichever_is_asked_for(several):
    several.write_text(RULES.replace("optimizer: {kind: adam}", "optimizer: {knd: adam}"))
    with pytest.raises(UserError, match=r"rules\.bp:\n  optimizer\.knd: unknown key \(did you mean 'kind'"):
        load_config(several, rule="erbp")


def test_a_group_that_changes_its_kind_keeps_what_the_new_kind_knows(several):
    poisson = load_config(several, ["encoding.kind=poisson", "encoding.dead_time=3"], rule="erbp")
    assert (poisson.encoding.kind, poisson.encoding.steps) == ("poisson", 20)
    assert load_config(several, ["rule.kind=perbp"]).rule.tau_dendrite == 2
    assert load_config(several, ["rule={kind: rbp, wiring: layerwise}"]).rule.wiring == "layerwise"
    with pytest.raises(UserError, match="'erbp' was asked for by name"):
        load_config(several, ["rule.kind=bp"], rule="erbp")
    with pytest.raises(UserError, match=r"rule\.tau_dendrite: unknown key"):
        load_config(several, ["rule.kind=bp", "rule.tau_dendrite=2"])


@pytest.mark.parametrize(
    ("section", "neuron"),
    [
        ({"kind": "lif", "tau_mem": 2, "refractory": 1}, LIF(4.0, 8.0, refractory=2)),
        ({"kind": "leaky", "tau_mem": 5}, LeakyIF(10.0, refractory=6)),
        ({"kind": "second_order_lif", "bias": 0.2}, SecondOrderLIF(20.0, 10.0, 4.0, 0.1, refractory=6)),
        (
            {"kind": "dual_compartment_lif", "integration": "euler"},
            DualCompartmentLIF(20.0, 20.0, 10.0, refractory=6, integration="euler"),
        ),
        ({"kind": "mihalas_niebur", "a": 0.005}, MihalasNiebur(a=0.005, dt=0.5)),
    ],
)
def test_every_neuron_of_the_talk_has_a_kind(section, neuron):
    config = check({"network": {"layers": [64, 9, 10], "neuron": section}, "encoding": {"dt": 0.5}}, "t")
    built = build(config, data.load("digits"))
    assert all(layer.neuron == neuron for layer in built.network.layers)


def test_a_neuron_without_a_transfer_function_has_no_rate_form():
    wanted = {"network": {"layers": [64, 9, 10], "neuron": {"kind": "leaky"}}, "rule": {"kind": "bp", "form": "rate"}}
    with pytest.raises(UserError, match="LeakyIF has no static transfer function"):
        build(check(wanted, "t"), data.load("digits"))


def test_the_rate_form_is_one_tick_of_the_same_network():
    d = data.load("digits")
    base = {"network": {"layers": [64, 50, 10]}, "encoding": {"steps": 20, "max_rate": 500, "kind": "regular"}}
    rate = build(check({**base, "rule": {"kind": "bp", "form": "rate"}}, "t"), d)
    spiking = build(check({**base, "rule": {"kind": "bp"}}, "t"), d)
    local = build(check(base, "t"), d)
    assert (rate.steps, rate.update_every, rate.encoder.max_rate) == (1, 1, 0.5)
    assert (spiking.steps, spiking.update_every) == (20, 20)
    assert local.update_every == 5
    assert spiking.network == local.network
    assert rate.network == local.network.rate_form(0.5)
    short = build(check({**base, "rule": {"kind": "bp"}, "training": {"update_every": 4}}, "t"), d)
    assert short.update_every == 4
    with pytest.raises(UserError, match=r"rule\.segment: 3 ticks do not divide the 20"):
        build(check({**base, "rule": {"kind": "bp", "segment": 3}}, "t"), d)


def test_a_mistyped_key_is_not_lost_when_the_kind_changes(several):
    several.write_text(RULES.replace("rules:", "rule: {kind: erbp, feedbakc_scale: 3, tau_dendrite: 2}\nother:"))
    with pytest.raises(UserError, match="feedbakc_scale: unknown key"):
        load_config(several, ["rule.kind=bp"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RULES + "\nrule: {kind: [1]}\n", "rule.kind"),
        ("rules: []\n", "rules: a mapping of names"),
        ("rules: 0\n", "rules: a mapping of names"),
        ("optimizer: {kind: adam, momentum: 0.9}\n", "momentum: adam has its own"),
    ],
)
def test_more_bad_files(tmp_path, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        load_config(path)


def test_a_config_can_name_every_registered_neuron():
    named = {
        "leaky": LeakyIF, "lif": LIF, "second_order_lif": SecondOrderLIF, "dual_compartment_lif": DualCompartmentLIF,
        "mihalas_niebur": MihalasNiebur, "parametric_lif": ParametricLIF,
    }  # fmt: skip
    sections = {section.entry.kind: section for section in schema.Neuron.sections()}
    made = {kind: construct(section(kind=kind), "neuron", Clock(1.0)) for kind, section in sections.items()}
    assert {kind: type(neuron) for kind, neuron in made.items()} == named


@pytest.mark.parametrize(
    ("events", "rate", "training", "want"),
    [
        ("auto", 40, {}, [True, False]),
        ("auto", 500, {}, [False, False]),
        ("auto", 40, {"devices": 2}, [False, False]),
        ("auto", 40, {"batch_size": 1, "update_every": 1}, [False, False]),
        ("auto", 40, {"batch_size": 1, "update_every": 5}, [True, False]),
        ("none", 40, {}, [False, False]),
        ("input", 500, {}, [True, False]),
        ("all", 500, {"batch_size": 1, "update_every": 1}, [True, True]),
    ],
)
def test_which_layers_work_by_events(events, rate, training, want):
    raw = {
        "data": {"name": "digits"},
        "encoding": {"kind": "regular", "max_rate": rate},
        "network": {"layers": [64, 20, 10], "events": events},
        "training": training,
    }
    network = build(check(raw, "t"), data.load("digits")).network
    assert [layer.connection.transmission.by_events for layer in network.layers] == want


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], []),
        (["rule.label_period=1000"], ["every 1000 ms there are 0"]),
        (
            ["rule.label_period=1000", "rule.burn_in=0"],
            ["every 1000 ms there are 1"],
        ),
        (["rule.label_period=35"], []),
        (
            ["rule.label_period=35", "rule.burn_in=36"],
            ["every 35 ms there are 0"],
        ),
        (["network.delay=19"], []),
        (["network.delay=20"], ["network.delay: spikes need 2 x 20 ms to the output and a presentation takes 40 ms"]),
        (["network.delay=15", "encoding.test_steps=30"], ["network.delay: spikes need 2 x 15 ms"]),
        (
            ["rule.kind=bp", "network.delay=50", "training.update_every=5"],
            ["network.delay", "training.update_every"],
        ),
        (["rule={kind: bp, form: rate}", "network.delay=50"], []),
        (
            ["network.neuron.refractory=1000"],
            ["1000 ms are not less", "an output neuron can"],
        ),
        (
            ["rule.kind=bp", "network.neuron.refractory=40", "training.update_every=5"],
            ["fires once at most", "update_every"],
        ),
        (
            ["network.output_neuron={kind: lif, refractory: 4}"],
            ["output_neuron.refractory: an output"],
        ),
        (["network.neuron.refractory=4", "network.output_neuron={kind: lif, refractory: 0}"], []),
    ],
)
def test_what_is_allowed_but_will_not_work_is_a_warning(root, overrides, words):
    found = warnings(load_config(root / "configs" / "digits.yaml", overrides))
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_without_a_file_the_config_is_the_demos_recipe(root):
    named = load_config(root / "configs" / "digits.yaml")
    recipe = load_config("default")
    layers = named.network.model_copy(update={"layers": ("auto", 100, "auto")})
    rule = named.rule.model_copy(update={"rate_penalty": (0.3,)})
    assert recipe == named.model_copy(update={"network": layers, "rule": rule})
