"""Bad recordings, file by file: one message each, with the path, the place, and what was expected."""

import struct

import numpy as np
import pytest

from erbp_jax.data.events import (
    Events,
    HDF5Recordings,
    NpzRecordings,
    aedat31,
    read_aedat31,
    read_bin,
    recordings,
    write_bin,
    write_hdf5,
    write_npz,
)
from erbp_jax.errors import UserError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
HEAD = b"#!AER-DAT3.1\n#!END-HEADER\n"


def refused(path, call, *words):
    """One line, which begins with the path."""
    with pytest.raises(UserError) as raised:
        call()
    said = str(raised.value)
    assert said.startswith(str(path)), said
    assert "\n" not in said
    for word in words:
        assert word in said


def packet(*events):
    """A packet of `(x, y, t)`."""
    raw = b"".join(struct.pack("<II", 1 | y << 2 | x << 17, t) for x, y, t in events)
    return struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, *[len(events)] * 3) + raw


def test_aedat_beyond_the_sensor_and_out_of_order(tmp_path):
    file = tmp_path / "user01_led.aedat"
    file.write_bytes(HEAD + packet((1, 2, 5), (128, 3, 6)))
    refused(file, lambda: read_aedat31(file), "event 1: x = 128, and a sensor of 128 x 128 x 2 has 0 to 127")
    file.write_bytes(HEAD + packet((1, 2, 5)) + packet((3, 4, 4), (5, 6, 7)))
    refused(file, lambda: read_aedat31(file), "event 1: at 4 us after one at 5 us", "1 of its 3 events")
    assert read_aedat31(file, repair=True).t.tolist() == [4, 5, 7]
    file.write_bytes(b"")
    refused(file, lambda: read_aedat31(file), "#!AER-DAT3.1")


@pytest.fixture
def gestures(tmp_path):
    """DVSGesture with one recording of two gestures in either part."""
    t = np.arange(0, 4000, 10)
    whole = Events(t, t % 128, t % 128, t % 2, sensor=(128, 128, 2))
    (tmp_path / "user01_led.aedat").write_bytes(aedat31.encode(whole))
    (tmp_path / "user01_led_labels.csv").write_text("class,startTime_usec,endTime_usec\n1,0,1000\n8,2000,3500\n")
    for part in ("train", "test"):
        (tmp_path / f"trials_to_{part}.txt").write_text("user01_led.aedat\n")
    return tmp_path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: class,startTime_usec,endTime_usec was expected"),
        (POINTER, "is a pointer of Git LFS"),
        (b"label,start,end\n", "line 1: class,startTime_usec,endTime_usec was expected, got label,start,end"),
        (b"class,startTime_usec,endTime_usec\n1,0\n", "line 2: three whole numbers were expected, got 1,0"),
        (b"class,startTime_usec,endTime_usec\n1,0,9\n2,9,x\n", "line 3: three whole numbers were expected"),
        (b"class,startTime_usec,endTime_usec\n1,90,10\n", "line 2: a stretch from 90 to 10 us"),
        (None, "no such file"),
    ],
    ids=["empty", "pointer", "header", "short", "word", "reversed", "missing"],
)
def test_labels_of_gestures(gestures, content, words):
    file = gestures / "user01_led_labels.csv"
    file.unlink() if content is None else file.write_bytes(content)
    refused(file, lambda: recordings(gestures), words)


def test_lists_of_gestures(gestures):
    assert len(recordings(gestures).train) == 2
    file = gestures / "trials_to_test.txt"
    file.write_text("../elsewhere.aedat\n")
    refused(file, lambda: recordings(gestures), "names of files in its own folder were expected")
    file.write_bytes(POINTER)
    refused(file, lambda: recordings(gestures), "is a pointer of Git LFS")
    file.unlink()
    refused(file, lambda: recordings(gestures), "no such file")


