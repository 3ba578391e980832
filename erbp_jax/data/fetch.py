"""Download MNIST through TFDS's download manager, which verifies checksums and needs no TensorFlow."""

import shutil
from pathlib import Path

from erbp_jax.data.checksums import MNIST
from erbp_jax.data.mnist import user_cache, verify
from erbp_jax.errors import UserError


def fetch(data_dir: str | None = None) -> Path:
    """Download the four files into `data_dir/mnist` (default: the user cache).

    Files are complete and verified before they get their names.

    Raises:
        UserError: the `data` extra is not installed, or the download or its checksum failed.
    """
    try:
        import tensorflow_datasets as tfds  # pyright: ignore[reportMissingImports]
        from tensorflow_datasets.image_classification.mnist import (  # pyright: ignore[reportMissingImports]
            MNIST as BUILDER,
        )
    except ImportError as error:
        raise UserError(f"`erbp-jax data fetch` needs the data extra ({error}): pip install 'erbp-jax[data]'") from None

    target = (Path(data_dir) if data_dir else user_cache()) / "mnist"
    downloads = target / "downloads"
    try:
        target.mkdir(parents=True, exist_ok=True)
        manager = tfds.download.DownloadManager(
            download_dir=downloads,
            manual_dir=None,
            url_infos=BUILDER.url_infos,
            dataset_name=BUILDER.name,
            force_checksums_validation=True,
        )
        got = manager.download({part: f"{BUILDER.URL}{p.name}.gz" for part, p in MNIST.items()})
        for part, published in MNIST.items():
            source = Path(got[part])
            verify(source, published)
            partial = target / f".{published.name}.partial"
            shutil.copyfile(source, partial)
            partial.rename(target / f"{published.name}.gz")
    except UserError:
        raise
    except Exception as error:  # whatever the network, the disk or the manager says, the user gets one message
        raise UserError(f"the download of MNIST into {target} failed: {type(error).__name__}: {error}") from None
    shutil.rmtree(downloads, ignore_errors=True)
    return target
