r"""A simulated event camera that looks at scikit-learn's digits on three saccades; no real recording.

The digit, 8 x 8 pixels :math:`d` from 0 to 1, is seen enlarged in the middle of 16 x 16 pixels, by linear
interpolation, at a place that the camera's gaze :math:`g(t)` moves along the three sides of a triangle, as in N-MNIST
[Orchard et al., Front. Neurosci. 9:437, 2015]:

.. math::

    L(t, r, c) = \sum_{ij} A_{ri}(g_y(t))\, d_{ij}\, A_{cj}(g_x(t)), \qquad I = \log(\epsilon + L)

A pixel has a reference :math:`R`, first :math:`I(0)`. Whenever :math:`|I - R| \ge \theta` an event of the sign of
:math:`I - R` (polarity 1 if positive) goes out, and :math:`R` moves by :math:`\theta` that way; between two steps of
the gaze :math:`I` is taken to be linear in time, which gives the event's time [Rebecq, Gehrig, Scaramuzza, CoRL 2018].
"""

from dataclasses import dataclass

import numpy as np

from erbp_jax.data.events.events import Events
from erbp_jax.data.events.folder import Recordings

NAME = "digits_saccades"
SIDE = 16
CORNERS = ((-1.0, -1.0), (1.0, 0.0), (-1.0, 1.0), (-0.9, -0.9))
"""Of the gaze, (down, right) in units of the reach. It does not come back to where it began: there, all pixels whose
reference is a whole number of steps away would fire at once."""

ROUNDING = 1e-9
"""A pixel that is dark again is a whole number of thresholds from where it was: it fires, whatever sums round to."""


@dataclass(frozen=True)
class Camera:
    """What is simulated.

    Args:
        saccade: Milliseconds of one of the three saccades.
        reach: Pixels that the gaze goes from the middle.
        scale: Pixels of the camera a pixel of the digit.
        threshold: Change of the logarithm that makes an event.
        floor: Added to the light before the logarithm is taken.

    Example:
        >>> import numpy as np
        >>> from erbp_jax.data.events import Camera
        >>> square = np.pad(np.ones((1, 4, 4)), ((0, 0), (2, 2), (2, 2)))
        >>> (events,) = Camera(saccade=2)(square)
        >>> events.sensor, sorted(set(events.p.tolist())), bool(events.t.max() < 6000)  # microseconds
        ((16, 16, 2), [0, 1], True)
    """

    saccade: int = 50
    reach: float = 2.0
    scale: float = 1.5
    threshold: float = 0.4
    floor: float = 0.1

    def gaze(self) -> np.ndarray:
        """Where the camera looks at the beginning of every millisecond and at the end, pixels `[T + 1, 2]`."""
        steps = np.arange(3 * self.saccade + 1) / self.saccade
        corners = self.reach * np.asarray(CORNERS)
        return np.stack([np.interp(steps, np.arange(4), corner) for corner in corners.T], axis=1)

    def light(self, digits: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """What falls on the pixels, `[n, 16, 16]`, of digits `[n, 8, 8]` from 0 to 1 under one direction of gaze."""
        down, right = (self._weights(float(moved)) for moved in gaze)
        return np.einsum("ri,nij,cj->nrc", down, digits, right, optimize=True)

    def _weights(self, moved: float) -> np.ndarray:
        """Linear interpolation `[16, 8]` of a row of pixels, nothing beyond its ends."""
        middle = (SIDE - 1) / 2
        place = (np.arange(SIDE) + moved - middle) / self.scale + 3.5
        return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(8)))

    def __call__(self, digits: np.ndarray) -> list[Events]:
        """A recording of each digit `[n, 8, 8]`, values from 0 to 1."""
        before = np.log(self.floor + self.light(digits, self.gaze()[0]))
        reference, found = before.copy(), []
        for step, gaze in enumerate(self.gaze()[1:]):
            now = np.log(self.floor + self.light(digits, gaze))
            number = np.trunc((now - reference) / self.threshold * (1 + ROUNDING))
            for k in range(1, int(np.abs(number).max()) + 1):
                which = np.nonzero(np.abs(number) >= k)
                sign = np.sign(number[which])
                crossed = reference[which] + k * sign * self.threshold
                share = (crossed - before[which]) / (now[which] - before[which])
                t = 1000 * step + np.minimum(999, np.floor(1000 * share)).astype(np.int64)
                found.append(np.stack([which[0], t, which[2], which[1], (sign > 0).astype(np.int64)]))
            reference += number * self.threshold
            before = now
        n, t, x, y, p = np.concatenate(found, axis=1) if found else np.zeros((5, 0), np.int64)
        order = np.lexsort((x, y, t, n))
        cuts = np.searchsorted(n[order], np.arange(1, len(digits)))
        parts = [np.split(column[order], cuts) for column in (t, x, y, p)]
        return [
            Events(*columns, sensor=(SIDE, SIDE, 2), name=f"{NAME}: digit {i}")
            for i, columns in enumerate(zip(*parts, strict=True))
        ]


def digits_saccades(camera: Camera | None = None) -> Recordings:
    """scikit-learn's 1,797 digits seen by the camera, 1,437 for training and 360 for test as in `digits`; simulated.

    The camera's own saccades of 50 ms take most of a minute to simulate.

    Example:
        >>> from erbp_jax.data.events import Camera, digits_saccades
        >>> short = digits_saccades(Camera(saccade=1))
        >>> len(short.train), len(short.test), short.sensor
        (1437, 360, (16, 16, 2))
        >>> events, digit = short.test[0]
        >>> bool((events.t < 3000).all()), digit in range(10)  # microseconds of three saccades
        (True, True)
    """
    from erbp_jax.data import digits

    camera, data = camera or Camera(), digits.load()
    parts = [
        list(zip(camera(part.x.reshape(-1, 8, 8) / 255.0), part.y.tolist(), strict=True))
        for part in (data.train, data.test)
    ]
    return Recordings(NAME, *parts, sensor=(SIDE, SIDE, 2))
