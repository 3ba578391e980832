"""Files in the layouts of the published sets: bytes by hand, round trips, and what is refused."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erbp_jax.data.events import (
    Events,
    HDF5Recordings,
    NpzRecordings,
    Structured,
    aedat31,
    find_recordings,
    from_structured,
    nmnist,
    read_aedat31,
    read_bin,
    recordings,
    write_bin,
    write_hdf5,
    write_npz,
)
from erbp_jax.errors import UserError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


def made(sensor=(34, 34, 2), number=50, seed=0, longest=300_000):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, longest, number))
    y, x, p = (rng.integers(0, n, number) for n in sensor)
    return Events(t, x, y, p, sensor=sensor)


def same(a, b):
    for key in "txyp":
        np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
    assert a.sensor == b.sensor


def test_bytes_of_nmnist_by_hand():
    one = nmnist.decode(bytes([3, 33, 0x80 | 0x01, 0x02, 0x03, 0, 7, 0x7F, 0xFF, 0xFF]), "f")
    assert (one.x.tolist(), one.y.tolist(), one.p.tolist()) == ([3, 0], [33, 7], [1, 0])
    assert one.t.tolist() == [0x010203, 2**23 - 1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_nmnist_and_aedat_come_back_as_they_were_written(seed, number):
    same(nmnist.decode(nmnist.encode(made(number=number, seed=seed)), "f"), made(number=number, seed=seed))
    gesture = made((128, 128, 2), number, seed, longest=2**33)
    same(aedat31.decode(aedat31.encode(gesture), "f"), gesture)


def test_bytes_of_aedat_by_hand():
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
    other = struct.pack("<hhiiiiii", 0, 1, 4, 0, 0, 1, 1, 1) + b"\0\0\0\0"
    events = struct.pack("<II", 1 | 1 << 1 | 100 << 2 | 7 << 17, 5) + struct.pack("<II", 0 | 3 << 17, 6)
    polarity = struct.pack("<hhiiiiii", 1, 1, 8, 4, 1, 2, 2, 1) + events
    one = aedat31.decode(head + other + polarity, "f")  # the second event is not valid
    assert (one.t.tolist(), one.x.tolist(), one.y.tolist(), one.p.tolist()) == ([2**31 + 5], [7], [100], [1])


def test_gestures_are_cut_at_their_labels(tmp_path):
    whole = made((128, 128, 2), 2000, longest=4_000_000)
    (tmp_path / "user01_led.aedat").write_bytes(aedat31.encode(whole))
    (tmp_path / "user01_led_labels.csv").write_text(
        "class,startTime_usec,endTime_usec\n1,0,1000000\n8,2000000,3500000\n"
    )
    for part in ("train", "test"):
        (tmp_path / f"trials_to_{part}.txt").write_text("user01_led.aedat\n")
    found = recordings(tmp_path)
    assert (found.name, len(found.train), found.sensor) == ("dvs_gesture", 2, (128, 128, 2))
    for (events, label), (start, end, wanted) in zip(
        found.train, ((0, 1_000_000, 1), (2_000_000, 3_500_000, 8)), strict=True
    ):
        inside = (whole.t >= start) & (whole.t < end)
        assert label == wanted
        np.testing.assert_array_equal(events.t, whole.t[inside] - start)
        np.testing.assert_array_equal(events.x, whole.x[inside])


def test_shd_comes_back_to_a_microsecond(tmp_path):
    pytest.importorskip("h5py")
    pairs = [(made((1, 700, 1), 40, seed, 900_000), seed) for seed in range(3)]
    for part in ("train", "test"):
        write_hdf5(tmp_path / f"shd_{part}.h5", pairs)
    found = recordings(tmp_path)
    assert (found.name, found.sensor, len(found.train)) == ("shd", (1, 700, 1), 3)
    for (events, label), (wanted, number) in zip(found.test, pairs, strict=True):
        assert label == number
        assert np.abs(events.t - wanted.t).max() <= 1
        np.testing.assert_array_equal(events.x, wanted.x)


def test_nmnist_in_its_published_folders_and_in_a_table(tmp_path):
    for part in ("Train", "Test"):
        for label in (0, 3):
            folder = tmp_path / "whole" / part / str(label)
            folder.mkdir(parents=True)
            write_bin(folder / "00001.bin", made(seed=label))
    found = recordings(tmp_path / "whole")
    assert [label for _, label in found.train] == [0, 3]
    same(found.test[1][0], made(seed=3))
    small = tmp_path / "small"
    small.mkdir()
    for number in (1, 2, 60001):
        write_bin(small / f"{number}.bs2", made(seed=number))
    (small / "train1K.txt").write_text("#sample #class\n1\t5\n2\t0\n")
    (small / "test100.txt").write_text("#sample #class\n60001\t7\n")
    found = recordings(small)
    assert [label for _, label in found.train] == [5, 0]
    same(found.test[0][0], made(seed=60001))


def test_npz_structured_arrays_and_whatever_yields_them(tmp_path):
    pairs = [(made((8, 9, 2), 20 + seed, seed), seed % 2) for seed in range(4)]
    for part in ("train", "test"):
        write_npz(tmp_path / f"{part}.npz", pairs)
    found = recordings(tmp_path)
    for (events, label), (wanted, number) in zip(found.train, pairs, strict=True):
        same(events, wanted)
        assert label == number
    raw = np.zeros(3, [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
    raw["t"], raw["p"] = [5, 3, 9], [1, 0, 1]
    with pytest.raises(UserError, match=r"event 1: at 3 us after one at 5 us; .* 1 of its 3 events"):
        from_structured(raw, (8, 9, 2))
    mended = Structured([(raw, 4)], (8, 9, 2), repair=True)[0]
    assert (mended[0].t.tolist(), mended[0].p.tolist(), mended[1]) == ([3, 5, 9], [0, 1, 1], 4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\1\2\3\4\5\6\7", "ends 2 bytes into event 1"),
        (POINTER, "pointer of Git LFS"),
        (bytes([40, 0, 0, 0, 0]), "event 0: x = 40, and a sensor of 34 x 34 x 2 has 0 to 33"),
        (bytes([0, 0, 0, 0, 9, 0, 0, 0, 0, 3]), "event 1: at 3 us after one at 9 us"),
    ],
    ids=["empty", "cut off", "pointer", "outside", "backwards"],
)
def test_what_is_no_recording_of_nmnist(tmp_path, content, reason):
    file = tmp_path / "1.bin"
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason) as raised:
        read_bin(file)
    assert str(file) in str(raised.value)
    if "after" in reason:
        assert read_bin(file, repair=True).t.tolist() == [3, 9]


HEAD = b"#!AER-DAT3.1\n#!END-HEADER\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "must be #!AER-DAT3.1, got nothing|got something"),
        (b"#!AER-DAT2.0\n", "got #!AER-DAT2.0"),
        (b"#!AER-DAT3.1\n#Format: RAW\n", "has no #!END-HEADER"),
        (POINTER, "pointer of Git LFS"),
        (HEAD, "no polarity events"),
        (HEAD + b"\1\0\0", "head has 28 bytes, 3 are left"),
        (HEAD + struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 9, 9, 9) + b"\0" * 8, "9 events of 8 bytes is cut off"),
        (HEAD + struct.pack("<hhiiiiii", 1, 1, -8, 4, 0, 9, 9, 9), "declares 9 events of -8 bytes"),
        (HEAD + struct.pack("<hhiiiiii", 1, 1, 16, 4, 0, 1, 1, 1) + b"\0" * 16, "have 8 bytes"),
    ],
)
def test_what_is_no_aedat(tmp_path, content, reason):
    file = tmp_path / "user01.aedat"
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        read_aedat31(file)


def test_what_is_no_hdf5_of_recordings(tmp_path):
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "shd_train.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    with pytest.raises(UserError, match="is not HDF5, or is cut off"):
        HDF5Recordings(file)
    file.write_bytes(POINTER)
    with pytest.raises(UserError, match="pointer of Git LFS"):
        HDF5Recordings(file)
    with h5py.File(file, "w") as made_file:
        made_file["labels"] = np.arange(3)
    with pytest.raises(UserError, match=r"has no spikes/times; .* this file has labels"):
        HDF5Recordings(file)
    with h5py.File(file, "w") as made_file:
        made_file["labels"] = np.arange(3)
        made_file["spikes/times"], made_file["spikes/units"] = np.zeros(2), np.zeros(2)
    with pytest.raises(UserError, match="a list for each of the 3 labels"):
        HDF5Recordings(file)


def test_what_is_no_npz_of_recordings(tmp_path):
    file = tmp_path / "train.npz"
    np.savez(file, t=np.arange(3), x=np.arange(3))
    with pytest.raises(UserError, match="y, p, starts, labels, sensor missing"):
        NpzRecordings(file)
    columns = {key: np.zeros(3, int) for key in "txyp"}
    np.savez(file, **columns, starts=[0, 5], labels=[1, 2], sensor=[1, 1, 1])
    with pytest.raises(UserError, match="starts: must begin with 0, never fall, and stay within"):
        NpzRecordings(file)


def test_folders_that_lack_something(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        recordings(tmp_path / "nowhere")
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(UserError, match=r"holds no set of recordings that is known .* it has notes.md"):
        recordings(tmp_path)
    write_bin(tmp_path / "1.bs2", made())
    with pytest.raises(UserError, match=r"one table train\*.txt of recordings and digits was expected, got 0"):
        recordings(tmp_path)
    (tmp_path / "train.txt").write_text("1 5\n2 3\n")
    (tmp_path / "test.txt").write_text("1 x\n")
    with pytest.raises(UserError, match=r"train.txt: line 2: .*2.bs2 is missing"):
        recordings(tmp_path)
    (tmp_path / "train.txt").write_text("1 5\n")
    with pytest.raises(UserError, match=r"test.txt: line 1: a recording's number and its class"):
        recordings(tmp_path)


def test_recordings_that_were_published():
    """Every event of 1,100 real recordings in range and in order."""
    found = find_recordings("nmnist_small")
    if found is None:
        pytest.skip("nmnist_small is not in ERBP_JAX_DATA")
    events = [one for part in (found.train, found.test) for one, _ in part]
    assert (len(found.train), len(found.test)) == (1000, 100)
    assert sum(one.duration > 300_000 for one in events) == 1088
    first = events[0]
    assert (len(first), first.duration) == (4681, 305_925)
    assert sorted({label for _, label in found.test}) == list(range(10))


def test_a_polarity_that_is_the_title_of_its_field():
    """As the arrays of aedat and faery have it."""
    raw = np.zeros(3, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    raw["on"] = [1, 0, 1]
    assert from_structured(raw, (8, 9, 2)).p.tolist() == [1, 0, 1]
