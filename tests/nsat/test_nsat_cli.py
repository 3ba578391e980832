"""`erbp-jax nsat`: exit codes, what is printed, what is written."""

import re
from functools import partial
from io import BytesIO

import numpy as np
import pytest

from erbp_jax.errors import UserError
from erbp_jax.nsat import files
from erbp_jax.nsat.program import NO_ROUTES, Program, core
from erbp_jax.nsat.replay import simulate
from erbp_jax.nsat.results import placed_layers, read_events
from tests.command_line import call
from tests.nsat.build import dense, wanted, with_events


@pytest.fixture
def run(monkeypatch, capsys):
    return partial(call, monkeypatch, capsys, "nsat")


@pytest.fixture
def golden(root):
    return root / "tests" / "golden" / "nsat"


def altered(path, source, **changes):
    """A golden file with some arrays changed by functions of them; None leaves one out."""
    with np.load(source) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, change in changes.items():
        if change is None:
            del arrays[name]
        else:
            arrays[name] = change(arrays[name].copy())
    np.savez(path, **arrays)
    return path


def line(path):
    fixture = files.read(path)
    cores = fixture.program.cores
    weights = sum(len(c.weights) for c in cores)
    return (
        f"bit-exact: {fixture.ticks} ticks, {sum(c.neurons for c in cores)} neurons, "
        f"{sum(len(wanted(e).spikes) for e in fixture.expected)} spikes, {weights} weight{'s' if weights > 1 else ''}"
    )


def add_one(states):
    states[100, 2, 0] += 1
    return states


def test_replay_of_one_file(run, golden):
    code, out, err = run("replay", golden / "case_09_stdp_linear.npz")
    assert (code, out, err) == (0, "bit-exact: 700 ticks, 7 neurons, 54 spikes, 34 weights\n", "")


def test_replay_of_several_files_of_which_one_differs(run, golden, tmp_path):
    good = [golden / f"case_{name}.npz" for name in ("01_leak_threshold", "03_xspikeincr", "49_two_core_plastic")]
    bad = altered(tmp_path / "bad.npz", good[1], c0_X=add_one)
    code, out, err = run("replay", good[0], bad, *good[1:])
    assert (code, err) == (1, "")
    printed = dict(row.split(": ", 1) for row in out.splitlines())
    assert {str(p): line(p) for p in good}.items() <= printed.items()
    assert re.fullmatch(
        r"differs: core 0, tick 100, neuron 2, state 0: state expected -?\d+, got -?\d+", printed.pop(str(bad))
    )
    assert printed.keys() == {str(p) for p in good}


def test_replay_from_the_seed_where_no_draws_are_recorded(run, golden, tmp_path):
    source = golden / "case_43_stochastic_randomized_rounding.npz"
    bare = altered(tmp_path / "bare.npz", source, c0_mask=None, c0_rr_draw=None, c0_noise=None)
    assert run("replay", bare)[:2] == (0, line(source) + "\n")
    code, _, err = run("replay", bare, "--draws", "recorded")
    assert code == 2
    assert err.startswith("error: c0_rr_draw: missing")


WRONG = {
    "no such file": ([], "no such file"),
    "no archive": (b"hello", "not a readable .npz archive"),
}


@pytest.mark.parametrize(("content", "reason"), WRONG.values(), ids=WRONG)
def test_replay_refuses_what_it_cannot_read(run, golden, tmp_path, content, reason):
    path = tmp_path / "bad.npz"
    if content:
        path.write_bytes(content)
    code, out, err = run("replay", golden / "case_01_leak_threshold.npz", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}: {reason}")
    assert err.count("\n") == 1


def test_replay_refuses_a_file_with_nothing_to_compare(run, golden, tmp_path):
    source = golden / "case_01_leak_threshold.npz"
    path = altered(tmp_path / "bare.npz", source, c0_X=None, c0_spikes=None, c0_w_snap=None, c0_w_tick=None)
    code, _, err = run("replay", path)
    assert code == 2
    assert err.startswith(f"error: {path}: holds no expected states")


@pytest.fixture
def program(tmp_path):
    made = dense(np.random.default_rng(1))
    files.write(tmp_path / "program.npz", made, ticks=200)
    return made


def expected(program, ticks=200):
    return simulate(program, ticks, weight_ticks=[[ticks - 1]])[0]


