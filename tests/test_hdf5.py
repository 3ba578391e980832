"""HDF5 files, damaged ones among them, are read by a process of their own, which is ended if it does not answer."""

import io

import numpy as np
import pytest

from erbp_jax import hdf5
from erbp_jax.data.events import Events, HDF5Recordings, recordings, write_hdf5
from erbp_jax.errors import UserError
from erbp_jax.hdf5 import About, HDF5File

h5py = pytest.importorskip("h5py")


@pytest.fixture
def path(tmp_path):
    """A small file of each kind of thing."""
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["numbers"] = np.arange(6, dtype=np.int16).reshape(2, 3)
        file["group/inner/text"] = "words"
        file["group/empty"] = h5py.Empty("f4")
        lists = file.create_dataset("lists", (2,), h5py.vlen_dtype(np.float32))
        lists[1] = [0.5, 0.25]
    return tmp_path / "some.h5"


def with_damaged_heap(path):
    """The first heap of strings and lists begins with free space of no length: HDF5 2.0 searches it for ever."""
    content = path.read_bytes()
    at = content.index(b"GCOL") + 16
    path.write_bytes(content[:at] + bytes(16) + content[at + 16 :])
    return path


def test_what_is_read_is_what_was_written(path):
    file = HDF5File(path)
    assert file.names() == ["group", "lists", "numbers"]
    assert file.about("numbers") == About((2, 3), "int16", "i")
    assert file.about("lists") == About((2,), "object", "O")
    assert file.about("group") is None
    assert file.about("other") is None
    numbers, lists = file.arrays("numbers", "lists", at=1)
    assert (numbers.tolist(), lists.tolist(), lists.dtype) == ([3, 4, 5], [0.5, 0.25], np.float32)
    assert file.arrays("numbers")[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert file.arrays("lists", at=0)[0].tolist() == []
    with h5py.File(io.BytesIO(file.copy("group")), "r") as copied:
        assert copied["group/inner/text"][()] == b"words"
        assert copied["group/empty"].shape is None
    file.close()
    path.unlink()  # also where an open file cannot be deleted


def test_a_group_that_holds_itself(path):
    with h5py.File(path, "r+") as file:
        file["group/again"] = file["group"]
    with pytest.raises(UserError, match="64 groups one in another"):
        HDF5File(path).copy("group")


def test_an_array_of_more_bytes_than_memory(path):
    with h5py.File(path, "r+") as file:
        file.create_dataset("huge", (2**40,), np.float64, chunks=(1024,))
    with pytest.raises(UserError, match="huge declares 8,796,093,022,208 bytes"):
        HDF5File(path).arrays("huge")


@pytest.mark.parametrize(
    ("code", "words"),
    [("while True: pass", "did not finish reading it within 0.5 s"), ("import os; os.abort()", "crashed")],
    ids=["hangs", "crashes"],
)
def test_a_process_that_does_not_answer(path, monkeypatch, tmp_path, code, words):
    child = tmp_path / "child.py"
    child.write_text(code)
    monkeypatch.setattr(hdf5, "CHILD", child)
    monkeypatch.setattr(hdf5, "SECONDS", 0.5)
    file = HDF5File(path)
    for _ in range(2):  # the second time at once: no process is asked any more
        with pytest.raises(UserError, match=words):
            file.names()
        child.unlink(missing_ok=True)


def test_an_interrupt_leaves_no_answer_behind(path, monkeypatch):
    file = HDF5File(path)

    def interrupted(process, request):
        process.stdin.write(request)
        process.stdin.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(hdf5, "_exchanged", interrupted)
        with pytest.raises(KeyboardInterrupt):
            file.names()
    assert file.arrays("numbers")[0].shape == (2, 3)


def test_recordings_with_a_damaged_heap(tmp_path, monkeypatch):
    one = Events([0, 10], [3, 4], [0, 0], [0, 0], sensor=(1, 700, 1))
    for part in ("train", "test"):
        write_hdf5(tmp_path / f"shd_{part}.h5", [(one, 1)])
    file = with_damaged_heap(tmp_path / "shd_train.h5")
    monkeypatch.setattr(hdf5, "SECONDS", 3.0)
    with pytest.raises(UserError) as raised:
        print(recordings(tmp_path).train[0])
    assert str(raised.value).startswith(f"{file}: ")
    assert "damaged: HDF5's library" in str(raised.value)


def test_a_graph_with_a_damaged_heap(tmp_path, monkeypatch):
    nir = pytest.importorskip("nir")
    from erbp_jax.nir import read

    file = tmp_path / "a.nir"
    nir.write(file, nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3), np.float32)), nir.IF(np.ones(2), np.ones(2))))
    assert len(read(file).nodes) == 4
    monkeypatch.setattr(hdf5, "SECONDS", 3.0)
    with pytest.raises(UserError) as raised:
        read(with_damaged_heap(file))
    assert str(raised.value).startswith(f"{file}: not a valid NIR graph: damaged: HDF5's library")


def test_a_set_whose_groups_are_damaged(tmp_path):
    """The list of names at the top is what the message needs: h5py raises here, too."""
    file = tmp_path / "shd_train.h5"
    write_hdf5(file, [(Events([0], [3], [0], [0], sensor=(1, 700, 1)), 1)])
    content = file.read_bytes()
    file.write_bytes(content.replace(b"SNOD", b"SNOX"))
    with pytest.raises(UserError, match="damaged: HDF5's library reports") as raised:
        HDF5Recordings(file)
    assert str(raised.value).startswith(f"{file}: ")
