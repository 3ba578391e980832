"""What is handed in the place of recordings, bins or samples is named, with what to hand instead."""

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.data.events import Recordings
from erbp_jax.errors import UserError

SENSOR = (1, 8, 2)
BINS = ej.Bins(steps=10)


def seen(number):
    rng = np.random.default_rng(number)
    columns = {"x": rng.integers(0, 4, 30) + 4 * (number % 2), "y": np.zeros(30, int), "p": rng.integers(0, 2, 30)}
    return ej.Events(t=np.sort(rng.integers(0, 10_000, 30)), **columns, sensor=SENSOR), number % 2


PAIRS = [seen(n) for n in range(20)]
EVENTS = PAIRS[0][0]
SET = Recordings("mine", PAIRS, PAIRS, SENSOR)


def of(train):
    return Recordings("mine", train, PAIRS, SENSOR)


@pytest.fixture(scope="module")
def model():
    data = ej.from_recordings(SET, BINS, progress=False)
    network = ej.mlp(*data.sizes(10), neuron=ej.LIF(tau_mem=0.0, tau_syn=0.5, refractory=0), gain=4.0)
    given = {"learning_rate": 0.03, "epochs": 20, "batch_size": 5, "burn_in": 0, "progress": False}
    return ej.fit(network, ej.BackProp(), data, task=ej.Classification("current"), **given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ej.from_recordings(PAIRS, BINS), r"takes a folder or .*Recordings\(.* got list"),
        (lambda: ej.from_recordings(SET, 20), r"bins: must be ej\.Bins\(steps=\.\.\.\), or have steps, dt, .* got 20"),
        (lambda: ej.from_recordings(SET, BINS, augment=3), r"augment: must be ej\.Augment\(\.\.\.\), .* got 3"),
        (lambda: ej.from_recordings(of([EVENTS]), BINS), r"mine: recording 0: must be \(Events, label\), got Events"),
        (
            lambda: ej.from_recordings(of([*PAIRS, (np.zeros(3), 0)]), BINS),
            "recording 20: .* got ndarray, int",
        ),
        (lambda: Recordings("mine", PAIRS, PAIRS, (8, 2)), r"mine: a sensor is \(height, width, polarities\)"),
        (lambda: of(None), r"mine: train must be a list of \(Events, label\), .* got NoneType"),
        (lambda: of(pair for pair in PAIRS), "mine: train must be a list .* got generator"),
        (lambda: ej.from_recordings(SET, BINS, repair=True), "repair: is for a folder that is read here"),
        (lambda: ej.from_recordings(SET, BINS, seed=-1), "seed: must be a whole number >= 0, got -1"),
        (lambda: ej.dataset([e for e, _ in PAIRS], [y for _, y in PAIRS]), r"a recording is no array yet; ej\.Bins"),
    ],
)
def test_parts_of_a_data_set(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_a_model_takes_binned_recordings_and_says_so(model):
    answers = [model.predict(BINS(events).spikes[None])[0] for events, _ in PAIRS]
    assert np.mean([a == y for a, (_, y) in zip(answers, PAIRS, strict=True)]) > 0.8
    for given in (EVENTS, [EVENTS], PAIRS):
        with pytest.raises(UserError, match=r"a recording is no array yet; ej\.Bins\(steps=\.\.\.\)\(events\)\.spikes"):
            model.predict(given)
    with pytest.raises(UserError, match="x: must be one array, got samples of different shapes"):
        model.predict(BINS(EVENTS))


def test_samples_of_a_data_set_are_predicted_as_their_rows_are(model):
    data = ej.from_recordings(SET, BINS, progress=False)
    np.testing.assert_array_equal(model.predict(data.test), model.predict(data.test.x))


def test_the_tick_of_the_bins_is_that_of_rates_in_hz():
    """The same recordings in ticks of 1 and 5 ms: about as many spikes a second."""
    found = []
    for steps, dt in ((10, 1), (2, 5)):
        data = ej.from_recordings(SET, ej.Bins(steps=steps, dt=dt, counts=True), progress=False)
        model = ej.fit(ej.mlp(*data.sizes(5)), ej.ERBP.default, data, epochs=1, batch_size=5, progress=False)
        assert model.dt == data.dt == data.subset(10, None).dt == dt
        found.append(model.metrics["rates_hz"][0])
    assert found[0] == found[1] == pytest.approx(30 / 16 / 0.010)  # 30 events over 16 inputs and 10 ms
    assert ej.fit(ej.mlp(*data.sizes(5)), ej.ERBP.default, data, epochs=0, dt=2.0, progress=False).dt == 2.0


def test_what_is_held_out_has_no_copies_in_training():
    """Copies stand behind their recording; sizes are of recordings."""
    alone = [(ej.Events([0], [n], [0], [0], sensor=SENSOR), n % 2) for n in range(6)]
    made = ej.from_recordings(
        Recordings("six", alone, alone, SENSOR), BINS, augment=ej.Augment(copies=3, jitter=0.2), progress=False
    )
    assert len(made.train) == 24
    which = lambda part: np.unpackbits(part.x, axis=-1, count=16).any(1).argmax(-1) // 2  # noqa: E731
    held = made.subset(None, None, validation=2)
    assert (which(held.train).tolist(), which(held.test).tolist()) == (np.repeat([0, 1, 2, 3], 4).tolist(), [4, 5])
    assert which(made.subset(1, None, validation=2).train).tolist() == [0] * 4
    with pytest.raises(UserError, match="validation_size: 6 leaves nothing to train on; six has 6"):
        made.subset(None, None, validation=6)