def test_hdf5_of_which_a_part_is_wrong(tmp_path):
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "shd_train.h5"
    pairs = [(Events([0, 10], [3, 4], [0, 0], [0, 0], sensor=(1, 700, 1)), label) for label in range(3)]

    def changed(part, value):
        write_hdf5(file, pairs)
        with h5py.File(file, "r+") as made:
            if part == "labels":
                del made["labels"]
                made["labels"] = value
            else:
                made[part][1] = value
        return HDF5Recordings(file)

    where = f"{file}: recording 1"
    found = changed("spikes/units", np.array([3, 700], np.uint16))
    refused(where, lambda: found[1], "event 1: x = 700, and a sensor of 1 x 700 x 1 has 0 to 699")
    assert found[0][1] == 0
    found = changed("spikes/times", np.array([0.5, 0.25], np.float32))
    refused(where, lambda: found[1], "event 1: at 250,000 us after one at 500,000 us", "1 of its 2 events")
    assert HDF5Recordings(file, repair=True)[1][0].t.tolist() == [250_000, 500_000]
    found = changed("spikes/times", np.array([0.5, np.nan], np.float32))
    refused(where, lambda: found[1], "times must be finite seconds")
    found = changed("spikes/times", np.array([-0.5, 0.0], np.float32))
    refused(where, lambda: found[1], "event 0: at -500,000 us before 0")
    found = changed("spikes/times", np.array([0.5], np.float32))
    refused(where, lambda: found[1], "must be equally long")
    write_hdf5(file, pairs)
    with h5py.File(file, "r+") as made:
        del made["spikes/units"]
        made["spikes/units"] = np.arange(3)
    found = HDF5Recordings(file)
    refused(where, lambda: found[1], "lists of times and units were expected, got [2], []")
    refused(file, lambda: changed("labels", np.arange(2)), "a list for each of the 2 labels was expected")
    refused(file, lambda: changed("labels", np.zeros(3)), "labels: one whole number per recording was expected")
    write_hdf5(file, pairs)
    whole = file.read_bytes()
    for part in (0.0, 0.3, 0.9):
        file.write_bytes(whole[: int(part * len(whole))])
        refused(file, lambda: list(HDF5Recordings(file)), "is not HDF5, or is cut off")


def test_a_network_in_the_place_of_recordings(tmp_path):
    nir = pytest.importorskip("nir")
    file = tmp_path / "shd_train.h5"
    nir.write(file, nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3), np.float32)), nir.IF(np.ones(2), np.ones(2))))
    refused(file, lambda: recordings(tmp_path), "has no spikes/times", "this file has node")


def test_npz_of_which_a_part_is_wrong(tmp_path):
    file = tmp_path / "train.npz"
    write_npz(file, [(Events([0, 10], [3, 4], [0, 0], [1, 0], sensor=(2, 8, 2)), label) for label in range(3)])
    whole, arrays = file.read_bytes(), dict(np.load(file))

    def changed(**columns):
        np.savez(file, **{**arrays, **columns})
        return NpzRecordings(file)

    where = f"{file}: recording 1"
    found = changed(x=np.array([3, 4, 3, 9, 3, 4]))
    refused(where, lambda: found[1], "event 1: x = 9, and a sensor of 2 x 8 x 2 has 0 to 7")
    found = changed(t=np.array([0, 1, 5, 4, 0, 1]))
    refused(where, lambda: found[1], "event 1: at 4 us after one at 5 us", "1 of its 2 events")
    assert NpzRecordings(file, repair=True)[1][0].t.tolist() == [4, 5]
    found = changed(t=np.linspace(0, 1, 6))
    refused(where, lambda: found[1], "t must be whole numbers", "times are in microseconds")
    words = changed(t=np.array(["0", "1", "5", "4", "0", "1"]))
    words.repair = True
    refused(where, lambda: words[1], "t must be whole numbers")
    for wrong in (np.array(5), arrays["t"][None]):
        refused(file, lambda wrong=wrong: changed(t=wrong), "t, x, y and p: must be equally long")
    refused(file, lambda: changed(labels=np.arange(2)), "starts, labels: one whole number per recording each")
    refused(file, lambda: changed(p=np.zeros(5, int)), "t, x, y and p: must be equally long")
    refused(file, lambda: changed(sensor=np.array([0, 8, 2])), "a sensor is (height, width, polarities)")
    for content in (b"", POINTER, whole[: len(whole) // 2]):
        file.write_bytes(content)
        refused(file, lambda: NpzRecordings(file))
    file.write_bytes(POINTER)
    refused(file, lambda: NpzRecordings(file), "is a pointer of Git LFS")


def test_tables_and_folders_of_nmnist(tmp_path):
    one = Events([0, 10], [3, 4], [0, 0], [1, 0], sensor=(34, 34, 2))
    write_bin(tmp_path / "1.bs2", one)
    for part in ("train", "test"):
        (tmp_path / f"{part}.txt").write_text("1 5\n")
    assert recordings(tmp_path).train[0][1] == 5
    table = tmp_path / "train.txt"
    table.write_bytes(POINTER)
    refused(table, lambda: recordings(tmp_path), "is a pointer of Git LFS")
    table.write_text("1 5 3\n")
    refused(table, lambda: recordings(tmp_path), "line 1: a recording's number and its class were expected, got 1 5 3")
    folder = tmp_path / "whole"
    (folder / "Train" / "0").mkdir(parents=True)
    write_bin(folder / "Train" / "0" / "1.bin", one)
    refused(folder / "Test", lambda: recordings(folder), "folders 0 to 9 with .bin files were expected")
    for path in (tmp_path / "missing.bin", tmp_path):
        refused(path, lambda path=path: read_bin(path))