def check(folder, want):
    spikes = np.load(folder / "spikes.npy")
    np.testing.assert_array_equal(spikes[:, 1:], want.spikes)
    assert not spikes[:, 0].any()
    with np.load(folder / "states.npz") as archive:
        np.testing.assert_array_equal(archive["c0_X"], want.states)
        np.testing.assert_array_equal(archive["c0_w"], want.weights[0])
    assert (folder / "raster.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in folder.iterdir()) == ["raster.png", "spikes.npy", "states.npz"]


def test_run_with_the_events_of_the_file(run, program, tmp_path):
    want = expected(program)
    code, out, err = run("run", tmp_path / "program.npz", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith(f"200 ticks, 20 neurons, {len(want.spikes)} spikes (")
    check(tmp_path / "out", want)


def test_run_with_other_events(run, program, tmp_path):
    rng = np.random.default_rng(4)
    events = np.stack([np.sort(rng.integers(1, 60, 300)), rng.integers(0, 24, 300)], axis=1)
    want = expected(with_events(program, events), 60)
    assert len(want.spikes) > 20
    path = tmp_path / "events.txt"
    rows = rng.permutation(events)  # their order does not matter: weights are not shared
    path.write_text("# tick axon\n" + "\n".join(f"{t} {a}" for t, a in rows) + "\n")
    code, _, err = run("run", tmp_path / "program.npz", "--out", tmp_path / "out", "--events", path, "--ticks", "60")
    assert (code, err) == (0, "")
    check(tmp_path / "out", want)


@pytest.mark.parametrize("columns", [2, 3])
def test_events_from_every_kind_of_file(tmp_path, columns):
    events = np.random.default_rng(0).integers(0, 50, (30, columns))
    want = events if columns == 3 else np.concatenate([np.zeros((30, 1), int), events], axis=1)
    np.savetxt(tmp_path / "events.txt", events, fmt="%d")
    np.save(tmp_path / "events.npy", events.astype(np.uint16))
    np.savez(tmp_path / "events.npz", events=np.asfortranarray(events))
    for kind in ("txt", "npy", "npz"):
        np.testing.assert_array_equal(read_events(tmp_path / f"events.{kind}"), want)


EVENTS = {
    "an axon that is not there": ("3 24\n", "core 0 has 24 axons, got axon 24"),
    "a core that is not there": ("1 3 2\n", "core must be below 1, got 1"),
    "a tick after the end": ("200 3\n", "tick must be below 200, got 200"),
    "an event of tick 0": (
        "3 1\n0 3\n0 4\n",
        "events: 2 of them in tick 0, but ticks count from 1",
    ),
    "a negative tick": ("-1 3\n", "events must be in"),
    "a fraction": ("1.5 3\n", "not a table of events"),
    "a word": ("one two\n", "not a table of events"),
    "rows of different lengths": ("1 2\n3\n", "not a table of events"),
    "one column": ("1\n2\n", "must be whole numbers [E, 2] (tick, axon) or [E, 3] (core, tick, axon)"),
    "beyond 64 bits": (f"{2**70} 3\n", "not a table of events"),
    "beyond 32 bits": (f"{2**31} 3\n", "events must be in"),
    "bytes of no text": (b"\xff\xfe\x00\x01\n", "not a table of events"),
}


@pytest.mark.parametrize(("content", "reason"), EVENTS.values(), ids=EVENTS)
def test_run_refuses_bad_events(run, program, tmp_path, content, reason):
    assert program
    path = tmp_path / "events.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("run", tmp_path / "program.npz", "--out", tmp_path / "out", "--events", path)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert reason in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def archive():
    stream = BytesIO()
    np.savez(stream, a=np.ones((3, 2), int))
    return stream.getvalue()


def huge(path):
    header = (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000, 2), }".ljust(118)
    )
    path.write_bytes(header)


BINARIES = {
    "pickles": lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
    "floats": lambda path: np.save(path, np.ones((3, 2))),
    "truths": lambda path: np.save(path, np.ones((3, 2), bool)),
    "a flat array": lambda path: np.save(path, np.arange(6)),
    "an archive under another name": lambda path: path.write_bytes(archive()),
    "an archive of two": lambda path: np.savez(path.with_suffix(".npz"), a=np.ones((3, 2), int), b=np.arange(3)),
    "no archive": lambda path: path.with_suffix(".npz").write_bytes(b"PK\x03\x04nothing"),
    "nothing": lambda path: path.write_bytes(b""),
    "a huge shape": huge,
}


