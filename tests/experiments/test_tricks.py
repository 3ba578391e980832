"""The protocol of the tricks: where a curve crosses an error, what a ratio is worth, and that rows can be built."""

import json

import numpy as np
import pytest

import crossings
import tricks
from erbp_jax.config import load_config
from erbp_jax.errors import UserError
from trick_rows import ROWS, SETTINGS


def curves(*factors, noise=0.0):
    """Errors 100 (n / (1000 f))^-1/2 percent of as many seeds; a seed needs f 1000 (100 / e)^2 digits to an error e."""
    digits = [round(1000 * 2 ** (k / 2)) for k in range(24)]
    draw = np.random.default_rng(0)
    errors = [[100 * (n / (1000 * f)) ** -0.5 * np.exp(noise * draw.normal()) for f in factors] for n in digits]
    counts = [[[7.0 * n, n, 0.0, 2.0 * n] for _ in factors] for n in digits]
    return {"digits": digits, "errors": errors, "counts": counts, "best": {"rate": 1e-3}, "trials": []}


def test_a_crossing_lies_on_the_curve():
    at, spent = crossings.crossings(curves(1.0, 0.5), 10.0)
    np.testing.assert_allclose(at, [100_000, 50_000], rtol=0.01)
    np.testing.assert_allclose(spent[0], [700_000, 100_000, 0, 200_000], rtol=0.01)
    at, _ = crossings.crossings(curves(*np.ones(40), noise=0.2), 10.0)
    assert 0.85 < np.exp(np.log(at).mean()) / 100_000 < 1.15
    never, spent = crossings.crossings(curves(1.0), 1.0)
    assert np.isnan(never).all()
    assert np.isnan(spent).all()


def test_a_ratio_has_the_interval_of_a_paired_t_test():
    plain, other = np.array([100.0, 220.0, 90.0]), np.array([50.0, 100.0, 50.0])
    ratio, low, high, p = crossings.compared(plain, other)
    logs = np.log([2.0, 2.2, 1.8])
    reach = 4.302653 * logs.std(ddof=1) / 3**0.5
    np.testing.assert_allclose(
        [ratio, low, high], np.exp([logs.mean(), logs.mean() - reach, logs.mean() + reach]), 1e-6
    )
    assert 0 < p < 0.01
    assert crossings.compared(plain, np.array([1.0, np.nan, np.nan])) is None
    assert crossings.compared(plain, plain) == (1.0, 1.0, 1.0, 1.0)


def test_many_values_are_corrected_as_holm_has_it():
    corrected = crossings.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    np.testing.assert_allclose([corrected[x] for x in "abcd"], [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(crossings.holm({"a": 0.01, "b": 0.001}, planned=20)["a"], 0.19)  # 18 are still to come


def test_rows_of_another_protocol_are_not_gone_on_with(tmp_path):
    asked = {"network": "dense", "seeds": 5, "epochs": 6, "protocol": tricks.PROTOCOL}
    assert tricks.kept(tmp_path / "plain.json", asked) == {}
    (tmp_path / "plain.json").write_text(json.dumps(asked | {"best": {}}))
    assert tricks.kept(tmp_path / "plain.json", asked)["best"] == {}
    with pytest.raises(UserError, match="seeds 5 in place of 3; give another --out"):
        tricks.kept(tmp_path / "plain.json", asked | {"seeds": 3})


def test_the_planned_rows_are_counted():
    planned = [name for name, row in ROWS.items() if not name.startswith(("plain", "control")) and row.after is None]
    assert len(planned) == SETTINGS["dense"].tricks == SETTINGS["convolutional"].tricks


def test_rows_are_confirmed_by_seeds_that_did_not_choose_them():
    confirm, dense = SETTINGS["confirm"], SETTINGS[SETTINGS["confirm"].searched]
    runs = set(range(confirm.first_seed, confirm.first_seed + confirm.seeds))
    assert not runs & set(range(dense.first_seed, dense.first_seed + dense.seeds))
    tricks_of = [n for n in confirm.rows if not n.startswith(("plain", "control")) and ROWS[n].after is None]
    assert len(tricks_of) == confirm.tricks
    assert (confirm.config, confirm.rule, confirm.common) == (dense.config, dense.rule, dense.common)
    for name in confirm.rows:
        trials, best = tricks.searched(name, confirm.searched)
        assert max(runs) < tricks.FIRST_TRIAL  # seeds of trials begin there
        assert best["rate"] in [trial["rate"] for trial in trials] or (ROWS[name].after and not trials)


def test_of_two_rates_that_are_as_good_the_one_that_holds_is_chosen(monkeypatch):
    """A rate at which seeds fail is not chosen because the first did not."""
    again = {1e-3: [5.6, 5.8], 3e-3: [20.0, 5.5]}
    monkeypatch.setattr(tricks, "after_an_epoch", lambda *given: again[given[-1][0]])
    trials = [{"rate": r, "settings": [], "error": e} for r, e in ((3e-4, 7.0), (1e-3, 5.5), (3e-3, 5.4))]
    best = tricks.confirmed("plain", SETTINGS["convolutional"], trials, 0)
    assert (best["rate"], best["again"], "again" in trials[0]) == (1e-3, [5.6, 5.8], False)


OF_ERROR_SPIKES = {"error-driven rate", "label every other tick"}


@pytest.mark.parametrize("network", ["rbp", "bp"])
@pytest.mark.parametrize("name", sorted(OF_ERROR_SPIKES))
def test_tricks_of_error_spikes_are_refused_where_there_are_none(name, network):
    row, setting = ROWS[name], SETTINGS[network]
    with pytest.raises(
        UserError, match=rf"errors needs error neurons, and the rule {network}|label_period is a key of erbp"
    ):
        load_config(setting.config, row.of(setting), rule=setting.rule)


@pytest.mark.parametrize(
    ("network", "name"),
    [(n, r) for n, s in SETTINGS.items() for r in ROWS if s.penalty is not None or r not in OF_ERROR_SPIKES],
)
def test_every_row_is_a_config(name, network):
    row, setting = ROWS[name], SETTINGS[network]
    for settings in row.knobs:
        config = load_config(setting.config, row.of(setting, settings), rule=setting.rule)
        named = [trick.kind for trick in config.optimizer.tricks]
        assert name.replace(" ", "_") in named or not set(named) & {"factored_moments", "shifts", "sign"}
        assert config.task is None
        assert config.optimizer.average == (None if name == "no average" else 0.3)


def test_the_table_says_how_many_seeds_came_there():
    text = tricks.table(
        {"plain": curves(1.0, 1.0), "max-norm": curves(0.5, 0.5), "sign": curves(1e6, 0.9)}, SETTINGS["dense"]
    )
    rows = {line.strip("| ").split("|")[0].strip(): line for line in text.splitlines()[2:]}
    assert "2.00|2.00 to 2.00" in rows["max-norm"].replace(" | ", "|")
    assert "(1 of 2)" in rows["sign"]
