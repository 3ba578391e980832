"""What a diagnosis says, in whose words, and of which rules."""

import re

import pytest

import erbp_jax as ej
from erbp_jax.evaluation.advice import Seen, advice, in_config, in_python
from erbp_jax.learning.base import is_supervised
from erbp_jax.learning.three_factor import ForwardTableSTDP, Phases, Schedule
from erbp_jax.training.experiment import Experiment


@pytest.fixture(scope="module")
def data():
    return ej.data.load("digits").subset(200, 60)


def experiment(rule=None, encoder=None):
    network = ej.mlp(64, 20, 10)
    rule = rule or ej.ERBP.default(network)
    return Experiment(network, encoder or ej.Poisson(0.25), rule, 60, 60, 5, 10, 10)


def seen(*, hidden=0.0, output=0.0, saturated=0.0, gates=90.0):
    return (
        Seen("input", 80.0, 10.0, None, None, None),
        Seen("hidden1", 20.0, hidden, saturated, 0.5, gates),
        Seen("output", 20.0, output, 0.0, 0.5, 90.0),
    )


def advised(*found, undecided=0.0, unanswered=0, trained=True, naming=in_python, of=None):
    return advice(of or experiment(), found, undecided, unanswered, trained=trained, naming=naming)


def test_a_layer_of_which_most_is_silent_is_told_in_the_names_of_its_user():
    assert not advised(*seen(hidden=45.0))
    (python,) = advised(*seen(hidden=60.0))
    assert python.startswith("hidden1: 60 % of its neurons never fire")
    for name in ("LIF(threshold=...)", "Dense(gain=...)", "Poisson(max_rate=...)", "fit(steps=...)"):
        assert name in python
    assert not re.search(r"\b(network|encoding|rule|optimizer)\.\w", python)
    (config,) = advised(*seen(hidden=60.0), naming=in_config)
    for key in ("network.neuron.threshold", "network.init_gain", "encoding.max_rate", "encoding.steps"):
        assert key in config
    assert "=..." not in config


def test_only_settings_that_are_there_are_named():
    trains = experiment(encoder=ej.Frames())
    (text,) = advised(*seen(hidden=100.0), of=trains)
    assert "max_rate" not in text
    assert "steps" not in text
    penalised = experiment(ej.ERBP.default(ej.mlp(64, 20, 10), rate_penalty=0.3))
    assert "rate_penalty" in advised(*seen(hidden=100.0), of=penalised)[0]
    assert "rate_penalty" not in advised(*seen(hidden=100.0))[0]


def test_an_encoder_is_advised_by_the_argument_that_it_has():
    escaping = experiment(encoder=ej.ExponentialEscape())
    names = in_python(escaping, escaping.network.populations[0])
    assert (names.max_rate, names.steps) == ("ExponentialEscape(base_rate=...)", "fit(steps=...)")
    assert in_config(escaping, escaping.network.populations[0]).max_rate == "encoding.base_rate"


def test_the_learning_rate_is_to_blame_only_after_training():
    assert "fit(learning_rate=...)" in advised(*seen(saturated=70.0))[0]
    assert "learning_rate" not in advised(*seen(saturated=70.0), trained=False)[0]
    assert "start anew" in advised(*seen(gates=10.0))[0]


def test_classes_that_are_never_answered_and_samples_without_an_answer():
    (text,) = advised(*seen(output=20.0), unanswered=2)
    assert "2 classes are never answered" in text
    assert "1 class is never answered" in advised(*seen(output=10.0), unanswered=1)[0]
    (text,) = advised(*seen(), undecided=30.0)
    assert "30 % of the samples are undecided" in text
    assert not advised(*seen(), undecided=30.0, trained=False)


@pytest.mark.parametrize(
    ("rule", "learns_from_them"),
    [
        (ej.stdp(), False),
        (ForwardTableSTDP(), False),
        (ej.ThreeFactor((ej.Clopath().terms,)), False),
        (ej.mstdp(Schedule(Phases(length=100, burn_in=10))), False),
        (ej.mstdp(ej.ClassReward()), True),
        (ej.mstdpet(ej.GivenReward()), True),
        (ej.BackProp(), True),
        (ej.ERBP(ej.LabelNeurons(10)), True),
    ],
)
def test_which_rules_learn_from_targets(rule, learns_from_them):
    assert is_supervised(rule) is learns_from_them


def test_an_update_without_targets_is_the_same_for_all_of_them(data):
    """What `supervised` says is true of the rule itself: other labels change nothing."""
    other = ej.dataset(data.train.x, (data.train.y + 1) % 10, data.test.x, data.test.y)
    same = {}
    for name, rule in (("stdp", ej.stdp()), ("mstdp", ej.mstdp(ej.ClassReward()))):
        network = ej.mlp(64, 10, gain=3.0)
        fitted = [ej.fit(network, rule, d, epochs=1, steps=20, progress=False) for d in (data, other)]
        one, two = (model.params.trained.projections[0]["weight"] for model in fitted)
        same[name] = bool((one == two).all())
    assert same == {"stdp": True, "mstdp": False}


def test_training_and_diagnosis_say_that_nothing_teaches_the_output(data, capsys):
    network = ej.mlp(64, 10)
    model = ej.fit(network, ej.stdp(), data, epochs=1, steps=20)
    said = capsys.readouterr().out
    assert said.count("learns without targets") == 1
    assert "the error still compares" in said[said.index("learns without targets") :].split("\n")[0]
    assert any("learns without targets" in text for text in ej.diagnose(model, data).advice)
    taught = ej.fit(network, ej.ERBP.default, data, epochs=1, steps=20)
    assert "without targets" not in capsys.readouterr().out
    assert not any("without targets" in text for text in ej.diagnose(taught, data).advice)


def test_a_rule_without_gates_hears_nothing_of_them(data):
    def ungated(pre, post, error):
        del pre, post
        return error

    model = ej.fit(ej.mlp(64, 10), ej.local_rule(ungated), data, epochs=0, progress=False)
    assert all(population.open_gates is None for population in ej.diagnose(model, data).populations)