@pytest.mark.parametrize("write", BINARIES.values(), ids=BINARIES)
def test_run_refuses_binaries_that_are_no_events(run, program, tmp_path, write):
    assert program
    write(tmp_path / "events.npy")
    (path,) = tmp_path.glob("events.*")
    code, _, err = run("run", tmp_path / "program.npz", "--out", tmp_path / "out", "--events", path)
    assert code == 2
    assert err.startswith(f"error: {path}: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_without_events_is_no_events(tmp_path):
    (tmp_path / "events.txt").write_text("# none\n\n")
    assert read_events(tmp_path / "events.txt").shape == (0, 3)


def test_run_refuses_what_it_cannot_do(run, program, tmp_path):
    assert program
    (tmp_path / "file").write_text("")
    path = tmp_path / "program.npz"
    for options, reason in (
        (["--out", tmp_path / "file", "--ticks", "3"], "cannot be made a folder"),
        (["--out", tmp_path / "out", "--ticks", 10**9], "ticks: the states of 1000000000 ticks take"),
        (["--out", tmp_path / "out", "--ticks", 2**31], "ticks: the states of 2147483648 ticks take"),
        (["--out", tmp_path / "out", "--ticks", 10**12], "ticks: the states of 1000000000000 ticks take"),
        (["--out", tmp_path / ("x" * 300)], "cannot be made a folder"),
        (["--out", tmp_path / "out", "--seed", 2**32], "seed: must be in [0, 4294967295]"),
    ):
        code, _, err = run("run", path, *options)
        assert code == 2
        assert reason in err
    assert run("run", path, "--out", tmp_path / "out", "--ticks", "1")[0] == 2
    assert not (tmp_path / "out").exists()


def test_seeds_and_modes_of_a_stochastic_program(run, tmp_path, golden):
    source = golden / "case_46_stochastic_blank_out_rounding.npz"

    def spikes(*options):
        assert run("run", source, "--out", tmp_path / "out", "--ticks", 60, *options)[0] == 0
        return np.load(tmp_path / "out" / "spikes.npy").tolist()

    assert spikes() != spikes("--seed", 1)
    recorded = [row for row in wanted(files.read(source).expected[0]).spikes.tolist() if row[0] < 60]
    assert [row[1:] for row in spikes("--draws", "pcg32")] == recorded != []


def test_the_smallest_program_is_bounded_too(run, tmp_path):
    one = core(inputs=0, initial=[[0]], threshold=[5])
    files.write(tmp_path / "one.npz", Program((one,), NO_ROUTES), ticks=3)
    code, _, err = run("run", tmp_path / "one.npz", "--out", tmp_path / "out", "--ticks", 2**31 - 1)
    assert code == 2
    assert "ticks: the states of 2147483647 ticks take" in err


def test_a_program_with_an_event_in_tick_0_is_refused(run, program, golden, tmp_path):
    assert program
    early = altered(
        tmp_path / "early.npz", tmp_path / "program.npz", c0_ext=lambda e: np.r_[[[0, 3]], e].astype(np.int32)
    )
    reason = "c0_ext[0]: ticks count from 1 (row 0 is the start), got an event in tick 0"
    code, _, err = run("run", early, "--out", tmp_path / "out")
    assert (code, err) == (2, f"error: {early}: {reason}\n")
    assert not (tmp_path / "out").exists()
    source = golden / "case_09_stdp_linear.npz"
    early = altered(tmp_path / "replay.npz", source, c0_ext=lambda e: np.r_[[[0, 0]], e].astype(np.int32))
    assert run("replay", source, early)[::2] == (2, f"error: {early}: {reason}\n")
    with pytest.raises(UserError, match=r"ext\[1\]: ticks count from 1"):
        core(inputs=2, initial=[[0]], threshold=[5], events=[[1, 0], [0, 1]])


def test_replay_of_several_names_the_file_that_is_wrong(run, golden, tmp_path):
    source = golden / "case_43_stochastic_randomized_rounding.npz"
    bare = altered(tmp_path / "bare.npz", source, c0_rr_draw=None)
    code, out, err = run("replay", golden / "case_01_leak_threshold.npz", bare, "--draws", "recorded")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {bare}: c0_rr_draw: missing")


@pytest.mark.parametrize("name", ["savez_compressed", "save"])
def test_a_save_that_fails_leaves_what_was_there(run, program, tmp_path, monkeypatch, name):
    def full(stream, *_, **__):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    def content():
        return {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    assert program
    options = ("run", tmp_path / "program.npz", "--out", tmp_path / "out", "--ticks")
    with monkeypatch.context() as broken:
        broken.setattr(np, name, full)
        code, _, err = run(*options, 20)
        assert (code, err) == (2, f"error: {tmp_path / 'out'}: cannot be written (No space left on device)\n")
        assert not (tmp_path / "out").exists()
    assert run(*options, 20)[0] == 0
    before = content()
    with monkeypatch.context() as broken:
        broken.setattr(np, name, full)
        assert run(*options, 30)[0] == 2
    assert content() == before


WHERE = {
    "rightly": ([[[0, 0, 12]], [[0, 12, 8]]], True),
    "beyond the core": ([[[0, 0, 21]]], False),
    "on no core": ([[[1, 0, 3]]], False),
    "before the first": ([[[0, -1, 3]]], False),
    "nowhere": ([[[0, 3, 0]]], False),
    "in words": ([[["0", 0, 3]]], False),
    "in truths": ([[[False, 0, 3]]], False),
    "in depth": ([[[[0], 0, 3]]], False),
    "flat": ([0, 0, 3], False),
    "as a text": ("layers", False),
    "as an object": ({"0": 1}, False),
}


@pytest.mark.parametrize(("given", "right"), WHERE.values(), ids=WHERE)
def test_layers_that_a_file_tells_of_are_checked(program, tmp_path, given, right):
    files.write(tmp_path / "given.npz", program, ticks=200, about={"layers": given})
    assert placed_layers(files.read(tmp_path / "given.npz")) == (given if right else ())
