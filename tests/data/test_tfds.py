"""What TFDS does for the project, without TensorFlow and without a network: downloads and prepared folders."""

import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from erbp_jax.data import mnist, prepared
from erbp_jax.data.checksums import MNIST_CONTENTS, Published, contents
from erbp_jax.data.fetch import fetch
from erbp_jax.errors import UserError

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of TFDS and what it imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    files = {}
    for part, content in (("train_images", b"images" * 99), ("train_labels", b"labels" * 9)):
        archive = gzip.compress(content, mtime=0)
        (folder / f"{part}.gz").write_bytes(archive)
        sums = (hashlib.sha256(archive).hexdigest(), hashlib.sha256(content).hexdigest())
        files[part] = Published(part, *sums, len(archive), len(content))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", files, folder
    server.shutdown()
    server.server_close()


def test_fetch_downloads_verifies_and_leaves_only_the_files(tmp_path, server):
    url, files, published = server
    target = fetch(str(tmp_path / "data"), url=url, files=files)
    assert sorted(p.name for p in target.iterdir()) == ["train_images.gz", "train_labels.gz"]
    for name in ("train_images.gz", "train_labels.gz"):
        assert (target / name).read_bytes() == (published / name).read_bytes()


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_bad_download_is_one_message_and_leaves_no_file(tmp_path, server, damage):
    url, files, published = server
    if damage == "changed":
        (published / "train_labels.gz").write_bytes(b"something else")
    else:
        (published / "train_labels.gz").unlink()
    with pytest.raises(UserError, match=r"download of MNIST into .* failed"):
        fetch(str(tmp_path / "data"), url=url, files=files)
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_a_prepared_folder_is_found_and_read(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds
    from PIL import Image
    from tensorflow_datasets.image_classification import mnist as stock

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, 28, 28, 1), np.uint8)

    class Mnist(stock.MNIST, skip_registration=True):
        """The stock builder on our own images; the stock one unpacks with TensorFlow."""

        def _split_generators(self, dl_manager):
            del dl_manager
            return {"train": self._generate(range(8)), "test": self._generate(range(8, 12))}

        def _generate(self, indices):
            for i in indices:
                yield i, {"image": Image.fromarray(images[i, ..., 0]), "label": i % 10}

    tfds.disable_progress_bar()
    Mnist(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    assert mnist.locate(str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match="has 8 train images, not 60000"):
        mnist.load(str(tmp_path))
    labels = np.arange(12) % 10
    published = {"train": (8, contents(images[:8], labels[:8])), "test": (4, contents(images[8:], labels[8:]))}
    data = prepared.load(tmp_path, published)
    assert data.train.x.shape == (8, 784)
    assert data.test.x.shape == (4, 784)
    by_label = dict(zip(data.train.y.tolist(), data.train.x, strict=True))
    for label in range(8):
        np.testing.assert_array_equal(by_label[label], images[label].reshape(784))
    images[5, 3, 3] ^= 1
    published["train"] = (8, contents(images[:8], labels[:8]))
    with pytest.raises(UserError, match="train images there are not those of MNIST"):
        prepared.load(tmp_path, published)

    with pytest.raises(UserError, match=r"the labels \[8, 9\] are in the test set and not in training"):
        prepared.load_any("mnist", tmp_path)  # any set by name: no checksums, but labels have to be known
    monkeypatch.setattr(prepared, "_read", lambda *a, read=prepared._read: (lambda x, y: (x, y % 4))(*read(*a)))
    by_name = prepared.load_any("mnist", tmp_path)
    assert (by_name.name, by_name.shape, len(by_name.train), len(by_name.test)) == ("mnist", (28, 28), 8, 4)

    monkeypatch.undo()
    next(tmp_path.glob("mnist/*/dataset_info.json")).write_text("{")
    with pytest.raises(UserError, match="TFDS cannot read"):
        mnist.load(str(tmp_path))


def test_the_sums_of_the_contents_are_those_of_the_published_files(request):
    real = request.getfixturevalue("mnist")
    order = np.random.default_rng(0).permutation(10_000)
    assert contents(real.test.x[order], real.test.y[order]) == MNIST_CONTENTS["test"][1]
    assert contents(real.train.x, real.train.y) == MNIST_CONTENTS["train"][1]
    swapped = real.test.y.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert contents(real.test.x, swapped) != MNIST_CONTENTS["test"][1]
