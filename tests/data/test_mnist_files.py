import gzip
import hashlib

import numpy as np
import pytest

from erbp_jax import data
from erbp_jax.data import idx
from erbp_jax.data.checksums import Published
from erbp_jax.data.mnist import find, locate, verify
from erbp_jax.errors import UserError


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


CONTENT = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
ARCHIVE = gzip.compress(CONTENT, mtime=0)
PUBLISHED = Published(
    "some-idx3-ubyte", hashlib.sha256(ARCHIVE).hexdigest(), hashlib.sha256(CONTENT).hexdigest(), len(ARCHIVE)
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


def test_a_folder_that_was_named_is_the_one_that_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ERBP_JAX_DATA", str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"data\.dir"):
        locate(str(tmp_path / "empty"))


def test_the_real_mnist(mnist):
    assert mnist.train_images.shape == (60000, 784)
    assert mnist.test_images.shape == (10000, 784)
    assert mnist.train_images.mean() / 255 == pytest.approx(0.13066, abs=1e-4)
    assert set(mnist.test_labels) == set(range(10))


def test_digits_need_no_download_and_are_split_once():
    d = data.load("digits")
    assert d.train_images.shape == (1437, 64)
    assert d.test_images.shape == (360, 64)
    assert d.train_images.dtype == np.uint8
    assert d.train_images.max() == 255
    np.testing.assert_array_equal(d.test_labels, data.load("digits").test_labels)


def test_subsets_and_the_held_out_part():
    d = data.load("digits")
    small = d.subset(100, 50)
    assert (len(small.train_labels), len(small.test_labels)) == (100, 50)
    held = d.subset(None, None, validation=300)
    assert len(held.train_labels) == 1137
    np.testing.assert_array_equal(held.test_images, d.train_images[-300:])
    with pytest.raises(UserError, match=r"data\.train_size"):
        d.subset(10_000, None)
    with pytest.raises(UserError, match=r"data\.validation_size"):
        d.subset(None, None, validation=1437)
    with pytest.raises(UserError, match="not known"):
        data.load("cifar")
