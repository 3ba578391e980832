"""Genuine files that are laid out a little differently: unpacked by other programs, one part alone, other names."""

import numpy as np
import pytest

import erbp_jax as ej
from erbp_jax.data.events import Events, Recordings, Structured, describe, from_structured, recordings, write_bin
from erbp_jax.data.events.folder import holds_recordings
from erbp_jax.errors import UserError

ONE = Events([0, 10], [3, 4], [0, 33], [1, 0], sensor=(34, 34, 2))


def digits(root, *parts, ending=".bin"):
    """N-MNIST with a recording of the digits 0 and 7 in each part."""
    for part in parts:
        for label in (0, 7):
            folder = root / part / str(label)
            folder.mkdir(parents=True)
            write_bin(folder / f"0000{label}{ending}", ONE)
    return root


@pytest.mark.parametrize("parts", [("Train", "Test"), ("train", "test"), ("TRAIN", "Test")])
@pytest.mark.parametrize("ending", [".bin", ".bs2"])
def test_folders_of_digits(tmp_path, parts, ending):
    root = digits(tmp_path / "set", *parts, ending=ending)
    (root / parts[0] / ".DS_Store").write_bytes(b"x")
    (root / parts[0] / "7" / f"._00007{ending}").write_bytes(b"not a recording")
    (tmp_path / "__MACOSX").mkdir()
    assert holds_recordings(root)
    for place in (root, tmp_path):  # the archive's own folder inside of another
        found = recordings(place)
        assert [label for _, label in found.train] == [label for _, label in found.test] == [0, 7]


def test_other_folders_of_parts_are_none_of_nmnist(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part / "cats").mkdir(parents=True)
    assert not holds_recordings(tmp_path)
    with pytest.raises(UserError, match=r"holds no set of recordings that is known .* it has test, train"):
        recordings(tmp_path)


def test_one_part_alone(tmp_path):
    root = digits(tmp_path, "Test")
    with pytest.raises(UserError, match=r"Train: folders 0 to 9 with .bin files were expected"):
        recordings(root)
    found = recordings(root, parts=("test",))
    assert (len(found.train), len(found.test)) == (0, 2)
    assert list(describe.find(root)) == ["test"]
    (root / "Train").mkdir()
    for folder in (root / "Test" / "0", root / "Test" / "7"):
        next(folder.iterdir()).unlink()
    with pytest.raises(UserError, match="Train: folders 0 to 9"):
        describe.find(root)


def test_what_a_part_of_a_set_holds(tmp_path):
    root = digits(tmp_path, "Train", "Test")
    ((name, part),) = describe.find(root / "Train").items()
    assert (name, [label for _, label in part]) == ("folder of digits", [0, 7])
    ((name, part),) = describe.find(root / "Train" / "7").items()
    assert (name, part[0][1], len(part[0][0])) == ("folder without labels", None, 2)


def test_an_archive_must_be_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK")
    for look in (recordings, describe.find):
        with pytest.raises(UserError, match=r"archive.* must be unpacked first"):
            look(tmp_path / "a.zip")


@pytest.mark.parametrize("text", ["\ufeff1 5\n", "#sample\t#class\r\n1\t5\r\n", "1,5\n", "\n1 5"])
def test_tables_of_other_programs(tmp_path, text):
    write_bin(tmp_path / "1.bs2", ONE)
    for part in ("train", "test"):
        (tmp_path / f"{part}.txt").write_bytes(text.encode())
    assert recordings(tmp_path).test[0][1] == 5


def test_one_table_alone(tmp_path):
    write_bin(tmp_path / "1.bs2", ONE)
    (tmp_path / "test.txt").write_text("1 5\n")
    with pytest.raises(UserError, match=r"one table train\*.txt"):
        recordings(tmp_path)
    assert len(recordings(tmp_path, parts=("test",)).test) == 1


T, X, Y, P = [1, 5, 5, 9], [0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 1, 0]


@pytest.mark.parametrize(
    "fields",
    [
        [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")],
        [("p", "u1"), ("y", "<i4"), ("x", "<i4"), ("t", "<u8")],
        [("x", "<i2"), ("y", "<i2"), ("ts", "<i8"), ("polarity", "?")],
        [("timestamp", ">i8"), ("x", ">u2"), ("y", ">u2"), ("pol", ">i2")],
        [("t", "<u4"), ("x", "u1"), ("y", "u1"), ("on", "?")],
        [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")],
    ],
    ids=["tonic", "other order", "ts", "big endian", "on", "title"],
)
def test_names_orders_and_types_of_fields(fields):
    raw = np.zeros(4, fields)
    values = {"t": T, "ts": T, "timestamp": T, "x": X, "y": Y}
    for name in raw.dtype.names:
        raw[name] = values.get(name, P)
    one = from_structured(raw, (4, 4, 2))
    assert [one.t.tolist(), one.x.tolist(), one.y.tolist(), one.p.tolist()] == [T, X, Y, P]


def test_a_set_that_memory_has_no_room_for():
    raw = np.zeros(1, [("t", "<i8"), ("x", "<i2")])
    sensor = (8192, 8192, 2)
    huge = Recordings("huge", Structured([(raw, 0)], sensor), Structured([(raw, 0)], sensor), sensor)
    with pytest.raises(UserError, match="huge: recordings x ticks x bytes per tick are 1 x 9,000,000 x 16,777,216"):
        ej.from_recordings(huge, ej.Bins(steps=9_000_000), progress=False)


@pytest.mark.parametrize("sensor", [(10**6, 10**6, 2), (2**62, 1, 1), (float("inf"), 1, 1)])
def test_a_sensor_of_more_pixels_than_there_are(sensor):
    with pytest.raises(UserError, match=r"a sensor (has at most 268,435,456 pixels|is)"):
        Events([0], [0], [0], [0], sensor=sensor)
