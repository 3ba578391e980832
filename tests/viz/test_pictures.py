"""Pictures of numbers at the edge, of many lines, of names that are markup; warnings are errors."""

import logging
from types import SimpleNamespace

import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest

from erbp_jax.chain import sequential
from erbp_jax.config.simulation import PRESETS, load_simulation
from erbp_jax.connections import Dense
from erbp_jax.errors import UserError
from erbp_jax.evaluation.traces import simulate
from erbp_jax.neurons import LIF
from erbp_jax.tasks import Regression
from erbp_jax.tasks.base import ERROR
from erbp_jax.trace import PopulationTrace, Trace
from erbp_jax.viz import (
    anytime,
    comparison,
    curves,
    figure,
    followed,
    maps,
    names,
    nsat,
    raster,
    sweep,
    traces,
    weights,
)

NAMES = (
    "$x_{y$", "a$b$c", r"\frac{", r"\$5", "_hidden", "<b>bold</b>", "two\nlines", "数字 и буквы", "tab\there",
    "{}%s%", "x" * 5000, "\x00", "\udcff", "",
)  # fmt: skip


@pytest.fixture(autouse=True)
def silent(caplog):
    """Matplotlib complains of missing letters and fonts in its log, too."""
    yield
    assert not [r for r in caplog.records if r.name.startswith("matplotlib") and r.levelno >= logging.WARNING]


def check(path):
    height, width = matplotlib.image.imread(path).shape[:2]
    assert 60 < height < 4000
    assert 60 < width < 4000
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def entries(errors, *, seeds=1, samples=60, operations=10.0, angles=None):
    return [
        {
            "epoch": i, "samples": samples * i, "training_operations_per_sample": operations,
            "per_seed": {"test_error": [error] * seeds, "train_error": [error / 2] * seeds},
            "alignment": angles,
        }
        for i, error in enumerate(errors, 1)
    ]  # fmt: skip


@pytest.fixture
def drawn(monkeypatch):
    """The figures of a test, as they were when they were saved."""
    kept = []

    saved = figure.picture().savefig

    def savefig(shown, *args, **options):
        kept.append(shown)
        saved(shown, *args, **options)

    monkeypatch.setattr(figure.picture(), "savefig", savefig)
    return kept


ERRORS = {
    "all wrong": [100.0, 100.0, 100.0],
    "all right": [0.0, 0.0],
    "from all to none": [100.0, 30.0, 0.0],
    "one epoch": [37.5],
    "one epoch, all wrong": [100.0],
    "one epoch, all right": [0.0],
    "falling": [90.0, 20.0, 5.0, 2.2],
    "much alike": [2.2, 2.1, 2.15],
}


