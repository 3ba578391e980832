"""The careful reader: regular files of a bounded size, arrays without pickles and without surprises."""

import gzip
import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from erbp_jax import archive
from erbp_jax.config.simulation import load_simulation
from erbp_jax.errors import UserError
from erbp_jax.evaluation.traces import simulate
from tests.command_line import call


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=True)
    return stream.getvalue()


def header(shape: str, descr: str = "<f8") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.npy", content)
    return stream.getvalue()


WAVE = np.sin(np.arange(15.0))
GOOD = {
    "a.npy": npy(WAVE),
    "b.npy": npy(np.asfortranarray(np.outer(WAVE, [1.0, 2.0]))),
    "c.npy": npy(np.arange(15, dtype=np.uint8)),
    "d.npy": npy(WAVE.astype(">f4")),
    "a.npz": npz(any=npy(WAVE)),
    "a.csv": "# a comment\n\n" + "\n".join(f"{v},{-v}" for v in WAVE),
    "a.txt": "\ufeff" + "\r\n".join(f"{v} {-v} # and so on" for v in WAVE),
}
BAD = {
    "an empty array file.npy": b"",
    "an empty archive.npz": b"",
    "an archive without members.npz": npz(),
    "an archive of two.npz": npz(a=npy(WAVE), b=npy(WAVE)),
    "an archive by name.npz": npy(WAVE),
    "an array by name.npy": npz(a=npy(WAVE)),
    "a broken archive.npz": npz(a=npy(WAVE))[:-30],
    "texts.npy": npy(["a", "b"]),
    "bytes.npy": npy([b"a", b"b"]),
    "objects.npy": npy(np.array([{}, None], object)),
    "complex numbers.npy": npy(WAVE + 1j),
    "dates.npy": npy(np.array([1, 2], "M8[s]")),
    "truths.npy": npy([True, False]),
    "fields.npy": npy(np.zeros(3, [("a", "f8")])),
    "one number.npy": npy(3.0),
    "three axes.npy": npy(np.zeros((3, 2, 1))),
    "nothing.npy": npy(np.zeros(0)),
    "no columns.npy": npy(np.zeros((3, 0))),
    "too many rows.npy": npy(np.zeros(21)),
    "too many columns.npy": npy(np.zeros((3, 7))),
    "not a number.npy": npy([1.0, np.nan]),
    "infinity.npy": npy([1.0, np.inf]),
    "beyond float32.npy": npy([1e300]),
    "cut off.npy": npy(WAVE)[:-9],
    "a huge header.npy": header("(1000000, 100000000)"),
    "a header that wraps round.npy": header(f"({2**40}, {2**40})"),
    "a negative shape.npy": header("(-3,)") + bytes(64),
    "elements of no size.npy": header("(1000000000000,)", "<U0"),
    "a header to work out.npy": header("(10**6,)") + bytes(64),
    "an empty text.txt": b"",
    "comments.txt": b"# nothing\n",
    "words.txt": b"one two\n",
    "ragged.txt": b"1 2\n3\n",
    "nan.txt": b"1\nnan\n",
    "inf.csv": b"1,2\n3,-inf\n",
    "complex.txt": b"1+2j\n",
    "no text.txt": b"\xff\xfe\x00\x01",
    "zeros.txt": bytes(100),
    "compressed.txt.gz": gzip.compress(b"1\n2\n"),
    "a broken gzip.gz": b"\x1f\x8b",
    "a broken xz.xz": b"\xfd7zXZ\x00garbage",
    "a broken bz2.bz2": b"BZh9garbage",
    "a long line.txt": b"1 " * 2**20,
    "a long number.txt": b"9" * 2**20,
    "a large text.txt": b"1\n" * 2**23 + b"1",
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def simulated(path):
        where = ["dt=0.5", "duration=10", "neurons=2", "neuron.refractory=0", f"input={{kind: file, path: '{path}'}}"]
        return call(monkeypatch, capsys, "simulate", "lif/step", *where, "--out", tmp_path / "out")

    return simulated


@pytest.mark.parametrize("name", BAD)
def test_a_current_that_is_none_is_one_message(run, tmp_path, name):
    (tmp_path / name).write_bytes(BAD[name])
    code, _, err = run(tmp_path / name)
    assert code == 2
    assert err.startswith("error: input")
    assert err.count("\n") == 1
    assert len(err) < 600
    assert not (tmp_path / "out").exists()


def test_what_is_no_regular_file_is_refused_without_waiting(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "sparse.npy").touch()
    os.truncate(tmp_path / "sparse.npy", 40 * 10**9)
    for path, words in (
        ("/dev/zero", "not a regular file"),
        (tmp_path / "pipe.txt", "not a regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.npy", "no such file"),
        (tmp_path / "sparse.npy", "has 40,000,000,000 bytes, more than the"),
        ("x" * 3000, "File name too long"),
    ):
        code, _, err = run(path)
        assert code == 2
        assert "input.path: " in err
        assert words in err


@pytest.mark.parametrize("name", GOOD)
def test_a_current_from_every_kind_of_file(tmp_path, name):
    content = GOOD[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    wanted = load_simulation(
        "lif/step",
        ["dt=0.5", "duration=10", "neurons=2", "neuron.refractory=0", f"input={{kind: file, path: {tmp_path / name}}}"],
    )
    drive = simulate(wanted).input
    column = np.arange(15.0) if name == "c.npy" else WAVE.astype(np.float32) if name == "d.npy" else WAVE
    other = {"b.npy": 2 * column, "a.csv": -column, "a.txt": -column}.get(name, column)
    np.testing.assert_array_equal(drive, np.concatenate([np.stack([column, other], 1), np.zeros((5, 2))]))


def test_members_are_read_without_making_more_than_they_are(tmp_path):
    bomb = header("(1,)") + bytes(2**26)
    (tmp_path / "bomb.npz").write_bytes(npz(a=bomb))
    tracemalloc.start()
    assert archive.load(tmp_path / "bomb.npz")["a"].tolist() == [0.0]
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_list_of_members_that_is_too_long_is_not_read(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        opened.writestr("a.npy", npy(WAVE))
    content = stream.getvalue()
    end = content.rindex(b"PK\x05\x06")
    start = content.index(b"PK\x01\x02")
    long = content[:start] + content[start:end] + bytes(2**25)
    directory = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(long) - start, start, 0)
    (tmp_path / "long.npz").write_bytes(long + directory)
    with pytest.raises(UserError, match=r"long\.npz: not a readable \.npz archive"):
        archive.load(tmp_path / "long.npz")


def test_shown_is_one_bounded_line():
    assert archive.shown("plain") == "plain"
    assert archive.shown("two\nlines") == r"'two\nlines'"
    assert archive.shown("\ud800") == r"'\ud800'"
    assert len(archive.shown("x" * 10**6)) == 83
