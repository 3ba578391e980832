"""Download data sets through TFDS, which verifies checksums; no TensorFlow is needed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erbp_jax.archive import shown
from erbp_jax.cache import expanded
from erbp_jax.data.checksums import MNIST, MNIST_URL, Published
from erbp_jax.data.mnist import cache_folder, verify
from erbp_jax.errors import UserError


def fetch(data_dir: str | None = None, *, url: str = MNIST_URL, files: Mapping[str, Published] = MNIST) -> Path:
    """Download the four files into `data_dir/mnist` (default: the user cache); returns that folder.

    Files are complete and verified before they get their names.

    Raises:
        UserError: the `data` extra is not installed, or the download or its checksum failed.
    """
    try:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download.checksums import UrlInfo
        from tensorflow_datasets.core.units import Size
    except ImportError as error:
        raise UserError(f"`erbp-jax data fetch` needs the data extra ({error}): pip install 'erbp-jax[data]'") from None

    folder = expanded(data_dir, "--dir") if data_dir else cache_folder()
    if folder is None:
        raise UserError("data fetch: there is no home folder with a cache; say where to: --dir FOLDER")
    target = folder / "mnist"
    downloads = target / ".downloads"
    addresses = {part: f"{url}{p.name}.gz" for part, p in files.items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        manager = tfds.download.DownloadManager(
            download_dir=downloads,
            url_infos={
                addresses[part]: UrlInfo(size=Size(p.gz_bytes), checksum=p.gz_sha256, filename=f"{p.name}.gz")
                for part, p in files.items()
            },
            dataset_name="mnist",
            force_checksums_validation=True,
        )
        got: Any = manager.download(addresses)
        for part, published in files.items():
            source = Path(got[part])
            verify(source, published)
            partial = target / f".{published.name}.partial"
            shutil.copyfile(source, partial)
            partial.replace(target / f"{published.name}.gz")
    except UserError:
        raise
    except Exception as error:  # whatever the network, the disk or the manager says, the user gets one message
        raise UserError(
            f"the download of MNIST into {target} failed: {type(error).__name__}: {shown(str(error), 400)}"
        ) from None
    finally:
        shutil.rmtree(downloads, ignore_errors=True)
    return target


def prepare(name: str, data_dir: str | None = None) -> Path:
    """Have TFDS download and prepare an image set in `data_dir` (default: the user cache); returns that folder.

    Raises:
        UserError: the `data` extra is not installed, TFDS has no such set, or the download failed.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(f"`erbp-jax data fetch` needs the data extra ({error}): pip install 'erbp-jax[data]'") from None
    folder = expanded(data_dir, "--dir") if data_dir else cache_folder()
    if folder is None:
        raise UserError("data fetch: there is no home folder with a cache; say where to: --dir FOLDER")
    try:
        tfds.builder(name, data_dir=folder, file_format="array_record").download_and_prepare()
    except Exception as error:  # whatever TFDS or the network says, the user gets one message
        reason = shown(" ".join(str(error).split()), 400)
        raise UserError(f"data fetch: {shown(repr(name))}: {type(error).__name__}: {reason}") from None
    return folder
