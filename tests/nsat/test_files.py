"""Program files: what is written comes back, and what is wrong is refused by name."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from erbp_jax.errors import UserError
from erbp_jax.nsat import files
from erbp_jax.nsat.fields import BY_NAME, FIELDS
from erbp_jax.nsat.program import Program, core, merge
from tests.nsat.build import dense, save
from tests.nsat.programs import random_program


@pytest.fixture
def parts():
    """A valid file of two cores, to take apart: spec and arrays."""
    return random_parts(0, cores=2, sizes=(6, 5, 2), shared=True)


def random_parts(seed, **options):
    spec, arrays = random_program(np.random.default_rng(seed), **options)
    return spec, {name: value for name, value in arrays.items() if not name.endswith("w_tick")}


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
    return stream.getvalue()


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return path


def header(shape: str, descr="'<i4'", order="False") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_written_comes_back(tmp_path, seed):
    options = {"cores": 1 + seed % 3, "shared": seed % 2 == 0, "w_check": seed != 3, "stochastic": seed == 4}
    spec, arrays = random_parts(seed, **options)
    first = files.read(save(tmp_path / "first.npz", spec, arrays))
    files.write(tmp_path / "second.npz", first.program, ticks=first.ticks, about={"title": "again"})
    second = files.read(tmp_path / "second.npz")
    assert (second.ticks, second.spec["title"], second.spec["version"]) == (first.ticks, "again", 1)
    assert (second.program.seed, second.program.sequence) == (spec["seed"], spec["seq"])
    np.testing.assert_array_equal(second.program.routes, arrays["routes"])
    for c, (a, b) in enumerate(zip(first.program.cores, second.program.cores, strict=True)):
        for field in FIELDS:
            np.testing.assert_array_equal(b.arrays[field.name], arrays[f"c{c}_{field.file_name}"], strict=False)
            np.testing.assert_array_equal(b.arrays[field.name], a.arrays[field.name], strict=True)
        info = spec["cores"][c]
        assert (b.inputs, b.learning, b.gated, b.expiry, b.neurons, b.states) == tuple(
            info[n] for n in ("n_inputs", "learning", "gated", "tstdpmax", "n_neurons", "n_states")
        )
        assert b.weight_limits == a.weight_limits
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first.npz", "second.npz"]


def test_fields_that_are_left_out_take_their_defaults(tmp_path):
    spec = {"ticks": 5, "w_boundary": 7, "w_check": True, "cores": [{"n_inputs": 3, "learning": False, "gated": False}]}
    arrays = {"c0_Xinit": np.zeros((4, 2), int), "c0_Xth": np.array([10, 20])}
    one = files.read(save(tmp_path / "least.npz", spec, arrays)).program.cores[0]
    assert (one.neurons, one.states, one.inputs, one.expiry) == (4, 2, 3, 1023)
    assert one.coupling.tolist() == [[[-16, -16], [-16, -16]]] * 2
    assert one.causal_edges.tolist() == [[16, 36]]
    assert one.causal_shift.tolist() == [[1, 0, -1]]
    assert one.synapses.shape == (0, 5)


NOT_ARCHIVES = {
    "nothing": b"",
    "text": b"ticks: 12\n",
    "a single array": npy(np.arange(3)),
    "the beginning of one": b"PK\x03\x04" + bytes(40),
}


@pytest.mark.parametrize("content", NOT_ARCHIVES.values(), ids=NOT_ARCHIVES)
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.npz: not a readable \.npz archive"):
        files.read(tmp_path / "bad.npz")


def test_what_is_not_there_is_refused(tmp_path):
    for path, words in (
        (tmp_path / "none.npz", "no such file"),
        (tmp_path, "is a folder"),
        (Path("/dev/zero"), "regular"),
    ):
        with pytest.raises(UserError, match=words):
            files.read(path)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, parts, share):
    whole = save(tmp_path / "whole.npz", *parts).read_bytes()
    (tmp_path / "bad.npz").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match="not a readable"):
        files.read(tmp_path / "bad.npz")


def test_flipped_bits_are_refused_or_harmless(tmp_path, parts):
    spec, arrays = parts
    np.savez_compressed(tmp_path / "whole.npz", spec=np.array(json.dumps(spec)), **arrays)
    whole = (tmp_path / "whole.npz").read_bytes()
    rng = np.random.default_rng(1)
    refusals = []
    for _ in range(300):
        broken = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            broken[place] ^= 1 << rng.integers(8)
        (tmp_path / "bad.npz").write_bytes(bytes(broken))
        try:
            files.read(tmp_path / "bad.npz")
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) > 250
    assert not any("\n" in message for message in refusals)


MEMBERS = {
    "pickled objects": (npy(np.array([{}, None], object)), "Python objects"),
    "pickled objects in a structure": (header("(1,)", "[('a', '|O')]") + bytes(64), "Python objects"),
    "no array": (b"hello", "magic"),
    "a shape to be worked out": (header("(10**6, 10**6)"), "malformed"),
    "a huge shape": (header("(1000000, 1000000)"), "its header declares 4,000,000,000,000 bytes"),
    "a shape beyond 64 bits": (header(f"({2**40}, {2**40})"), "its header declares"),
    "a negative size": (header("(-4,)") + bytes(64), "shape"),
    "more dimensions than there are": (header("(" + "1," * 80 + ")") + bytes(4), "dimension|ndim"),
    "less than declared": (header("(6,)") + bytes(20), "ends after|header declares"),
    "an unknown type": (header("(1,)", "'<q9'") + bytes(64), "dtype|descr"),
    "a header that is no dictionary": (header("(1,)")[:10] + b"[" * 117, ""),
    "another version": (b"\x93NUMPY\x09\x00" + bytes(100), "version"),
}


@pytest.mark.parametrize(("content", "reason"), MEMBERS.values(), ids=MEMBERS)
def test_a_member_that_is_no_plain_array_is_refused(tmp_path, parts, content, reason):
    spec, arrays = parts
    members = {f"{name}.npy": npy(value) for name, value in arrays.items()}
    members |= {"spec.npy": npy(np.array(json.dumps(spec))), "c0_b.npy": content}
    with pytest.raises(UserError, match=f"c0_b: .*({reason})"):
        files.read(archive(tmp_path / "bad.npz", members))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, parts):
    spec, arrays = parts
    members = {f"{name}.npy": npy(value) for name, value in arrays.items()}
    members |= {"spec.npy": npy(np.array(json.dumps(spec))), "c0_b.npy": header("(4,)") + bytes(2**22)}
    path = archive(tmp_path / "bad.npz", members, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    # The sizes that the directory declares, many times: three gigabytes.
    size = struct.pack("<I", len(members["c0_b.npy"]))
    assert content.count(size) >= 2
    path.write_bytes(content.replace(size, struct.pack("<I", 3 * 2**30)))
    with pytest.raises(UserError, match=r"unpacks to 3,\d+,\d+,\d+ bytes, more than the 536,870,912"):
        files.read(path)


def test_defaults_that_take_too_much_memory_are_refused_before_they_are_made(tmp_path):
    spec = {"ticks": 5, "w_boundary": 7, "w_check": True, "cores": [{"n_inputs": 3, "learning": False, "gated": False}]}
    arrays = {"c0_Xinit": np.zeros((32, 64), int), "c0_Xth": np.zeros(4096, int)}
    assert files.read(save(tmp_path / "one.npz", spec, arrays)).program.cores[0].coupling.shape == (4096, 64, 64)
    spec["cores"] *= 4
    arrays = {name.replace("c0", f"c{c}"): array for name, array in arrays.items() for c in range(4)}
    with pytest.raises(UserError, match=r"takes 579,\d+,\d+ bytes once it is read, more than the 536,870,912"):
        files.read(save(tmp_path / "many.npz", spec, arrays))


def test_members_without_end_are_refused(tmp_path):
    members = {f"c{i}_b.npy": b"" for i in range(2**14 + 1)}
    with pytest.raises(UserError, match="has 16,385 members"):
        files.read(archive(tmp_path / "many.npz", members))


def test_a_member_that_is_there_twice_is_refused(tmp_path, parts):
    path = save(tmp_path / "bad.npz", *parts)
    with zipfile.ZipFile(path, "a") as opened, pytest.warns(UserWarning, match="Duplicate name"):
        opened.writestr("c0_b.npy", npy(parts[1]["c0_b"]))
    with pytest.raises(UserError, match="c0_b: there twice"):
        files.read(path)


SPECS = {
    "ticks is missing": (lambda s: s.pop("ticks"), r"spec\.ticks: missing"),
    "ticks is no number": (lambda s: s.update(ticks="many"), r"spec\.ticks: must be a whole number .* got 'many'"),
    "ticks is a truth": (lambda s: s.update(ticks=True), r"spec\.ticks: must be a whole number .* got True"),
    "ticks is a float": (lambda s: s.update(ticks=220.0), r"spec\.ticks: must be a whole number .* got 220\.0"),
    "ticks is not a number at all": (lambda s: s.update(ticks=float("nan")), r"spec\.ticks: .* got nan"),
    "ticks is zero": (lambda s: s.update(ticks=0), r"spec\.ticks: .* got 0"),
    "ticks is enormous": (lambda s: s.update(ticks=10**3000), r"spec\.ticks: .* beyond 2\*\*256"),
    "ticks end before the events": (lambda s: s.update(ticks=20), r"c0_ext\[\d+\]: tick \d+ is beyond the last, 19"),
    "another version": (lambda s: s.update(version=2), r"spec\.version: this release reads version 1, got 2"),
    "a version that looks alike": (lambda s: s.update(version=1.0), r"spec\.version: .* got 1\.0"),
    "another format": (lambda s: s.update(format="other"), r"spec\.format: must be 'nsat-program', got 'other'"),
    "a check that is no truth": (lambda s: s.update(w_check="yes"), r"spec\.w_check: must be true or false, got 'yes'"),
    "a check that is a float": (lambda s: s.update(w_check=1.0), r"spec\.w_check: must be true or false, got 1\.0"),
    "no check": (lambda s: s.pop("w_check"), r"spec\.w_check: must be true or false, got nothing"),
    "a width beyond 24": (lambda s: s.update(w_boundary=25), r"spec\.w_boundary: .* \[0, 24\], got 25"),
    "a negative seed": (lambda s: s.update(seed=-1), r"spec\.seed: .* got -1"),
    "routing is a text": (lambda s: s.update(routing="on"), r"spec\.routing: must be true or false"),
    "cores are no list": (lambda s: s.update(cores={}), r"spec\.cores: must be a list of objects"),
    "no core": (lambda s: s.update(cores=[]), r"spec\.cores: must be a list of objects"),
    "a core that is a number": (lambda s: s["cores"].append(3), r"spec\.cores: must be a list of objects"),
    "other counts of cores": (lambda s: s.update(n_cores=3), r"spec\.n_cores: 3, but spec\.cores has 2"),
    "axons of a text": (lambda s: s["cores"][1].update(n_inputs="5"), r"spec\.cores\[1\]\.n_inputs: .* got '5'"),
    "too many axons": (lambda s: s["cores"][1].update(n_inputs=4091), "c1_core: 6 neurons and 4091 axons"),
    "neurons that are not there": (lambda s: s["cores"][1].update(n_neurons=7), r"spec\.cores\[1\]\.n_neurons: 7, but"),
    "neurons as a truth": (lambda s: s["cores"][1].update(n_groups=True), r"spec\.cores\[1\]\.n_groups: must be a"),
    "an expiry beyond 2000": (
        lambda s: s["cores"][0].update(tstdpmax=2001),
        r"spec\.cores\[0\]\.tstdpmax: .* got 2001",
    ),
    "learning is a text": (lambda s: s["cores"][0].update(learning="no"), r"spec\.cores\[0\]\.learning: must be true"),
}


@pytest.mark.parametrize(("change", "reason"), SPECS.values(), ids=SPECS)
def test_a_wrong_spec_is_refused(tmp_path, parts, change, reason):
    spec, arrays = parts
    change(spec)
    with pytest.raises(UserError, match=reason) as raised:
        files.read(save(tmp_path / "bad.npz", spec, arrays))
    assert len(str(raised.value)) < 400 + len(str(tmp_path))


TEXTS = {
    "no JSON": ("{ticks: 3}", "not JSON"),
    "deep": ("[" * 200_000, "not JSON"),
    "a number of five thousand digits": ('{"ticks": ' + "9" * 5000 + "}", "not JSON|spec.ticks"),
    "a list": ("[1, 2]", "must be an object, got list"),
    "a number": ("3", "must be an object, got int"),
    "nothing": ("", "not JSON"),
}


@pytest.mark.parametrize(("text", "reason"), TEXTS.values(), ids=TEXTS)
def test_a_spec_that_is_no_object_is_refused(tmp_path, parts, text, reason):
    np.savez(tmp_path / "bad.npz", spec=np.array(text), **parts[1])
    with pytest.raises(UserError, match=f"spec.*({reason})"):
        files.read(tmp_path / "bad.npz")


@pytest.mark.parametrize("spec", [np.array(3), np.array(["{}"]), np.array(b"{}"), np.array(2**20 * "    ")])
def test_a_spec_that_is_no_text_is_refused(tmp_path, parts, spec):
    np.savez(tmp_path / "bad.npz", spec=spec, **parts[1])
    with pytest.raises(UserError, match="spec: "):
        files.read(tmp_path / "bad.npz")


def test_letters_that_do_not_exist_are_refused(tmp_path, parts):
    members = {f"{name}.npy": npy(value) for name, value in parts[1].items()}
    members["spec.npy"] = header("()", "'<U4'") + b"\xff\xff\xff\xff" * 4
    with pytest.raises(UserError, match="spec: "):
        files.read(archive(tmp_path / "bad.npz", members))


def test_a_missing_spec_is_refused(tmp_path, parts):
    np.savez(tmp_path / "bad.npz", **parts[1])
    with pytest.raises(UserError, match="spec: missing"):
        files.read(tmp_path / "bad.npz")


def put(name, place, value):
    def change(arrays):
        arrays[name] = arrays[name].astype(np.int64)
        arrays[name][place] = value

    return change


def cast(name, dtype):
    return lambda arrays: arrays.update({name: arrays[name].astype(dtype)})


def shaped(name, change):
    return lambda arrays: arrays.update({name: change(arrays[name])})


def rows(*values):
    return lambda arrays: arrays.update(routes=np.array(values))


def swapped(arrays):
    arrays["c0_ext"] = arrays["c0_ext"][::-1].copy()


ARRAYS = {
    "a field that must be given": (lambda a: a.pop("c0_Xth"), r"c0_Xth \(threshold\): missing"),
    "no neurons": (lambda a: a.pop("c0_Xinit"), r"c0_Xinit \(initial\): a core needs at least one neuron"),
    "an unknown field": (lambda a: a.update(c0_Xthh=np.zeros(2, int)), "c0_Xthh: no such field in a program of 2 core"),
    "a field of no core": (lambda a: a.update(c2_b=np.zeros(2, int)), "c2_b: no such field in a program of 2 core"),
    "a wrong shape": (
        shaped("c1_b", lambda b: b[:, :1]),
        r"c1_b \(bias\): must have shape \[\d, 2\] \(G, S\), got \[\d, 1\]",
    ),
    "a flat array": (shaped("c1_A", np.ravel), r"c1_A \(coupling\): must have shape"),
    "one number": (shaped("c1_syn", lambda _: np.array(3)), r"c1_syn \(synapses\): must have shape"),
    "a flat initial state": (shaped("c0_Xinit", np.ravel), r"c0_Xinit \(initial\): must have shape \[N, S\]"),
    "rows of four": (shaped("c0_syn", lambda s: s[:, :4]), r"c0_syn \(synapses\): must have shape \[\d+, 5\]"),
    "floats": (cast("c0_b", float), r"c0_b \(bias\): must hold integers, got float64"),
    "complex numbers": (cast("c0_b", complex), r"c0_b \(bias\): must hold integers, got complex128"),
    "texts": (cast("c0_b", str), r"c0_b \(bias\): must hold integers, got <U"),
    "not a number": (
        lambda a: a.update(c0_wgt=np.full(9, np.nan)),
        r"c0_wgt \(weights\): must hold integers, got float64",
    ),
    "dates": (cast("c0_b", "M8[s]"), r"c0_b \(bias\): must hold integers, got datetime64"),
    "beyond 32 bits": (put("c0_Xth", 0, 2**31), r"c0_Xth \(threshold\)\[0\]: must be in .* got 2147483648"),
    "beyond the range": (put("c0_prob", (0, 1), 16), r"c0_prob \(probability\)\[0, 1\]: must be in \[0, 15\], got 16"),
    "below the range": (put("c0_wgt", 1, -(2**25)), r"c0_wgt \(weights\)\[1\]: must be in"),
    "a flag of 2": (put("c0_XresetOn", (0, 0), 2), r"c0_XresetOn \(reset_on\)\[0, 0\]: must be in \[0, 1\], got 2"),
    "unsigned and far": (
        lambda a: a.update(c0_t_ref=np.full(len(a["c0_Xth"]), 2**64 - 1, np.uint64)),
        r"c0_t_ref \(refractory\)\[0\]: must be in .* got 18446744073709551615",
    ),
    "a group that is not there": (
        put("c0_nmap", 0, 30),
        r"c0_nmap \(group\): must be below \d, the number of parameter groups; got 30",
    ),
    "a learning group that is not there": (
        put("c0_lrnmap", (0, 0), 30),
        r"c0_lrnmap \(learning_group\): must be below",
    ),
    "a modulator that is not there": (
        put("c0_modstate", 0, 2),
        r"c0_modstate \(modulator\): must be below 2, .* got 2",
    ),
    "an axon that is not there": (
        put("c0_syn", (0, slice(0, 2)), (5, 1)),
        r"c0_syn\[:, 0\] of external .* below 5, the number of axons; got 5",
    ),
    "a source that is not there": (
        put("c0_syn", (0, slice(0, 2)), (6, 0)),
        r"c0_syn\[:, 0\] of internal .* below 6, the number of neurons; got 6",
    ),
    "a source of a third kind": (put("c0_syn", (0, 1), 2), r"c0_syn\[:, 1\]: must be below 2"),
    "a target that is not there": (
        put("c0_syn", (0, 2), 6),
        r"c0_syn\[:, 2\]: must be below 6, the number of neurons; got 6",
    ),
    "a state that is not there": (
        put("c0_syn", (0, 3), 2),
        r"c0_syn\[:, 3\]: must be below 2, the number of states; got 2",
    ),
    "a weight that is not there": (
        put("c0_syn", (0, 4), 4000),
        r"c0_syn\[:, 4\]: must be below \d+, the number of weights; got 4000",
    ),
    "a negative source": (put("c0_syn", (0, 0), -1), r"c0_syn \(synapses\)\[0, 0\]: must be in"),
    "an event of no axon": (put("c0_ext", (0, 1), 5), r"c0_ext\[:, 1\]: must be below 5, the number of axons; got 5"),
    "events in no order": (swapped, r"c0_ext\[\d+\]: ticks must ascend"),
    "limits that cross": (put("c0_Xthlo", (0, 0), 10**6), r"c0_Xthlo\[0, 0\]: 1000000 lies above Xthup"),
    "too many states": (
        shaped("c0_Xinit", lambda _: np.zeros((1025, 2), int)),
        r"c0_Xinit \(initial\): 1025 neurons x 2 states are more than the 2048",
    ),
    "too many states a neuron": (
        shaped("c0_Xinit", lambda _: np.zeros((2, 65), int)),
        r"c0_Xinit \(initial\): a neuron has at most 64 states, got 65",
    ),
    "too many groups": (
        shaped("c0_Xth", lambda _: np.zeros(4097, int)),
        r"c0_Xth \(threshold\): 4097 are more than 4096",
    ),
    "a route from no core": (rows((2, 0, 1, 0)), r"routes\[0\]: source core must be in \[0, 1\], got 2"),
    "a route from no neuron": (
        rows((0, 0, 1, 0), (0, 6, 1, 0)),
        r"routes\[1\]: source neuron must be in \[0, 5\], got 6",
    ),
    "a route to no core": (rows((0, 0, -1, 0)), r"routes\[0\]: destination core must be in \[0, 1\], got -1"),
    "a route to no axon": (rows((0, 0, 1, 5)), r"routes\[0\]: destination axon must be in \[0, 4\], got 5"),
    "a route beyond 32 bits": (rows((0, 2**32, 1, 0)), r"routes: must be in .* got 4294967296"),
    "routes of three": (rows((0, 0, 1)), r"routes: must have shape \[R, 4\], got \[1, 3\]"),
    "routes of floats": (rows((0.0, 0.0, 1.0, 0.0)), r"routes: must hold integers, got float64"),
    "states of another shape": (
        lambda a: a.update(c0_X=np.zeros((220, 6, 3), int)),
        r"c0_X: must have shape \[220, 6, 2\], got \[220, 6, 3\]",
    ),
    "states beyond 32 bits": (
        lambda a: a.update(c0_X=np.full((220, 6, 2), 2**32)),
        r"c0_X: must be in .* got 4294967296",
    ),
    "spikes of floats": (lambda a: a.update(c0_spikes=np.ones((3, 2))), "c0_spikes: must hold integers, got float64"),
    "spikes of no neuron": (
        lambda a: a.update(c0_spikes=np.array([[3, 6]])),
        r"c0_spikes\[0\]: neuron must be below 6, got 6",
    ),
    "spikes after the end": (
        lambda a: a.update(c0_spikes=np.array([[220, 0]])),
        r"c0_spikes\[0\]: tick must be below 220, got 220",
    ),
    "weights of no tick": (
        lambda a: a.update(c0_w_tick=np.array([3])),
        r"c0_w_snap: must have a row for each tick in c0_w_tick",
    ),
    "weights after the end": (
        lambda a: a.update(c0_w_tick=np.array([220])),
        r"c0_w_tick: must be in \[0, 219\], got 220",
    ),
    "a mask of 2": (
        lambda a: a.update(c0_mask=np.full((220, len(a["c0_syn"])), 2)),
        r"c0_mask: must be in \[-1, 1\], got 2",
    ),
}


@pytest.mark.parametrize(("change", "reason"), ARRAYS.values(), ids=ARRAYS)
def test_wrong_arrays_are_refused(tmp_path, parts, change, reason):
    spec, arrays = parts
    change(arrays)
    with pytest.raises(UserError, match=f"bad.npz: ({reason})"):
        files.read(save(tmp_path / "bad.npz", spec, arrays))


def test_the_file_that_is_taken_apart_is_good(tmp_path, parts):
    assert len(files.read(save(tmp_path / "good.npz", *parts)).program.cores) == 2


def test_a_threshold_in_a_state_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"flagXth \(adaptive\): a threshold in state 1 needs two states"):
        core(inputs=0, initial=[[0]], threshold=[5], adaptive=[1])


def test_what_no_file_can_hold_is_not_written(tmp_path):
    path = tmp_path / "program.npz"
    one, other = (dense(np.random.default_rng(0), boundary=b) for b in (6, 7))
    with pytest.raises(UserError, match="one width of weights"):
        files.write(path, merge([one, other]), ticks=200)
    with pytest.raises(UserError, match="ticks: c0_ext has an event in tick 199, got 199 ticks"):
        files.write(path, one, ticks=199)
    with pytest.raises(TypeError):
        files.write(path, one, ticks=200, about={"title": object()})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="cannot be written"):
        files.write(tmp_path / "none" / "program.npz", one, ticks=200)
    path.mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        files.write(path, one, ticks=200)
    assert list(tmp_path.iterdir()) == [path]


def test_the_table_of_fields_is_sound():
    assert len(BY_NAME) == len(FIELDS) == len({f.file_name for f in FIELDS})
    for field in FIELDS:
        if field.default is not None:
            low, high = field.allowed
            assert (np.array(field.default) >= low).all()
            assert (np.array(field.default) <= high).all()
            sizes = [n for n in field.shape if isinstance(n, int)]
            assert np.shape(field.default) in ((), tuple(sizes))


def test_a_program_needs_a_core():
    with pytest.raises(UserError, match="at least one core"):
        Program((), np.zeros((0, 4), np.int32))
