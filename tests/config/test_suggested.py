"""A rule brings what suits it, where neither the file nor the command line says."""

import pytest

from erbp_jax.config import load_config
from tests.command_line import call


@pytest.fixture
def digits(root):
    return root / "configs" / "digits.yaml"


def test_another_family_drops_the_files_optimiser_updates_and_steps(digits):
    config = load_config(digits, ["rule.kind=bp"])
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("adam", 4e-3)
    assert config.training.update_every is None
    assert config.encoding.steps == 40
    assert config.training.epochs == 20  # what does not depend on the rule stays
    assert config.encoding.max_rate == 500


@pytest.mark.parametrize("of_file", [True, False], ids=["in the file", "as an override"])
@pytest.mark.parametrize("section", ["{momentum: 0.9}", "{tricks: [{kind: neuron_rms}]}"])
def test_what_is_sgds_says_so_beside_a_rule_of_adam(digits, tmp_path, section, of_file):
    path, overrides = digits, ["rule.kind=bp", f"optimizer={section}"]
    if of_file:
        path, overrides = tmp_path / "bp.yaml", []
        path.write_text(f"network: {{layers: [64, 10]}}\nrule: {{kind: bp}}\noptimizer: {section}\n")
    assert load_config(path, overrides).optimizer.kind == "sgd"


def test_other_overrides_stay(digits):
    given = ["rule.kind=rbp", "optimizer.learning_rate=1e-3", "encoding.steps=24", "training.update_every=6"]
    config = load_config(digits, given)
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("adam", 1e-3)
    assert config.encoding.steps == 24
    assert config.training.update_every == 6


@pytest.mark.parametrize("override", ["rule.kind=perbp", "rule.kind=erbp", "rule.feedback_scale=80"])
def test_the_same_family_keeps_them(digits, override):
    config = load_config(digits, [override])
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("sgd", 4e-4)
    assert config.training.update_every == 5
    assert config.encoding.steps == 40


def test_a_named_rule_of_a_file_keeps_its_own(root):
    config = load_config(root / "configs" / "digits_rules.yaml", rule="bp")
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("adam", 4e-3)


@pytest.mark.parametrize(
    ("rule", "kind", "rate"),
    [
        ("{kind: bp}", "adam", 4e-3),
        ("{kind: erbp, feedback_scale: 10}", "sgd", 3e-4),
        ("{kind: erbp, feedback_scale: [1, 60]}", "sgd", 5e-5),
        ("{kind: perbp, feedback_scale: 0}", "sgd", 1e-3),
    ],
)
def test_a_config_without_an_optimiser_gets_the_rules(tmp_path, rule, kind, rate):
    path = tmp_path / "config.yaml"
    path.write_text(f"data: {{name: digits}}\nnetwork: {{layers: [64, 100, 20, 10]}}\nrule: {rule}\n")
    config = load_config(path)
    assert (config.optimizer.kind, round(config.optimizer.learning_rate, 9)) == (kind, rate)
    assert config.encoding.steps == (40 if kind == "adam" else 60)


@pytest.mark.usefixtures("without_pictures")
def test_the_demo_learns_by_back_propagation_too(digits, tmp_path, monkeypatch, capsys):
    """It ended at 100 % error without a word."""
    fewer = ["data.train_size=600", "training.epochs=3", "rule.form=rate"]
    code, out, err = call(monkeypatch, capsys, "train", digits, "rule.kind=bp", *fewer, "--out", tmp_path / "run")
    assert code == 0, err
    assert float(out.split("test error ")[-1].split()[0]) < 40


def test_a_mistake_in_the_rule_is_told_once(digits):
    with pytest.raises(Exception, match=r"rule\.kind"):
        load_config(digits, ["rule.kind=bpp"])
    with pytest.raises(Exception, match=r"rule\.feedback_scale"):
        load_config(digits, ["rule.feedback_scale=many"])
