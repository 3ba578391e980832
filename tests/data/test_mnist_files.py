import gzip
import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from erbp_jax import data
from erbp_jax.cache import expanded, user_cache
from erbp_jax.data import idx
from erbp_jax.data.checksums import Published
from erbp_jax.data.fetch import fetch
from erbp_jax.data.mnist import candidates, find, locate, verify
from erbp_jax.errors import UserError


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


CONTENT = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
ARCHIVE = gzip.compress(CONTENT, mtime=0)
PUBLISHED = Published(
    "some-idx3-ubyte",
    hashlib.sha256(ARCHIVE).hexdigest(),
    hashlib.sha256(CONTENT).hexdigest(),
    len(ARCHIVE),
    len(CONTENT),
)


@pytest.mark.parametrize("name", ["some-idx3-ubyte", "some-idx3-ubyte.gz", "some.idx3-ubyte", "some.idx3-ubyte.gz"])
def test_all_usual_names_are_found_and_verified(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(ARCHIVE if name.endswith("gz") else CONTENT)
    assert find(tmp_path, PUBLISHED) == path
    array = idx.parse(verify(path, PUBLISHED), path)
    np.testing.assert_array_equal(array, np.arange(24).reshape(2, 3, 4))


def test_the_same_content_compressed_anew_is_valid(tmp_path):
    path = tmp_path / "some-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(CONTENT, compresslevel=1, mtime=5))
    assert verify(path, PUBLISHED) == CONTENT


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b[:40] + b"\xff" + b[41:], lambda _: b"", lambda _: b"PNG"]
)
@pytest.mark.parametrize("good", [ARCHIVE, CONTENT])
def test_damage_is_refused_with_path_and_both_checksums(tmp_path, good, damage):
    path = tmp_path / "some-idx3-ubyte"
    path.write_bytes(damage(good))
    with pytest.raises(UserError) as error:
        verify(path, PUBLISHED)
    message = str(error.value)
    assert str(path) in message
    assert hashlib.sha256(path.read_bytes()).hexdigest() in message
    assert PUBLISHED.raw_sha256 in message or PUBLISHED.gz_sha256 in message


@pytest.mark.parametrize("wrong", [b"", b"\0\0\x0d\x01", CONTENT[:-1], CONTENT + b"\0", b"\0\0\x08\x03\0\0"])
def test_files_that_are_not_idx_are_refused(tmp_path, wrong):
    with pytest.raises(UserError, match=r"idx|do not fit"):
        idx.parse(wrong, tmp_path / "x")


@pytest.mark.parametrize("most", [2**16, 2**16 - 1])
def test_a_gzip_of_several_members_and_padding_is_read_up_to_a_bound(most):
    content = np.random.default_rng(0).bytes(2**16)
    raw = b"".join(gzip.compress(content[i : i + 2**14]) for i in range(0, 2**16, 2**14)) + bytes(99)
    if most == len(content):
        assert idx.decompress(raw, most) == content
    else:
        with pytest.raises(ValueError, match="more than 65,535 bytes"):
            idx.decompress(raw, most)


@pytest.mark.parametrize(
    "raw",
    [
        gzip.compress(CONTENT, mtime=0)[:-3],
        gzip.compress(b"", mtime=0)[:-1],
        gzip.compress(b"", mtime=0) * 5000,
        b"\x1f\x8b",
        ARCHIVE + b"x",
        b"",
    ],
)
def test_a_broken_gzip_is_refused(raw):
    with pytest.raises(ValueError, match=r"cut off|members|Error"):
        idx.decompress(raw, 1000)


def test_bombs_are_not_unpacked(tmp_path):
    path = tmp_path / "some-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(UserError, match="damaged, or not the MNIST file"):
        verify(path, PUBLISHED)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    with path.open("wb") as file:
        file.truncate(40 * 10**9)
    with pytest.raises(UserError, match="has 40,000,000,000 bytes, more than the"):
        verify(path, PUBLISHED)
    tracemalloc.stop()


def test_dimensions_whose_product_wraps_round_are_refused(tmp_path):
    header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2**31, 2**31, 4))
    with pytest.raises(UserError, match="do not fit the shape"):
        idx.parse(header, tmp_path / "x")
    with pytest.raises(UserError, match="200 axes are more than 8"):
        idx.parse(b"\0\0\x08\xc8" + b"\0\0\0\1" * 200 + b"x", tmp_path / "x")


def test_folders_are_expanded_and_a_user_without_a_home_has_no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for named, folder in (("", tmp_path / ".cache"), ("relative", tmp_path / ".cache"), ("/abs", Path("/abs"))):
        monkeypatch.setenv("XDG_CACHE_HOME", named)
        assert user_cache() == folder / "erbp_jax"
    assert expanded("~/data", "data.dir") == tmp_path / "data"
    assert expanded("data", "data.dir") == Path.cwd() / "data"
    monkeypatch.setenv("ERBP_JAX_DATA", "~/data")
    assert [str(folder) for _, folder in candidates(None)] == [str(tmp_path / "data"), "/abs/erbp_jax/data"]
    assert [folder for _, folder in candidates("~/other")] == [tmp_path / "other"]

    def no_entry(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("ERBP_JAX_DATA")
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert user_cache() == Path("/abs/erbp_jax")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert user_cache() is None
    with pytest.raises(UserError, match="data fetch mnist"):
        locate()
    with pytest.raises(UserError, match="no home folder to put in place of ~"):
        expanded("~/data", "data.dir")
    with pytest.raises(UserError, match="--dir FOLDER"):
        fetch()


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "\udcff", "*[", "~nobody-by-this-name/x"])
def test_folders_with_strange_names_are_not_found(name):
    with pytest.raises(UserError, match=r"not found|character 0|no home"):
        locate(name)


def test_a_folder_that_was_named_is_the_one_that_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ERBP_JAX_DATA", str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"data\.dir"):
        locate(str(tmp_path / "empty"))


def test_the_real_mnist(mnist):
    assert mnist.train.x.shape == (60000, 784)
    assert mnist.test.x.shape == (10000, 784)
    assert mnist.train.x.mean() / 255 == pytest.approx(0.13066, abs=1e-4)
    assert set(mnist.test.y) == set(range(10))


def test_digits_need_no_download_and_are_split_once():
    d = data.load("digits")
    assert d.train.x.shape == (1437, 64)
    assert d.test.x.shape == (360, 64)
    assert d.train.x.dtype == np.uint8
    assert d.train.x.max() == 255
    np.testing.assert_array_equal(d.test.y, data.load("digits").test.y)


def test_subsets_and_the_held_out_part():
    d = data.load("digits")
    small = d.subset(100, 50)
    assert (len(small.train.y), len(small.test.y)) == (100, 50)
    held = d.subset(None, None, validation=300)
    assert len(held.train.y) == 1137
    np.testing.assert_array_equal(held.test.x, d.train.x[-300:])
    with pytest.raises(UserError, match=r"data\.train_size"):
        d.subset(10_000, None)
    with pytest.raises(UserError, match=r"data\.validation_size"):
        d.subset(None, None, validation=1437)
    with pytest.raises(UserError, match="neither digits nor mnist"):
        data.load("cifar")
