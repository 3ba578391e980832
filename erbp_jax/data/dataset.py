"""A data set as the trainer wants it: uint8 images and integer labels, in memory."""

from dataclasses import dataclass

import numpy as np

from erbp_jax.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """Images uint8 `[n, H*W]` (0 to 255), labels int32 `[n]`, for training and test."""

    name: str
    image_shape: tuple[int, int]
    classes: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def subset(self, train_size: int | None, test_size: int | None, validation: int = 0) -> "Dataset":
        """The first `train_size` and `test_size` samples.

        With `validation` the last that many training samples take the place of the test set: for choosing
        hyper-parameters without looking at it.

        Raises:
            UserError: more samples are asked for than there are.
        """
        train_x, train_y, test_x, test_y = (
            self.train_images,
            self.train_labels,
            self.test_images,
            self.test_labels,
        )
        if validation:
            if validation >= len(train_x):
                raise UserError(
                    f"data.validation_size: {validation} leaves nothing to train on; {self.name} has {len(train_x)}"
                )
            test_x, test_y = train_x[-validation:], train_y[-validation:]
            train_x, train_y = train_x[:-validation], train_y[:-validation]
        for key, want, have in (
            ("train_size", train_size, len(train_x)),
            ("test_size", test_size, len(test_x)),
        ):
            if want is not None and want > have:
                raise UserError(f"data.{key}: {want} asked for, {self.name} has {have}")
        return Dataset(
            self.name,
            self.image_shape,
            self.classes,
            train_x[:train_size],
            train_y[:train_size],
            test_x[:test_size],
            test_y[:test_size],
        )
