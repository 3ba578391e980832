"""The embedded data set: scikit-learn's 1,797 real 8 x 8 digits, which need no download."""

import numpy as np

from erbp_jax.data.dataset import Dataset, Samples

TEST_SIZE = 360


def load() -> Dataset:
    """1,437 training and 360 test digits; a fixed shuffle, so that both halves have every writer.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998.
    """
    from sklearn.datasets import load_digits

    data, target = load_digits(return_X_y=True)
    images = np.clip(np.asarray(data) * 16.0, 0, 255).astype(np.uint8)  # 0..16 -> 0..255
    labels = np.asarray(target).astype(np.int32)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[TEST_SIZE:], order[:TEST_SIZE]
    parts = [Samples(images[which], labels[which]) for which in (train, test)]
    return Dataset("digits", *parts, shape=(8, 8), labels=np.arange(10))