@pytest.mark.parametrize("errors", ERRORS.values(), ids=ERRORS)
def test_learning_curves_lie_inside_their_axes(tmp_path, drawn, errors):
    curves.learning_curve(entries(errors, seeds=2), "title", tmp_path / "a.png")
    check(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    comparison.learning_curves({"erbp": entries(errors)}, tmp_path / "b.png")
    check(tmp_path / "b.png")
    for shown in drawn:
        axis = shown.axes[0]
        low, high = axis.get_ylim()
        seen = [y for line in axis.lines for y in np.atleast_1d(line.get_ydata())]
        assert low < min(seen) <= max(seen) < high  # not on the frame either
        assert high <= max(110.0, 1.3 * max(seen))
        assert high - low > 0.05
        first, last = axis.get_xlim()
        assert first < 1 <= len(errors) < last


def test_the_mean_of_the_last_epochs_is_drawn_where_it_is(tmp_path, drawn):
    curves.learning_curve(entries([90.0, 20.0, 5.0, 2.2]), "t", tmp_path / "a.png")
    (shown,) = drawn
    assert shown.axes[0].get_yscale() == "log"
    assert "29.30 %" in shown.axes[0].get_title(loc="left")


def test_no_two_of_twenty_rules_look_alike(tmp_path, drawn):
    metrics = {f"rule {i}": entries([50.0, 40.0 - i], angles={"feedback": [], "update": [i, None]}) for i in range(20)}
    comparison.learning_curves(metrics, tmp_path / "a.png")
    check(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    assert comparison.alignment_curves(metrics, tmp_path / "b.png")
    check(tmp_path / "b.png")
    for shown, panel, layers in ((drawn[0], 0, 1), (drawn[1], 1, 2)):
        lines = [x for x in shown.axes[panel].lines if str(x.get_label()).startswith("rule")]
        assert len(lines) == 20 * layers
        looks = {(x.get_color(), x.get_linestyle(), x.get_marker()) for x in lines}
        assert len(looks) == 20 * layers
        (legend,) = shown.legends
        assert len(legend.get_texts()) == 20 * layers


def test_rules_are_told_apart_in_grey():
    for looks in (figure.lines(), figure.rules()):
        first = [next(looks) for _ in range(48)]
        assert len({tuple(x.values()) for x in first}) == 48
    looks = [next(line) for line in [figure.lines()] for _ in range(8)]
    assert len({(x["linestyle"], x["marker"]) for x in looks}) == 8


def labels(axis):
    """What is written at an axis within its limits."""
    axis.figure.canvas.draw()
    low, high = sorted(axis.get_xlim())
    return [t.get_text() for t in axis.xaxis.get_majorticklabels() if low <= t.get_position()[0] <= high]


@pytest.mark.parametrize("samples", [[60, 61], [1437, 2874, 4311], [60, 900], [1, 10**6], [200, 1000, 1900]])
def test_at_least_three_numbers_stand_at_every_axis(tmp_path, drawn, samples):
    rows = entries([50.0, 40.0, 30.0][: len(samples)])
    for row, seen in zip(rows, samples, strict=True):
        row["samples"] = seen
    comparison.learning_curves({"erbp": rows}, tmp_path / "a.png")
    for panel in drawn[0].axes[1:]:
        assert len([text for text in labels(panel) if text]) >= 3


@pytest.mark.parametrize(("low", "high"), [(1, 1.2e6), (2, 7), (2.4, 9.9), (95, 105), (1e-9, 1e15), (0.011, 0.04)])
def test_logarithmic_ticks_lie_within(low, high):
    found = figure.log_ticks(low, high)
    assert 1 <= len(found) <= 9
    assert low <= found[0] <= found[-1] <= high
    assert len(found) >= 3 or high < 1.5 * low


def test_a_mean_is_drawn_over_what_it_averages_and_a_legend_is_off_the_data(tmp_path, drawn):
    curves.learning_curve(entries([90.0, 20.0, 9.0, 8.0, 7.0, 6.0, 5.0]), "t", tmp_path / "a.png")
    (axis,), (legend,) = drawn[0].axes, drawn[0].legends
    (mean,) = [line for line in axis.lines if "mean" in str(line.get_label())]
    assert np.round(mean.get_xdata()).tolist() == [3, 7]
    assert mean.get_label() == "test, mean of epochs 3 to 7"
    drawn[0].canvas.draw()
    assert not legend.get_window_extent().overlaps(axis.get_window_extent())


def test_one_epoch_has_no_mean_of_epochs(tmp_path, drawn):
    curves.learning_curve(entries([37.5]), "t", tmp_path / "a.png")
    assert len(drawn[0].axes[0].lines) == 2
    assert drawn[0].axes[0].get_title(loc="left") == "t\ntest error: 37.50 %"


@pytest.mark.parametrize("error", [0.0, 100.0])
def test_no_error_below_nothing_or_above_all_is_written(tmp_path, drawn, error):
    curves.learning_curve(entries([error] * 3), "t", tmp_path / "a.png")
    ticks = drawn[0].axes[0].get_yticks()
    assert len(ticks) >= 2
    assert 0 <= min(ticks) <= max(ticks) <= 100


def test_layers_whose_angles_are_the_same_are_one_line(tmp_path, drawn):
    exact = {"feedback": [0.0, 0.0], "update": [0.0, 0.0, 0.0]}
    local = {"feedback": [40.0, 70.0], "update": [50.0, 60.0, 10.0]}
    metrics = {"BP, rate": entries([9.0, 8.0], angles=exact), "eRBP": entries([9.0, 8.0], angles=local)}
    comparison.alignment_curves(metrics, tmp_path / "a.png")
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "BP, rate, layers 1 to 3", "eRBP, layer 1", "eRBP, layer 2", "eRBP, output layer",
    ]  # fmt: skip
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["90 degrees: unrelated"]


def test_angles_have_the_names_of_their_layers(tmp_path, drawn):
    """A layer that pools has feedback and no update; a recurrent projection is no output layer."""
    layers = {"feedback": ["conv", "pool", "dense"], "update": ["conv", "dense", "dense -> dense", "output"]}
    angles = {"feedback": [40.0, 50.0, 60.0], "update": [10.0, 20.0, 25.0, 30.0], "layers": layers}
    comparison.alignment_curves({"eRBP": entries([9.0, 8.0], angles=angles)}, tmp_path / "a.png")
    left, right = (
        {line.get_label(): float(line.get_ydata()[0]) for line in axis.lines if "eRBP" in line.get_label()}
        for axis in drawn[0].axes
    )
    assert left == {"eRBP, layer 1": 40.0, "eRBP, layer 2": 50.0, "eRBP, layer 3": 60.0}
    assert right == {
        "eRBP, layer 1": 10.0, "eRBP, layer 3": 20.0, "eRBP, output layer": 30.0, "eRBP, dense -> dense": 25.0,
    }  # fmt: skip
    assert {text.get_text() for text in drawn[0].legends[0].get_texts()} == {*left, *right}


@pytest.mark.parametrize(
    ("name", "kind", "form", "shown"),
    [
        ("bp", "bp", "rate", "BP, rate"),
        ("bp_spiking", "bp", "spiking", "BP, spiking"),
        ("erbp", "erbp", None, "eRBP"),
        ("erbp", "erbp", "spiking", "eRBP"),
        ("sparse", "perbp", None, "sparse (peRBP)"),
        ("slow_bp", "bp", "rate", "slow_bp (BP, rate)"),
        ("mine", "my_module:Mine", None, "mine (my_module:Mine)"),
    ],
)
def test_rules_are_named_with_their_form(name, kind, form, shown):
    assert names.entry_name(name, kind, form) == shown


def test_angles_beyond_a_right_angle_are_in_the_picture(tmp_path, drawn):
    comparison.alignment_curves(
        {"a": entries([9.0, 8.0], angles={"feedback": [], "update": [175.0]})}, tmp_path / "a.png"
    )
    assert drawn[0].axes[0].get_ylim()[1] > 175


@pytest.mark.parametrize("operations", [0.0, 1e-9, 1e15])
def test_a_training_without_operations_is_drawn(tmp_path, operations):
    comparison.learning_curves({"a": entries([50.0, 40.0], operations=operations)}, tmp_path / "a.png")
    check(tmp_path / "a.png")


def early(errors, *, synops=100.0):
    rows = [{"error": e, "synops": synops * (i + 1), "ms": float(i + 1)} for i, e in enumerate(errors)]
    return {"spike_count": rows, "majority": rows[:2], "margin": rows[1:], "energy": {"synop": 20.0}}


@pytest.mark.parametrize(
    ("errors", "synops", "count"),
    [([100.0, 50.0, 0.0], 100.0, 3), ([0.0, 0.0], 0.0, 1), ([100.0], 7.0, 1), ([90.0, 8.0, 2.0], 100.0, 12)],
)
def test_early_decisions_of_any_number_of_results(tmp_path, drawn, errors, synops, count):
    results = {f"result {i}": early(errors, synops=synops) for i in range(count)}
    anytime.anytime_curves(results, tmp_path / "a.png", ("the talk", 100_000, 5.0))
    check(tmp_path / "a.png")
    left = drawn[0].axes[0]
    assert len([x for x in left.lines if x.get_label() != "the talk"]) == 3 * count
    low, high = left.get_ylim()
    assert low < min(errors) <= high


def test_names_are_shown_literally(tmp_path, drawn):
    """What matplotlib lays out is the name itself, in one line, with escapes where a letter cannot be drawn."""
    comparison.learning_curves({name: entries([50.0, 5.0]) for name in NAMES}, tmp_path / "a.png")
    check(tmp_path / "a.png")
    texts = drawn[0].legends[0].get_texts()
    assert len(texts) == len(NAMES)
    for text, name in zip(texts, NAMES, strict=True):
        cleaned, is_math = text._preprocess_math(text.get_text())
        shown = cleaned.removeprefix("\u200b")
        assert not is_math
        assert "\n" not in shown
        assert len(shown) <= 2 * figure.LONGEST
        if name.isprintable() and name.isascii() and len(name) <= figure.LONGEST:
            assert shown == name


@pytest.mark.parametrize("name", ["$x_{y$", "数字\n", "x" * 5000])
def test_titles_are_shown_literally(tmp_path, name):
    curves.learning_curve(entries([50.0]), name, tmp_path / "a.png")
    check(tmp_path / "a.png")


def test_letters_that_the_font_lacks_are_escaped():
    assert figure.plain("数") == r"\u6570"
    assert figure.plain("буква ü €") == "буква ü €"
    assert figure.plain("a\nb") == r"a\nb"


def test_simulations_say_what_their_input_counts_in(tmp_path, drawn):
    for what, per in (("lif/step", "tick"), ("mihalas_niebur/tonic spiking", "ms")):
        name = what if what in PRESETS else next(p for p in PRESETS if p.startswith(what.split("/")[0]))
        traces.draw_traces(
            simulate(load_simulation(name, ["duration=50"] if per == "tick" else [])), name, tmp_path / "a.png"
        )
        shown = drawn[-1].axes
        assert shown[0].get_ylabel() == {"tick": "input per\n0.1 ms tick", "ms": "input\n(mV per ms)"}[per]
        assert "mV" in shown[1].get_ylabel() if per == "ms" else "threshold" in shown[1].get_ylabel()
        others = [x.get_ylabel() for x in shown[0].child_axes]
        assert others == (["input\nper ms"] if per == "tick" else [])  # as the config gives it


def test_simulations_say_whose_potential_is_shown(tmp_path, drawn):
    for overrides, whose in (
        (["duration=5"], "membrane potential"),
        (["neurons=3", "duration=5"], "membrane potential of neuron 0"),
        (["network.layers=[3,2,4]", "duration=5"], "membrane potential of neuron 0 of layer 1"),
    ):
        traces.draw_traces(simulate(load_simulation("lif/step", overrides)), "a", tmp_path / "a.png")
        assert drawn[-1].axes[1].get_legend_handles_labels()[1][0] == whose
    rasters = [axis.get_ylabel() for axis in drawn[-1].axes[2:]]
    assert rasters == ["layer 0\nneuron", "layer 1\nneuron"]  # as in the file and in what is printed


@pytest.mark.parametrize(
    "overrides",
    [["duration=0.1"], ["neurons=300", "duration=5"], ["network.layers=[3,2,4]", "duration=5"], ["input.value=0"]],
    ids=["one tick", "many neurons", "a network", "no input"],
)
def test_odd_simulations_are_drawn(tmp_path, overrides):
    traces.draw_traces(simulate(load_simulation("lif/step", overrides)), "$a_{$.yaml", tmp_path / "a.png")
    check(tmp_path / "a.png")


def test_weights_of_any_shape(tmp_path):
    shapes = [(8, 8), (1, 1), (28, 28), (1, 500), (500, 1), (16, 16, 2), (8, 8, 3), (4, 4, 20)]
    for number, (units, shape) in enumerate(zip((1, 1, 12, 3, 2, 10, 5, 4), shapes, strict=True)):
        path = tmp_path / str(number) / "a.png"
        path.parent.mkdir()
        weights.first_layer(np.zeros((int(np.prod(shape)), units)), shape, path)
        check(path)


def test_many_maps_and_none_that_fires(tmp_path):
    maps.kernels([np.zeros((5, 5, 1, 200)), np.ones((3, 3, 200, 300))], tmp_path / "a.png")
    check(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    layers = [np.zeros((1, 4, 4, 200)), np.ones((1, 1, 1, 1))]
    maps.feature_maps(np.zeros((3, 5)), layers, 1.0, tmp_path / "a.png", "$t_{$")
    check(tmp_path / "a.png")


@pytest.mark.parametrize("classes", [1, 2, 100])
@pytest.mark.parametrize("ticks", [1, 20])
def test_rasters_of_any_size(tmp_path, classes, ticks):
    rng = np.random.default_rng(0)
    spikes = [rng.random((ticks, n)) < 0.2 for n in (15, 1, classes)]
    raster.raster(np.zeros((3, 5)), spikes, classes - 1, 1.0, tmp_path / "a.png", "$t_{$: ")
    check(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    raster.raster(np.zeros((3, 5)), [np.zeros_like(s) for s in spikes], 0, 0.1, tmp_path / "a.png")
    check(tmp_path / "a.png")


def test_a_raster_says_what_the_network_decided(tmp_path, drawn):
    """The class with the most spikes was called the decision, of networks that decide by their first spike too."""
    output = np.zeros((5, 3))
    output[0, 1], output[2:, 0] = 1, 1
    spikes = [np.zeros((5, 4)), output]
    for decision, said in ((None, "most spikes 0"), (1, "decision 1"), (-1, "decision none (a tie)")):
        raster.raster(np.zeros((2, 2)), spikes, 1, 1.0, tmp_path / "a.png", decision=decision)
        assert drawn[-1].get_suptitle().lstrip("\u200b") == f"label 1 (orange), {said}"


def test_spikes_of_many_neurons_are_seen_and_silence_is_said(tmp_path, drawn):
    """At 700 of the picture's 975 pixels a dash of 2 points is 2.6 pixels high."""
    spikes = [np.eye(20, 784) > 0, np.zeros((20, 100)), np.zeros((20, 10))]
    raster.raster(np.zeros((28, 28)), spikes, 0, 1.0, tmp_path / "a.png")
    rows = [axis for axis in drawn[0].axes if axis.collections]
    assert [axis.get_ylabel() for axis in rows] == ["input\nneuron", "hidden 1\nneuron", "output\nneuron"]
    assert all(axis.collections[0].get_sizes()[0] >= 2.0**2 for axis in rows)
    assert [[t.get_text() for t in axis.texts] for axis in rows] == [[], ["no spikes"], ["no spikes"]]
    assert "none (the output is silent)" in drawn[0].get_suptitle()


def test_weights_leave_no_orphans_and_have_a_unit(tmp_path, drawn):
    weights.first_layer(np.ones((64, 100)), (8, 8), tmp_path / "a.png")
    panels, (bar,) = drawn[0].axes[:-1], drawn[0].axes[-1:]
    assert len([axis for axis in panels if axis.images]) == len(panels) == 64
    assert bar.get_ylabel() == "weight (unit of the threshold)"


def test_weights_from_no_image_are_a_matrix(tmp_path, drawn):
    """Thirteen columns of a table: a strip of 1 x 13 pixels a neuron would show nothing."""
    weight = np.random.default_rng(0).normal(size=(13, 20))
    weights.first_layer(weight, (1, 13), tmp_path / "a.png")
    axis, _ = drawn[0].axes
    (image,) = axis.images
    order = np.argsort(-np.linalg.norm(weight, axis=0))
    np.testing.assert_array_equal(image.get_array(), weight[:, order].T)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("input", "neuron, by falling norm of its weights")
    assert "incoming weights of 20 neurons,\nfrom 13 inputs" in axis.get_title(loc="left")


def test_weights_from_two_polarities_are_side_by_side(tmp_path, drawn):
    weight = np.arange(4 * 4 * 2.0).reshape(32, 1)
    weights.first_layer(weight, (4, 4, 2), tmp_path / "a.png")
    (image,) = drawn[0].axes[0].images
    planes = weight.reshape(4, 4, 2)
    np.testing.assert_array_equal(image.get_array(), np.hstack([planes[..., 0], planes[..., 1]]))


def test_the_rates_of_a_sweep_are_written_at_its_axis():
    cells = SimpleNamespace(
        learning_rates=np.array([1e-3, 2e-3, 3e-3]), test_error=np.ones((3, 2, 4)), diverged=np.zeros((3, 2), bool)
    )
    shown = sweep.sweep_figure(cells, ERROR)
    assert labels(shown.axes[0]) == ["0.001", "0.002", "0.003"]
    cells.diverged[:] = True
    sweep.sweep_figure(cells, ERROR)


def test_events_from_outside_are_shown_above_the_machine(tmp_path, drawn):
    arrived, axons = np.array([[0, 2, 5], [0, 3, 6]]), [nsat.Band("external events", 0, 0, 8)]
    nsat.raster(np.array([[0, 3, 1]]), [nsat.Band("", 0, 0, 5)], 10, tmp_path / "a.png", axons, arrived)
    above, below = drawn[0].axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("axon", "neuron")
    assert above.collections[0].get_offsets().tolist() == [[2, 5], [3, 6]]
    assert below.collections[0].get_offsets().tolist() == [[3, 1]]


def test_layers_of_the_machine_are_told_apart(tmp_path, drawn):
    spikes = np.array([[0, 3, 1], [0, 4, 7], [1, 2, 0]])
    bands = [nsat.Band("layer 0", 0, 0, 5), nsat.Band("layer 0", 1, 0, 2), nsat.Band("layer 1", 0, 5, 4)]
    nsat.raster(spikes, bands, 10, tmp_path / "a.png")
    check(tmp_path / "a.png")
    a, b, c = drawn[0].axes
    assert [x.get_title(loc="left") for x in (a, b, c)] == [
        "layer 0, core 0: 5 neurons", "layer 0, core 1: 2 neurons", "layer 1, core 0: 4 neurons",
    ]  # fmt: skip
    marks = [x.collections[0] for x in (a, b, c)]
    assert [m.get_offsets().tolist() for m in marks] == [[[3, 1]], [[2, 0]], [[4, 7]]]
    colour = [tuple(m.get_edgecolor()[0]) for m in marks]
    assert colour[0] == colour[1] != colour[2]


def test_more_cores_than_a_picture_has_room_for(tmp_path):
    bands = [nsat.Band("", c, 0, 1) for c in range(4096)]
    nsat.raster(np.zeros((0, 3), int), bands, 2, tmp_path / "a.png")
    check(tmp_path / "a.png")


def test_a_picture_is_whole_or_not_there(tmp_path, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    before, path = len(plt.get_fignums()), tmp_path / "a.png"
    path.write_bytes(b"before")

    def full(_, stream, **__):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    shown = plt.figure()
    monkeypatch.setattr(type(shown), "savefig", full)
    with pytest.raises(OSError, match="No space"):
        figure.save(shown, path)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert len(plt.get_fignums()) == before


def test_outputs_beside_the_curves_that_they_follow():
    """Smoothed as the task does it; a constant target, one that ends early, and more outputs than rows."""
    rng = np.random.default_rng(0)
    spikes, target = (rng.random((30, 2)) < 0.3).astype(np.float32), rng.random((30, 2)).astype(np.float32)
    figure = followed.followed_figure(spikes, target, dt=2.0, tau=5.0)
    lines = [axis.get_lines() for axis in figure.axes]
    task = Regression(5.0, 1.0)
    network = sequential(Dense(1, 2), LIF())
    state = task.init_state(network, 1)
    for t in range(30):
        seen = PopulationTrace(jnp.zeros((1, 1, 2)), (), jnp.asarray(spikes[t : t + 1, None]))
        trace = Trace((jnp.zeros((1, 1, 1)),), ((),), (seen,))
        state = task.observe(network, state, trace, jnp.asarray(target[None]), jnp.arange(t, t + 1))
        for place, (wanted, output) in enumerate(lines):
            np.testing.assert_allclose(wanted.get_ydata()[t], 500 * state.wanted[0, place], rtol=1e-5)
            np.testing.assert_allclose(output.get_ydata()[t], 500 * state.output[0, place], rtol=1e-5, atol=1e-4)
    assert lines[0][0].get_xdata()[-1] == 58.0
    constant = followed.followed_figure(spikes, target[0], dt=1.0, tau=5.0).axes[0].get_lines()[0].get_ydata()
    short = followed.followed_figure(spikes, target[:1], dt=1.0, tau=5.0).axes[0].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(constant, short)
    assert len(followed.followed_figure(np.zeros((9, 20)), np.zeros(20), dt=1.0, tau=5.0).axes) == followed.MOST
    for bad, message in ((target[:, :1], r"\[T, 2\] or \[2\], got \[30, 1\]"), (target[None], "got")):
        with pytest.raises(UserError, match=message):
            followed.followed_figure(spikes, bad, dt=1.0, tau=5.0)
    with pytest.raises(UserError, match="of a batch"):
        followed.followed_figure(spikes[:, None], target, dt=1.0, tau=5.0)
